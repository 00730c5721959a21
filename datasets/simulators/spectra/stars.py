"""Libraries of simple stellar populations."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo_datasets.simulators.spectra import grids

TABLE = Path(__file__).parent / "tables" / "bpass.npz"


@dataclasses.dataclass(frozen=True, eq=False)
class Library:
    """Spectra of stars of one age and metallicity, per solar mass formed.

    Attributes
    ----------
    log_age : (ages,) array
        log10 of the age [yr].
    metallicity : (metals,) array
        Mass fraction of metals, increasing.
    flux : (metals, ages, wavelengths) array, float32
        Luminosity on `grids.rest()` [Lsun/A/Msun].
    ionising : (metals, ages) array
        Photons that ionise hydrogen [1/s/Msun].
    surviving : (ages,) array
        Mass in living stars and remnants over the mass formed.
    """

    log_age: np.ndarray
    metallicity: np.ndarray
    flux: np.ndarray
    ionising: np.ndarray
    surviving: np.ndarray

    def mixture(self, ages: np.ndarray, metallicity: float) -> np.ndarray:
        """Weights (metals, ages) of a galaxy of one metallicity: linear in its logarithm."""
        x = np.log(self.metallicity)
        place = np.interp(np.log(metallicity), x, np.arange(len(x)))
        share = np.maximum(1 - np.abs(place - np.arange(len(x))), 0)
        return share[:, None] * ages

    def luminosity(self, weights: np.ndarray, bins: slice) -> np.ndarray:
        """Spectrum of a mixture in some bins of the rest grid [Lsun/A/Msun]."""
        used = np.flatnonzero(weights.any(axis=1))
        return sum(weights[m].astype(np.float32) @ self.flux[m, :, bins] for m in used)


@lru_cache(maxsize=1)
def bpass() -> Library:
    """BPASS v2.2.1 with binaries, at the metallicities that hoki carries, 0.002 and 0.008."""
    with np.load(TABLE) as file:
        return Library(
            log_age=file["log_age"],
            metallicity=file["metallicity"],
            flux=file["flux"].astype(np.float32) * file["scale"][..., None].astype(np.float32),
            ionising=file["ionising"],
            surviving=file["surviving"],
        )


FEATURES = (  # A, width [A], depth for old stars, depth for stars of 10^8.7 yr
    (3934.8, 12.0, 0.55, 0.25), (3969.6, 12.0, 0.50, 0.35), (4305.6, 18.0, 0.20, 0.05),
    (4102.9, 14.0, 0.08, 0.45), (4341.7, 14.0, 0.08, 0.42), (4862.7, 14.0, 0.08, 0.40),
    (6564.6, 14.0, 0.05, 0.30), (5176.0, 20.0, 0.20, 0.05), (5891.6, 8.0, 0.20, 0.05),
    (5270.0, 14.0, 0.12, 0.03), (2799.0, 10.0, 0.50, 0.15), (2600.0, 20.0, 0.40, 0.10),
)  # fmt: skip


@lru_cache(maxsize=1)
def parametric() -> Library:
    """TOY library for tests: power laws, breaks at 2640, 2900 and 4000 A, and Gaussian features.

    It has the shape of a library and no stellar physics behind it.
    """
    wave = grids.rest()
    log_age = np.linspace(6, 9.9, 14)
    old = np.clip((log_age - 7.5) / 2.2, 0, 1)[:, None]
    middle = np.exp(-0.5 * ((log_age - 8.7) / 0.4) ** 2)[:, None]
    x = np.log(wave / 5500)
    flux = np.exp(x * (-2.3 + 3.0 * old))
    for edge, drop in ((4000.0, 0.45), (2900.0, 0.4), (2640.0, 0.35)):
        flux = flux * (1 - drop * old / (1 + np.exp((wave - edge) / 15)))
    for centre, width, late, early in FEATURES:
        depth = late * old + early * middle * (1 - old / 2)
        flux = flux * (1 - depth * np.exp(-0.5 * ((wave - centre) / width) ** 2))
    flux = flux * 1e-3 * 10 ** (-0.75 * np.maximum(log_age - 6.5, 0))[:, None]
    photons = 10 ** (46.6 - 4 * np.maximum(log_age - 6.5, 0))
    return Library(
        log_age=log_age,
        metallicity=np.array([0.002, 0.008]),
        flux=np.stack([flux, flux * (wave / 5500) ** 0.15]).astype(np.float32),
        ionising=np.stack([1.5 * photons, photons]),
        surviving=1 - 0.05 * np.log1p(10**log_age / 1.4e6),
    )
