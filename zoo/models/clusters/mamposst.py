"""MAMPOSSt: the likelihood of galaxies in projected phase space (Mamon, Biviano & Boue 2013).

Every galaxy at projected radius R has a Gaussian velocity of the dispersion that the Jeans equation
gives an NFW halo there, times the surface density of the tracers; interlopers are uniform on the
sky with velocities from a Gaussian plus a constant (Mamon, Biviano & Murante 2010). Everything that
does not depend on the galaxies is tabulated once.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
from scipy.special import erf

from zoo.models.clusters import nfw

LOG_MASS = np.arange(13.06, 16.0, 0.04)  # beyond the prior: the estimate scatters
STEP, DEEP = 0.005, 7.0  # of w = arccosh(edge / x): a logarithm inside, a root at the edge
LN_C = np.linspace(np.log(1.2), np.log(30), 14)
FRACTIONS = 16  # nodes of the fraction of interlopers
GROUP = 8  # galaxies multiplied before a logarithm is taken; float32 holds it
SMALLEST = 1e-4  # of a density ratio: outliers, and a product of GROUP stays within float32


@dataclasses.dataclass(frozen=True)
class Assumptions:
    """What the likelihood takes for granted; a pair is a mean and a standard deviation.

    Attributes
    ----------
    concentration : (float, float)
        log10 c200c at 10^14.5 Msun/h and its slope with log10 M200c.
    scatter : float
        Of log10 c200c at a mass.
    ratio : (float, float)
        log10 of the concentration of galaxies over that of matter.
    beta : (float, float)
        Anisotropy of galaxies at large radii.
    edge : float
        Outermost members [r200c].
    radius, depth : float
        The cylinder: R [comoving Mpc/h] and abs(v) [km/s]; a depth of 0 is no cut.
    background : (float, float) or ()
        Of interlopers: dispersion [km/s] of the Gaussian and share of the constant; empty where
        all are members.
    """

    concentration: tuple[float, float]
    scatter: float
    ratio: tuple[float, float]
    beta: tuple[float, float]
    edge: float
    radius: float
    depth: float
    background: tuple[float, float] | tuple[()]


class Likelihood:
    """log L(galaxies | log M), marginalised over concentrations, anisotropy and interlopers.

    The first three have normal priors, of which six points stand; the fraction of interlopers is
    uniform between 0 and 1.
    """

    def __init__(self, assumptions: Assumptions) -> None:
        self.assumptions = assumptions
        self._density, self._dispersion = _tables(assumptions)
        t = (np.arange(FRACTIONS) + 0.5) / FRACTIONS
        self._fractions = np.sin(np.pi / 2 * t) ** 2  # denser towards 0 and 1
        self._fraction_weights = np.sin(np.pi * t) / np.sin(np.pi * t).sum()
        self._prepared = lru_cache(maxsize=32)(self._prepare)

    def __call__(self, r: np.ndarray, v: np.ndarray, redshift: float) -> np.ndarray:
        """Log L of one cluster on the grid `LOG_MASS`, up to a constant.

        Parameters
        ----------
        r, v : (n,) array
            R [comoving Mpc/h] and v [km/s] of its galaxies.
        redshift : float
        """
        ratio = self._ratios(r, v, redshift)
        if not self.assumptions.background:
            return _log_mean(_log_product(np.maximum(ratio, SMALLEST))[np.newaxis], np.ones(1))
        mixed = np.empty_like(ratio)
        values = np.empty((FRACTIONS, *ratio.shape[1:]))
        for row, f in zip(values, self._fractions.astype(np.float32), strict=True):
            np.multiply(ratio, 1 - f, out=mixed)
            mixed += f
            row[:] = _log_product(mixed)
        return _log_mean(values, self._fraction_weights)

    def _ratios(self, r: np.ndarray, v: np.ndarray, redshift: float) -> np.ndarray:
        """Density of members over that of interlopers (n, masses, nodes)."""
        # to half a percent in 1 + z: 0.002 dex
        size, front, rate = self._prepared(round(float(redshift) / 0.005) * 0.005)
        x = np.maximum(r, 1e-6)[:, None] / size
        outside = x >= self.assumptions.edge
        w = np.arccosh(np.maximum(self.assumptions.edge / x, 1.0))
        column = np.minimum(np.rint(w / STEP).astype(np.intp), front.shape[1] - 1)
        rows = np.arange(len(LOG_MASS))
        square = (v**2)[:, None, None].astype(np.float32)
        ratio = front[rows, column] * np.exp(rate[rows, column] * square)
        ratio *= self._interlopers(v)[:, None, None]
        ratio[outside] = 0
        return ratio

    def _interlopers(self, v: np.ndarray) -> np.ndarray:
        """1 / density in velocity of an interloper, in units of [km/s]."""
        a = self.assumptions
        if not a.background:
            return np.full(len(v), 1000.0, np.float32)  # any constant: keeps float32 in range
        sigma, share = a.background
        return (1 / interloper_density(v, sigma, share, a.depth)).astype(np.float32)

    def _prepare(self, redshift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """r200c (masses,), and density at v = 0 and -1 / (2 sigma^2) in (masses, w, nodes)."""
        a = self.assumptions
        size = nfw.r200(LOG_MASS, redshift)
        w = np.arange(self._density.shape[1]) * STEP
        x = a.edge / np.cosh(w)
        # members inside x, from the edge inwards: int 2 pi x Sigma dx = int .. x tanh(w) dw
        rings = 2 * np.pi * self._density * (x**2 * np.tanh(w))[:, None]
        steps = 0.5 * (rings[:, 1:] + rings[:, :-1]) * STEP
        outside = np.concatenate([np.zeros_like(rings[:, :1]), np.cumsum(steps, axis=1)], axis=1)
        limit = np.arccosh(np.maximum(a.edge * size / a.radius, 1.0))
        column = np.minimum(np.rint(limit / STEP).astype(int), len(w) - 1)
        inside = outside[:, -1] - outside[np.arange(len(size)), column]
        sigma = self._dispersion * nfw.v200(LOG_MASS, redshift)[:, None, None]
        front = self._density / inside[:, None] / (np.sqrt(2 * np.pi) * sigma)
        if a.depth:
            front /= erf(a.depth / np.sqrt(2) / sigma)
        front *= (np.pi * (a.radius / size) ** 2)[:, None, None]
        return size, front.astype(np.float32), (-0.5 / sigma**2).astype(np.float32)


def peak(log_likelihood: np.ndarray) -> np.ndarray:
    """Mass (objects,) of largest likelihood (objects, masses): the vertex through three nodes."""
    top = np.clip(log_likelihood.argmax(axis=1), 1, len(LOG_MASS) - 2)
    rows = np.arange(len(top))
    below, at, above = (log_likelihood[rows, top + k] for k in (-1, 0, 1))
    bend = np.minimum(below - 2 * at + above, -1e-12)
    shift = np.clip(0.5 * (below - above) / bend, -1, 1)
    return LOG_MASS[top] + shift * (LOG_MASS[1] - LOG_MASS[0])


def interloper_density(v: np.ndarray, sigma: float, share: float, depth: float) -> np.ndarray:
    """Density in v [1/(km/s)] inside abs(v) < depth: a Gaussian, and a constant of a share."""
    bell = np.exp(-0.5 * (v / sigma) ** 2) / np.sqrt(2 * np.pi) / sigma
    return (1 - share) * bell / erf(depth / np.sqrt(2) / sigma) + share / (2 * depth)


def _tables(a: Assumptions) -> tuple[np.ndarray, np.ndarray]:
    """Surface density and dispersion (masses, w, nodes)."""
    coarse = np.append(0.0, np.geomspace(0.02, DEEP, 60))
    fine = np.arange(round(DEEP / STEP) + 1) * STEP
    x = a.edge / np.cosh(np.maximum(coarse, 1e-3))
    log_c = a.concentration[0] + a.concentration[1] * (LOG_MASS - 14.5)
    densities: list[np.ndarray] = []
    dispersions: list[np.ndarray] = []
    # the six points sqrt(3) sigma from the mean along each axis: exact to the third order
    for ratio, beta, shift in np.sqrt(3) * np.concatenate([np.eye(3), -np.eye(3)]):
        c_ratio = 10 ** (a.ratio[0] + a.ratio[1] * ratio)
        beta_inf = min(a.beta[0] + a.beta[1] * beta, 0.95)
        made = [nfw.projected(x, c, c_ratio * c, beta_inf, a.edge) for c in np.exp(LN_C)]
        at = np.clip((log_c + shift * a.scatter) * np.log(10), LN_C[0], LN_C[-1])
        for out, profile in ((densities, 0), (dispersions, 1)):
            rows = np.stack([np.interp(fine, coarse, one[profile]) for one in made])
            out.append(np.stack([np.interp(at, LN_C, column) for column in rows.T], 1))
    return np.stack(densities, axis=-1), np.stack(dispersions, axis=-1)


def _log_product(ratio: np.ndarray) -> np.ndarray:
    """Sum over galaxies of the logarithm (masses, nodes), with few logarithms."""
    out = np.zeros(ratio.shape[1:])
    whole = len(ratio) // GROUP
    if whole:
        groups = ratio[: whole * GROUP].reshape(whole, GROUP, *ratio.shape[1:])
        out += np.log(np.multiply.reduce(groups, axis=1)).sum(axis=0, dtype=np.float64)
    return out + np.log(np.multiply.reduce(ratio[whole * GROUP :], axis=0))


def _log_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Log of the mean of exp(values) (fractions, masses, nodes) over fractions and nodes."""
    top = values.max(axis=(0, 2))
    likelihood = np.exp(values - top[:, None]).mean(axis=2)
    return np.log(weights @ likelihood) + top
