"""A table of the Gaussians of a galaxy's light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable, Table

from zoo.errors import InputError

FORMATS = {".ecsv": "ascii.ecsv", ".csv": "ascii.csv", ".fits": "fits"}
# column: other names of it (DYNAMITE, our cards), unit meant where the file gives none, range
COLUMNS = {
    "surf": (("I", "surf_lum"), u.Lsun / u.pc**2, "(0, inf)"),
    "sigma": (("sigma_lum",), u.arcsec, "(0, inf)"),
    "qobs": (("q", "qobs_lum"), u.one, "(0, 1]"),
}


def read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peak [Lsun/pc2], dispersion along the major axis [arcsec] and axis ratio, each (K,).

    The columns are surf, sigma and qobs; DYNAMITE's I, sigma and q, and the input names of the
    cards, are understood too.

    Raises
    ------
    InputError
        If the file is missing or damaged, or a column is missing, of another unit or range, or
        twisted.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path}: the MGE is a table, allowed: {', '.join(FORMATS)}")
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    try:
        table = QTable.read(path, format=FORMATS[suffix])
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as {suffix}: {error}") from error
    if "PA_twist" in table.colnames and np.any(np.asarray(table["PA_twist"])):
        raise InputError(f"{path} has twists (PA_twist); JAM is axisymmetric and has none")
    surf, sigma, qobs = (_column(table, name, path) for name in COLUMNS)
    return surf, sigma, qobs


def _column(table: Table, name: str, path: Path) -> np.ndarray:
    others, unit, allowed = COLUMNS[name]
    found = next((word for word in (name, *others) if word in table.colnames), None)
    if found is None:
        raise InputError(f"{path} lacks the column {name} (or {' or '.join(others)})")
    column = table[found]
    try:
        values = u.Quantity(np.ma.filled(column, np.nan) if hasattr(column, "mask") else column)
        if values.unit != u.one or unit == u.one:
            values = values.to(unit)
        numbers: np.ndarray = np.asarray(values.value, dtype=float)
    except (TypeError, ValueError, u.UnitConversionError) as error:
        raise InputError(f"{path}: {found} is no number of {unit} ({error})") from error
    wrong = ~((numbers > 0) & (numbers <= (1 if name == "qobs" else np.finfo(float).max)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"{path}: {found} in row {row + 1} is {numbers[row]}, allowed: {allowed}")
    return numbers
