"""The example of every model that reads `flux`, `ivar` and `wavelength`: a made-up galaxy."""

from __future__ import annotations

from typing import Any

import numpy as np

REDSHIFT = 0.8
LINES = {  # vacuum wavelength [A] -> flux relative to H beta
    3727.09: 1.4,
    3729.88: 1.8,
    3869.86: 0.4,
    4102.89: 0.26,
    4341.68: 0.47,
    4862.68: 1.0,
    4960.30: 0.9,
    5008.24: 2.7,
}
H_BETA = 20.0  # [1e-17 erg/s/cm2]
SIGMA = 2.5  # [A]


def galaxy() -> dict[str, Any]:
    """A star-forming galaxy at z = 0.8, between 6500 and 9800 A, without noise."""
    wave = np.round(6500.5 + 2.0 * np.arange(1650), 1)
    rest = wave / (1 + REDSHIFT)
    flux = 1.2 * (rest / 4000) ** -0.8 * np.where(rest < 3980, 0.8, 1.0)
    for line, share in LINES.items():
        offset = (wave - line * (1 + REDSHIFT)) / SIGMA
        flux = flux + H_BETA * share * np.exp(-0.5 * offset**2) / (SIGMA * np.sqrt(2 * np.pi))
    return {"flux": np.round(flux, 4), "ivar": np.full(len(wave), 4.0), "wavelength": wave}
