"""MUSE: its pixels, its line-spread function, and the shape of its noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter1d, percentile_filter
from scipy.special import ndtr

from zoo_datasets.simulators.spectra import air
from zoo_datasets.simulators.spectra import instrument as moons

START, STEP, PIXELS = 4750.0, 1.25, 3681  # [A, air], nominal mode
C = 299792.458  # km/s
FWHM = float(np.sqrt(8 * np.log(2)))  # of a Gaussian, in its sigma

# Line-spread function: FWHM [A] as a polynomial of the wavelength [A] (Bacon et al. 2017,
# A&A 608, A1, eq. 8, the deep field).
LSF = (6.040, -9.187e-4, 5.866e-8)

# Shares of photons detected, telescope and atmosphere included: approximate, read off a plot.
THROUGHPUT = (
    (4750, 5000, 5500, 6000, 6500, 7000, 7500, 8000, 8500, 9000, 9350),
    (0.13, 0.17, 0.24, 0.29, 0.32, 0.34, 0.33, 0.29, 0.24, 0.18, 0.14),
)
# Lines of the night sky where the table of MOONS has none: wavelength [A, air], Rayleigh (typical).
AIRGLOW = ((5577.34, 250.0), (5889.95, 40.0), (5895.92, 20.0), (6300.30, 150.0), (6363.78, 50.0))
RAYLEIGH = 1.87e-6  # photons/s/cm2/arcsec2
MIRROR, EXPOSURES, SECONDS = 5.2e5, 4, 600.0  # collecting area [cm2]; four exposures of 600 s
SPAXEL, READ_NOISE = 0.04, 2.6  # [arcsec2]; [electrons per pixel]
SEAM = 6480.0  # [A]: beyond, the sky is that of MOONS' table
LINES_OVER = 15.0  # [A]: the continuum of the sky is what a filter of so many leaves


def wavelength_air() -> np.ndarray:
    """Centres of the pixels (3681,) [A, air]."""
    return START + STEP * np.arange(PIXELS)


@lru_cache(maxsize=1)
def wavelength() -> np.ndarray:
    """Centres of the pixels (3681,) [A, vacuum]."""
    return air.to_vacuum(wavelength_air())


def lsf(wave: np.ndarray) -> np.ndarray:
    """Sigma of the line-spread function at a wavelength, both in A."""
    return np.asarray(np.polynomial.polynomial.polyval(wave, LSF) / FWHM)


def profiles(
    centre: np.ndarray, sigma: np.ndarray, reach: float = 6.0
) -> tuple[np.ndarray, np.ndarray]:
    """Lines of flux 1 on the pixels: first pixel (k,), and flux per A on the m pixels from there.

    Parameters
    ----------
    centre, sigma : (k,) array
        Of the Gaussians, instrument included [A, vacuum].
    reach : float
        Half-width of the window, in the largest sigma.
    """
    edges = _edges()
    half = int(np.ceil(reach * sigma.max() / STEP))
    first = np.clip(np.searchsorted(edges, centre) - 1 - half, 0, PIXELS - 2 * half - 1)
    borders = edges[first[:, None] + np.arange(2 * half + 2)]
    below = ndtr((borders - centre[:, None]) / sigma[:, None])
    return first, np.diff(below) / np.diff(borders)


@lru_cache(maxsize=1)
def _edges() -> np.ndarray:
    return air.to_vacuum(START + STEP * (np.arange(PIXELS + 1) - 0.5))


@lru_cache(maxsize=1)
def sky() -> tuple[np.ndarray, np.ndarray]:
    """Continuum and lines (3681,) of the night sky [photons/s/cm2/A/arcsec2].

    Above 6480 A both come from the sky of MOONS' table, ESO SkyCalc with Moon; below, the continuum
    is constant and the lines are those of `AIRGLOW`.
    """
    table = moons.table()
    area = np.pi * (100 * moons.DIAMETER / 2) ** 2 * np.pi * (moons.FIBRE / 2) ** 2
    radiance = table["sky"][1] / (table["throughput"] * table["pixel_width"] * area)  # airmass 1.2
    red = moons.wavelength() < 9500.0
    radiance = np.interp(wavelength(), moons.wavelength()[red], radiance[red])
    radiance = gaussian_filter1d(radiance, 1.0)  # from the resolution of MOONS to that of MUSE
    level = _floor(radiance)
    blue = wavelength() < SEAM
    lines = np.where(blue, 0, radiance - level)
    level[blue] = level[~blue][:50].mean()
    given = np.array(AIRGLOW)
    centre = air.to_vacuum(given[:, 0])
    first, shape = profiles(centre, lsf(centre))
    for start, line, flux in zip(first, shape, given[:, 1] * RAYLEIGH, strict=True):
        lines[start : start + len(line)] += flux * line
    return level, lines


def _floor(radiance: np.ndarray) -> np.ndarray:
    """A lower envelope, smoothed: the 20th percentile of 80 pixels around."""
    low = percentile_filter(radiance, 20, 80, mode="nearest")
    return np.minimum(gaussian_filter1d(low, 30, mode="nearest"), radiance)


@lru_cache(maxsize=1)
def noise_shape() -> np.ndarray:
    """Error of the flux (3681,) where only sky and detector matter; 1 near H alpha at rest."""
    level, lines = sky()
    seen = np.interp(wavelength(), *THROUGHPUT)
    photons = (level + lines) * MIRROR * seen * STEP * SPAXEL * EXPOSURES * SECONDS
    counts = np.sqrt(photons + EXPOSURES * READ_NOISE**2)
    error = counts / (seen * wavelength())  # the energy of a photon goes as 1 / wavelength
    near = np.abs(wavelength() - 6600) < 100
    return np.asarray(error / np.median(error[near]))


@lru_cache(maxsize=1)
def residual_shapes() -> np.ndarray:
    """What a wrong sky leaves (2, 3681): too much or too little of it, and a shift of its lines.

    In units of the error near H alpha; each reaches one local error in the brightest OH line.
    """
    _, lines = sky()
    light = lines / wavelength()
    out = np.stack([light, np.gradient(light)])
    red = wavelength() > 7200
    peak = np.argmax(np.abs(out) * red, axis=1)
    return out * (noise_shape()[peak] / np.abs(out[[0, 1], peak]))[:, None]
