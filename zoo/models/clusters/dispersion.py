"""Velocity dispersion of sets of galaxies (batch, N), NaN where there is none."""

from __future__ import annotations

import numpy as np

LIMIT = 2.7  # of the clipping, in standard deviations (Mamon, Biviano & Murante 2010)


def dispersion(v: np.ndarray) -> np.ndarray:
    """Standard deviation about the mean (batch,), divisor N - 1; NaN of fewer than two galaxies."""
    present = ~np.isnan(v)
    count = present.sum(axis=1)
    values = np.where(present, v, 0.0)
    mean = values.sum(axis=1) / np.maximum(count, 1)
    square = (np.where(present, v - mean[:, None], 0.0) ** 2).sum(axis=1)
    variance = square / np.maximum(count - 1, 1)
    return np.where(count > 1, np.sqrt(variance), np.nan)


def clipped(v: np.ndarray, limit: float = LIMIT) -> np.ndarray:
    """Velocities without those far from the mean, removed until none is.

    Parameters
    ----------
    v : (batch, N) array
    limit : float
        In standard deviations of what is left.

    Returns
    -------
    (batch, N) array
        NaN also where a galaxy was removed.
    """
    v = v.copy()
    while True:
        count = np.maximum((~np.isnan(v)).sum(axis=1), 1)
        mean = np.nansum(v, axis=1) / count
        sigma = np.nan_to_num(dispersion(v), nan=np.inf)
        far = np.abs(v - mean[:, None]) > limit * sigma[:, None]
        if not far.any():
            return v
        v[far] = np.nan
