"""What models with a posterior answer besides a prediction: draws and densities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from zoo import quantities
from zoo.card import Card
from zoo.chunking import chunks
from zoo.draws import Draws
from zoo.errors import InputError
from zoo.numeric import number
from zoo.quantities import Batch

Signature = Callable[..., dict[str, Any]]
LARGEST = np.iinfo(np.int32).max


def draw(
    card: Card, signature: Signature, batch: Batch, n: int, seed: int, size: int, dtype: str
) -> Draws:
    """Draws of every parameter; the same numbers whatever the size of the chunks.

    Raises
    ------
    InputError
        If `n` or `seed` is not a whole number in its range.
    """
    for name, value, least in (("n", n, 1), ("seed", seed, 0)):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or not least <= value <= LARGEST:
            raise InputError(f"{name} is {value!r}, allowed: an integer from {least} to {LARGEST}")
    # Every object has a seed of its own, so that batches and replicas may cut as they like.
    seeds = np.stack([np.full(batch.size, seed), np.arange(batch.size)], axis=-1).astype(np.int32)
    out = {name: np.zeros((batch.size, n), dtype) for name in card.parameters}
    for index, columns in chunks(batch, size):
        ready = {name: v.astype(dtype, copy=False) for name, v in columns.items()}
        count = np.full(len(index), n, np.int32)
        answers = signature(**ready, seed=seeds[index], n=count)
        for name, values in out.items():
            values[index] = np.asarray(answers[name])
    found = {name: values[0] if batch.single else values for name, values in out.items()}
    fields = card.outputs
    return Draws({n: quantities.attach(fields[n], v, batch.has_units) for n, v in found.items()})


def density(
    card: Card, signature: Signature, batch: Batch, theta: Any, size: int, dtype: str
) -> np.ndarray:
    """Natural logarithm of the posterior density at parameters, per unit of the card.

    A single object may be asked at many parameters, a batch at one set for each object.
    """
    values = _parameters(card, theta)
    count = len(values)
    if not batch.single and count != batch.size:
        raise InputError(f"theta has {count} rows for {batch.size} objects")
    out = np.zeros(count, dtype)
    for index, columns in chunks(batch, size):
        ready = {name: v.astype(dtype, copy=False) for name, v in columns.items()}
        if batch.single:
            for start in range(0, count, size):
                part = values[start : start + size]
                many = {n: np.repeat(v, len(part), axis=0) for n, v in ready.items()}
                answers = signature(**many, theta=part.astype(dtype))
                out[start : start + size] = np.asarray(answers["log_prob"])
            continue
        answers = signature(**ready, theta=values[index].astype(dtype))
        out[index] = np.asarray(answers["log_prob"])
    scalar = batch.single and np.ndim(_first(theta)) == (not isinstance(theta, Mapping))
    return out[0] if scalar else out


def _first(theta: Any) -> Any:
    return next(iter(theta.values()), 0) if isinstance(theta, Mapping) else theta


def _parameters(card: Card, theta: Any) -> np.ndarray:
    """Parameters as (rows, parameters) in the units of the card."""
    names = card.parameters
    if isinstance(theta, Mapping):
        if set(theta) != set(names):
            raise InputError(f"theta has {', '.join(map(str, theta))}; it needs {', '.join(names)}")
        columns = [np.atleast_1d(number(card.outputs[n], theta[n], None)[0]) for n in names]
        if len({len(column) for column in columns}) > 1:
            raise InputError(f"theta has {[len(column) for column in columns]} rows; they differ")
        return np.stack(columns, axis=-1)
    values = np.asarray(theta, dtype=float)
    if values.ndim == 0 or values.shape[-1] != len(names) or values.ndim > 2:
        raise InputError(
            f"theta has shape {values.shape}; give a dict of {', '.join(names)}, or an array "
            f"(rows, {len(names)})"
        )
    if not np.isfinite(values).all():
        raise InputError("theta holds values that are not finite")
    return np.atleast_2d(values)
