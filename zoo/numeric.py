"""One input of a user as float64 numbers in the unit of the card, its batch axis known."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy import units as u
from astropy.cosmology import units as cosmology_units

from zoo.card import Field
from zoo.errors import InputError

u.add_enabled_units(cosmology_units)  # littleh, in strings; `h` is an hour
ON_THE_SKY = (u.arcsec, u.arcmin)  # fields in these are extents; in degrees, orientations
Column = np.ndarray | list[np.ndarray]  # (batch, ...), or one array per object if lengths differ


def refuse_masked(name: str, value: Any) -> None:
    """Raise an InputError if any value is masked."""
    if isinstance(getattr(value, "mask", None), (np.ndarray, np.bool_)) and np.any(value.mask):
        raise InputError(f"{name} holds masked values; drop those rows or give each a number")


def number(spec: Field, raw: Any, distance: np.ndarray | None) -> tuple[Any, bool]:
    """One input as float64 in the card's unit, and whether it has a batch axis.

    Parameters
    ----------
    raw : number, array, Quantity or list of them
    distance : () or (batch,) float64 [Mpc], optional
        It turns lengths into angles.

    Raises
    ------
    InputError
        If it is no number, not finite, or of a shape or unit that the field cannot have.
    """
    refuse_masked(spec.name, raw)
    rank = len(spec.shape)
    if isinstance(raw, (list, tuple)) and rank:
        if not raw:
            return np.zeros((0, *(n if isinstance(n, int) else 0 for n in spec.shape))), True
        if any(_rank(row) == rank for row in raw):
            return _rows(spec, raw, distance), True
    value = _convert(spec, _joined(spec, raw), distance)
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
    own = value.shape[value.ndim - rank :] if value.ndim >= rank else ()
    if any(isinstance(n, int) and n != have for n, have in zip(spec.shape, own, strict=False)):
        raise InputError(f"{spec.signature} has shape {value.shape}; allowed: {spec.shape}")
    return value, value.ndim == rank + 1


def _rank(value: Any) -> int | None:
    """Number of axes; None of nested lists whose lengths differ."""
    try:
        return np.ndim(value)
    except ValueError:
        return None


def _rows(spec: Field, raw: Sequence[Any], distance: np.ndarray | None) -> Column:
    away = [distance] * len(raw)
    if distance is not None and distance.ndim:
        _same_count(spec, len(raw), distance)
        away = [np.asarray(each) for each in distance]
    rows = []
    for index, row in enumerate(raw):
        if _rank(row) != len(spec.shape):
            raise InputError(
                f"{spec.signature}: object {index} is {reprlib.repr(row)}, "
                f"allowed: an array of rank {len(spec.shape)}"
            )
        rows.append(number(spec, row, away[index])[0])
    if len({row.shape for row in rows}) == 1:
        return np.stack(rows)
    return rows


def _same_count(spec: Field, count: int, distance: np.ndarray) -> None:
    if count != len(distance):
        raise InputError(
            "the inputs disagree on the number of objects "
            f"({spec.name}: {count}, distance: {len(distance)})"
        )


def _joined(spec: Field, raw: Any) -> Any:
    """A list of Quantities as one Quantity."""
    if not isinstance(raw, (list, tuple)) or not any(isinstance(v, u.Quantity) for v in raw):
        return raw
    try:
        if all(isinstance(v, u.Quantity) for v in raw):
            return u.Quantity(raw)
    except (TypeError, ValueError):
        pass  # units that do not convert to each other, or shapes that differ
    raise InputError(
        f"{spec.signature} is {reprlib.repr(raw)}; give every element a unit, and units that "
        "convert to each other, or none"
    )


def _convert(spec: Field, raw: Any, distance: np.ndarray | None) -> np.ndarray:
    plain = _to_unit(spec, raw, distance) if isinstance(raw, u.Quantity) else raw
    try:
        value = np.asarray(plain)
    except ValueError:  # nested lists whose lengths differ
        value = np.asarray(None)
    if value.dtype.kind not in "fiu":
        raise InputError(f"{spec.signature} is {reprlib.repr(raw)}; it must be numbers")
    return value.astype(np.float64)


def _to_unit(spec: Field, raw: u.Quantity, distance: np.ndarray | None) -> np.ndarray:
    target = u.Unit(spec.unit)
    if raw.unit.is_equivalent(target):
        return raw.to_value(target)
    is_length = raw.unit.is_equivalent(u.pc) and target in ON_THE_SKY
    if not is_length or distance is None:
        hint = " (lengths are converted where `distance` is given too)" if is_length else ""
        raise InputError(
            f"{spec.name} is in {raw.unit.to_string() or 'no unit'}, which does not convert to "
            f"{spec.unit or 'a pure number'}{hint}"
        )
    if np.any(distance <= 0):
        raise InputError(f"distance = {distance.min():g} Mpc, allowed: more than 0")
    away = distance
    if distance.ndim:
        # A length that objects at several distances share is another angle for each.
        each = spec.scalar and raw.ndim == 1 and len(raw) == len(distance)
        if raw.ndim > len(spec.shape):
            _same_count(spec, len(raw), distance)
            each = True
        away = distance.reshape((-1,) + (1,) * (raw.ndim - each))
    return (raw / (away * u.Mpc)).to_value(target, u.dimensionless_angles())
