"""Noise schedules: gamma(t), minus the logarithm of the signal-to-noise ratio, rising from t = 0.

alpha^2 = sigmoid(-gamma) is what is left of the data's variance at time t, sigma^2 = sigmoid(gamma)
that of the noise (Kingma et al. 2021, equations 2 and 3).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class Linear(keras.layers.Layer):
    """Gamma = low + (high - low) t, whose ends may be learned.

    Parameters
    ----------
    low, high : float
        Gamma at t = 0 and t = 1, the first guess where they are learned.
    learned : bool
    """

    def __init__(self, low: float, high: float, learned: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.learned = low, high, learned

    def build(self, input_shape: Any) -> None:
        """Create the start and the width."""
        at, trained = keras.initializers.Constant, self.learned
        self.start = self.add_weight(
            shape=(), initializer=at(self.low), trainable=trained, name="start"
        )
        width = at(self.high - self.low)
        self.width = self.add_weight(shape=(), initializer=width, trainable=trained, name="width")

    def call(self, t: Any) -> Any:
        """Gamma at times t, of the same shape."""
        return self.start + ops.abs(self.width) * t

    def slope(self, t: Any) -> Any:
        """The derivative of gamma to t."""
        return ops.abs(self.width) + 0 * t


class Monotone(keras.layers.Layer):
    """A line plus a rising network of one hidden layer, all learned (Kingma et al. 2021, app. H).

    Parameters
    ----------
    low, high : float
        Ends of the line at first; the network adds less than 1 to them.
    hidden : int
        Width of the network.
    """

    def __init__(self, low: float, high: float, hidden: int = 1024, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.line = Linear(low, high, learned=True, name="line", dtype=self.dtype_policy)
        self.hidden = hidden

    def build(self, input_shape: Any) -> None:
        """Create the weights; their absolute values are used."""
        self.line.build(input_shape)
        spread = keras.initializers.RandomUniform(-1, 1, seed=1)
        shape = (self.hidden,)
        self.rise = self.add_weight(shape=shape, initializer=spread, name="rise")
        self.place = self.add_weight(shape=shape, initializer=spread, name="place")
        self.weight = self.add_weight(shape=shape, initializer=spread, name="weight")

    def call(self, t: Any) -> Any:
        """Gamma at times t, of the same shape."""
        bent = ops.tanh(self._inner(t) / 2)
        return self.line(t) + ops.mean(ops.abs(self.weight) * bent, axis=-1)

    def slope(self, t: Any) -> Any:
        """The derivative of gamma to t."""
        rising = ops.abs(self.weight * self.rise) * (1 - ops.tanh(self._inner(t) / 2) ** 2)
        return self.line.slope(t) + ops.mean(rising, axis=-1)

    def _inner(self, t: Any) -> Any:
        return ops.abs(self.rise) * (2 * t[..., None] - 1) + self.place


def schedule(kind: str, low: float, high: float, dtype: Any = "float32") -> Any:
    """Return the schedule of a kind: "fixed_linear", "learned_linear" or "monotone".

    Raises
    ------
    ValueError
        If there is no such kind, or high is not above low.
    """
    if not high > low:
        raise ValueError(f"noise goes from {low} to {high}; the second has to be above the first")
    if kind == "monotone":
        made = Monotone(low, high, name="schedule", dtype=dtype)
    elif kind in ("fixed_linear", "learned_linear"):
        made = Linear(low, high, learned=kind == "learned_linear", name="schedule", dtype=dtype)
    else:
        known = "fixed_linear, learned_linear, monotone"
        raise ValueError(f"schedule is {kind!r}, allowed: {known}")
    made.build((None,))
    return made


def alpha(gamma: Any) -> Any:
    """Factor of the data."""
    return ops.sqrt(ops.sigmoid(-gamma))


def sigma(gamma: Any) -> Any:
    """Factor of the noise."""
    return ops.sqrt(ops.sigmoid(gamma))
