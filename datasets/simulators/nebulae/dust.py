"""Extinction of nebular lines by a screen of dust."""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators.nebulae.lines import WAVELENGTH

R_V = 3.1
# Cardelli, Clayton & Mathis (1989), eq. 3: powers of 1 / micron - 1.82, at 0.303 to 0.909 micron
A = (1, 0.17699, -0.50447, -0.02427, 0.72085, 0.01979, -0.77530, 0.32999)
B = (0, 1.41338, 2.28305, 1.07233, -5.38434, -0.62251, 5.30260, -2.09002)


def cardelli(wavelength: np.ndarray) -> np.ndarray:
    """A(lambda) / E(B-V) of Cardelli et al. (1989) with R_V = 3.1.

    Parameters
    ----------
    wavelength : array
        [A]; 3030 to 9090 A.

    Raises
    ------
    ValueError
        Outside of that.
    """
    x = 1e4 / np.asarray(wavelength, float)
    if np.any((x < 1.1) | (x > 3.3)):
        raise ValueError(f"wavelength = {wavelength}, allowed: 3030 to 9090 A")
    y = x - 1.82
    polynomial = np.polynomial.polynomial.polyval
    return R_V * polynomial(y, A) + polynomial(y, B)


CURVE = cardelli(WAVELENGTH)


def transmission(ebv: float) -> np.ndarray:
    """What a screen of colour excess E(B-V) lets through of each of the lines."""
    return 10 ** (-0.4 * ebv * CURVE)
