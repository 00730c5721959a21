"""Tables of galaxies around a cluster, as surveys and VizieR give them.

Two layouts, told apart by their columns (letter case does not matter):

- (R, v): `R` or `r_proj`, and `v`, `v_z` or `v_los`, with units;
- sky: right ascension, declination, and redshift (or `cz` in km/s), under the names that SDSS,
  DESI and VizieR use.

A text table (`.dat`, `.txt`) is of white-space separated columns whose names stand in the last
comment line, units in brackets: ``# R(kpc) v_z(km/s) err_vz(km/s)``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable, Table

from zoo.card import Card
from zoo.errors import InputError
from zoo.readers import clusters
from zoo.readers.members import Members

FORMATS = {
    ".csv": "ascii.csv",
    ".ecsv": "ascii.ecsv",
    ".fits": "fits",
    ".vot": "votable",
    ".xml": "votable",
}
TEXT = (".dat", ".txt")
SUFFIXES = (*FORMATS, *TEXT)
NAMES = {
    "r": ("r_proj", "r", "rproj"),
    "v": ("v_los", "v", "v_z", "vz", "vlos"),
    "ra": ("ra", "raj2000", "_raj2000", "ra_icrs", "radeg", "target_ra"),
    "dec": ("dec", "dej2000", "_dej2000", "de_icrs", "dedeg", "target_dec"),
    "z": ("z", "zsp", "zspec", "z_spec", "redshift", "zhelio", "z_helio"),
    "cz": ("cz", "hv", "hrv", "helio_velocity"),
}
_TITLE = re.compile(r"^(.+?)[(\[]([^()\[\]]*)[)\]]$")


def describes(path: Path, card: Card) -> bool:
    """Whether a file is a table of galaxies for a card, rather than one of the card's own inputs.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    if "v_los" not in card.inputs or path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    return path.suffix.lower() in TEXT or not set(table(path).colnames) & set(card.inputs)


def table(path: Path) -> QTable:
    """Read a table of any of the formats.

    Raises
    ------
    InputError
        If the file is missing, of another format, or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    suffix = path.suffix.lower()
    try:
        if suffix in TEXT:
            return _text(path)
        if suffix not in FORMATS:
            raise InputError(f"{path}: the format is {suffix!r}, allowed: {', '.join(SUFFIXES)}")
        options = {"comment": "#"} if suffix == ".csv" else {}
        return QTable(Table.read(path, format=FORMATS[suffix], **options))
    except (OSError, ValueError, IndexError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as {suffix}: {error}") from error


def read(path: Path, **facts: Any) -> Members:
    """Galaxies around a cluster from a file.

    Parameters
    ----------
    path : Path
        Table of one of the layouts above.
    **facts
        As for `clusters.from_phase_space` (where `redshift` is needed) or `clusters.from_sky`.

    Raises
    ------
    InputError
        Naming the file, the column and what is allowed.
    """
    return members(table(path), str(path), **facts)


def members(galaxies: Table, where: str = "the table", **facts: Any) -> Members:
    """Galaxies around a cluster from a table; see `read`."""
    found = {key: name for key in NAMES if (name := _find(galaxies, key))}
    try:
        if {"ra", "dec"} <= set(found) and {"z", "cz"} & set(found):
            ra, dec = (_column(galaxies[found[key]], u.deg) for key in ("ra", "dec"))
            z = _redshifts(galaxies, found)
            return clusters.from_sky(ra, dec, z, **facts)
        if {"r", "v"} <= set(found):
            r, v = (_quantity(galaxies[found[key]], found[key]) for key in ("r", "v"))
            facts.pop("centre", None)  # R is the distance from it
            return clusters.from_phase_space(r, v, **facts)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    raise InputError(
        f"{where} has the columns {', '.join(galaxies.colnames)}, allowed: R and v with units, or "
        "ra, dec and z (or cz), as SDSS, DESI and VizieR name them"
    )


def _find(galaxies: Table, key: str) -> str | None:
    """The first name of a quantity that is a column, whatever its letter case."""
    lower = {name.lower(): name for name in galaxies.colnames}
    return next((lower[name] for name in NAMES[key] if name in lower), None)


def _redshifts(galaxies: Table, found: dict[str, str]) -> np.ndarray:
    if "z" in found:
        column = galaxies[found["z"]]
        unit = getattr(column, "unit", None)
        if unit is None or unit == u.one:
            return np.asarray(_column(column, u.one), float)
        return np.asarray(_column(column, u.km / u.s), float) / clusters.C
    return np.asarray(_column(galaxies[found["cz"]], u.km / u.s), float) / clusters.C


def _column(column: Any, unit: u.UnitBase) -> Any:
    """A column as plain values; without a unit it is in this one."""
    if np.any(getattr(column, "mask", False)):
        raise InputError(f"{column.info.name} has missing values; drop those rows")
    if isinstance(column, u.Quantity):
        try:
            return column.to_value(unit)
        except u.UnitConversionError as error:
            raise InputError(f"{column.info.name} is in {column.unit}: {error}") from error
    values = np.asarray(column)
    return values.astype(str) if values.dtype.kind == "S" else values  # text in FITS is bytes


def _quantity(column: Any, name: str) -> u.Quantity:
    if not isinstance(column, u.Quantity):
        raise InputError(f"{name} has no unit; write it into the table, such as {name}(kpc)")
    if np.any(getattr(column, "mask", False)):
        raise InputError(f"{name} has missing values; drop those rows")
    return u.Quantity(column)


def _text(path: Path) -> QTable:
    lines = path.read_text(encoding="utf-8").splitlines()
    titles = [line.lstrip("# ").split() for line in lines if line.startswith("#")]
    if all(line.startswith("#") for line in lines if line.strip()):
        raise InputError(f"{path} has no rows")
    values = np.loadtxt(path, ndmin=2)
    fitting = [words for words in titles if len(words) == values.shape[1]]
    if not fitting:
        raise InputError(
            f"{path} has {values.shape[1]} columns and no comment line that names them, such as "
            "'# R(kpc) v_z(km/s)'"
        )
    out = QTable()
    for title, column in zip(fitting[-1], values.T, strict=True):
        match = _TITLE.match(title)
        out[match[1] if match else title] = column * u.Unit(match[2]) if match else column
    return out
