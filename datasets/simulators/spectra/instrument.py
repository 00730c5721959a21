"""MOONS in low resolution at the VLT: pixels, sky, efficiency and noise.

Numbers come from `tables/moons.npz`; `tables/make_tables.py` says how. Fluxes are in
1e-17 erg/s/cm2/A, wavelengths in A in vacuum, counts in electrons.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo_datasets.simulators.spectra.grids import FWHM

TABLE = Path(__file__).parent / "tables" / "moons.npz"
PIXELS = 12217
EXPOSURE = 900.0  # s, one integration
DIAMETER = 8.2  # m
FIBRE = 1.1  # arcsec
OUTER_SCALE = 46.0  # m
ERG_A = 1.98644586e-8  # h c [erg A]
OPAQUE = 0.05  # atmospheric transmission below which a pixel tells nothing


@lru_cache(maxsize=1)
def table() -> dict[str, np.ndarray]:
    """Everything in the table of the instrument, by name."""
    with np.load(TABLE) as file:
        return {name: file[name] for name in file.files}


def wavelength() -> np.ndarray:
    """Centres of the pixels, (12217,) [A, vacuum], increasing; arms RI, YJ, H."""
    return table()["wavelength"]


def pixel_width() -> np.ndarray:
    """Width of the pixels, (12217,) [A]."""
    return table()["pixel_width"]


def sigma() -> np.ndarray:
    """Line-spread function: standard deviation of its Gaussian, (12217,) [A]."""
    return table()["fwhm"] / FWHM


def arms() -> list[slice]:
    """Pixels of RI, YJ and H."""
    edges = [*np.flatnonzero(np.diff(table()["arm"])) + 1, PIXELS]
    return [slice(a, b) for a, b in zip([0, *edges], edges, strict=False)]


def image_quality(airmass: float, seeing: float) -> np.ndarray:
    """FWHM of a point source, (12217,) [arcsec]: ESO's formula for an outer scale.

    Parameters
    ----------
    airmass : float
        Of the observation.
    seeing : float
        FWHM at the zenith and 5000 A [arcsec].

    Notes
    -----
    The telescope's own width and an atmosphere after Kolmogorov, cut at the outer scale
    (Martinez et al. 2010); -0.981644 is ESO's factor for the 8 m telescopes.
    """
    nm = wavelength() / 10
    fried = 0.1 / seeing * (nm / 500) ** 1.2 * airmass**-0.6  # m
    atmosphere = seeing * airmass**0.6 * (nm / 500) ** -0.2
    cut = 1 - 0.981644 * 2.183 * (fried / OUTER_SCALE) ** 0.356
    return np.sqrt((2.12e-4 * nm / DIAMETER) ** 2 + atmosphere**2 * cut)


@lru_cache(maxsize=64)
def efficiency(airmass: float, seeing: float) -> np.ndarray:
    """Electrons per second and pixel for a flux of 1e-17 erg/s/cm2/A above the air, (12217,).

    The fibre's share is that of a centred point source.
    """
    t = table()
    share = 1 - np.exp(-((FIBRE / 2) ** 2) / 2 * (FWHM / image_quality(airmass, seeing)) ** 2)
    photons = 1e-17 * wavelength() / ERG_A * np.pi * (50 * DIAMETER) ** 2 * pixel_width()
    return photons * t["throughput"] * share * transmission(airmass)


@lru_cache(maxsize=64)
def sky(airmass: float) -> np.ndarray:
    """Sky (Moon, zodiacal light, airglow) in one fibre, (12217,) [e-/s/pixel]."""
    return _between(airmass, "sky")


@lru_cache(maxsize=64)
def transmission(airmass: float) -> np.ndarray:
    """Transmission of the atmosphere, (12217,)."""
    return _between(airmass, "transmission")


def _between(airmass: float, name: str) -> np.ndarray:
    """Rows of the table, interpolated linearly in airmass."""
    t = table()
    if not t["airmass"][0] <= airmass <= t["airmass"][-1]:
        raise ValueError(f"airmass is {airmass:g}; the sky is known from 1 to 2")
    i = min(int(np.searchsorted(t["airmass"], airmass, "right")) - 1, len(t["airmass"]) - 2)
    low, high = t["airmass"][i : i + 2]
    share = (airmass - low) / (high - low)
    return (1 - share) * t[name][i].astype(float) + share * t[name][i + 1]


@lru_cache(maxsize=64)
def noise_terms(airmass: float, seeing: float, exposure: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (a, b) such that the variance of a flux f is a + b f.

    Parameters
    ----------
    exposure : float
        Hours on source, in integrations of 900 s.

    Notes
    -----
    The sky is taken by a second fibre and subtracted, so that sky, dark current and read noise
    count twice; all integrations are on source (cross-switching). In electrons:
    n [object + 2 sky + 2 dark + 2 read_noise^2].
    """
    t = table()
    number = exposure * 3600 / EXPOSURE
    gain = np.maximum(efficiency(airmass, seeing), 1e-30)
    seconds = number * EXPOSURE
    background = 2 * seconds * (sky(airmass) + t["dark"]) + 2 * number * t["read_noise"] ** 2
    return background / (gain * seconds) ** 2, 1 / (gain * seconds)


def variance(
    flux: np.ndarray, airmass: float = 1.2, seeing: float = 0.8, exposure: float = 2.0
) -> np.ndarray:
    """Variance of the flux in a pixel [(1e-17 erg/s/cm2/A)^2].

    Parameters
    ----------
    flux : (..., 12217) array
        Noiseless flux of the object [1e-17 erg/s/cm2/A], for its photon noise.
    """
    constant, slope = noise_terms(airmass, seeing, exposure)
    return constant + slope * np.maximum(flux, 0)


@lru_cache(maxsize=64)
def useful(airmass: float) -> np.ndarray:
    """Whether the atmosphere lets anything through to a pixel, (12217,) bool."""
    return transmission(airmass) > OPAQUE
