"""The border between users and models: names, units, shapes, batches and ranges.

Whatever an astronomer has (plain arrays, Quantities in any convertible unit, an astropy table,
lists of arrays of uneven length) becomes float64 arrays in the units of the card, batch axis
first; rows outside the stated ranges are found on the way.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Table

from zoo.card import Card, Field
from zoo.errors import InputError
from zoo.numeric import Column, number, refuse_masked
from zoo.ranges import Violation, violations


@dataclass
class Batch:
    """Checked input: float64 columns with a batch axis, in the units of the card."""

    columns: dict[str, Column]
    size: int
    single: bool
    has_units: bool
    lengths: dict[str, np.ndarray]
    violations: list[Violation] = field(default_factory=list)

    @property
    def lengths_differ(self) -> bool:
        """Whether objects differ in some length, so that they need padding."""
        return any(isinstance(column, list) for column in self.columns.values())


def read(card: Card, x: Mapping[str, Any] | Table, group: str | None = None) -> Batch:
    """Check user input against a card.

    The rank decides: an input of the card's rank belongs to a single object, one more (or a list
    of arrays) to a batch. Where some inputs are batches, the others are shared by all objects.

    Parameters
    ----------
    x : mapping or astropy Table
        Input name -> number, array, Quantity, or list of arrays. A table has one object per row
        or, with `group`, one member per row.
    group : str, optional
        Column that tells which object a table row belongs to.

    Raises
    ------
    InputError
        Naming the field, the value and what is allowed.
    """
    if isinstance(x, Table):
        x = _grouped(card, x, group) if group else _columns(card, x)
    elif group is not None:
        raise InputError(f"group={group!r} needs an astropy Table of members")
    if not isinstance(x, Mapping):
        raise InputError(
            f"input is a {type(x).__name__}; give a dict, an astropy Table or a QTable with "
            f"{_describe(card)}"
        )
    _check_names(card, x)
    given = {
        name: spec
        for name, spec in card.inputs.items()
        if not spec.optional or x.get(name) is not None
    }
    card = replace(card, inputs=given)
    has_units = any(_has_unit(value) for value in x.values())
    # Distances first: they turn lengths into angles.
    order = sorted(card.inputs, key=lambda name: name != "distance")
    values: dict[str, Any] = {}
    batched: dict[str, bool] = {}
    for name in order:
        spec = card.inputs[name]
        raw = x[name] if name in x and x[name] is not None else spec.default
        values[name], batched[name] = number(spec, raw, values.get("distance"))
    _settle_scalars(card, values, batched)
    single = not any(batched.values())
    size = _size(values, batched)
    columns, lengths = _align(card, values, batched, size)
    batch = Batch(columns, size, single, has_units, lengths)
    batch.violations = violations(card, columns)
    return batch


def attach(spec: Field, values: Any, has_units: bool) -> Any:
    """Give an output its unit if Quantities came in."""
    if not has_units:
        return values
    if isinstance(values, list):
        return [row * u.Unit(spec.unit) for row in values]
    return values * u.Unit(spec.unit)


def _describe(card: Card) -> str:
    return ", ".join(spec.signature for spec in card.inputs.values())


def _check_names(card: Card, x: Mapping[str, Any]) -> None:
    unknown = [name for name in x if name not in card.inputs]
    if unknown and unknown[0] in card.hints:
        raise InputError(f"{card.name} has no input {unknown[0]!r}: {card.hints[unknown[0]]}")
    if unknown:
        close = difflib.get_close_matches(str(unknown[0]), list(card.inputs), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"{card.name} has no input {', '.join(map(repr, unknown))}.{hint} "
            f"Its inputs are {_describe(card)}"
        )
    missing = [
        spec.signature
        for name, spec in card.inputs.items()
        if spec.default is None and x.get(name) is None and not _may_lack(card, spec, x)
    ]
    if missing:
        raise InputError(f"{card.name} also needs {', '.join(missing)}")


def _may_lack(card: Card, spec: Field, x: Mapping[str, Any]) -> bool:
    """Whether an input may be left out: those that share an axis come together or not at all."""
    together = [other for other in card.inputs.values() if set(other.shape) & set(spec.shape)]
    return spec.optional and all(x.get(other.name) is None for other in together)


def _columns(card: Card, table: Table, grouped: bool = False) -> dict[str, Any]:
    """Table columns as arrays or Quantities; a Table's own units count as a QTable's do."""
    out: dict[str, Any] = {}
    for name in table.colnames:
        column = table[name]
        refuse_masked(name, column)
        unit = getattr(column, "unit", None)
        values = np.asarray(getattr(column, "value", column))
        if values.dtype == object:
            rows = [np.asarray(row, dtype=float) for row in values]
            out[name] = [row * unit for row in rows] if unit is not None else rows
        else:
            spec = card.inputs.get(name)
            if not grouped and spec is not None and spec.scalar and values.ndim == 1:
                values = values[:, np.newaxis]  # one number per row of the table
            out[name] = values * unit if unit is not None else values
    return out


def _grouped(card: Card, table: Table, group: str) -> dict[str, Any]:
    """A long table of members as one entry per object, in order of first appearance."""
    if group not in table.colnames:
        raise InputError(f"group={group!r} is not a column; there are {', '.join(table.colnames)}")
    _, first, member = np.unique(np.asarray(table[group]), return_index=True, return_inverse=True)
    ranked = np.argsort(np.argsort(first))[member]
    out: dict[str, Any] = {}
    members = table[[column for column in table.colnames if column != group]]
    for name, values in _columns(card, members, grouped=True).items():
        rows = [values[ranked == index] for index in range(len(first))]
        spec = card.inputs.get(name)
        if spec is not None and not spec.shape:
            for row in rows:
                if np.any(row != row[0]):
                    raise InputError(f"{name} differs between members of one {group}: {row}")
            rows = [row[0] for row in rows]
        out[name] = rows
    return out


def _has_unit(value: Any) -> bool:
    if isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, u.Quantity)


def _settle_scalars(card: Card, values: dict[str, Any], batched: dict[str, bool]) -> None:
    """One number (per object) for all elements along an axis, where the card allows it."""
    sizes = {len(values[n]) for n, many in batched.items() if many and not card.inputs[n].scalar}
    for name, value in values.items():
        spec = card.inputs[name]
        if not spec.scalar or isinstance(value, list) or value.ndim > 1:
            continue
        # A vector as long as the batch is one number per object, any other the elements.
        per_object = value.ndim == 1 and len(value) in sizes
        if per_object and len(value) > 1 and _lengths(card, values, name) == {len(value)}:
            raise InputError(
                f"{spec.signature} has {len(value)} values for {len(value)} objects whose "
                f"{spec.shape[-1]} is {len(value)} too: give shape (batch, 1) for one value per "
                f"object, (batch, {spec.shape[-1]}) for the elements of each"
            )
        if value.ndim == 0 or per_object:
            values[name] = value[..., np.newaxis]
            batched[name] = per_object


def _lengths(card: Card, values: dict[str, Any], name: str) -> set[int]:
    """What the other fields say about the last axis of a field."""
    found = set()
    for other, spec in card.inputs.items():
        if not spec.scalar and card.inputs[name].shape[-1] in spec.shape:
            axis = spec.shape.index(card.inputs[name].shape[-1]) - len(spec.shape)
            rows = values[other] if isinstance(values[other], list) else [values[other]]
            found |= {row.shape[axis] for row in rows}
    return found


def _size(values: dict[str, Any], batched: dict[str, bool]) -> int:
    sizes = {name: len(values[name]) for name, is_batch in batched.items() if is_batch}
    if not sizes:
        return 1
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise InputError(f"the inputs disagree on the number of objects ({listed})")
    return next(iter(sizes.values()))


def _align(
    card: Card, values: dict[str, Any], batched: dict[str, bool], size: int
) -> tuple[dict[str, Column], dict[str, np.ndarray]]:
    """Give every input its batch axis and check the lengths that fields share by name."""
    lengths: dict[str, np.ndarray] = {}
    owner: dict[str, str] = {}
    scalars = []
    for name in card.inputs:
        value, spec = values[name], card.inputs[name]
        if not batched[name]:
            values[name] = value = np.broadcast_to(value, (size, *value.shape))
        for axis, dim in enumerate(spec.shape):
            if isinstance(dim, int):
                continue
            have = (
                np.array([row.shape[axis] for row in value])
                if isinstance(value, list)
                else np.full(size, value.shape[axis + 1])
            )
            if spec.scalar and size and np.all(have == 1):
                scalars.append(name)
                continue
            expected = lengths.setdefault(dim, have)
            owner.setdefault(dim, name)
            if not np.array_equal(expected, have):
                row = int(np.argmax(expected != have))
                raise InputError(
                    f"{spec.signature} has length {have[row]} in object {row}, but "
                    f"{owner[dim]} has {expected[row]}; they share the axis {dim}"
                )
    for name in scalars:
        dim = card.inputs[name].shape[-1]
        need = lengths.get(str(dim), np.ones(size, dtype=int))
        value = values[name]
        rows = [np.broadcast_to(value[index], (n,)) for index, n in enumerate(need)]
        same = len(set(need.tolist())) == 1
        values[name] = np.broadcast_to(value, (size, need[0])) if same else rows
    return values, lengths
