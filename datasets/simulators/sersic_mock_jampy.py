"""The same second moments from jampy 8 (Cappellari 2020, MNRAS 494, 4819), for comparison.

jampy's licence is non-commercial and it is not part of this project; it is imported here only.
"""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators.sersic_mock import mges

# Fewer points than its polar grid has (20 x 10), and jampy evaluates the integral at each; with
# more it interpolates, to 1e-3.
DIRECT = 199


def _vrms2(galaxy: dict[str, float], x: np.ndarray, y: np.ndarray, beta: float) -> np.ndarray:
    try:
        from jampy.axi.jam_axi_proj import jam_axi_proj
    except ImportError as error:
        raise ImportError(
            "the truth 'jampy' needs jampy 8 and mgefit: pip install 'jampy>=8.1.4,<9' mgefit"
        ) from error
    lum_pot, view = mges(galaxy), (galaxy["inclination"], 0.0, galaxy["distance"])
    pieces = np.arange(DIRECT, x.size, DIRECT)
    return np.concatenate(
        [
            jam_axi_proj(
                *lum_pot,
                *view,
                *piece,
                align="cyl",
                analytic_los=True,
                beta=np.full_like(lum_pot[0], beta),
                plot=False,
                quiet=True,
            ).model
            ** 2
            for piece in zip(np.split(x, pieces), np.split(y, pieces), strict=True)
        ]
    )


def moments(
    galaxy: dict[str, float], x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Like `sersic_mock.moments_cyl`, from jampy.

    Raises
    ------
    ImportError
        Where jampy is not installed.
    """
    g0 = _vrms2(galaxy, x, y, 0.0)
    return g0, 2 * (1 - _vrms2(galaxy, x, y, -1.0) / g0)
