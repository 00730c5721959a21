"""Coupling layer: some parameters and the context decide how the others are moved."""

import keras
import tensorflow as tf

from zoo.nn.flows.conditioner import Conditioner
from zoo.nn.flows.elementwise import Elementwise


class Coupling(keras.layers.Layer):
    """Keep the first parameters and move the rest, one by one.

    Dinh et al. 2017, arXiv:1605.08803 (affine: RealNVP); Durkan et al. 2019, arXiv:1906.04032
    (splines). With ``kept=0`` the movement depends on the context only.

    Parameters
    ----------
    size : int
        Number of parameters.
    kept : int
        How many are kept.
    elementwise : Elementwise
        What moves the others.
    hidden, depth : int
        Width and number of the blocks of the `Conditioner`.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self, size: int, kept: int, elementwise: Elementwise, hidden: int, depth: int, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.kept = kept
        self.moved = size - kept
        self.elementwise = elementwise
        self.conditioner = Conditioner(
            self.moved,
            elementwise.n_raw,
            hidden,
            depth,
            name="conditioner",
            dtype=self.dtype_policy,
        )

    def _raw(self, kept: tf.Tensor, context: tf.Tensor, draws: int = 1) -> tf.Tensor:
        if not self.kept and draws > 1:
            # The context alone decides: once for all its draws.
            return tf.repeat(self._raw(kept[::draws], context), draws, axis=2)
        return self.conditioner({"kept": kept, "context": context}, draws=draws)

    def forward(
        self, z: tf.Tensor, context: tf.Tensor, draws: int = 1
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """From the base towards the parameters: value and log-determinant (batch * draws,)."""
        kept, moved = z[:, : self.kept], z[:, self.kept :]
        raw = self._raw(kept, context, draws)
        moved, log_det = self.elementwise.forward(raw, moved, batch_last=True)
        return tf.concat([kept, moved], axis=-1), log_det

    def inverse(self, x: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """From the parameters towards the base: value and log-determinant (batch,)."""
        kept, moved = x[:, : self.kept], x[:, self.kept :]
        raw = self._raw(kept, context)
        moved, log_det = self.elementwise.inverse(raw, moved, batch_last=True)
        return tf.concat([kept, moved], axis=-1), log_det
