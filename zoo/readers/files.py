"""Inputs and predictions as files: ECSV, FITS, CSV, HDF5 and npz."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from astropy import units as u
from astropy.table import QTable

from zoo.errors import InputError

TABLES = {".ecsv": "ascii.ecsv", ".csv": "ascii.csv", ".fits": "fits"}
ARRAYS = (".npz", ".h5", ".hdf5")
ACCEPTED = ", ".join((*TABLES, *ARRAYS))


def read_inputs(path: Path) -> dict[str, Any] | QTable:
    """Read a file whose columns or datasets bear the names of a card's inputs.

    An HDF5 dataset tells its unit in the attribute `unit`; npz files are in the card's units.

    Raises
    ------
    InputError
        If the file is missing, of another format, or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    suffix = path.suffix.lower()
    try:
        if suffix in TABLES:
            return QTable.read(path, format=TABLES[suffix])
        if suffix == ".npz":
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        if suffix in ARRAYS:
            return _read_hdf5(path)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(f"{path} cannot be read as {suffix}: {error}") from error
    raise InputError(f"{path}: the format is {suffix or 'unknown'!r}, allowed: {ACCEPTED}")


def writable(path: Path) -> str:
    """The suffix of a file that `write_table` can write, or an InputError."""
    suffix = path.suffix.lower()
    if suffix not in (*TABLES, *ARRAYS):
        raise InputError(f"{path}: the format is {suffix or 'unknown'!r}, allowed: {ACCEPTED}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist")
    return suffix


def write_table(table: QTable, path: Path) -> None:
    """Write a table with its units; the file appears complete or not at all.

    Raises
    ------
    InputError
        If the suffix is of another format, or the format cannot hold the table.
    """
    suffix = writable(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=suffix)
    os.close(handle)
    try:
        if suffix in TABLES:
            table.write(name, format=TABLES[suffix], overwrite=True)
        elif suffix == ".npz":
            np.savez(name, **{n: getattr(table[n], "value", table[n]) for n in table.colnames})
        else:
            _write_hdf5(table, name)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except ValueError as error:  # CSV holds no vectors
        raise InputError(f"{path} cannot be written as {suffix}: {error}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _read_hdf5(path: Path) -> dict[str, Any]:
    import h5py

    columns = {}
    with h5py.File(path) as file:
        for name, dataset in file.items():
            if not isinstance(dataset, h5py.Dataset):
                raise InputError(f"{path}: {name} is a group; inputs are datasets of the root")
            unit = dataset.attrs.get("unit")
            columns[name] = dataset[()] if unit is None else dataset[()] * u.Unit(unit)
    return columns


def _write_hdf5(table: QTable, path: str) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs.update(table.meta)
        for name in table.colnames:
            column = table[name]
            file[name] = getattr(column, "value", column)
            if getattr(column, "unit", None) is not None:
                file[name].attrs["unit"] = column.unit.to_string()
