"""One mock line of sight: which gas it crosses, and its noiseless spectrum."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import gammaincinv

from zoo_datasets.simulators.muse import gas, instrument
from zoo_datasets.simulators.muse.gas import CLASSES
from zoo_datasets.simulators.muse.lines import HALPHA, INDEX, WAVELENGTH
from zoo_datasets.simulators.nebulae.dust import cardelli

VELOCITY = (-500.0, 3000.0)  # km/s, uniform
QUALITY = (5.0, 200.0)  # ratio of signal to noise of H alpha, uniform in the logarithm
FLUX = (1.0, 3.0)  # log10 of the observed flux of H alpha [1e-17 erg/s/cm2]
REDDENING = 0.2  # mag, scale of E(B-V), a gamma distribution of shape 1.5
EQUIVALENT = (20.0, 3000.0)  # A, of H alpha above what is left of the continuum, log-uniform
PURE, THIRD = 0.4, 0.3  # share of pure lines of sight; of mixtures of three in the others
WITH_DIFFUSE = 0.6  # share of mixtures whose second component is diffuse gas
WEAKEST = 1e-6  # of H alpha: weaker lines are left out
ABSORPTION = 5.0  # A, sigma of what stars leave at H alpha and H beta
RESIDUAL = 0.7  # rms of a coherent sky residual, in errors at the brightest OH line


def record(rng: np.random.Generator, split: str, index: int) -> dict[str, Any]:
    """Draw one line of sight."""
    u, z = rng.random(80), rng.standard_normal(16)
    label, shares = mixture(u[:8])
    velocity = VELOCITY[0] + (VELOCITY[1] - VELOCITY[0]) * u[8]
    ebv = REDDENING * float(gammaincinv(1.5, u[9]))
    low, high = np.log(QUALITY)
    quality = float(np.exp(low + (high - low) * u[10]))
    flux = float(10 ** (FLUX[0] + (FLUX[1] - FLUX[0]) * u[11]))
    low, high = np.log(EQUIVALENT)
    width = float(np.exp(low + (high - low) * u[12]))

    out = np.zeros(instrument.PIXELS)
    of_halpha = np.zeros(instrument.PIXELS)
    screen = transmission(ebv)
    for number in np.flatnonzero(shares):
        name = CLASSES[number]
        draws = u[16 + 16 * number : 32 + 16 * number]
        ratios, dispersion = gas.component(name, draws)
        fluxes = flux * shares[number] * ratios * screen
        moved = velocity + gas.SCATTER[name] * z[number] * (shares[number] < 1)
        seen = ratios > WEAKEST
        add(out, WAVELENGTH[seen], fluxes[seen], moved, dispersion)
        add(
            of_halpha,
            WAVELENGTH[HALPHA : HALPHA + 1],
            fluxes[HALPHA : HALPHA + 1],
            moved,
            dispersion,
        )
    signal = np.sqrt(np.sum((of_halpha / instrument.noise_shape()) ** 2))
    out += continuum(flux / width, velocity, z[4:9])
    return {
        "object_id": f"{split}-{index:06d}",
        "label": np.uint8(label),
        **{name: np.float32(share) for name, share in zip(CLASSES, shares, strict=True)},
        "flux_true": out.astype(np.float16),
        "noise_unit": np.float32(signal),
        "quality": np.float32(quality),
        "sky_residual": np.float32(RESIDUAL * abs(z[9])),
        "velocity": np.float32(velocity),
        "flux_halpha": np.float32(flux),
        "ew_halpha": np.float32(width),
        "ebv": np.float32(ebv),
        "noise_seed": np.int64(rng.integers(2**62)),
    }


def mixture(u: np.ndarray) -> tuple[int, np.ndarray]:
    """Class that shines most, and shares (4,) of H alpha, from eight uniform numbers.

    The others together give less than half of H alpha.
    """
    main = int(4 * u[0])
    shares = np.zeros(len(CLASSES))
    rest = 0.0 if u[1] < PURE else 0.5 * float(u[2])
    shares[main] = 1 - rest
    others = [i for i in range(len(CLASSES)) if i != main]
    diffuse = CLASSES.index("dig")
    second = diffuse if main != diffuse and u[3] < WITH_DIFFUSE else others[int(3 * u[4])]
    shares[second] += rest
    if u[5] < THIRD:
        third = [i for i in others if i != second][int(2 * u[6])]
        shares[second] -= rest * u[7]
        shares[third] += rest * u[7]
    return main, shares


def add(
    out: np.ndarray, wave: np.ndarray, flux: np.ndarray, velocity: float, dispersion: float
) -> None:
    """Add lines to a spectrum (3681,), in place.

    Parameters
    ----------
    wave, flux : (k,) array
        At rest [A, vacuum]; [1e-17 erg/s/cm2].
    velocity, dispersion : float
        [km/s]
    """
    centre = wave * (1 + velocity / instrument.C)
    inside = (centre > instrument.wavelength()[0]) & (centre < instrument.wavelength()[-1])
    centre, flux = centre[inside], flux[inside]
    sigma = np.hypot(instrument.lsf(centre), centre * dispersion / instrument.C)
    first, shape = instrument.profiles(centre, sigma)
    np.add.at(out, first[:, None] + np.arange(shape.shape[1]), flux[:, None] * shape)


def continuum(level: float, velocity: float, z: np.ndarray) -> np.ndarray:
    """What is left after the stars were subtracted (3681,): smooth, and errors of Balmer lines.

    Parameters
    ----------
    level : float
        At 6563 A [1e-17 erg/s/cm2/A].
    z : (5,) array
        Normal draws: of slope, curvature and waves, and of the absorption at H alpha and H beta.
    """
    wave = instrument.wavelength()
    x = (wave - 7000) / 2300
    smooth = (wave / 6563) ** (-1 + z[0]) * (1 + 0.1 * z[1] * x**2) + 0.05 * z[2] * np.sin(4 * x)
    for name, strength in (("Halpha", 0.4 * z[3]), ("Hbeta", 0.6 * z[4])):  # A
        centre = WAVELENGTH[INDEX[name]] * (1 + velocity / instrument.C)
        offset = (wave - centre) / ABSORPTION
        smooth -= strength * np.exp(-0.5 * offset**2) / (ABSORPTION * np.sqrt(2 * np.pi))
    return level * smooth


def transmission(ebv: float) -> np.ndarray:
    """What a screen of dust lets through of each line, over what it lets through of H alpha."""
    curve = _curve()
    return np.asarray(10 ** (-0.4 * ebv * (curve - curve[HALPHA])))


@lru_cache(maxsize=1)
def _curve() -> np.ndarray:
    """A / E(B-V) of the lines; the law of the infrared, a power, beyond 9090 A."""
    wave, edge = WAVELENGTH, 9090.0
    inside = cardelli(np.minimum(wave, edge))
    return np.where(wave > edge, inside * (wave / edge) ** -1.61, inside)
