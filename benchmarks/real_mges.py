"""Published multi-Gaussian expansions of four galaxies, retyped with their sources.

Peak surface brightness [Lsun/pc2], dispersion along the major axis [arcsec] and projected axis
ratio of each Gaussian. Position angles of all Gaussians are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from astropy.table import QTable

DYNAMITE = "github.com/dynamics-of-stellar-systems/dynamite (MIT)"


@dataclass(frozen=True)
class Mge:
    """A galaxy's light and how its dynamics are set here.

    Attributes
    ----------
    inclination : float [deg]
    ml : float or None [Msun/Lsun]
        None where none is at hand: the map is then scaled to a light-weighted Vrms of 150 km/s.
    """

    surf: np.ndarray
    sigma: np.ndarray
    qobs: np.ndarray
    distance: float
    inclination: float
    ml: float | None
    source: str


def _mge(rows: list[tuple[float, float, float]], **facts: object) -> Mge:
    surf, sigma, qobs = np.array(rows).T
    return Mge(surf, sigma, qobs, **facts)  # type: ignore[arg-type]


def galaxies() -> dict[str, Mge]:
    """The four galaxies by name."""
    m32 = QTable.read(files("zoo.examples") / "m32_mge.ecsv")
    columns = (np.asarray(m32[name], float) for name in ("surf", "sigma", "qobs"))
    return {
        "NGC 6278": _mge(
            [
                (26819.14, 0.49416, 0.89541),
                (2456.39, 2.04299, 0.79093),
                (456.8, 2.44313, 0.9999),
                (645.49, 6.5305, 0.55097),
                (14.73, 17.41488, 0.9999),
                (123.85, 21.84711, 0.55097),
            ],
            distance=39.96,
            inclination=64.6,
            ml=5.07,
            source=f"CALIFA, {DYNAMITE}, dev_tests/NGC6278_input; inclination and M/L: `zoo plot`",
        ),
        "M32": Mge(
            *columns,
            distance=0.7,
            inclination=70.0,
            ml=1.85,
            source="Cappellari et al. 2006, Table B1; Verolme et al. 2002",
        ),
        "FCC 167": _mge(
            [
                (16508.58, 0.584, 0.864),
                (2537.55, 1.917, 0.999),
                (2872.85, 5.143, 0.727),
                (463.50, 13.820, 0.807),
                (485.79, 14.448, 0.541),
                (120.08, 43.797, 0.269),
                (150.33, 47.212, 0.524),
                (27.77, 58.192, 0.972),
                (10.88, 120.764, 0.542),
            ],
            distance=21.2,
            inclination=90.0,
            ml=None,
            source=f"Fornax3D, {DYNAMITE}, docs/tutorial_notebooks/FCC167_input; taken edge-on",
        ),
        "NGC 4550": _mge(
            [
                (6953.4589, 0.43650178, 0.800000),
                (1499.8305, 1.4261433, 0.800000),
                (325.27572, 2.2321385, 0.284115),
                (380.00765, 3.5796042, 0.768380),
                (1082.4899, 6.3678708, 0.331871),
                (308.33922, 9.5100224, 0.521847),
                (625.62939, 11.724598, 0.273282),
                (182.18055, 23.576856, 0.299123),
                (78.102617, 23.755469, 0.435248),
                (27.794094, 53.724672, 0.200000),
                (5.0788670, 54.787622, 0.800000),
            ],
            distance=15.5,
            inclination=90.0,
            ml=None,
            source=f"SAURON, {DYNAMITE}, dev_tests/NGC4550_input; taken edge-on",
        ),
    }
