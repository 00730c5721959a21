"""HDF5 files of CAMELS: every way in which one can be wrong gets an error that names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from zoo_datasets.errors import DatasetError

with suppress(ImportError):  # importing it is what registers its filters
    import hdf5plugin  # noqa: F401

KPC = 1e-3  # [Mpc/h] in the unit of lengths
MASS = 1e10  # [Msun/h] in the unit of masses
BOX_SIZES = (1e3, 1e6)  # [kpc/h]
TODAY = 0.01  # redshift up to which a file is of redshift 0
OUTSIDE = 1e-3  # of the box: by so much may lossy compression move a particle out of it
FILLED = 0.5  # of the box: the positions of many objects reach at least so far


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, open for reading.

    Raises
    ------
    DatasetError
        If it cannot be read, or is no HDF5 file.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error


def attribute(file: h5py.File, name: str) -> np.ndarray:
    """One attribute of the group `Header`."""
    if "Header" not in file or name not in file["Header"].attrs:
        raise DatasetError(f"{file.filename}: the group Header has no attribute {name}")
    return np.asarray(file["Header"].attrs[name])


def dataset(file: h5py.File, name: str, columns: int | None = None, least: int = 0) -> h5py.Dataset:
    """A dataset (n,), or (n, columns).

    Parameters
    ----------
    columns : int, optional
        Length of the second axis.
    least : int
        Length of the second axis at least, where it is not fixed.

    Raises
    ------
    DatasetError
        If it is missing, has another shape, or is compressed in a way that cannot be read here.
    """
    where = f"{file.filename}: {name}"
    if name not in file:
        group = name.rpartition("/")[0]
        have = ", ".join(sorted(file[group])) if group in file else f"no group {group}"
        raise DatasetError(f"{where} is missing; there is {have or 'nothing'}")
    found = file[name]
    wide = columns is not None or least
    shaped = found.ndim == (2 if wide else 1)
    if not shaped or (columns and found.shape[1] != columns) or (wide and found.shape[1] < least):
        need = f"(n, {columns or f'{least} or more'})" if wide else "(n,)"
        raise DatasetError(f"{where} has shape {found.shape}, allowed: {need}")
    plist = found.id.get_create_plist()
    for index in range(plist.get_nfilters()):
        code, _, _, label = plist.get_filter(index)
        if not h5py.h5z.filter_avail(code):
            raise DatasetError(
                f"{where} is compressed by the HDF5 filter {code} ({label.decode() or 'no name'}), "
                "as the N-body files of CAMELS are; `pip install hdf5plugin` makes it readable"
            )
    return found


def box_size(file: h5py.File) -> float:
    """Side of the box [Mpc/h] of a file of redshift 0.

    Raises
    ------
    DatasetError
        If the file is of another redshift or the side is not in kpc/h.
    """
    redshift = float(attribute(file, "Redshift"))
    if abs(redshift) > TODAY:
        raise DatasetError(f"{file.filename}: Redshift = {redshift:g}, allowed: 0")
    size = float(attribute(file, "BoxSize"))
    if not BOX_SIZES[0] <= size <= BOX_SIZES[1]:
        low, high = BOX_SIZES
        raise DatasetError(
            f"{file.filename}: BoxSize = {size:g}, allowed: {low:g} to {high:g}; it is in kpc/h"
        )
    return size * KPC


def inside(where: str, position: np.ndarray, size: float) -> np.ndarray:
    """Positions (n, 3) [Mpc/h] from kpc/h, in [0, size).

    Raises
    ------
    DatasetError
        If one is not finite, or farther outside the box than rounding moves it.
    """
    scaled = np.asarray(position, np.float64) * KPC
    low, high = scaled.min(initial=0), scaled.max(initial=0)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DatasetError(f"{where} holds values that are not finite")
    if low < -OUTSIDE * size or high > (1 + OUTSIDE) * size:
        raise DatasetError(
            f"{where} runs from {low / KPC:g} to {high / KPC:g}, allowed: 0 to BoxSize = "
            f"{size / KPC:g} kpc/h; is it periodic and in comoving kpc/h?"
        )
    wrapped = scaled % size
    wrapped[wrapped >= size] = 0  # rounding
    return wrapped


def fills(where: str, highest: np.ndarray, size: float) -> None:
    """Refuse positions that fill a corner only, as those in Mpc/h do in a box in kpc/h."""
    if (highest < FILLED * size).any():
        raise DatasetError(
            f"{where} reaches only {highest.min() / KPC:g} of BoxSize = {size / KPC:g} kpc/h; "
            "are positions in comoving kpc/h?"
        )


def whole(paths: list[Path], attributes: tuple[str, ...]) -> None:
    """Refuse a file in parts of which some are missing.

    Parameters
    ----------
    attributes : tuple of str
        Names under which the header may tell the number of parts.
    """
    with opened(paths[0]) as file:
        told: dict[str, Any] = dict(file["Header"].attrs) if "Header" in file else {}
        name = next((name for name in attributes if name in told), None)
        count = 1 if name is None else int(told[name])
    if count != len(paths):
        raise DatasetError(
            f"{paths[0]} says {name} = {count}, but there are {len(paths)} parts: "
            f"{', '.join(path.name for path in paths)}"
        )
