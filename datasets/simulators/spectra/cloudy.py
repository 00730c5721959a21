"""Line ratios of Cloudy 17, as published with HII-CHI-Mistry (Perez-Montero 2014), MIT licence.

The grid has 10 lines or sums of lines, and no gas pressure. Lines that it has replace those of
MAPPINGS, at the ratios inside a sum that MAPPINGS gives; hydrogen, helium and all other lines,
those in the ultraviolet among them, stay those of MAPPINGS.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from zoo_datasets.simulators.spectra import nebula
from zoo_datasets.simulators.spectra.nebula import Lines

FILE = "C17_POPSTAR_1myr.dat"
SHA256 = "4ae6e374a7e4ff112d8a1158bab0f8eb63be08e44439f96f8982d4c04635fda5"
URL = (
    "https://raw.githubusercontent.com/Estallidos/HII-CHI-Mistry/"
    "f4e302eb06f5079eca23ea4372ec0f70a0c58b59/HCm-opt/HCm_v6.0/Libraries_opt/" + FILE
)
MISPRINTS = {-1.675: -1.625, -1.775: -1.875}  # of log N/O, in two blocks of the table
SMALLEST = 5e-5  # of H beta: the table is rounded to 1e-4

# Column of the table: the lines whose sum it is, then those that follow it.
GROUPS = {
    "OII_3727": (("OII3726", "OII3729"), ()),
    "NeIII_3868": (("NeIII3869",), ("NeIII3967",)),
    "OIII_4363": (("OIII4363",), ()),
    "OIII_5007": (("OIII5007",), ("OIII4959",)),
    "NII_5755": (("NII5755",), ()),
    "SIII_6312": (("SIII6312",), ()),
    "NII_6584": (("NII6583",), ("NII6548",)),
    "SII_6717,31": (("SII6716", "SII6731"), ()),
    "OII_7325": (("OII7320", "OII7330", "OII7331"), ()),
    "SIII_9069": (("SIII9069",), ("SIII9531",)),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Replaced(Lines):
    """Lines of which some are those of another code.

    Attributes
    ----------
    grid : Lines
        Sums of lines of the other code against 12 + log O/H, log N/O and log U.
    """

    grid: Lines

    def ratios(self, *point: float) -> np.ndarray:
        """Fluxes (lines,) over that of H beta."""
        log_u, _, log_oh = point
        values = super().ratios(*point)
        names = list(self.name)
        sums = self.grid.ratios(log_oh, nitrogen(log_oh), log_u)
        for name, wanted in zip(self.grid.name, sums, strict=True):
            summed, following = GROUPS[str(name)]
            rows = [names.index(line) for line in summed]
            factor = wanted / values[rows].sum()
            values[[*rows, *(names.index(line) for line in following)]] *= factor
        return values


def nitrogen(log_oh: float) -> float:
    """Log N/O that goes with 12 + log O/H on average (Nicholls et al. 2017, table 1 and eq. 2)."""
    return float(np.log10(10**-1.732 + 10 ** (log_oh - 12 + 2.19)))


def hcm(path: Path) -> Replaced:
    """Read the grid.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, or is another one.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: download it from {URL}")
    text = path.read_bytes()
    if hashlib.sha256(text).hexdigest() != SHA256:
        raise ValueError(f"{path} is not the file of {URL}: its sha256 is not {SHA256}")
    rows = [line.split() for line in text.decode().splitlines() if not line.startswith("#")]
    table = np.array(rows[1:], float)
    for wrong, right in MISPRINTS.items():
        table[table[:, 1] == wrong, 1] = right
    # at N/O = 1 a model is missing, and no galaxy has as much nitrogen; one model stands twice
    models = np.unique(table[table[:, 1] < 0], axis=0)
    axes = tuple(np.unique(models[:, i]) for i in range(3))
    ratio = np.log10(np.maximum(models[:, 3:], SMALLEST)).reshape(*map(len, axes), -1)
    grid = Lines(np.array(list(GROUPS)), np.zeros(len(GROUPS)), axes, ratio)
    if rows[0][3:] != list(GROUPS):
        raise ValueError(f"{path} has the columns {', '.join(rows[0])}")
    base = nebula.mappings()
    return Replaced(base.name, base.wavelength, base.axes, base.log_ratio, grid)
