"""Grids of photoionisation models: lines over H beta, interpolated in the logarithm."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from zoo_datasets.simulators.nebulae.lines import CASE_B, HALPHA, HBETA, LINES, NAMES
from zoo_datasets.simulators.spectra import nebula

TABLES = Path(__file__).parent / "tables"
SMALLEST = 5e-5  # of H beta: the tables of Cloudy are rounded to 1e-4
URL = (
    "https://raw.githubusercontent.com/Estallidos/HII-CHI-Mistry/"
    "f4e302eb06f5079eca23ea4372ec0f70a0c58b59/HCm-opt/HCm_v6.0/Libraries_opt/"
)
FILES = {  # Cloudy 17 with the stars of POPSTAR, and with atmospheres of Rauch: name, sha256
    "hii": (
        "C17_POPSTAR_1myr.dat",
        "4ae6e374a7e4ff112d8a1158bab0f8eb63be08e44439f96f8982d4c04635fda5",
    ),
    "pn_100": (
        "C17_PAGB_T100kk_efrac98_CNfix.dat",
        "e82fb2a034c93127b972fdb1ae6170b10036f78e5299c2696b0d14240f91df37",
    ),
    "pn_150": (
        "C17_PAGB_T150kk_efrac98_CNfix.dat",
        "7ba42f1d48f91ecd72bd7fbfe19c7c3f08506de84d3fc4e5a23d34bb4fe7b2ad",
    ),
}
MISPRINTS = {-1.675: -1.625, -1.775: -1.875}  # of log N/O, in two blocks of a table
COLUMNS = {
    "OII_3727": "OII3727",
    "NeIII_3868": "NeIII3869",
    "OIII_4363": "OIII4363",
    "OIII_5007": "OIII5007",
    "NII_5755": "NII5755",
    "SIII_6312": "SIII6312",
    "NII_6584": "NII6584",
    "SII_6717,31": "SII6725",
    "OII_7325": "OII7325",
    "SIII_9069": "SIII9069",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """Line ratios on a regular grid of models.

    Attributes
    ----------
    axes : tuple of arrays
        Parameters, increasing.
    log_ratio : (..., 12) array
        log10 of the flux over that of H beta.
    """

    axes: tuple[np.ndarray, ...]
    log_ratio: np.ndarray

    def ratios(self, *point: float) -> np.ndarray:
        """Fluxes (12,) over that of H beta at a point, which is moved onto the grid."""
        corner, share = [], []
        for axis, x in zip(self.axes, point, strict=True):
            i = min(max(int(axis.searchsorted(x, "right")) - 1, 0), len(axis) - 2)
            corner.append(slice(i, i + 2))
            share.append(min(max((x - axis[i]) / (axis[i + 1] - axis[i]), 0.0), 1.0))
        values = self.log_ratio[tuple(corner)]
        for s in share:
            values = (1 - s) * values[0] + s * values[1]
        return np.asarray(10**values)

    def many(self, points: np.ndarray) -> np.ndarray:
        """Fluxes (n, 12) over that of H beta at points (n, parameters)."""
        values = np.zeros((len(points), self.log_ratio.shape[-1]))
        index, share = [], []
        for axis, x in zip(self.axes, points.T, strict=True):
            i = np.clip(np.searchsorted(axis, x, "right") - 1, 0, len(axis) - 2)
            index.append(i)
            share.append(np.clip((x - axis[i]) / (axis[i + 1] - axis[i]), 0, 1))
        for upper in np.ndindex(*(2,) * len(self.axes)):
            weight = np.prod([s if u else 1 - s for u, s in zip(upper, share, strict=True)], axis=0)
            where = tuple(i + u for i, u in zip(index, upper, strict=True))
            values += weight[:, None] * self.log_ratio[where]
        return 10**values


@lru_cache(maxsize=1)
def mappings_hii() -> Grid:
    """H II regions of MAPPINGS 5.1 against log U, log P/k, 12 + log O/H."""
    lines = nebula.mappings()
    names = [str(name) for name in lines.name]
    ratio = 10**lines.log_ratio
    sums = [ratio[..., [names.index(n) for n in parts]].sum(axis=-1) for *_, parts in LINES]
    return Grid(lines.axes, np.log10(np.stack(sums, axis=-1)))


@lru_cache(maxsize=1)
def mappings_pn() -> Grid:
    """Clouds in a hard field, MAPPINGS 5.1, against log U, log P/k, 12 + log O/H, log E_peak/keV.

    They were made for active nuclei; the softest fields stand for hot central stars.
    """
    with np.load(TABLES / "nlr.npz") as file:
        axes = tuple(file[n].astype(float) for n in ("log_u", "log_pressure", "log_oh", "log_peak"))
        return Grid(axes, file["log_ratio"].astype(float))


@lru_cache(maxsize=4)
def cloudy(folder: str, which: str) -> Grid:
    """A grid of HII-CHI-Mistry against 12 + log O/H, log N/O, log U.

    Zeros of the table stand for less than `SMALLEST`, and are given as that.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, or is another one.
    """
    name, digest = FILES[which]
    path = Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: download it from {URL}{name}")
    text = path.read_bytes()
    if hashlib.sha256(text).hexdigest() != digest:
        raise ValueError(f"{path} is not the file of {URL}{name}: its sha256 is not {digest}")
    rows = [line.split() for line in text.decode().splitlines() if not line.startswith("#")]
    table = np.array(rows[1:], float)
    for wrong, right in MISPRINTS.items():
        table[table[:, 1] == wrong, 1] = right
    axes = tuple(np.unique(table[:, i]) for i in range(3))
    where = tuple(np.searchsorted(axis, table[:, i]) for i, axis in enumerate(axes))
    ratio = np.full((*map(len, axes), len(NAMES)), np.nan)
    for column, line in enumerate(rows[0][3:], 3):
        index: Any = (*where, NAMES.index(COLUMNS[line]))
        ratio[index] = table[:, column]
    present = np.zeros(ratio.shape[:3], bool)
    present[where] = True
    log_ratio = np.log10(np.maximum(ratio, SMALLEST))
    log_ratio[..., HBETA], log_ratio[..., HALPHA] = 0, np.log10(CASE_B)
    return Grid(axes, _complete(log_ratio, present))


def _complete(log_ratio: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Models that a table lacks (a dozen of 5,800), from their neighbours in log U."""
    out = log_ratio.copy()
    u = np.arange(present.shape[2])
    for i, j, k in np.argwhere(~present):
        have = present[i, j]
        for line in range(out.shape[-1]):
            out[i, j, k, line] = np.interp(k, u[have], log_ratio[i, j, have, line])
    return out
