"""Splits of a prepared dataset as memory-mapped arrays."""

from __future__ import annotations

from importlib import import_module
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
