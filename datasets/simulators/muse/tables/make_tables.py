"""Derive the table beside this file from published packages.

Run as `python -m zoo_datasets.simulators.muse.tables.make_tables` in an environment that has
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

from zoo_datasets.simulators.muse.lines import GRID, PASCHEN

HERE = Path(__file__).parent
PACKAGE = "NebulaBayes==0.9.9"
SOFT = -1.4  # log10 E_peak/keV: harder fields than this are left out
FLOOR = 1e-6  # of H beta: weak lines that the grid does not give

TEMPERATURE = np.geomspace(6000, 44000, 18)  # K
COOLEST, HOTTEST = 5e3, 2.5e4  # K: helium is known between
DENSITY = np.geomspace(10, 1e4, 7)  # cm^-3
METALS = {  # element, ion, wavelengths [A] as PyNeb labels them
    "OI6300": ("O", 1, (6300,)),
    "NI5198": ("N", 1, (5198,)),
    "NI5200": ("N", 1, (5200,)),
    "SII6716": ("S", 2, (6716,)),
    "SII6731": ("S", 2, (6731,)),
    "OII7320": ("O", 2, (7319, 7320)),
    "OII7330": ("O", 2, (7330, 7331)),
}
HELIUM = {  # labels of PyNeb
    "HeI5876": "5876.0",
    "HeI4922": "4922.0",
    "HeI5016": "5016.0",
    "HeI6678": "6678.0",
    "HeI7065": "7065.0",
    "HeI7281": "7281.0",
}


def main() -> None:
    """Write the table."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", folder, PACKAGE]
        subprocess.run(pip, check=True)  # noqa: S603 (our own arguments)
        wheel = zipfile.ZipFile(next(Path(folder).glob("[Nn]ebula[Bb]ayes*.whl")))
        table = gzip.decompress(wheel.read("NebulaBayes/grids/NB_NLR_grid.fits.gz"))
    arrays = clouds(table) | emissivities() | series()
    np.savez_compressed(HERE / "lines.npz", **arrays)  # type: ignore[arg-type]


def clouds(table: bytes) -> dict[str, np.ndarray]:
    """Lines of MAPPINGS 5.1 narrow-line regions in soft fields, as log10 over H beta.

    `log_ratio` (log U, log P/k, 12 + log O/H, log E_peak, line of `GRID`).
    """
    columns = ("log U", "log P/k", "12 + log O/H", "log E_peak")
    with fits.open(io.BytesIO(table)) as hdus:
        data = hdus[1].data
        data = data[data["log E_peak"] <= SOFT]
        axes = [np.unique(data[name]) for name in columns]
        rows = np.lexsort([data[name] for name in reversed(columns)])
        beta = data["Hbeta"][rows].astype(float)
        ratio = np.stack([np.fmax(data[n][rows] / beta, FLOOR) for n in GRID], axis=-1)
    log_ratio = np.log10(ratio).reshape(*map(len, axes), len(GRID))
    names = ("log_u", "log_pressure", "log_oh", "log_peak")
    return {n: axis.astype(np.float32) for n, axis in zip(names, axes, strict=True)} | {
        "log_ratio": log_ratio.astype(np.float16)
    }


def emissivities() -> dict[str, np.ndarray]:
    """log10 of emissivities [erg cm^3 / s] of lines that the toy of shocks needs."""
    import pyneb

    found = []
    for element, ion, waves in METALS.values():
        atom = pyneb.Atom(element, ion)
        found.append(sum(atom.getEmissivity(TEMPERATURE, DENSITY, wave=w) for w in waves))
    helium = pyneb.RecAtom("He", 1)
    # its tables begin at 100 cm^-3, below which nothing depends on the density
    known = np.clip(TEMPERATURE, COOLEST, HOTTEST), np.maximum(DENSITY, 100)
    found += [helium.getEmissivity(*known, label=label) for label in HELIUM.values()]
    return {
        "log_temperature": np.log10(TEMPERATURE).astype(np.float32),
        "log_density": np.log10(DENSITY).astype(np.float32),
        "emitted": np.array([*METALS, *HELIUM]),
        "log_emissivity": np.log10(np.stack(found, axis=-1)).astype(np.float32),
    }


def series() -> dict[str, np.ndarray]:
    """Paschen lines over H beta, and He II 5411 over 4686, case B, 10^4 K, 100 cm^-3."""
    import pyneb

    hydrogen, helium = pyneb.RecAtom("H", 1), pyneb.RecAtom("He", 2)
    beta = hydrogen.getEmissivity(1e4, 100, lev_i=4, lev_j=2)
    found = [hydrogen.getEmissivity(1e4, 100, lev_i=n, lev_j=3) / beta for n in PASCHEN]
    pair = [helium.getEmissivity(1e4, 100, lev_i=n, lev_j=m) for n, m in ((7, 4), (4, 3))]
    return {
        "paschen": np.array(found, np.float32).ravel(),
        "pickering": np.array(np.squeeze(pair[0] / pair[1]), np.float32),
    }


if __name__ == "__main__":
    main()
