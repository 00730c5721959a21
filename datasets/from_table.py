"""A user's own simulations as a TFDS dataset, without a builder class."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from astropy import units as u

from zoo_datasets import building
from zoo_datasets.errors import DatasetError
from zoo_datasets.features import quantity, text

SPLITS = ("train", "validation", "test", "calibration")
SPLIT, OBJECT = "split", "object_id"  # columns with a meaning of their own
SHARES = {"train": 0.8, "validation": 0.9, "test": 1.0}  # cumulative, by object
NAME = re.compile(r"[a-z][a-z0-9_]*")


def store(
    table: Mapping[str, Any],
    name: str,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    data_dir: str | Path | None = None,
    source: str = "a table",
) -> Path:
    """Store a table as the dataset `name`, version 1.0.0, one record per row.

    Parameters
    ----------
    table : mapping
        Column -> array (rows, ...), number or text, or Quantity. `split` (train, validation, test,
        calibration) tells the split of each row and `object_id` which rows belong together; without
        `split`, 80, 10 and 10 % of the objects are chosen by a hash of their id.
    name : str
        Of the dataset: lower-case letters, digits, underscores.
    columns : mapping, optional
        Feature -> column, for those to keep; all, under their own names, unless given.
    units : mapping, optional
        Feature -> unit: a column that has one is converted, one that has none is taken to be in it.
    data_dir : path, optional
        Where TFDS keeps datasets.
    source : str
        Where the table came from, for the description.

    Returns
    -------
    Path
        Folder of the dataset; `tfds.load(name)` finds it.

    Raises
    ------
    DatasetError
        A missing column, a wrong unit, a missing value, rows of one object in two splits, a name
        that is taken; nothing is written.
    """
    if not NAME.fullmatch(name):
        raise DatasetError(
            f"name = {name!r}: lower-case letters, digits and underscores are allowed"
        )
    features, values = _columns(table, dict(columns or {}), dict(units or {}))
    if not features:
        raise DatasetError(f"no columns to store, there are: {', '.join(table) or 'none'}")
    ids, splits = _objects(table, len(next(iter(values.values()))))
    rows = {s: np.flatnonzero(splits == s) for s in SPLITS if np.any(splits == s)}

    def examples(which: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
        for i in which:
            record = {key: column[i] for key, column in values.items()}
            yield int(i), {OBJECT: ids[i], **record}

    builder = tfds.dataset_builders.AdhocBuilder(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict({OBJECT: text("Object of the row"), **features}),
        split_datasets={split: list(examples(which)) for split, which in rows.items()},
        data_dir=data_dir,
        description=f"Made from {source}.",
        disable_shuffling=True,
    )
    folder = Path(builder.data_dir)
    if builder.is_prepared():
        raise DatasetError(f"{folder} exists: choose another name, or remove the folder")
    building.prepare(builder)
    return folder


def _columns(
    table: Mapping[str, Any], columns: dict[str, str], units: dict[str, str]
) -> tuple[dict[str, tfds.features.FeatureConnector], dict[str, np.ndarray]]:
    """Features and values of the columns to keep."""
    names = columns or {name: name for name in table if name not in {SPLIT, OBJECT}}
    for asked, known, what in (
        (names.values(), table, "column"),
        (units, names, "feature to give a unit"),
    ):
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise DatasetError(
                f"no {what} {', '.join(map(repr, unknown))}, there are: {', '.join(known)}"
            )
    features, values = {}, {}
    for name, column in names.items():
        array, unit = _quantity(name, table[column], units.get(name))
        if array.ndim == 0:
            raise DatasetError(f"{column} is a single value: a column has one entry per row")
        if array.dtype.kind == "U":
            features[name] = text(f"Column {column}")
        elif array.dtype.kind in "biuf":
            array = array.astype(np.float32) if array.dtype.kind == "f" else array
            features[name] = quantity(f"Column {column}", unit, array.shape[1:], array.dtype.type)
        else:
            raise DatasetError(f"{column} holds {array.dtype}: numbers and text are allowed")
        values[name] = array
    lengths = {name: len(array) for name, array in values.items()}
    if len(set(lengths.values())) > 1:
        raise DatasetError(f"columns of unequal length: {lengths}")
    return features, values


def _quantity(name: str, values: Any, wanted: str | None) -> tuple[np.ndarray, str]:
    """Values in the wanted unit, and that unit."""
    given = getattr(values, "unit", None)
    if np.any(getattr(values, "mask", False)):
        raise DatasetError(f"{name} has masked values: fill them or drop their rows")
    try:
        unit = u.Unit(wanted if wanted is not None else given or "")
        if given is not None and wanted is not None:
            values = u.Quantity(values).to(unit)
    except (ValueError, u.UnitConversionError) as error:
        have = "" if given is None else f" (the column is in {given})"
        raise DatasetError(f"{name} in {wanted!r}{have}: {error}") from error
    array = np.asarray(getattr(values, "value", values))
    if array.dtype.kind in "SO":  # h5py gives text as objects
        array = _text(array)
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        raise DatasetError(f"{name} has values that are not finite: fill them or drop their rows")
    return array, unit.to_string() or "1"


def _objects(table: Mapping[str, Any], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Object and split of each row, both text."""
    ids = _text(table[OBJECT]) if OBJECT in table else np.arange(size).astype(str)
    if SPLIT in table:
        splits = _text(table[SPLIT])
        wrong = sorted(set(splits) - set(SPLITS))
        if wrong:
            raise DatasetError(f"split = {str(wrong[0])!r}, allowed: {', '.join(SPLITS)}")
        of: dict[str, str] = {}
        for key, split in zip(ids, splits, strict=True):
            if of.setdefault(key, split) != split:
                raise DatasetError(
                    f"object_id = {str(key)!r} is in {of[key]} and in {split}: all rows of an "
                    "object belong into one split"
                )
        return ids, splits
    draws = [int(hashlib.sha256(key.encode()).hexdigest()[:12], 16) / 16**12 for key in ids]
    return ids, np.array([next(s for s, top in SHARES.items() if x < top) for x in draws])


def _text(values: Any) -> np.ndarray:
    """Text of one type, whether it came as characters, bytes or numbers."""
    return np.array(
        [v.decode() if isinstance(v, bytes) else str(v) for v in np.ravel(values)]
    ).reshape(np.shape(values))
