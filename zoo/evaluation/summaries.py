"""Maps, sets and spectra as a few numbers each, so that two samples of them can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo import saving
from zoo.card import Card

PERCENTILES = (16, 50, 84)


def summaries(card: Card, data: Mapping[str, Any]) -> dict[str, Any]:
    """One number per object from each input of a model, or several.

    A number stands for itself. Of an array: how many values it holds, if objects differ in that,
    their median, and their spread (half the width of the central 68 %). A model's module may have
    its own `summary(columns)` for inputs that mean nothing without each other, such as lines and
    their fluxes.

    Parameters
    ----------
    data : mapping of str to (rows, ...) arrays
        Sets of uneven length with NaN where nothing is, as lists of arrays, or as a dataset has
        them. What all objects share, of the rank of a single one, is left out.

    Returns
    -------
    dict of (rows,) arrays
    """
    given = {
        name: values if not spec.shape else _padded(values)
        for name, spec in card.inputs.items()
        if (values := data.get(name)) is not None and not _shared(values, len(spec.shape))
    }
    module = saving.module_of(card)
    if hasattr(module, "summary"):
        return dict(module.summary(given))
    out: dict[str, Any] = {}
    for name, values in given.items():
        if not card.inputs[name].shape:
            out[name] = values
            continue
        rows = np.asarray(values, float).reshape(len(values), -1)
        low, middle, high = np.nanpercentile(rows, PERCENTILES, axis=1)
        out[f"number of {name}"] = np.isfinite(rows).sum(axis=1).astype(float)
        out[f"median of {name}"], out[f"spread of {name}"] = middle, (high - low) / 2
    return out


def _padded(values: Any) -> np.ndarray:
    """Rows of one length, with NaN behind the shorter ones."""
    if hasattr(values, "padded"):
        return np.asarray(values.padded())
    if not _listed(values):
        return np.asarray(values)
    out = np.full((len(values), max(map(len, values))), np.nan)
    for row, one in zip(out, values, strict=True):
        row[: len(one)] = one
    return out


def _shared(values: Any, rank: int) -> bool:
    """Whether an array is that of all objects, rather than one for each."""
    uneven = _listed(values) or hasattr(values, "padded")
    return bool(rank) and not uneven and np.ndim(values) == rank


def _listed(values: Any) -> bool:
    """Whether these are arrays one by one."""
    return isinstance(values, list) or getattr(values, "dtype", np.dtype(float)).kind == "O"
