"""Errors of the flux calibration: a smooth curve."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from zoo_datasets.simulators.spectra import instrument

KNOTS = 9


def curve(rng: np.random.Generator, amplitude: float) -> np.ndarray:
    """Factor on the flux, (12217,): a cubic spline through 9 knots of rms `amplitude` around 1."""
    wave = instrument.wavelength()
    knots = np.linspace(wave[0], wave[-1], KNOTS)
    return 1 + CubicSpline(knots, amplitude * rng.standard_normal(KNOTS))(wave)
