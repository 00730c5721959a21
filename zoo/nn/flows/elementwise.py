"""Monotonic maps of one variable, built from the raw output of a network."""

import functools
from collections.abc import Callable

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

Map = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Elementwise:
    """A family of bijections of the line.

    Parameters
    ----------
    n_raw : int
        Raw numbers that describe one bijection. All zero, they give the identity.
    forward, inverse : callable
        From raw numbers (n_raw, size, batch) and arguments (size, batch) to values and
        logarithms of the derivative, both (size, batch). The batch comes last, along memory:
        what is done to one raw number after the other is then done to vectors.
    """

    def __init__(self, n_raw: int, forward: Map, inverse: Map) -> None:
        self.n_raw = n_raw
        # Traced once, with its gradient, for all layers of a flow: tracing is what costs.
        self._forward = tf.function(forward, autograph=False, reduce_retracing=True)
        self._inverse = tf.function(inverse, autograph=False, reduce_retracing=True)

    def forward(
        self, raw: tf.Tensor, x: tf.Tensor, *, batch_last: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Image of x and log-determinant.

        Parameters
        ----------
        raw : tensor
            Shape (batch, size, n_raw); with `batch_last`, (n_raw, size, batch).
        x : tensor
            Shape (batch, size).
        batch_last : bool
            Whether `raw` is stored the other way round, which spares a transposition.

        Returns
        -------
        y : tensor
            Shape (batch, size).
        log_det : tensor
            Shape (batch,).
        """
        return _apply(self._forward, raw if batch_last else tf.transpose(raw), x)

    def inverse(
        self, raw: tf.Tensor, y: tf.Tensor, *, batch_last: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Preimage of y and log-determinant of the inverse; shapes as for `forward`."""
        return _apply(self._inverse, raw if batch_last else tf.transpose(raw), y)


def _apply(function: Map, raw: tf.Tensor, argument: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    value, log_slope = function(raw, tf.transpose(argument))
    return tf.transpose(value), tf.reduce_sum(log_slope, axis=0)


@functools.cache
def affine(max_log_scale: float) -> Elementwise:
    """Shift and scale; the logarithm of the scale is kept within ``+-max_log_scale``."""

    def bijector(raw):
        log_scale = max_log_scale * tf.tanh(raw[1] / max_log_scale)
        return tfb.Shift(raw[0])(tfb.Scale(log_scale=log_scale))

    def forward(raw, x):
        shift_scale = bijector(raw)
        return shift_scale.forward(x), shift_scale.forward_log_det_jacobian(x)

    def inverse(raw, y):
        shift_scale = bijector(raw)
        return shift_scale.inverse(y), shift_scale.inverse_log_det_jacobian(y)

    return Elementwise(2, forward, inverse)
