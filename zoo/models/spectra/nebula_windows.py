"""What the models of nebular spectra look at: the grid of MUSE, lines, windows, an example."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.nn.line_velocity import LineVelocity
from zoo.nn.pixel_grid import PixelGrid
from zoo.nn.rest_windows import RestWindows

CLASSES = ("hii", "pn", "snr", "dig")

# The grid: MUSE's pixels are uniform in air, and so nearly in vacuum that each falls into a bin.
FIRST, LAST, PIXELS = 4751.328, 9352.566, 3681  # centres of the outermost pixels [A, vacuum]
STEP = (LAST - FIRST) / (PIXELS - 1)

# Lines that tell the velocity [A, vacuum] and their fluxes over H alpha in typical nebulae:
# H II regions rich, average and poor in oxygen; two planetary nebulae; two remnants; diffuse gas.
LINES = {
    "Hbeta": (4862.69, (0.30, 0.30, 0.32, 0.30, 0.30, 0.28, 0.28, 0.30)),
    "OIII4959": (4960.30, (0.02, 0.11, 0.42, 0.85, 0.85, 0.08, 0.30, 0.02)),
    "OIII5007": (5008.24, (0.05, 0.32, 1.25, 2.50, 2.50, 0.24, 0.90, 0.07)),
    "OI6300": (6302.05, (0.01, 0.01, 0.01, 0.03, 0.04, 0.15, 0.45, 0.05)),
    "NII6548": (6549.85, (0.12, 0.06, 0.01, 0.02, 0.16, 0.10, 0.33, 0.13)),
    "Halpha": (6564.63, (1.0,) * 8),
    "NII6583": (6585.27, (0.36, 0.18, 0.04, 0.05, 0.50, 0.30, 1.00, 0.40)),
    "SII6716": (6718.29, (0.12, 0.09, 0.06, 0.04, 0.08, 0.40, 0.90, 0.28)),
    "SII6731": (6732.67, (0.09, 0.07, 0.04, 0.05, 0.10, 0.32, 0.90, 0.20)),
}
WAVELENGTH = np.array([wave for wave, _ in LINES.values()])
TEMPLATES = np.array([fluxes for _, fluxes in LINES.values()])
HALPHA = LINES["Halpha"][0]

WINDOWS = (  # [A, vacuum]
    (4729, 4755),  # [Ar IV], in reach above 700 km/s
    (4843, 4882),  # H beta
    (4910, 4937),  # He I
    (4943, 5034),  # [O III], He I
    (5187, 5214),  # [N I]
    (5400, 5427),  # He II
    (5742, 5770),  # [N II]
    (5863, 5892),  # He I
    (6284, 6382),  # [O I], [S III]
    (6530, 6606),  # H alpha, [N II]
    (6666, 6695),  # He I
    (6699, 6753),  # [S II]
    (7052, 7083),  # He I
    (7269, 7298),  # He I
    (7304, 7350),  # [O II]
    (9054, 9088),  # [S III]
)


def grid(dtype: str = "float32") -> PixelGrid:
    """Layer that sorts pixels into those of MUSE."""
    return PixelGrid(FIRST - STEP / 2, STEP, PIXELS, name="grid", dtype=dtype)


def velocity(dtype: str = "float32") -> LineVelocity:
    """Layer that finds the velocity."""
    return LineVelocity(
        FIRST, STEP, PIXELS, WAVELENGTH, TEMPLATES, name="velocity_scan", dtype=dtype
    )


def windows(dtype: str = "float32") -> RestWindows:
    """Layer that cuts out the windows."""
    return RestWindows(FIRST, STEP, PIXELS, WINDOWS, HALPHA, name="windows", dtype=dtype)


EXAMPLE_VELOCITY, EXAMPLE_SIGMA = 1200.0, 1.3  # km/s, A


def example(bright: float = 8.0) -> dict[str, Any]:
    """An H II region at 1200 km/s, faint unless its H alpha is given, without noise."""
    wave = np.round(FIRST + STEP * np.arange(PIXELS), 3)
    flux = np.full(PIXELS, 0.05)
    for centre, ratio in zip(WAVELENGTH, TEMPLATES[:, 1], strict=True):
        offset = (wave - centre * (1 + EXAMPLE_VELOCITY / 299792.458)) / EXAMPLE_SIGMA
        flux += bright * ratio * np.exp(-0.5 * offset**2) / (EXAMPLE_SIGMA * np.sqrt(2 * np.pi))
    return {"flux": np.round(flux, 4), "ivar": np.full(PIXELS, 4.0), "wavelength": wave}
