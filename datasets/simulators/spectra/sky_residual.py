"""What imperfect sky subtraction leaves: a coherent residual that is not quite the sky."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from zoo_datasets.simulators.spectra import instrument

FAMILY_SCATTER = 0.30  # of the amplitude of each family of OH lines
JITTER = 0.1  # pixels, one shift for an arm
WIDTH = 0.05  # largest relative change of the line-spread function, one for an arm
CONTINUUM = 101  # pixels, wider than any gap between OH lines is narrow

# Where the band of each upper vibrational level begins [A], by the heads of the OH Meinel bands
# that the range holds. Bands overlap at their edges, and O2 shines at 8,645 and 12,700 A: here
# every wavelength has one level.
BANDS = (
    (6400, 6), (6820, 7), (7220, 8), (7710, 9), (7900, 5), (8270, 6), (8740, 7), (9290, 8),
    (9710, 3), (10120, 4), (10660, 5), (11300, 6), (12090, 7), (12940, 8), (13800, 9),
    (14320, 2), (14960, 3), (15540, 4), (16450, 5), (17340, 6),
)  # fmt: skip


@lru_cache(maxsize=64)
def parts(airmass: float) -> tuple[np.ndarray, np.ndarray]:
    """Continuum (12217,) and lines (families, 12217) of the sky [e-/s/pixel]."""
    sky = instrument.sky(airmass)
    low = np.empty_like(sky)
    for arm in instrument.arms():
        low[arm] = uniform_filter1d(minimum_filter1d(sky[arm], CONTINUUM), CONTINUUM)
    starts, levels = np.array(BANDS).T
    level = levels[np.searchsorted(starts, instrument.wavelength(), "right") - 1]
    families = np.unique(levels)
    return low, np.where(level == families[:, None], sky - low, 0)


def residual(
    rng: np.random.Generator, airmass: float, seeing: float, amplitude: float
) -> np.ndarray:
    """One residual, (12217,) [1e-17 erg/s/cm2/A].

    A factor of rms `amplitude` times a sky whose OH families differ by 30 %, whose lines are
    shifted by 0.1 pixel (rms) and up to 5 % wider or narrower in each arm.

    Parameters
    ----------
    amplitude : float
        Root mean square of the fraction of the sky that stays.
    """
    low, lines = parts(airmass)
    factor = amplitude * rng.standard_normal()
    family = 1 + FAMILY_SCATTER * rng.standard_normal(len(lines))
    sky = low + family @ lines
    left = np.empty_like(sky)
    for arm, shift, width in zip(
        instrument.arms(),
        JITTER * rng.standard_normal(3),
        WIDTH * rng.uniform(-1, 1, 3),
        strict=True,
    ):
        sigma = instrument.sigma()[arm][0] / instrument.pixel_width()[arm][0]
        left[arm] = distorted(sky[arm], shift, sigma**2 * ((1 + width) ** 2 - 1))
    gain = instrument.efficiency(airmass, seeing)
    return factor * np.divide(left, gain, out=np.zeros_like(gain), where=gain > 0)


def distorted(values: np.ndarray, shift: float, variance: float) -> np.ndarray:
    """Lines moved by `shift` pixels and broadened by `variance` pixels^2 (sharpened if negative).

    Exact for what the pixels resolve: done on the Fourier transform of the mirrored row.
    """
    pad = 32
    row = np.pad(values, pad, mode="reflect")
    k = 2 * np.pi * np.fft.rfftfreq(len(row))
    kernel = np.exp(-1j * k * shift - variance * k**2 / 2)
    return np.fft.irfft(np.fft.rfft(row) * kernel, len(row))[pad:-pad]
