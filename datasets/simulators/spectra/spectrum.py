"""The noiseless spectrum of a galaxy on the pixels of the instrument."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import ndtr

from zoo_datasets.simulators.spectra import dust, grids, instrument, population
from zoo_datasets.simulators.spectra.nebula import H_BETA, Lines
from zoo_datasets.simulators.spectra.population import Galaxy
from zoo_datasets.simulators.spectra.stars import Library

SOLAR = 3.828e33  # erg/s
MARGIN = 40  # bins of the rest grid beyond either end of an arm, for smoothing
REACH = 6.0  # standard deviations to which a line is drawn


@dataclasses.dataclass(frozen=True, eq=False)
class Light:
    """What a galaxy emits, per solar mass formed.

    Attributes
    ----------
    weights : (metals, ages) array
        Mass in each population.
    lines : (lines,) array
        Luminosity of each line behind the dust [Lsun].
    surviving : float
        Mass in stars and remnants.
    """

    weights: np.ndarray
    lines: np.ndarray
    surviving: float


def light(galaxy: Galaxy, library: Library, lines: Lines) -> Light:
    """Stars and gas of a galaxy.

    Every ionising photon of the stars makes H II (case B), up to the galaxy's `line_scatter`.
    """
    ages = galaxy.history.weights(library.log_age)
    weights = library.mixture(ages, galaxy.metallicity)
    beta = H_BETA * float(np.sum(weights * library.ionising)) * galaxy.line_scatter / SOLAR
    ratios = lines.ratios(galaxy.log_u, galaxy.log_pressure, galaxy.log_oh)
    veil = 10 ** (-0.4 * dust.GAS * galaxy.a_v * dust.calzetti(lines.wavelength))
    return Light(weights, beta * ratios * veil, float(ages @ library.surviving))


def observed(
    galaxy: Galaxy, emitted: Light, library: Library, lines: Lines, camera: Any = instrument
) -> np.ndarray:
    """Flux at the resolution of an instrument, (pixels,) [erg/s/cm2/A per Msun formed].

    Parameters
    ----------
    camera : module
        With `wavelength`, `arms` and `sigma`, as `instrument` has them.
    """
    z, scale = galaxy.redshift, population.per_luminosity(galaxy.redshift)
    wave = camera.wavelength()
    out = np.empty(len(wave))
    for arm in camera.arms():
        sigma = float(camera.sigma()[arm][0])
        middle = (wave[arm][0] + wave[arm][-1]) / 2
        velocity = float(np.hypot(galaxy.sigma_v, grids.C * sigma / middle))
        out[arm] = continuum(
            library,
            emitted.weights,
            galaxy.a_v,
            velocity,
            _log_wavelength(camera)[arm] - np.log1p(z),
        )
        out[arm] += profiles(
            wave[arm],
            lines.wavelength * (1 + z),
            emitted.lines * (1 + z),
            np.hypot(lines.wavelength * (1 + z) * galaxy.sigma_v / grids.C, sigma),
        )
    return out * scale


@lru_cache(maxsize=4)
def _log_wavelength(camera: Any) -> np.ndarray:
    return np.log(camera.wavelength())


@lru_cache(maxsize=1)
def _rest() -> tuple[np.ndarray, np.ndarray, float]:
    wave = grids.rest()
    return np.log(wave), dust.calzetti(wave).astype(np.float32), float(np.log(wave[1] / wave[0]))


def continuum(
    library: Library, weights: np.ndarray, a_v: float, velocity: float, log_wave: np.ndarray
) -> np.ndarray:
    """Starlight behind dust, blurred by a Gaussian [Lsun/A/Msun].

    Parameters
    ----------
    velocity : float
        Standard deviation of the blur [km/s].
    log_wave : (n,) array
        ln of the wavelengths [A] in the rest frame, increasing, where it is wanted.

    Notes
    -----
    The blur is a product of Fourier transforms, which at the same time double the sampling, to
    25 km/s; from there to the pixels, of about 25 km/s, interpolation is linear.
    """
    log_rest, law, step = _rest()
    start = max(int((log_wave[0] - log_rest[0]) / step) - MARGIN, 0)
    stop = min(int((log_wave[-1] - log_rest[0]) / step) + MARGIN + 2, len(log_rest))
    bins = slice(start, stop)
    values = library.luminosity(weights, bins) * np.exp(
        np.float32(-0.4 * np.log(10) * a_v) * law[bins]
    )
    size = next_fast_len(stop - start, real=True)
    row = np.pad(values, (0, size - len(values)), mode="edge")
    k = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(
        2 * np.pi / size * velocity / (grids.C * step)
    )
    fine = irfft(rfft(row) * np.exp(-0.5 * k**2), 2 * size) * 2
    place = (log_wave - log_rest[start]) / step * 2
    i = place.astype(np.intp)
    share = (place - i).astype(np.float32)
    return (1 - share) * fine[i] + share * fine[i + 1]


def profiles(
    wave: np.ndarray, centres: np.ndarray, fluxes: np.ndarray, sigmas: np.ndarray
) -> np.ndarray:
    """Gaussian lines as means over uniform pixels, (n,) [flux / A].

    Parameters
    ----------
    wave : (n,) array
        Centres of the pixels [A].
    centres, fluxes, sigmas : (lines,) array
        Centre [A], integral and standard deviation [A] of each line.
    """
    out = np.zeros(len(wave))
    width = (wave[-1] - wave[0]) / (len(wave) - 1)
    first = np.floor((centres - REACH * sigmas - wave[0]) / width).astype(int)
    last = np.ceil((centres + REACH * sigmas - wave[0]) / width).astype(int) + 1
    for j in np.flatnonzero((last > 0) & (first < len(wave)) & (fluxes > 0)):
        a, b = max(first[j], 0), min(last[j], len(wave))
        edges = wave[0] + width * (np.arange(a, b + 1) - 0.5)
        out[a:b] += fluxes[j] / width * np.diff(ndtr((edges - centres[j]) / sigmas[j]))
    return out


def magnitude(
    flux: np.ndarray,
    wave: np.ndarray | None = None,
    limits: tuple[float, float] = population.BAND,
) -> float:
    """AB magnitude in a top hat [A] of a spectrum (pixels,) [erg/s/cm2/A]; of MOONS unless said."""
    wave = instrument.wavelength() if wave is None else wave
    band = slice(*np.searchsorted(wave, limits))
    mean = np.sum(flux[band] * wave[band]) / np.sum(1 / wave[band]) / (grids.C * 1e13)
    return float(-2.5 * np.log10(mean) - population.AB)
