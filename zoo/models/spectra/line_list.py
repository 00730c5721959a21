"""Lines that `mtopnet` is asked to find, and where they fall on the logarithmic grid."""

from __future__ import annotations

import numpy as np

# Vacuum wavelengths in the rest frame [A].
EMISSION = {
    "C III] 1909": 1908.73,
    "C II] 2326": 2326.00,
    "[Ne IV] 2424": 2423.90,
    "Mg II 2796": 2796.35,
    "Mg II 2803": 2803.53,
    "[O II] 3727": 3727.09,
    "[O II] 3730": 3729.88,
    "[Ne III] 3870": 3869.86,
    "H8": 3890.15,
    "H epsilon": 3971.20,
    "H delta": 4102.89,
    "H gamma": 4341.68,
    "[O III] 4364": 4364.44,
    "He II 4687": 4687.02,
    "H beta": 4862.68,
    "[O III] 4960": 4960.30,
    "[O III] 5008": 5008.24,
    "He I 5877": 5877.25,
    "[O I] 6302": 6302.05,
    "[S III] 6314": 6313.80,
    "[N II] 6550": 6549.85,
    "H alpha": 6564.61,
    "[N II] 6585": 6585.27,
    "He I 6680": 6679.99,
    "[S II] 6718": 6718.29,
    "[S II] 6733": 6732.67,
    "[Ar III] 7138": 7137.76,
    "[O II] 7322": 7321.94,
    "[O II] 7332": 7332.20,
    "[S III] 9071": 9071.10,
    "[S III] 9533": 9533.20,
}
ABSORPTION = {
    "Fe II 2344": 2344.21,
    "Fe II 2383": 2382.76,
    "Fe II 2587": 2586.65,
    "Fe II 2600": 2600.17,
    "Mg I 2853": 2852.96,
    "Ca K": 3934.78,
    "Ca H": 3969.59,
    "G band": 4305.61,
    "Mg b": 5176.63,
    "Na D": 5895.60,
    "Ca II 8544": 8544.44,
}
LINES = np.array([*EMISSION.values(), *ABSORPTION.values()])


def mask(redshift: np.ndarray, start: float, step: float, bins: int, reach: int) -> np.ndarray:
    """Where the lines of galaxies fall.

    Parameters
    ----------
    redshift : (n,) array
    start, step : float
        Edge of the first bin [A] and width of all in ln(wavelength).
    bins : int
        Number of bins.
    reach : int
        Bins on either side of a line's own that are its too.

    Returns
    -------
    (n, bins) float32
        1 in a bin of some line, else 0.
    """
    out = np.zeros((len(redshift), bins), np.float32)
    place = np.log(LINES * (1 + np.asarray(redshift, float)[:, None]) / start) / step
    bin_ = np.floor(place).astype(int)
    row = np.broadcast_to(np.arange(len(out))[:, None], bin_.shape)
    for offset in range(-reach, reach + 1):
        inside = (bin_ + offset >= 0) & (bin_ + offset < bins)
        out[row[inside], bin_[inside] + offset] = 1
    return out
