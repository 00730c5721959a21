"""Attenuation of starlight by dust."""

from __future__ import annotations

import numpy as np

R_V = 4.05
GAS = 1.6  # attenuation of lines over that of starlight


def calzetti(wavelength: np.ndarray) -> np.ndarray:
    """A(lambda) / A_V of Calzetti et al. (2000), eq. 4; continued below 1200 and above 22000 A."""
    x = np.asarray(wavelength, float) / 1e4  # micron
    blue = -2.156 + 1.509 / x - 0.198 / x**2 + 0.011 / x**3
    red = -1.857 + 1.040 / x
    return np.maximum(2.659 * np.where(x < 0.63, blue, red) + R_V, 0) / R_V
