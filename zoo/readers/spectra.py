"""Spectra of surveys as the spectral models read them, from files or specutils objects.

The reading itself is that of the dataset `moons_spectra/fits`, so that what a network learns from
and what it is applied to pass through the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import QTable

from zoo.card import Card
from zoo.errors import InputError

INPUTS = ("flux", "ivar", "wavelength")


@dataclass(frozen=True)
class Spectra:
    """Spectra in the convention of the zoo, with what their survey says of them.

    Attributes
    ----------
    spectra : sequence
        Of `zoo_datasets.spectra_units.Spectrum`: flux [1e-17 erg/s/cm2/A], ivar, wavelength in
        vacuum [A], `object_id`, `survey`, and `redshift`, which may be NaN.
    """

    spectra: Sequence[Any]

    def __len__(self) -> int:
        """Number of spectra."""
        return len(self.spectra)

    def inputs(self) -> dict[str, list[np.ndarray]]:
        """Lists of arrays by the names and in the units of the models."""
        return {name: [getattr(one, name) for one in self.spectra] for name in INPUTS}

    def labelled(self, table: QTable) -> QTable:
        """A table of predictions with the name of each object and its survey's redshift."""
        table.add_column([one.object_id for one in self.spectra], name="object_id", index=0)
        known = np.array([one.redshift for one in self.spectra])
        if np.isfinite(known).any():
            place = table.colnames.index("redshift") + 1 if "redshift" in table.colnames else None
            table.add_column(known, name="redshift_survey", index=place)
        return table

    @property
    def summary(self) -> str:
        """What was read and what was assumed, in one line."""
        surveys = ", ".join(sorted({one.survey for one in self.spectra}))
        many = f"{len(self)} spectra" if len(self) > 1 else "1 spectrum"
        assumed = sorted({text for one in self.spectra for text in one.assumed})
        return "; ".join([f"{many} ({surveys})", *assumed])


def read(source: Path, air: bool | None = None) -> Spectra:
    """Read a file or a folder of files.

    DESI coadds (with redrock's redshifts beside them), SDSS `spec-*.fits`, ESO one-row tables such
    as LEGA-C's, AAOmega images as Marz reads them, moons1d output, and ECSV or FITS tables of
    pixels with units.

    Parameters
    ----------
    source : Path
    air : bool, optional
        Whether wavelengths are in air, for files that do not say; vacuum is assumed.

    Raises
    ------
    InputError
        Naming the file, the quantity and what is allowed.
    """
    return _read("read", source, air)


def from_specutils(objects: Any, air: bool | None = None) -> Spectra:
    """Take a specutils `Spectrum` (with uncertainty and units) or a `SpectrumList`.

    Raises
    ------
    InputError
        If an uncertainty is missing or a unit is wrong.
    """
    return _read("from_specutils", objects, air)


def _read(function: str, source: Any, air: bool | None) -> Spectra:
    # As in `zoo.splits`: datasets are named by string, and only when they are asked for.
    reader, errors = import_module("zoo_datasets.spectra_files"), "zoo_datasets.errors"
    try:
        return Spectra(getattr(reader, function)(source, air))
    except import_module(errors).DatasetError as error:
        raise InputError(str(error)) from error


def settings(values: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `read` from settings: `air`, 1 or 0.

    Raises
    ------
    InputError
        Naming one that is unknown or has another value.
    """
    if unknown := sorted(set(values) - {"air"}):
        raise InputError(f"--set {unknown[0]}: of a file of spectra one sets air")
    if values and values["air"] not in (0, 1):
        raise InputError(f"air is {values['air']}, allowed: 1 (air), 0 (vacuum)")
    return {name: bool(value) for name, value in values.items()}


def describes(source: Path, card: Card) -> bool:
    """Whether a source holds spectra for a card as surveys give them.

    A file whose rows are objects, with the card's inputs as columns, is not one of those.
    """
    if not set(INPUTS) <= set(card.inputs):
        return False
    name = source.name.lower()
    if source.is_dir() or not source.is_file():
        return source.is_dir()
    if name.endswith(".ecsv"):
        return not _rows_are_objects(QTable.read(source, format="ascii.ecsv"))
    return name.endswith((".fits", ".fits.gz", ".fit")) and not _table_of_objects(source)


def _table_of_objects(source: Path) -> bool:
    try:
        with fits.open(source) as hdus:
            tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
            if len(hdus) > 2 or not tables or not set(INPUTS) <= set(tables[0].columns.names):
                return False
            return bool(tables[0].data["flux"].ndim > 1)
    except OSError:
        return False  # the reader says what is wrong with it


def _rows_are_objects(table: QTable) -> bool:
    if not set(INPUTS) <= set(table.colnames):
        return False
    flux = table["flux"]
    return flux.ndim > 1 or flux.dtype == object
