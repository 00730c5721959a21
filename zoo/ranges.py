"""Rows of a batch that lie outside what a card states."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zoo.card import Card
from zoo.errors import InputError, OutsideRangeWarning
from zoo.numeric import Column

Outside = Literal["raise", "warn", "nan"]


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


def flag(
    found: list[Violation],
    field: str,
    rows: np.ndarray,
    value: np.ndarray,
    allowed: str,
    impossible: bool = False,
) -> None:
    """Append what a model's own `check` finds wrong with rows (batch,), if there are any.

    `value` (batch,) is what is judged; that of the first such row goes into the message.
    """
    if rows.any():
        worst = float(value[int(np.argmax(rows))])
        found.append(Violation(field, rows, worst, allowed, impossible))


def violations(card: Card, columns: dict[str, Column]) -> list[Violation]:
    """Compare every column with `valid` and `range` of its field."""
    found = []
    for name in _suspects(card, columns):
        spec = card.inputs[name]
        low, high = _extremes(columns[name])
        impossible = np.zeros(len(low), dtype=bool)
        if spec.valid is not None:
            below = low <= spec.valid.low if spec.valid.open_low else low < spec.valid.low
            above = high >= spec.valid.high if spec.valid.open_high else high > spec.valid.high
            if violation := _violation(name, low, high, below, above, str(spec.valid), True):
                found.append(violation)
                impossible = violation.rows
        if spec.range is not None:
            bounds = f"{spec.range[0]:g} to {spec.range[1]:g} {spec.unit}".rstrip()
            below = (low < spec.range[0]) & ~impossible
            above = (high > spec.range[1]) & ~impossible
            if violation := _violation(name, low, high, below, above, bounds, False):
                found.append(violation)
    return found


def _suspects(card: Card, columns: dict[str, Column]) -> list[str]:
    """Fields of which some value lies outside, found with few calls: most often there is none."""
    bounded = [n for n, spec in card.inputs.items() if spec.range or spec.valid]
    numbers = {n: v for n in bounded if isinstance(v := columns[n], np.ndarray) and v.ndim == 1}
    suspects = set(bounded) - set(numbers)
    if numbers:
        values = np.stack(list(numbers.values()))
        lows, highs = values.min(axis=1, initial=np.inf), values.max(axis=1, initial=-np.inf)
        for name, low, high in zip(numbers, lows.tolist(), highs.tolist(), strict=True):
            if not card.inputs[name].holds(low, high):
                suspects.add(name)
    return [name for name in bounded if name in suspects]


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


def inside(found: list[Violation], size: int) -> np.ndarray:
    """Whether each row (batch,) lies inside all that the card states."""
    rows = np.ones(size, dtype=bool)
    for violation in found:
        rows &= ~violation.rows
    return rows


def refuse(violations: list[Violation], outside: Outside) -> None:
    """Raise where no answer exists or the caller asked for an error."""
    if outside == "nan":
        return
    worst = [v for v in violations if v.impossible or outside == "raise"]
    if worst:
        text = "; ".join(map(str, worst))
        hint = ' (outside="nan" answers such rows with NaN)' if worst[0].impossible else ""
        raise InputError(f"{text}{hint}")


def warn(name: str, in_domain: np.ndarray, violations: list[Violation]) -> None:
    """Warn once per call, with the count and the fields."""
    count = int(np.count_nonzero(~in_domain))
    text = "; ".join(str(violation) for violation in violations)
    warnings.warn(
        f"{name}: {count} of {len(in_domain)} rows lie outside the stated range: {text}. "
        f"See `in_domain`.",
        OutsideRangeWarning,
        stacklevel=3,
    )
