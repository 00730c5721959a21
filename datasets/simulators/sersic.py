"""The Sersic profile, and its multi-Gaussian expansion (MGE) on a fixed ladder of widths.

A non-linear MGE fit moves the widths of its Gaussians about from one profile to the next, which
makes whatever is computed from it rough in the Sersic index. Here the widths follow from n by a
formula, and only the heights are fitted, by non-negative linear least squares on relative
residuals: the expansion is smooth in n and costs a millisecond. Cappellari (2002, MNRAS 333, 400)
describes the MGE of one-dimensional profiles.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls
from scipy.special import gamma, gammaincinv, wrightomega

N_MIN, N_MAX = 0.8, 6.0  # where the ladder was checked

GAUSSIANS = 32
INNER = 1.5e-4  # R_e; the fit starts here, below 0.01 R_e because the cusp's light is seen there
DEPTH = 23.0  # and ends where I has fallen by exp(-23) = 1e-10, from 10 (n = 0.8) to 59 R_e (n = 6)
SAMPLES = 240  # fitted radii, equally spaced in log R

# Numbers of the ladder (see `ladder`), found by a search for the least maximum residual over n
STRETCH = 6.6
WIDTH = 0.2
CORE = 9e-4
BEFORE, AFTER = 1.4, 1.3


def b_n(n: float | np.ndarray) -> float | np.ndarray:
    """Return the constant that puts half of the light within R_e: P(2n, b_n) = 1/2.

    Parameters
    ----------
    n : float or array
        Sersic index, > 0.
    """
    return gammaincinv(2 * np.asarray(n, float), 0.5)


def intensity(r: np.ndarray, n: float | np.ndarray) -> np.ndarray:
    """Sersic profile I(R) / I(R_e) = exp(-b_n [(R/R_e)^(1/n) - 1]) (Sersic 1963).

    Parameters
    ----------
    r : array
        Radius along the major axis, in R_e, >= 0.
    n : float or array
        Sersic index, broadcast against `r`.
    """
    return np.exp(-b_n(n) * (np.asarray(r, float) ** (1 / np.asarray(n, float)) - 1))


def luminosity(n: float) -> float:
    """Total light of a round profile with I(R_e) = 1, R_e = 1 (Graham & Driver 2005, eq. 2)."""
    b = b_n(n)
    return float(2 * np.pi * n * np.exp(b) * b ** (-2 * n) * gamma(2 * n))


def ladder(n: float, gaussians: int = GAUSSIANS) -> np.ndarray:
    """Dispersions of the Gaussians, in R_e, increasing and smooth in n.

    exp(-t), t = b (R/R_e)^(1/n), is a positive mixture of Gaussians for n >= 1/2. At radius R those
    count whose width is R / sqrt(2 (alpha t + c)), alpha = 1/(2n) (the saddle point of the
    mixture, with c = `WIDTH` standing for the core, where there is none), and they span
    sqrt((1 - alpha) / (alpha t)) in ln sigma^2. So the steps must be even in 2 sqrt(t/t0) +
    ln(t/t0), t0 ~ n^2 / (2n - 1): even in ln R inside, closer and closer outside.

    Parameters
    ----------
    n : float
        Sersic index, > 1/2.
    gaussians : int
        How many.
    """
    alpha, b = 1 / (2 * n), b_n(n)
    t0 = STRETCH * n**2 / (2 * n - 1)
    first, last = (
        2 * np.sqrt(t / t0) + np.log(t / t0) for t in (b * INNER ** (1 / n) + CORE, DEPTH)
    )
    step = (last - first) / (gaussians - 1 - BEFORE - AFTER)
    even = first + step * (np.arange(gaussians) - BEFORE)
    t = t0 * wrightomega(even / 2).real ** 2  # the inverse of 2 sqrt(t/t0) + ln(t/t0)
    return (t / b) ** n / np.sqrt(2 * (alpha * t + WIDTH))


def mge(n: float, gaussians: int = GAUSSIANS) -> tuple[np.ndarray, np.ndarray]:
    """Multi-Gaussian expansion of the Sersic profile with I(R_e) = 1 and R_e = 1.

    With the default number of Gaussians the light is met to 1e-4 from 0.005 to 8 R_e, and Vrms to
    1e-4 from 0.01 to 7.5 R_e (4e-5 up to n = 5).

    Parameters
    ----------
    n : float
        Sersic index, 0.8 to 6.
    gaussians : int
        Gaussians offered to the fit.

    Returns
    -------
    surf : (k,) array
        Peak of each Gaussian, in I(R_e), > 0; those that the fit left at zero are dropped.
    sigma : (k,) array
        Their dispersions, in R_e.

    Raises
    ------
    ValueError
        If `n` is outside the range in which the ladder was checked.
    """
    if not N_MIN <= n <= N_MAX:
        raise ValueError(f"n = {n!r}: the ladder of Gaussians is made for {N_MIN} <= n <= {N_MAX}")
    sigma = ladder(n, gaussians)
    r = np.geomspace(INNER, (DEPTH / b_n(n)) ** n, SAMPLES)
    design = np.exp(-0.5 * (r[:, None] / sigma) ** 2) / intensity(r, n)[:, None]
    norm = np.sqrt(np.sum(design**2, axis=0))  # heights span many decades: columns of one length
    heights, _ = nnls(design / norm, np.ones(SAMPLES))
    used = heights > 0
    return (heights / norm)[used], sigma[used]
