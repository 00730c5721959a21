"""Bands that counts of uniform values stay in: for rank histograms and coverage curves.

A pointwise band holds each point with probability `level`; a simultaneous band holds all of them at
once, so that one excursion means something. The simultaneous band follows Sailynoja, Burkner &
Vehtari (2022, Statistics and Computing 32, 32): the pointwise level is raised until simulated
uniform values leave the band anywhere with probability 1 - level.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from zoo.evaluation.arrays import Floats, finite, fraction

SIMULATIONS = 2000


def histogram_band(
    n: int, bins: int, level: float = 0.95, simultaneous: bool = True, seed: int = 0
) -> tuple[int, int]:
    """Return the smallest and largest count that one bin of a uniform histogram should have.

    Parameters
    ----------
    n : int
        Number of values.
    bins : int
        Number of equal bins.
    level : float
        Probability that the band holds.
    simultaneous : bool
        Whether it holds for all bins at once or for each one alone.
    seed : int
        Of the simulation behind a simultaneous band.

    Raises
    ------
    ValueError
        If `level` is not in (0, 1), or `n` or `bins` is too small for a histogram.
    """
    if n < 1 or bins < 2:
        raise ValueError(f"n is {n} and bins is {bins}; allowed are n >= 1 and bins >= 2")
    p = np.full(bins, 1.0 / bins)
    tail = 1.0 - fraction("level", level)
    if simultaneous:
        counts = np.random.default_rng(seed).multinomial(n, p, size=SIMULATIONS)
        tail = _simultaneous_tail(counts, n, p, tail)
    low, high = _interval(n, p[:1], tail)
    return int(low[0]), int(high[0])


def ecdf_band(
    n: int, points: ArrayLike, level: float = 0.95, simultaneous: bool = True, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return the band of the empirical distribution function of `n` uniform values.

    It is also the band of a coverage curve, because the depth of a uniform value in its central
    intervals is uniform, and so is the TARP fraction.

    Parameters
    ----------
    n : int
        Number of values.
    points : array_like, shape (k,)
        Where the function is evaluated, increasing, in (0, 1).
    level, simultaneous, seed
        As for `histogram_band`.

    Returns
    -------
    low, high : ndarray, shape (k,)
        Fractions of the values.

    Raises
    ------
    ValueError
        If `points` are not increasing in (0, 1), or `level` is not in (0, 1).
    """
    points = finite("points", points, ndim=1)
    if points[0] <= 0 or points[-1] >= 1 or (np.diff(points) <= 0).any():
        raise ValueError("points must increase and lie between 0 and 1, both excluded")
    tail = 1.0 - fraction("level", level)
    if simultaneous:
        cells = np.diff(np.concatenate([[0.0], points, [1.0]]))
        counts = np.random.default_rng(seed).multinomial(n, cells, size=SIMULATIONS)
        tail = _simultaneous_tail(counts.cumsum(axis=1)[:, :-1], n, points, tail)
    low, high = _interval(n, points, tail)
    return low / n, high / n


def _interval(n: int, p: Floats, tail: float) -> tuple[Floats, Floats]:
    return stats.binom.ppf(tail / 2, n, p), stats.binom.isf(tail / 2, n, p)


def _simultaneous_tail(counts: np.ndarray, n: int, p: Floats, tail: float) -> float:
    """Return the pointwise tail for which a fraction `tail` of simulations leaves the band."""
    binomial = stats.binom(n, p)
    below, above = binomial.cdf(counts), binomial.sf(counts - 1)
    extreme = 2.0 * np.minimum(below, above).min(axis=1)
    # Just below the quantile, so that counts which define the limit lie inside, ties included.
    return float(np.quantile(extreme, tail, method="lower")) * (1.0 - 1e-9)
