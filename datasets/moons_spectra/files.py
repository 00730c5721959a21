"""The user's own spectra as records of the config `fits`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zoo_datasets import spectra_files
from zoo_datasets.errors import DatasetError


def splits(folder: Path) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
    """Key and record of every spectrum in the files of a folder; all of them are for testing.

    Raises
    ------
    DatasetError
        If the folder holds no file of spectra, or two spectra of one name.
    """
    if not folder.is_dir() or not any(map(spectra_files.is_spectra, folder.iterdir())):
        raise DatasetError(
            f"{folder} holds no {', '.join(spectra_files.SUFFIXES)}: put files with spectra there"
        )
    return {"test": _records(folder)}


def _records(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in spectra_files.read(folder):
        yield (
            one.object_id,
            {
                "object_id": one.object_id,
                "flux": one.flux.astype(np.float32),
                "ivar": one.ivar.astype(np.float32),
                "wavelength": one.wavelength,
                "redshift": np.float32(one.redshift),
            },
        )
