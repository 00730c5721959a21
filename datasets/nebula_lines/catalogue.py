"""A user's table of line fluxes as records of the config `catalogue`.

Columns as in the nebular catalogues of PHANGS-MUSE (Groves et al. 2023), in any format that astropy
reads: `gal_name`, `region_ID`, and for each line `HB4861_FLUX`, `HB4861_FLUX_ERR` and so on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Table

from zoo_datasets.errors import DatasetError
from zoo_datasets.simulators.nebulae.lines import LINES
from zoo_datasets.simulators.nebulae.mixing import limited

SUFFIXES = (".fits", ".fit", ".ecsv", ".csv", ".vot", ".xml", ".parquet", ".hdf5")
UNIT = 1e-17 * u.erg / u.s / u.cm**2
CLASSES = {"hii": 0, "pn": 1, "snr": 2}
UNKNOWN = 255
# Columns of each line of ours; where there are several their fluxes are added.
COLUMNS = {
    "OII3727": ("OII3726", "OII3729"),
    "NeIII3869": ("NEIII3868",),
    "OIII4363": ("OIII4363",),
    "Hbeta": ("HB4861",),
    "OIII5007": ("OIII5006",),
    "NII5755": ("NII5754",),
    "SIII6312": ("SIII6312",),
    "Halpha": ("HA6562",),
    "NII6584": ("NII6583",),
    "SII6725": ("SII6716", "SII6730"),
    "OII7325": ("OII7319", "OII7330"),
    "SIII9069": ("SIII9068",),
}


def splits(folder: Path) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
    """Key and record of every nebula in the tables of a folder; all of them are for testing.

    Raises
    ------
    DatasetError
        If the folder holds no table, or a table lacks what is needed.
    """
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise DatasetError(f"{folder} holds no {', '.join(SUFFIXES)}: put a table of fluxes there")
    return {"test": (pair for path in paths for pair in records(path))}


def records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Key and record of every row of a table; lines that a row lacks are left out of it.

    A flux below 3 errors becomes an upper limit.

    Raises
    ------
    DatasetError
        If no line has columns, an error column is missing, a unit is not one of flux, or an error
        is not positive where there is a flux.
    """
    table = Table.read(path)
    measured = {name: found for name in COLUMNS if (found := _line(table, path, name)) is not None}
    if not measured:
        wanted = ", ".join(f"{parts[0]}_FLUX" for parts in COLUMNS.values())
        raise DatasetError(f"{path} has none of the columns {wanted}")
    wavelength = {name: label for name, label, _ in LINES}
    for row in range(len(table)):
        have = [name for name, (flux, _) in measured.items() if np.isfinite(flux[row])]
        flux = np.array([measured[name][0][row] for name in have])
        error = np.array([measured[name][1][row] for name in have])
        if not np.all(error > 0):
            bad = have[int(np.argmin(error > 0))]
            raise DatasetError(f"{path}, row {row}: the error of {bad} is not a positive number")
        key = _key(table, path, row)
        yield (
            key,
            {
                "object_id": key,
                "label": np.uint8(_label(table, row)),
                "line": np.array([wavelength[name] for name in have], np.float32),
                **{
                    n: v.astype(np.uint8 if n == "is_limit" else np.float32)
                    for n, v in limited(flux, error).items()
                },
            },
        )


def _line(table: Table, path: Path, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Flux and error (rows,) of a line [1e-17 erg/s/cm2]; None if the table does not have it."""
    parts = COLUMNS[name]
    if not all(f"{part}_FLUX" in table.colnames for part in parts):
        return None
    if missing := [p for p in parts if f"{p}_FLUX_ERR" not in table.colnames]:
        raise DatasetError(f"{path} has {missing[0]}_FLUX but no {missing[0]}_FLUX_ERR")
    flux = sum(_values(table, path, f"{part}_FLUX") for part in parts)
    variance = sum(_values(table, path, f"{part}_FLUX_ERR") ** 2 for part in parts)
    return np.asarray(flux), np.sqrt(variance)


def _values(table: Table, path: Path, column: str) -> np.ndarray:
    """A column in our unit, NaN where it is masked; without a unit it is taken to be in ours.

    PHANGS-MUSE's own tables are in 1e-20 erg/s/cm2, and say so.
    """
    values: np.ndarray = np.ma.filled(np.ma.asarray(table[column].data, dtype=float), np.nan)
    if table[column].unit is None:
        return np.asarray(values)
    try:
        return np.asarray((values * u.Unit(table[column].unit)).to_value(UNIT))
    except (ValueError, u.UnitConversionError) as error:
        raise DatasetError(f"{path}: {column} is in {table[column].unit}: {error}") from error


def _key(table: Table, path: Path, row: int) -> str:
    names = [n for n in ("gal_name", "region_ID") if n in table.colnames]
    return "-".join([str(table[n][row]) for n in names] or [path.stem, str(row)])


def _label(table: Table, row: int) -> int:
    """Class of a row from a column `label`, of names."""
    if "label" not in table.colnames:
        return UNKNOWN
    return CLASSES.get(str(table["label"][row]).strip().lower(), UNKNOWN)
