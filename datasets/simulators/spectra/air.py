"""Wavelengths in air and in vacuum."""

from __future__ import annotations

import numpy as np


def index(vacuum: np.ndarray) -> np.ndarray:
    """Refractive index of standard air (Ciddor 1996, eq. 1: 15 C, 101325 Pa, dry, 450 ppm CO2).

    Parameters
    ----------
    vacuum : array
        Wavelength in vacuum [A].
    """
    s2 = (1e4 / np.asarray(vacuum, float)) ** 2
    return 1 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2)


def to_vacuum(air: np.ndarray) -> np.ndarray:
    """Wavelength in vacuum of one in air [A]; for wavelengths above 2000 A."""
    vacuum = np.asarray(air, float)
    for _ in range(3):  # the index changes so slowly that two steps reach rounding
        vacuum = air * index(vacuum)
    return vacuum
