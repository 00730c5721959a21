"""Emission lines between 4680 and 9300 A, and the grids that give them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo_datasets.simulators.nebulae.grids import Grid
from zoo_datasets.simulators.spectra import air, nebula

TABLE = Path(__file__).parent / "tables" / "lines.npz"

GRID = {  # lines of NebulaBayes' grids: name, wavelength in air [A] (NIST)
    "HeII4686": 4685.71,
    "ArIV4711": 4711.37,
    "ArIV4740": 4740.17,
    "Hbeta": 4861.33,
    "OIII5007": 5006.84,
    "HeI5016": 5015.68,
    "NI5198": 5197.90,
    "NI5200": 5200.26,
    "NII5755": 5754.64,
    "HeI5876": 5875.66,
    "OI6300": 6300.30,
    "SIII6312": 6312.06,
    "OI6364": 6363.78,
    "HeII6560": 6560.10,
    "Halpha": 6562.82,
    "NII6583": 6583.45,
    "HeI6678": 6678.15,
    "SII6716": 6716.44,
    "SII6731": 6730.82,
    "HeI7065": 7065.28,
    "OII7320": 7319.92,
    "OII7330": 7329.67,
    "OII7331": 7330.73,
    "SIII9069": 9068.6,
}
# Lines that the grids lack and atomic physics ties to one that they have: wavelength in air [A],
# the line, ratio. Doublets from one level (Storey & Zeippen 2000); helium in case B at 10^4 K and
# 100 cm^-3 (PyNeb: Porter et al. 2013); He II and Paschen lines follow from the table.
TIED = {
    "OIII4959": (4958.91, "OIII5007", 1 / 2.98),
    "NII6548": (6548.05, "NII6583", 1 / 3.05),
    "HeI4922": (4921.93, "HeI5876", 0.098),
    "HeI7281": (7281.35, "HeI5876", 0.053),
}
PASCHEN = {9: 9229.02, 10: 9014.91, 11: 8862.79, 12: 8750.47, 13: 8665.02, 14: 8598.39}
PICKERING = ("HeII5411", 5411.52, "HeII4686")

NAMES = (*GRID, *TIED, PICKERING[0], *(f"Pa{n}" for n in PASCHEN))
AIR = np.array(
    [*GRID.values(), *(row[0] for row in TIED.values()), PICKERING[1], *PASCHEN.values()]
)
WAVELENGTH = air.to_vacuum(AIR)  # [A]
INDEX = {name: i for i, name in enumerate(NAMES)}
HALPHA, HBETA = INDEX["Halpha"], INDEX["Hbeta"]


@lru_cache(maxsize=1)
def table() -> dict[str, np.ndarray]:
    """Arrays of the table, see `tables.make_tables`."""
    with np.load(TABLE) as file:
        return {name: file[name] for name in file.files}


@lru_cache(maxsize=1)
def soft() -> Grid:
    """H II regions of MAPPINGS 5.1 against log U, log P/k, 12 + log O/H."""
    found = nebula.mappings()
    names = [str(name) for name in found.name]
    return Grid(found.axes, complete(found.log_ratio[..., [names.index(n) for n in GRID]]))


@lru_cache(maxsize=1)
def hard() -> Grid:
    """Clouds in a hard field, MAPPINGS 5.1, against log U, log P/k, 12 + log O/H, log E_peak/keV.

    They were made for active nuclei; only the softest fields are here.
    """
    given = table()
    axes = ("log_u", "log_pressure", "log_oh", "log_peak")
    ratios = complete(given["log_ratio"].astype(float))
    return Grid(tuple(given[name].astype(float) for name in axes), ratios)


def complete(log_ratio: np.ndarray) -> np.ndarray:
    """Add the tied lines: from (..., lines of `GRID`) to (..., lines of `NAMES`)."""
    given = table()
    more = [log_ratio[..., INDEX[line]] + np.log10(ratio) for _, line, ratio in TIED.values()]
    more.append(log_ratio[..., INDEX[PICKERING[2]]] + np.log10(given["pickering"]))
    more += [log_ratio[..., HBETA] + np.log10(ratio) for ratio in given["paschen"]]
    return np.concatenate([log_ratio, np.stack(more, axis=-1)], axis=-1)
