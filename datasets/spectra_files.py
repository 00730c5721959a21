"""Spectra from files: DESI, SDSS, ESO (LEGA-C), AAOmega, moons1d, and tables with units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import QTable
from astropy.units import UnitBase, UnitConversionError

from zoo_datasets import spectra_layouts
from zoo_datasets.errors import DatasetError
from zoo_datasets.spectra_units import Spectrum, spectrum

SUFFIXES = (".fits", ".fits.gz", ".fit", ".ecsv")
NAMES = {
    "wavelength": ("wavelength", "wave", "lambda", "lam", "spectral_axis", "loglam"),
    "flux": ("flux", "flam", "f_lambda", "fnu"),
    "ivar": ("ivar", "inverse_variance", "inv_var"),
    "error": ("error", "err", "sigma", "uncertainty", "flux_error", "flux_err", "noise"),
    "mask": ("mask", "qual", "and_mask"),
}
KINDS = {"std": "error", "ivar": "ivar", "var": "variance"}  # of uncertainties in specutils


def read(source: Path, air: bool | None = None) -> list[Spectrum]:
    """All spectra of a file, or of the files of a folder in the order of their names.

    Parameters
    ----------
    source : Path
        A folder may hold redrock's files beside the coadds.
    air : bool, optional
        Whether wavelengths are in air, for files that do not say.

    Raises
    ------
    DatasetError
        Naming the file and what is wrong with it.
    """
    if source.is_dir():
        names = sorted(path for path in source.iterdir() if is_spectra(path))
        files = [path for path in names if not path.name.startswith("redrock")]
        if not files:
            raise DatasetError(f"{source} holds no {', '.join(SUFFIXES)}")
        return [found for path in files for found in read(path, air)]
    if not source.is_file():
        raise DatasetError(f"{source} is neither a file nor a folder")
    try:
        if source.suffix == ".ecsv":
            return from_table(QTable.read(source, format="ascii.ecsv"), source.name, air)
        with fits.open(source) as hdus:
            reader = spectra_layouts.layout(hdus)
            if reader is not None:
                found = reader(source, hdus, air)
                if not found:
                    raise DatasetError(f"{source} holds no fibre on a target")
                return found
        return from_table(QTable.read(source, format="fits"), source.name, air)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DatasetError(f"{source} cannot be read as spectra: {error}") from error


def is_spectra(path: Path) -> bool:
    """Whether a file's name is one of those read here."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def from_table(table: QTable, name: str, air: bool | None = None) -> list[Spectrum]:
    """A spectrum of which every row of a table is a pixel.

    Columns are found by their usual names; wavelength needs a unit (or is `loglam`), and so does
    the flux. `meta` may say `air: true` or `vacuum: true` and `redshift`.

    Raises
    ------
    DatasetError
        If a column is missing or its unit is wrong.
    """
    lower = {column.lower(): column for column in table.colnames}
    found = {
        key: table[lower[hits[0]]]
        for key, names in NAMES.items()
        if (hits := [n for n in names if n in lower])
    }
    if not {"wavelength", "flux"} <= set(found) or not {"ivar", "error"} & set(found):
        raise DatasetError(
            f"{name} has the columns {', '.join(table.colnames)}, allowed: wavelength, flux, and "
            "ivar or error"
        )
    flux = found["flux"]
    log = "loglam" in lower and found["wavelength"] is table[lower["loglam"]]
    wave = 10 ** _plain(found["wavelength"]) if log else _plain(found["wavelength"])
    if getattr(flux, "unit", None) is None:
        raise DatasetError(f"{name}: flux has no unit, such as 1e-17 erg / (s cm2 Angstrom)")
    meta = {str(key).lower(): value for key, value in table.meta.items()}
    said = next((bool(meta[k]) == (k == "air") for k in ("air", "vacuum") if k in meta), None)
    return [
        spectrum(
            name,
            "table",
            wave,
            _plain(flux),
            ivar=_in(name, "ivar", found.get("ivar"), flux.unit**-2),
            error=None if "ivar" in found else _in(name, "error", found["error"], flux.unit),
            bad=_bad(found.get("mask"), flux),
            wavelength_unit="Angstrom" if log else getattr(found["wavelength"], "unit", None),
            flux_unit=flux.unit,
            air=spectra_layouts.medium(Path(name), air, said),
            redshift=float(meta.get("redshift", meta.get("z", np.nan))),
        )
    ]


def from_specutils(objects: Any, air: bool | None = None) -> list[Spectrum]:
    """Spectra from a specutils `Spectrum`, or from a `SpectrumList`.

    A spectrum of several rows is several objects. specutils itself is not needed.

    Raises
    ------
    DatasetError
        If an uncertainty is missing or a unit is wrong.
    """
    if not hasattr(objects, "spectral_axis"):
        return [one for item in objects for one in from_specutils(item, air)]
    if objects.uncertainty is None:
        raise DatasetError("the Spectrum has no uncertainty, allowed: std, var or ivar")
    kind = KINDS.get(objects.uncertainty.uncertainty_type)
    if kind is None:
        raise DatasetError(
            f"the uncertainty is {objects.uncertainty.uncertainty_type!r}, allowed: "
            f"{', '.join(KINDS)}"
        )
    flux, spread = np.atleast_2d(objects.flux.value), np.atleast_2d(objects.uncertainty.array)
    mask = None if objects.mask is None else np.atleast_2d(objects.mask)
    name = str(objects.meta.get("object_id", objects.meta.get("name", "spectrum")))
    redshift = np.broadcast_to(getattr(objects, "redshift", np.nan), len(flux))
    many = len(flux) > 1
    return [
        spectrum(
            f"{name}:{row + 1}" if many else name,
            "specutils",
            objects.spectral_axis.value,
            flux[row],
            ivar=spread[row] if kind == "ivar" else None,
            error={"error": spread[row], "variance": np.sqrt(spread[row])}.get(kind),
            bad=None if mask is None else mask[row],
            wavelength_unit=objects.spectral_axis.unit,
            flux_unit=objects.flux.unit,
            air=air,
            redshift=float(redshift[row]) or np.nan,  # 0 where nobody set it
        )
        for row in range(len(flux))
    ]


def _plain(column: Any) -> np.ndarray:
    """Values of a column; a missing one is NaN."""
    values: np.ndarray = np.ma.filled(
        np.ma.asarray(getattr(column, "value", column), dtype=float), np.nan
    )
    return np.where(getattr(column, "mask", False), np.nan, values)


def _in(name: str, key: str, column: Any, unit: UnitBase) -> np.ndarray | None:
    """A column in a unit, which is meant where it has none."""
    if column is None or getattr(column, "unit", None) is None:
        return None if column is None else _plain(column)
    try:
        return _plain(column) * column.unit.to(unit)
    except UnitConversionError as error:
        message = f"{name}: {key} is in {column.unit}, allowed: {unit}, as the flux"
        raise DatasetError(message) from error


def _bad(mask: Any, flux: Any) -> np.ndarray | None:
    return None if mask is None else np.asarray(mask).reshape(np.shape(flux)) != 0
