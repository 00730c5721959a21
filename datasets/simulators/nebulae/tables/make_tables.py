"""Derive the tables beside this file from published packages.

Run as `python -m zoo_datasets.simulators.nebulae.tables.make_tables` in an environment that has
PyNeb 1.1.32 (`pip install pyneb==1.1.32`); NebulaBayes is fetched with pip and only read.
LICENSES.txt names the packages.
"""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from astropy.io import fits

from zoo_datasets.simulators.nebulae.lines import LINES, NAMES

HERE = Path(__file__).parent
PACKAGE = "NebulaBayes==0.9.9"
SOFT = -1.4  # log10 E_peak/keV: harder fields than this are left out
FLOOR = 1e-6  # of H beta: weak lines that the grid does not give

TEMPERATURE = np.geomspace(6000, 44000, 18)  # K
HOTTEST = 3e4  # K, to which PyNeb knows hydrogen
DENSITY = np.geomspace(10, 1e4, 7)  # cm^-3
ATOMS = {  # of a line: element, ion, wavelengths [A] as PyNeb labels them
    "OII3727": ("O", 2, (3726, 3729)),
    "NeIII3869": ("Ne", 3, (3869,)),
    "OIII4363": ("O", 3, (4363,)),
    "OIII5007": ("O", 3, (5007,)),
    "NII5755": ("N", 2, (5755,)),
    "SIII6312": ("S", 3, (6312,)),
    "NII6584": ("N", 2, (6584,)),
    "SII6725": ("S", 2, (6716, 6731)),
    "OII7325": ("O", 2, (7319, 7320, 7330, 7331)),
    "SIII9069": ("S", 3, (9069,)),
}


def main() -> None:
    """Write the tables."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", folder, PACKAGE]
        subprocess.run(pip, check=True)  # noqa: S603 (our own arguments)
        wheel = zipfile.ZipFile(next(Path(folder).glob("[Nn]ebula[Bb]ayes*.whl")))
        np.savez_compressed(HERE / "nlr.npz", **clouds(wheel))  # type: ignore[arg-type]
    np.savez_compressed(HERE / "emissivity.npz", **emissivities())  # type: ignore[arg-type]


def clouds(wheel: zipfile.ZipFile) -> dict[str, np.ndarray]:
    """Lines of MAPPINGS 5.1 narrow-line regions in soft fields, as log10 over H beta.

    `log_ratio` (log U, log P/k, 12 + log O/H, log E_peak, line).
    """
    table = gzip.decompress(wheel.read("NebulaBayes/grids/NB_NLR_grid.fits.gz"))
    columns = ("log U", "log P/k", "12 + log O/H", "log E_peak")
    with fits.open(io.BytesIO(table)) as hdus:
        data = hdus[1].data
        data = data[data["log E_peak"] <= SOFT]
        axes = [np.unique(data[name]) for name in columns]
        rows = np.lexsort([data[name] for name in reversed(columns)])
        beta = data["Hbeta"][rows].astype(float)
        ratio = np.stack(
            [sum(np.fmax(data[n][rows] / beta, FLOOR) for n in parts) for *_, parts in LINES],
            axis=-1,
        )
    log_ratio = np.log10(ratio).reshape(*map(len, axes), len(LINES))
    names = ("log_u", "log_pressure", "log_oh", "log_peak")
    return {n: axis.astype(np.float32) for n, axis in zip(names, axes, strict=True)} | {
        "log_ratio": log_ratio.astype(np.float16)
    }


def emissivities() -> dict[str, np.ndarray]:
    """log10 of emissivities [erg cm^3 / s] of the lines against temperature and density.

    Hydrogen stands at `HOTTEST` beyond that.
    """
    import pyneb

    out = np.zeros((len(TEMPERATURE), len(DENSITY), len(NAMES)))
    for i, name in enumerate(NAMES):
        if name in ATOMS:
            element, ion, waves = ATOMS[name]
            atom = pyneb.Atom(element, ion)
            seen = sum(atom.getEmissivity(TEMPERATURE, DENSITY, wave=w) for w in waves)
        else:
            levels = {"Halpha": (3, 2), "Hbeta": (4, 2)}[name]
            cool = np.minimum(TEMPERATURE, HOTTEST)
            hydrogen = pyneb.RecAtom("H", 1)
            # its tables begin at 100 cm^-3, below which nothing depends on the density
            dense = np.maximum(DENSITY, 100)
            seen = hydrogen.getEmissivity(cool, dense, lev_i=levels[0], lev_j=levels[1])
        out[..., i] = np.log10(seen)
    return {
        "log_temperature": np.log10(TEMPERATURE).astype(np.float32),
        "log_density": np.log10(DENSITY).astype(np.float32),
        "log_emissivity": out.astype(np.float32),
    }


if __name__ == "__main__":
    main()
