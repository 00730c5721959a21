"""The mock's cosmology: flat, H0 = 70 km/s/Mpc, matter density 0.3; no radiation."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.integrate import cumulative_simpson

from zoo_datasets.simulators.spectra.grids import C

H0, OMEGA_M = 70.0, 0.3
GYR = 977.792221 / H0  # 1 / H0
CM = 3.0856775814913673e24  # in a Mpc


def age(z: float) -> float:
    """Age of the universe at a redshift [Gyr]."""
    ratio = np.sqrt((1 - OMEGA_M) / OMEGA_M) * (1 + z) ** -1.5
    return float(GYR * 2 / 3 / np.sqrt(1 - OMEGA_M) * np.arcsinh(ratio))


@lru_cache(maxsize=1)
def _distances() -> tuple[np.ndarray, np.ndarray]:
    z = np.linspace(0, 4, 4001)
    comoving = cumulative_simpson(1 / np.sqrt(OMEGA_M * (1 + z) ** 3 + 1 - OMEGA_M), x=z, initial=0)
    return z, C / H0 * (1 + z) * comoving


def luminosity_distance(z: float) -> float:
    """Luminosity distance [Mpc], 0 <= z <= 4."""
    return float(np.interp(z, *_distances()))
