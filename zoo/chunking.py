"""Batches cut into padded pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from zoo.card import Card, Field
from zoo.numeric import Column
from zoo.quantities import Batch


def chunks(batch: Batch, size: int) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Row numbers and padded columns, at most `size` objects at a time.

    Objects of like length share a chunk, so that padding costs little.
    """
    order = np.arange(batch.size)
    if batch.lengths_differ:
        order = np.argsort(sum(batch.lengths.values()), kind="stable")
    for start in range(0, batch.size, size):
        index = order[start : start + size]
        yield index, {name: padded(column, index) for name, column in batch.columns.items()}


def padded(column: Column, index: np.ndarray) -> np.ndarray:
    """Rows of a column as one array; NaN says that an element is absent."""
    if isinstance(column, np.ndarray):
        if len(index) and np.all(np.diff(index) == 1):
            return column[index[0] : index[-1] + 1]  # rows in their order, which need no copy
        return column[index]
    rows = [column[row] for row in index]
    shape = np.max([row.shape for row in rows], axis=0)
    out = np.full((len(rows), *shape), np.nan)
    for target, row in zip(out, rows, strict=True):
        target[tuple(slice(n) for n in row.shape)] = row
    return out


def joined(
    card: Card,
    batch: Batch,
    answers: Iterable[tuple[np.ndarray, dict[str, np.ndarray]]],
    dtype: str,
) -> dict[str, Any]:
    """Outputs of all objects in their order, from pairs of row numbers and padded outputs.

    An output whose length differs between objects becomes a list of arrays.
    """
    if batch.size and not batch.lengths_differ:  # the chunks are in order
        parts = [outputs for _, outputs in answers]
        if len(parts) == 1:
            return {name: parts[0][name] for name in card.outputs}
        return {name: np.concatenate([part[name] for part in parts]) for name in card.outputs}
    rows: dict[str, list[Any]] = {name: [None] * batch.size for name in card.outputs}
    for index, outputs in answers:
        for name, spec in card.outputs.items():
            for row, value in zip(index, outputs[name], strict=True):
                lengths = (
                    batch.lengths[n][row] if n in batch.lengths else None for n in spec.shape
                )
                rows[name][row] = value[tuple(map(slice, lengths))]
    return {name: _stacked(card.outputs[name], values, dtype) for name, values in rows.items()}


def _stacked(spec: Field, rows: list[np.ndarray], dtype: str) -> Any:
    if not rows:
        return np.zeros((0, *(n if isinstance(n, int) else 0 for n in spec.shape)), dtype)
    return np.stack(rows) if len({row.shape for row in rows}) == 1 else rows
