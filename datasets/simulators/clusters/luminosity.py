"""Galaxies of a halo: how many, and how bright (halo occupation distribution).

Zehavi et al. (2011, table 3, rounded) give, for galaxies brighter than each limit, the halo mass at
which half of the haloes have a central galaxy and the mass at which they have one satellite.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf

LIMITS = np.array(
    [-22.5, -22.0, -21.5, -21.0, -20.5, -20.0, -19.5, -19.0, -18.5, -18.0, -17.5]
)  # M_r - 5 log h
LOG_M_MIN = np.array([14.6, 14.06, 13.38, 12.78, 12.23, 11.92, 11.62, 11.45, 11.30, 11.18, 11.05])
STEP = 0.2  # [dex] width of the step in the number of centrals; 0.2 to 0.3 for faint limits
LOG_M_1 = np.array([15.3, 14.85, 14.27, 13.80, 13.42, 13.10, 12.88, 12.66, 12.52, 12.40, 12.30])


def minimum_mass(limit: np.ndarray | float) -> np.ndarray:
    """log10 mass of haloes half of which have a central galaxy brighter than `limit`."""
    return np.interp(limit, LIMITS, LOG_M_MIN)


def mean_satellites(log_mass: np.ndarray, limit: np.ndarray | float, alpha: float) -> np.ndarray:
    """Mean number of satellites brighter than `limit`.

    (M / M_1)^alpha, times the share of haloes that have a central galaxy as bright.
    """
    log_m1 = np.interp(limit, LIMITS, LOG_M_1)
    centrals = 0.5 * (1 + erf((log_mass - minimum_mass(limit)) / STEP))
    return centrals * 10 ** (alpha * (log_mass - log_m1))


def satellite_magnitudes(rng: np.random.Generator, limit: np.ndarray, alpha: float) -> np.ndarray:
    """M_r of satellites brighter than `limit` (n,), so that thresholds are consistent.

    N(< M_r) / N(< limit) = (M_1(limit) / M_1(M_r))^alpha is uniform.
    """
    u = 1 - rng.random(np.shape(limit))
    log_m1 = np.interp(limit, LIMITS, LOG_M_1) - np.log10(u) / alpha
    return _extrapolated(log_m1, LOG_M_1)


def central_magnitudes(
    rng: np.random.Generator, log_mass: np.ndarray, scatter: float
) -> np.ndarray:
    """M_r of central galaxies (n,); `scatter` [dex] in mass at given magnitude."""
    return _extrapolated(log_mass + scatter * rng.normal(size=np.shape(log_mass)), LOG_M_MIN)


def _extrapolated(log_mass: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Magnitude at a mass of the table; linear beyond its bright end, constant below the faint."""
    masses, limits = of[::-1], LIMITS[::-1]
    slope = (limits[-1] - limits[-2]) / (masses[-1] - masses[-2])
    beyond = np.maximum(log_mass - masses[-1], 0)
    out = np.interp(log_mass, masses, limits) + slope * beyond
    # haloes too light for the faintest limit have fainter centrals
    return np.where(log_mass < masses[0], limits[0] + 4 * (masses[0] - log_mass), out)
