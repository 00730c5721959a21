"""Splits of a prepared dataset as memory-mapped arrays."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError


def split(dataset: str, name: str) -> dict[str, np.ndarray]:
    """Features (records, ...) of one split, in the order of the dataset.

    A feature of uneven length is a sequence of arrays that can be indexed like an array and has
    `values`, `row_splits` and `padded()`.

    Parameters
    ----------
    dataset : str
        "name/config", prepared with `zoo data build`.
    name : str
        "train", "validation", "test" or "calibration".

    Raises
    ------
    DataError
        If the dataset is not built, is damaged, or the split is empty or missing.
    """
    # The only way from here to a builder: by name, and only when data are asked for.
    errors, fast = import_module("zoo_datasets.errors"), import_module("zoo_datasets.arrays")
    try:
        arrays: dict[str, Any] = fast.arrays(dataset.partition(":")[0], name)
    except errors.DatasetError as error:
        raise DataError(str(error)) from error
    if not arrays or not min(len(values) for values in arrays.values()):
        raise DataError(f"{dataset} has no records in its split {name!r}")
    return arrays


def is_name(text: str) -> bool:
    """Whether a text names a dataset, "name/config", rather than a file."""
    name, slash, config = text.partition("/")
    words = name, config.partition(":")[0]
    return bool(slash) and all(w.isidentifier() for w in words) and not Path(text).exists()


def observed(dataset: str, data: dict[str, Any], draw: int = 0) -> dict[str, Any]:
    """Records as an instrument would see them, where a dataset stores what is there instead.

    Such a dataset has a module `observe` whose `observe(columns, draw)` adds the noisy features.

    Parameters
    ----------
    dataset : str
        "name/config".
    data : dict
        Records of one of its splits.
    draw : int
        Number of the realisation of the noise: 0 is the one that models are judged on.

    Returns
    -------
    dict
        `data` itself if the dataset stores what is observed, or they have been observed already.
    """
    package = f"zoo_datasets.{dataset.partition('/')[0]}"  # a user's own dataset is no part of it
    if find_spec(package) is None or find_spec(f"{package}.observe") is None:
        return data
    return dict(import_module(f"{package}.observe").observe(data, draw))


def features(dataset: str) -> list[str]:
    """Names of a dataset's features; it need not be built.

    Raises
    ------
    DataError
        If there is no such dataset.
    """
    errors, building = import_module("zoo_datasets.errors"), import_module("zoo_datasets.building")
    try:
        return list(building.builder(dataset.partition(":")[0]).info.features)
    except errors.DatasetError as error:
        raise DataError(str(error)) from error


def rows(data: dict[str, np.ndarray], index: Any) -> dict[str, np.ndarray]:
    """The records of an index or slice, in memory."""
    return {
        name: values[index] if hasattr(values, "row_splits") else np.asarray(values[index])
        for name, values in data.items()
    }
