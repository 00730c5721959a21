"""A user's data, and a user's predictions, checked before anything is judged by them."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import numpy as np

from zoo import splits
from zoo.card import Card
from zoo.errors import DataError, InputError
from zoo.numeric import refuse_masked
from zoo.readers.files import read_inputs

SPLIT, OBJECT = "split", "object_id"


def from_file(card: Card, path: Path) -> dict[str, np.ndarray]:
    """Features of a user's file (rows, ...) in the units of the card.

    Raises
    ------
    DataError
        If the file is empty, lacks inputs or has columns that nothing here knows.
    InputError
        If a unit does not convert, or values are masked.
    """
    columns = dict(read_inputs(path).items())
    missing = [
        spec.signature
        for name, spec in card.inputs.items()
        if name not in columns and spec.default is None and not spec.optional
    ]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}")
    known = [*card.inputs, *card.outputs, SPLIT, OBJECT]
    if card.dataset is not None:
        known += splits.features(card.dataset)
    if unknown := [name for name in columns if name not in known]:
        close = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        listed = ", ".join(dict.fromkeys(known))
        raise DataError(f"{path} has a column {unknown[0]!r}.{hint} Allowed: {listed}")
    out = {name: _values(card, path, name, column) for name, column in columns.items()}
    lengths = {name: len(values) if values.ndim else 0 for name, values in out.items()}
    if len(set(lengths.values())) != 1 or not min(lengths.values()):
        raise DataError(f"{path}: every column needs the same number of rows, above 0: {lengths}")
    return out


def predictions_of(card: Card, path: Path, test: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Someone's predictions (rows, ...) in the units of the card, row by row those of a split.

    Raises
    ------
    DataError
        If outputs are missing, or the rows are not those of the split.
    InputError
        If a unit does not convert, or values are masked.
    """
    read = dict(read_inputs(path).items())
    if missing := [name for name in card.outputs if name not in read]:
        raise DataError(f"{path} lacks {', '.join(missing)}")
    out = {name: _values(card, path, name, read[name]) for name in card.outputs}
    rows = len(next(iter(test.values())))
    for name, values in out.items():
        if values.shape[:1] != (rows,):
            found = values.shape[0] if values.ndim else 0
            raise DataError(f"{path}: {name} has {found} rows, the split has {rows}")
    if (
        OBJECT in read
        and OBJECT in test
        and not np.array_equal(text(read[OBJECT]), text(test[OBJECT]))
    ):
        raise DataError(f"{path}: {OBJECT} is not that of the split, row by row")
    return out


def text(values: Any) -> np.ndarray:
    """Text (rows,) whether it came as characters, bytes or numbers."""
    return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in np.ravel(values)])


def _values(card: Card, path: Path, name: str, column: Any) -> np.ndarray:
    refuse_masked(name, column)
    unit, spec = getattr(column, "unit", None), (card.inputs | card.outputs).get(name)
    if unit is None or spec is None:
        return np.asarray(getattr(column, "value", column))
    try:
        return np.asarray(column.to(spec.unit).value)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: {name} is in {unit}, not {spec.unit}") from error
