"""Recalibration of a one-parameter flow: the ranks of the truth made uniform."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr

from zoo.nn.flows import ConditionalFlow

# Calibrated base values at the knots: levels from 1.4 % to 98.6 %, beyond which a calibration
# split of thousands says little.
KNOTS = np.linspace(-2.2, 2.2, 9)


class _Bin(NamedTuple):
    """Corner, size, slope of the chord, and slopes at both ends, of the bin of each value."""

    x: Any
    y: Any
    width: Any
    height: Any
    chord: Any
    first: Any
    last: Any


class Recalibration(keras.layers.Layer):
    """Monotone map of a flow's base variable z, fitted where the flow has never been.

    The rank (PIT) of a truth within its posterior is u = Phi(z). Over a calibration split u is
    uniform only if the posteriors are right; the map sends the empirical quantiles of z to those of
    the standard normal distribution, which is the recalibration of Kuleshov et al. (2018,
    arXiv:1807.00263) as a bijection. Being one, it acts alike on quantiles, draws and density.
    Between the knots it is a rational-quadratic function (Gregory & Delbourgo 1982) with continuous
    slope, beyond them a straight line. Until `adapt` is called it is the identity.

    Parameters
    ----------
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)

        def fixed(name, values):
            start = keras.initializers.Constant(values)
            return self.add_weight(shape=KNOTS.shape, initializer=start, trainable=False, name=name)

        self.raw, self.calibrated = fixed("raw", KNOTS), fixed("calibrated", KNOTS)
        self.slope = fixed("slope", np.ones_like(KNOTS))
        self.built = True

    def adapt(self, z: np.ndarray) -> None:
        """Set the map from the base values z of true parameters, shape (n,) or (n, 1).

        Raises
        ------
        ValueError
            If there are fewer than 200 values, or one is not finite.
        """
        z = np.asarray(z, "float64").ravel()
        if len(z) < 200 or not np.isfinite(z).all():
            raise ValueError(
                f"{len(z)} base values, {np.isfinite(z).sum()} of them finite; needed are 200 or "
                "more, all finite"
            )
        raw = np.quantile(z, ndtr(KNOTS), method="hazen")
        # ties would have no slope
        raw = np.maximum.accumulate(raw + 1e-6 * np.arange(len(raw)))
        self.raw.assign(raw)
        self.slope.assign(np.maximum(PchipInterpolator(raw, KNOTS).derivative()(raw), 1e-3))

    def call(self, z):
        """Calibrated base values and the logarithm of the slope, both of the shape of z."""
        low, high, b = self._bin(z, along_raw=True)
        t = ops.clip((z - b.x) / b.width, 0, 1)
        below = b.chord + (b.first + b.last - 2 * b.chord) * t * (1 - t)
        value = b.y + b.height * (b.chord * t**2 + b.first * t * (1 - t)) / below
        above = b.last * t**2 + 2 * b.chord * t * (1 - t) + b.first * (1 - t) ** 2
        slope = b.chord**2 * above / below**2
        # beyond the knots t is clipped, and the slope is that of the end
        return value + slope * (z - ops.clip(z, low, high)), ops.log(slope)

    def invert(self, value):
        """Base values z of calibrated ones, of the same shape."""
        low, high, b = self._bin(value, along_raw=False)
        inside = ops.clip(value, low, high)
        rise = (inside - b.y) / b.height
        bend = rise * (b.first + b.last - 2 * b.chord)
        square, linear, constant = b.chord - b.first + bend, b.first - bend, -b.chord * rise
        root = ops.sqrt(ops.maximum(linear**2 - 4 * square * constant, 0))
        z = b.x + b.width * -2 * constant / (linear + root)
        return z + (value - inside) / ops.where(value < low, b.first, b.last)

    def _bin(self, values, *, along_raw):
        """First and last knot of an axis, and the bin of each value; the outer bins beyond."""
        x, y, slope = (ops.cast(w, values.dtype) for w in (self.raw, self.calibrated, self.slope))
        knots = x if along_raw else y
        left = ops.sum(ops.cast(values[..., None] >= knots[1:-1], "int32"), axis=-1)
        sides = [(ops.take(table, left), ops.take(table, left + 1)) for table in (x, y, slope)]
        (x_0, x_1), (y_0, y_1), (first, last) = sides
        width, height = x_1 - x_0, y_1 - y_0
        return knots[0], knots[-1], _Bin(x_0, y_0, width, height, height / width, first, last)


class RecalibratedFlow(ConditionalFlow):
    """A `ConditionalFlow` of one parameter whose base variable is recalibrated.

    Its layer `recalibration` is the identity until ``recalibration.adapt(base(...))``.
    """

    def __init__(self, parameters, encoder, **kwargs) -> None:
        if len(parameters) != 1:
            raise ValueError(f"parameters: {list(parameters)}; recalibration is for one")
        # Before the flow's own constructor, which calls the model once.
        self.recalibration = Recalibration(
            name="recalibration", dtype=kwargs.get("dtype", "float32")
        )
        super().__init__(parameters, encoder, **kwargs)

    def base(self, theta: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
        """Base values (batch, 1) of parameters, before the recalibration."""
        return super().pull(theta, context)[0]

    def pull(self, theta: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Recalibrated base values (batch, 1) of parameters, and the log-determinant (batch,)."""
        z, log_det = super().pull(theta, context)
        z, log_slope = self.recalibration(z)
        return z, log_det + log_slope[:, 0]

    def push(self, z: tf.Tensor, context: tf.Tensor, draws: int = 1) -> tf.Tensor:
        """Parameters (batch * draws, 1) of recalibrated base values."""
        return super().push(self.recalibration.invert(z), context, draws)
