"""Grids that are uniform in the logarithm of the wavelength."""

from __future__ import annotations

import numpy as np

C = 299792.458  # km/s
FWHM = 2.0 * np.sqrt(2 * np.log(2))  # of a Gaussian, in units of its sigma

# rest frame, for stellar populations: bins of 50 km/s
REST_START, REST_STOP, REST_VELOCITY = 1150.0, 12600.0, 50.0
# observed frame, as networks and template scans use it: 4,096 bins of 74.9 km/s
LOG_START, LOG_STOP, LOG_BINS = 6470.0, 18000.0, 4096


def rest_edges() -> np.ndarray:
    """Edges of the bins of the rest grid [A]."""
    step = np.log1p(REST_VELOCITY / C)
    bins = int(np.log(REST_STOP / REST_START) / step)
    return REST_START * np.exp(step * np.arange(bins + 1))


def rest() -> np.ndarray:
    """Centres (geometric) of the bins of the rest grid [A]."""
    edges = rest_edges()
    return np.sqrt(edges[1:] * edges[:-1])


def log_step() -> float:
    """Width of a bin of the observed grid in ln(wavelength)."""
    return float(np.log(LOG_STOP / LOG_START) / LOG_BINS)


def template_edges(start: float = 1200.0, stop: float = 11000.0) -> np.ndarray:
    """Edges [A] of rest-frame bins that a redshift of whole bins moves onto the observed grid."""
    step = log_step()
    first = np.ceil(np.log(start / LOG_START) / step)
    bins = int(np.log(stop / start) / step)
    return LOG_START * np.exp(step * (first + np.arange(bins + 1)))
