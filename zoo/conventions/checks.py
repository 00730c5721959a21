"""Arguments of the converters: numbers in one unit, inside their physical range."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from astropy import units as u

from zoo.errors import InputError

INFINITE = math.inf


def number(
    name: str,
    value: Any,
    unit: u.UnitBase | None,
    low: float = -INFINITE,
    high: float = INFINITE,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> np.ndarray:
    """Float64 values in `unit` (any unit where it is None), checked against an interval.

    Raises
    ------
    InputError
        If it is no number, not finite, of another unit, or outside the interval.
    """
    try:
        if isinstance(value, u.Quantity) and unit is not None:
            value = value.to(unit)
        plain = value.value if isinstance(value, u.Quantity) else value
        array: np.ndarray = np.ma.filled(
            np.ma.asarray(plain if plain is not None else "", dtype=float), np.nan
        )
    except (TypeError, ValueError, u.UnitConversionError) as error:
        wanted = "a number" if unit in (None, u.one) else f"a number of {unit}"
        raise InputError(f"{name} is {value}, allowed: {wanted}") from error
    above = array > low if open_low else array >= low
    below = array < high if open_high else array <= high
    wrong = ~(np.isfinite(array) & above & below)
    if wrong.any():
        left, right = "(" if open_low or low == -INFINITE else "[", ")" if open_high else "]"
        right = ")" if high == INFINITE else right
        shown = "" if unit in (None, u.one) else f" {unit}"
        raise InputError(
            f"{name} is {array[wrong].flat[0]:g}, allowed: {left}{low:g}, {high:g}{right}{shown}"
        )
    return array


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """One of a few words.

    Raises
    ------
    InputError
        If it is another word.
    """
    if value not in allowed:
        raise InputError(f"{name} is {value!r}, allowed: {', '.join(map(repr, allowed))}")
    return value


def axis_ratio(name: str, value: Any) -> np.ndarray:
    """An axis ratio in (0, 1]."""
    return number(name, value, u.one, 0, 1, open_low=True)
