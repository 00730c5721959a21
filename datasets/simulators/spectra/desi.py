"""A spectrograph like DESI: pixels, resolution and noise, described by a handful of numbers.

PARAMETRIC: no table of the survey's is used. `NOISE` are rounded medians of the inverse variance
of faint targets in two public coadds of DESI, `THROUGHPUT` a rounded end-to-end curve; lines of the
sky beyond 6470 A are those of ESO SkyCalc in the table of MOONS, the few bluewards are made up.
Fluxes are in 1e-17 erg/s/cm2/A, wavelengths in A in vacuum.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from zoo_datasets.simulators.spectra import instrument
from zoo_datasets.simulators.spectra.grids import FWHM

START, STEP, PIXELS = 3600.0, 0.8, 7781  # A, A; to 9824 A
WIDTH = 1.8  # A, FWHM of the line-spread function: R = 2000 at 3600 A, 5460 at 9824 A
EDGES = (5780.0, 7570.0)  # A, between the arms
AREA = 8.7e4  # cm2 of the Mayall telescope that are not obscured
TYPICAL = 1000.0  # s, exposure that the noise is given for
# wavelength [A], noise of a pixel of empty sky after `TYPICAL`, between its lines
NOISE = (
    (3600, 1.9), (3775, 1.35), (4000, 0.80), (4400, 0.53), (5250, 0.33), (6250, 0.25),
    (7250, 0.19), (8100, 0.155), (9000, 0.14), (9500, 0.19), (9824, 0.26),
)  # fmt: skip
# wavelength [A], share of the light above the air in an aperture of one fibre that is counted
THROUGHPUT = (
    (3600, 0.03), (4000, 0.10), (5000, 0.18), (6500, 0.22), (8000, 0.24), (9000, 0.22),
    (9824, 0.10),
)  # fmt: skip
# wavelength [A], variance at the centre of a line of the sky over that of the continuum, from 1
LINES = ((4359.6, 1.5), (5462.3, 1.5), (5578.9, 15.0), (5893.6, 2.5), (6302.0, 9.0), (6365.5, 3.0))
CONTINUUM = 301  # pixels, over which the median of a sky is free of its lines


@lru_cache(maxsize=1)
def wavelength() -> np.ndarray:
    """Centres of the pixels, (7781,) [A, vacuum]."""
    return START + STEP * np.arange(PIXELS)


def sigma() -> np.ndarray:
    """Line-spread function: standard deviation of its Gaussian, (7781,) [A]."""
    return np.full(PIXELS, WIDTH / FWHM)


def arms() -> list[slice]:
    """Pixels of the blue, the red and the infrared arm, which here do not overlap."""
    edges = [0, *np.searchsorted(wavelength(), EDGES), PIXELS]
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


@lru_cache(maxsize=1)
def brightness() -> np.ndarray:
    """Variance of the sky over that between its lines, (7781,), 1 or more."""
    wave = wavelength()
    known = instrument.wavelength()
    optical = known < 1.02 * wave[-1]
    # sky per wavelength and unit of sensitivity, so that the instrument drops out
    sky = instrument.sky(1.2)[optical] / instrument.efficiency(1.2, 0.8)[optical]
    ratio = np.maximum(sky / median_filter(sky, CONTINUUM), 1)
    red = np.interp(wave, known[optical], ratio)
    blue = np.ones(PIXELS)
    for centre, peak in LINES:
        blue += (peak - 1) * np.exp(-0.5 * ((wave - centre) / sigma()) ** 2)
    found = np.where(wave < known[0], blue, red)
    # neighbouring pixels share light
    return gaussian_filter1d(found, 1.0)


@lru_cache(maxsize=1)
def gain() -> np.ndarray:
    """Electrons per second and pixel for a flux of 1e-17 erg/s/cm2/A, (7781,)."""
    wave = wavelength()
    photons = 1e-17 * wave / instrument.ERG_A * AREA * STEP
    return photons * np.interp(wave, *np.transpose(THROUGHPUT))


@lru_cache(maxsize=1)
def noise_terms() -> tuple[np.ndarray, np.ndarray]:
    """Return (a, b), each (7781,), such that the variance of a flux f is (a + b f) 1 s / exposure.

    Everything falls with the exposure, that is, read noise is part of the sky.
    """
    logarithm = np.interp(wavelength(), *np.transpose([(w, np.log(s)) for w, s in NOISE]))
    return TYPICAL * np.exp(2 * logarithm) * brightness(), 1 / gain()
