"""Emission lines of H II regions, relative to H beta."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo_datasets.simulators.spectra import air

TABLE = Path(__file__).parent / "tables" / "mappings.npz"
H_BETA = 4.76e-13  # erg per ionising photon, case B, 10^4 K (Osterbrock & Ferland 2006, table 4.2)

# Lines that the grid lacks and atomic physics ties to one that it has: name, wavelength in air
# [A], the line, ratio. Doublets from one level (Storey & Zeippen 2000; Osterbrock & Ferland 2006);
# hydrogen in case B at 10^4 K and 100 cm^-3 (Osterbrock & Ferland 2006, table 4.4).
TIED = (
    ("OIII4959", 4958.9, "OIII5007", 1 / 2.98),
    ("NII6548", 6548.0, "NII6583", 1 / 3.05),
    ("Hepsilon", 3970.1, "Hbeta", 0.159),
    ("H8", 3889.1, "Hbeta", 0.105),
    ("H9", 3835.4, "Hbeta", 0.0731),
    ("H10", 3797.9, "Hbeta", 0.0530),
    ("Paepsilon", 9545.97, "Hbeta", 0.0366),
    ("Pa9", 9229.02, "Hbeta", 0.0254),
)
# Out of reach of the instrument, and Ly alpha is scattered.
LEFT_OUT = ("Lyalpha", "HeII1215")


@dataclasses.dataclass(frozen=True, eq=False)
class Lines:
    """Line ratios on a regular grid of models.

    Attributes
    ----------
    name : (lines,) array
        Names, as in "OIII5007".
    wavelength : (lines,) array
        [A, vacuum].
    axes : tuple of arrays
        log U, log P/k, 12 + log O/H.
    log_ratio : (..., lines) array
        log10 of the flux over that of H beta.
    """

    name: np.ndarray
    wavelength: np.ndarray
    axes: tuple[np.ndarray, ...]
    log_ratio: np.ndarray

    def ratios(self, *point: float) -> np.ndarray:
        """Fluxes (lines,) over that of H beta: linear in the logarithm between the models."""
        values = self.log_ratio
        for axis, x in zip(self.axes, point, strict=True):
            i = int(np.clip(np.searchsorted(axis, x, "right") - 1, 0, len(axis) - 2))
            share = np.clip((x - axis[i]) / (axis[i + 1] - axis[i]), 0, 1)
            values = (1 - share) * values[i] + share * values[i + 1]
        return 10**values


@lru_cache(maxsize=1)
def mappings() -> Lines:
    """H II regions of MAPPINGS 5.1, as packaged with NebulaBayes, and the lines tied to them."""
    with np.load(TABLE) as file:
        keep = ~np.isin(file["name"], LEFT_OUT)
        names = [str(name) for name in file["name"][keep]]
        log_ratio = file["log_ratio"].astype(float)[..., keep]
        return tied(
            names,
            file["wavelength"][keep],
            tuple(file[name].astype(float) for name in ("log_u", "log_pressure", "log_oh")),
            log_ratio,
        )


def tied(
    names: list[str], wavelength: np.ndarray, axes: tuple[np.ndarray, ...], log_ratio: np.ndarray
) -> Lines:
    """Lines of a grid with those that `TIED` adds."""
    more = [log_ratio[..., names.index(line)] + np.log10(ratio) for *_, line, ratio in TIED]
    return Lines(
        name=np.array([*names, *(row[0] for row in TIED)]),
        wavelength=np.append(wavelength, air.to_vacuum(np.array([row[1] for row in TIED]))),
        axes=axes,
        log_ratio=np.concatenate([log_ratio, np.stack(more, axis=-1)], axis=-1),
    )
