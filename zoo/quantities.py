"""The border between users and models: names, units, shapes, batches and ranges.

Whatever an astronomer has (plain arrays, Quantities in any convertible unit, an astropy table,
lists of arrays of uneven length) becomes float64 arrays in the units of the card, batch axis
first; rows outside the stated ranges are found on the way.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Table

from zoo.card import Card, Field
from zoo.errors import InputError

Column = np.ndarray | list[np.ndarray]  # (batch, ...), or one array per object if lengths differ


@dataclass
class Violation:
    """Rows in which a field lies where the model cannot vouch for its answer.

    Attributes
    ----------
    rows : (batch,) bool
    value : float
        The worst or first offending value, for the message.
    allowed : str
        What would have been accepted.
    impossible : bool
        True where no answer exists (a negative width), False where the model was only not tried.
    """

    field: str
    rows: np.ndarray
    value: float
    allowed: str
    impossible: bool

    def __str__(self) -> str:
        count = int(np.count_nonzero(self.rows))
        rows = "1 row" if count == 1 else f"{count} rows"
        return f"{self.field} = {self.value:.6g} ({rows}), allowed: {self.allowed}"


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
        x = _grouped(card, x, group) if group else _columns(x)
    elif group is not None:
        raise InputError(f"group={group!r} needs an astropy Table of members")
    if not isinstance(x, Mapping):
        raise InputError(
            f"input is a {type(x).__name__}; give a dict, an astropy Table or a QTable with "
            f"{_describe(card)}"
        )
    _check_names(card, x)
    has_units = any(_has_unit(value) for value in x.values())
    # Distances first: they turn lengths into angles.
    order = sorted(card.inputs, key=lambda name: name != "distance")
    values: dict[str, Any] = {}
    batched: dict[str, bool] = {}
    for name in order:
        spec = card.inputs[name]
        raw = x[name] if name in x and x[name] is not None else spec.default
        values[name], batched[name] = _number(spec, raw, values.get("distance"))
    _settle_scalars(card, values, batched)
    single = not any(batched.values())
    size = _size(values, batched)
    columns, lengths = _align(card, values, batched, size)
    batch = Batch(columns, size, single, has_units, lengths)
    batch.violations = _ranges(card, columns)
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
        if spec.default is None and x.get(name) is None
    ]
    if missing:
        raise InputError(f"{card.name} also needs {', '.join(missing)}")


def _columns(table: Table) -> dict[str, Any]:
    """Table columns as arrays or Quantities; a Table's own units count as a QTable's do."""
    out: dict[str, Any] = {}
    for name in table.colnames:
        column = table[name]
        _refuse_masked(name, column)
        unit = getattr(column, "unit", None)
        values = np.asarray(getattr(column, "value", column))
        if values.dtype == object:
            rows = [np.asarray(row, dtype=float) for row in values]
            out[name] = [row * unit for row in rows] if unit is not None else rows
        else:
            out[name] = values * unit if unit is not None else values
    return out


def _grouped(card: Card, table: Table, group: str) -> dict[str, Any]:
    """A long table of members as one entry per object, in order of first appearance."""
    if group not in table.colnames:
        raise InputError(f"group={group!r} is not a column; there are {', '.join(table.colnames)}")
    _, first, member = np.unique(np.asarray(table[group]), return_index=True, return_inverse=True)
    ranked = np.argsort(np.argsort(first))[member]
    out: dict[str, Any] = {}
    for name, values in _columns(table[[c for c in table.colnames if c != group]]).items():
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


def _refuse_masked(name: str, value: Any) -> None:
    if isinstance(getattr(value, "mask", None), (np.ndarray, np.bool_)) and np.any(value.mask):
        raise InputError(f"{name} holds masked values; drop those rows or give each a number")


def _number(spec: Field, raw: Any, distance: Any) -> tuple[Any, bool]:
    """One input as float64 in the card's unit, and whether it has a batch axis."""
    _refuse_masked(spec.name, raw)
    rank = len(spec.shape)
    if isinstance(raw, (list, tuple)) and rank and any(np.ndim(row) == rank for row in raw):
        return _rows(spec, raw, distance), True
    value = _convert(spec, _joined(raw), distance)
    if value.size and not np.all(np.isfinite(value)):
        bad = value[~np.isfinite(value)].flat[0]
        raise InputError(f"{spec.signature} holds {bad}; every value must be finite")
    ranks = {rank, rank + 1} | ({0} if spec.scalar else set())
    if value.ndim not in ranks:
        shape = ", ".join(map(str, spec.shape))
        raise InputError(
            f"{spec.signature} has shape {value.shape}; allowed: ({shape}) for one object, "
            f"(batch{', ' + shape if shape else ''}) or a list of arrays for several"
        )
    fixed = [n for n in spec.shape if isinstance(n, int)]
    if fixed and value.ndim >= rank and value.shape[value.ndim - rank :] != spec.shape:
        raise InputError(f"{spec.signature} has shape {value.shape}; allowed: {spec.shape}")
    return value, value.ndim == rank + 1


def _rows(spec: Field, raw: Sequence[Any], distance: Any) -> Column:
    rows = []
    for index, row in enumerate(raw):
        at = distance
        if isinstance(distance, np.ndarray) and distance.ndim == 1 and len(distance) == len(raw):
            at = distance[index]
        if np.ndim(row) != len(spec.shape):
            raise InputError(
                f"{spec.signature}: object {index} has an array of rank {np.ndim(row)}, "
                f"allowed: {len(spec.shape)}"
            )
        rows.append(_number(spec, row, at)[0])
    if len({row.shape for row in rows}) == 1:
        return np.stack(rows)
    return rows


def _joined(raw: Any) -> Any:
    """A list of Quantities as one Quantity."""
    if isinstance(raw, (list, tuple)) and raw and all(isinstance(v, u.Quantity) for v in raw):
        return u.Quantity(raw)
    return raw


def _convert(spec: Field, raw: Any, distance: Any) -> np.ndarray:
    if isinstance(raw, u.Quantity):
        return _to_unit(spec, raw, distance)
    try:
        value = np.asarray(raw)
        if value.dtype.kind not in "fiu" and value.size:
            raise ValueError
        return value.astype(np.float64)
    except ValueError as error:
        raise InputError(f"{spec.signature} is {raw!r}; it must be numbers") from error


def _to_unit(spec: Field, raw: u.Quantity, distance: Any) -> np.ndarray:
    target = u.Unit(spec.unit)
    if raw.unit.is_equivalent(target):
        return np.asarray(raw.to_value(target), dtype=np.float64)
    is_length = raw.unit.is_equivalent(u.pc) and target.is_equivalent(u.rad)
    if is_length and isinstance(distance, np.ndarray):
        away = distance * u.Mpc
        if away.ndim == 1 and raw.ndim == len(spec.shape) + 1:
            away = away.reshape((-1,) + (1,) * len(spec.shape))
        if away.ndim == 0 or away.shape[0] == np.shape(raw)[0]:
            angle = (raw / away).to(u.rad, u.dimensionless_angles())
            return np.asarray(angle.to_value(target), dtype=np.float64)
    hint = " (lengths are converted where `distance` is given too)" if is_length else ""
    raise InputError(
        f"{spec.name} is in {raw.unit.to_string() or 'no unit'}, which does not convert to "
        f"{spec.unit or 'a pure number'}{hint}"
    )


def _settle_scalars(card: Card, values: dict[str, Any], batched: dict[str, bool]) -> None:
    """One number (per object) for all elements along an axis, where the card allows it."""
    among_many = any(is_batch and not card.inputs[n].scalar for n, is_batch in batched.items())
    for name, value in values.items():
        spec = card.inputs[name]
        if not spec.scalar or isinstance(value, list) or value.ndim > 1:
            continue
        # A vector is one number per object if the other inputs are a batch, else the elements.
        per_object = value.ndim == 1 and among_many
        if value.ndim == 0 or per_object:
            values[name] = value[..., np.newaxis]
            batched[name] = per_object


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


def _ranges(card: Card, columns: dict[str, Column]) -> list[Violation]:
    violations = []
    for name, spec in card.inputs.items():
        if spec.range is None and spec.valid is None:
            continue
        low, high = _extremes(columns[name])
        if spec.valid is not None:
            below = low <= spec.valid.low if spec.valid.open_low else low < spec.valid.low
            above = high >= spec.valid.high if spec.valid.open_high else high > spec.valid.high
            if found := _violation(name, low, high, below, above, str(spec.valid), True):
                violations.append(found)
                continue
        if spec.range is not None:
            bounds = f"{spec.range[0]:g} to {spec.range[1]:g} {spec.unit}".rstrip()
            below, above = low < spec.range[0], high > spec.range[1]
            if found := _violation(name, low, high, below, above, bounds, False):
                violations.append(found)
    return violations


def _extremes(column: Column) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(column, list):
        lows = np.array([row.min(initial=np.inf) for row in column])
        return lows, np.array([row.max(initial=-np.inf) for row in column])
    axes = tuple(range(1, column.ndim))
    return column.min(axes, initial=np.inf), column.max(axes, initial=-np.inf)


def _violation(
    name: str,
    low: np.ndarray,
    high: np.ndarray,
    below: np.ndarray,
    above: np.ndarray,
    allowed: str,
    impossible: bool,
) -> Violation | None:
    rows = below | above
    if not rows.any():
        return None
    value = low[below].min() if below.any() else high[above].max()
    return Violation(name, rows, float(value), allowed, impossible)
