"""A model of spectra over every spaxel of a cube, block by block, into maps."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from zoo.errors import InputError, OutsideRangeWarning
from zoo.ranges import Outside
from zoo.readers.muse import Cube

SPAXELS = 2000  # predicted at a time
SUFFIXES = (".fits", ".fit")


def writable(path: Path | None) -> Path:
    """A file that maps can be written to.

    Raises
    ------
    InputError
        If it is none, of another format, or in a folder that does not exist.
    """
    if path is None:
        raise InputError("a cube needs -o, a FITS file for the maps")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: the format is {path.suffix!r}, allowed: {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist")
    return path


def predict(
    model: Any,
    cube: Cube,
    output: Path,
    *,
    outside: Outside = "warn",
    spaxels: int = SPAXELS,
    say: Callable[[str], object] | None = None,
) -> int:
    """Write a map of each scalar output of a model; returns the number of spaxels with data.

    At no time is more than a block of spaxels in memory, and the maps. Spaxels without data are NaN
    in all maps; `in_domain` is 1 inside every range of the card, 0 outside. Vectors (quantiles,
    embeddings) become planes of a third axis unless they are longer than 8.

    Parameters
    ----------
    model : zoo.model.Model
        That reads `flux`, `ivar` and `wavelength`.
    cube : Cube
    output : Path
        FITS; it appears complete or not at all.
    outside : str
        As of `Model.predict`; of the warnings of all blocks one is given.
    spaxels : int
        In a block, about.
    say : callable, optional
        Gets lines of progress.

    Raises
    ------
    InputError
        If no spaxel has data.
    """
    maps: dict[str, np.ndarray] = {}
    done = 0
    with warnings.catch_warnings():
        warnings.simplefilter("once" if outside == "warn" else "default", OutsideRangeWarning)
        for block in cube.blocks(spaxels):
            if len(block.flux):
                given = {"flux": block.flux, "ivar": block.ivar, "wavelength": cube.wavelength}
                found = model.predict(given, outside=outside)
                values = {**found, "in_domain": found.in_domain}
                _place(maps, values, block.rows, block.filled, cube.shape)
                done += len(block.flux)
            if say is not None:
                say(f"row {block.rows.stop} of {cube.shape[0]}: {done} spaxels")
    if not done:
        raise InputError(f"{cube.path}: no spaxel has finite flux and positive variance")
    _write(maps, model, cube, output)
    return done


def _place(
    maps: dict[str, np.ndarray],
    found: dict[str, Any],
    rows: slice,
    filled: np.ndarray,
    shape: tuple[int, int],
) -> None:
    """Put values of a block into maps, which are made when first needed."""
    for name, values in found.items():
        array = np.asarray(values, np.float32)
        if array.ndim > 2 or (array.ndim == 2 and array.shape[1] > 8):
            continue
        if name not in maps:
            maps[name] = np.full((*array.shape[1:], *shape), np.nan, np.float32)
        part = maps[name][..., rows, :]
        part[..., filled] = array.T


def _write(maps: dict[str, np.ndarray], model: Any, cube: Cube, output: Path) -> None:
    """One extension for each map, with the sky's coordinates and where it came from."""
    primary = fits.PrimaryHDU()
    primary.header["MODEL"] = (model.name, "model of the zoo")
    primary.header["VERSION"] = (model.manifest.version, "its release")
    primary.header["CUBE"] = (cube.path.name[-60:], "predicted from")
    hdus = fits.HDUList([primary])
    for name, values in maps.items():
        hdu = fits.ImageHDU(values, header=cube.celestial, name=name)
        field = model.card.outputs.get(name)
        if field is not None and field.unit:
            hdu.header["BUNIT"] = field.unit
        hdus.append(hdu)
    handle, part = tempfile.mkstemp(dir=output.parent, prefix=".", suffix=".fits")
    os.close(handle)
    try:
        hdus.writeto(part, overwrite=True)
        Path(part).replace(output)
    finally:
        Path(part).unlink(missing_ok=True)


def read(path: Path) -> dict[str, np.ndarray]:
    """Maps of a file that `predict` wrote, by the names of the outputs."""
    with fits.open(path) as hdus:
        return {hdu.name.lower(): np.asarray(hdu.data, float) for hdu in hdus[1:]}
