"""Masked autoregressive layer: each parameter is moved by those before it and the context."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.nn.flows.elementwise import Elementwise


class MaskedDense(keras.layers.Layer):
    """Dense layer with some connections cut.

    Parameters
    ----------
    connected : numpy.ndarray
        Shape (n_in, n_out), True where the input reaches the output.
    scale : float
        Standard deviation of the initial kernel times the square root of the inputs connected.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, connected: np.ndarray, scale: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.connected = connected.astype("float32")
        deviation = scale / np.sqrt(max(connected.sum(axis=0).max(), 1))
        self.kernel = self.add_weight(
            shape=connected.shape,
            name="kernel",
            initializer=keras.initializers.RandomNormal(stddev=float(deviation)),
        )
        self.bias = self.add_weight(shape=connected.shape[1:], initializer="zeros", name="bias")
        self.built = True

    def call(self, x):
        """Shape (batch, n_out)."""
        kernel = ops.cast(self.kernel, x.dtype) * ops.cast(self.connected, x.dtype)
        return ops.matmul(x, kernel) + ops.cast(self.bias, x.dtype)


class Autoregressive(keras.layers.Layer):
    """Move every parameter by a map that depends on the earlier ones.

    Germain et al. 2015, arXiv:1502.03509 (masks); Papamakarios et al. 2017, arXiv:1705.07057
    (flow). The density takes one pass of the network, a draw as many as there are parameters.
    Hidden units of degree 0 see the context only, so that the first parameter depends on it.

    Parameters
    ----------
    size : int
        Number of parameters.
    elementwise : Elementwise
        What moves them.
    hidden, depth : int
        Width and number of the hidden layers.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self, size: int, elementwise: Elementwise, hidden: int, depth: int, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.elementwise = elementwise
        policy = self.dtype_policy
        inputs = np.arange(1, size + 1)
        degrees = np.arange(hidden) % size
        outputs = np.repeat(inputs, elementwise.n_raw)
        self.context_layer = keras.layers.Dense(hidden, name="context", dtype=policy)
        # A single parameter has none before it: its maps depend on the context alone.
        self.first_layer = (
            MaskedDense(degrees >= inputs[:, None], name="first", dtype=policy)
            if size > 1
            else None
        )
        self.hidden_layers = [
            MaskedDense(degrees >= degrees[:, None], 2**0.5, name=f"hidden_{i}", dtype=policy)
            for i in range(depth - 1)
        ]
        self.last_layer = MaskedDense(outputs > degrees[:, None], 0.1, name="raw", dtype=policy)

    def _raw(self, x: tf.Tensor, from_context: tf.Tensor) -> tf.Tensor:
        hidden = from_context
        if self.first_layer is not None:
            hidden = hidden + self.first_layer(x)
        hidden = tf.nn.silu(hidden)
        for layer in self.hidden_layers:
            hidden = tf.nn.silu(layer(hidden))
        return tf.reshape(self.last_layer(hidden), [-1, self.size, self.elementwise.n_raw])

    def forward(
        self, z: tf.Tensor, context: tf.Tensor, draws: int = 1
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """From the base towards the parameters: value and log-determinant (batch * draws,)."""
        from_context = tf.repeat(self.context_layer(context), draws, axis=0)
        x = tf.zeros_like(z)
        log_det = tf.zeros_like(z[:, 0])
        # Pass i makes parameter i right: it depends on those before it only.
        for _ in range(self.size):
            x, log_det = self.elementwise.forward(self._raw(x, from_context), z)
        return x, log_det

    def inverse(self, x: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """From the parameters towards the base: value and log-determinant (batch,)."""
        return self.elementwise.inverse(self._raw(x, self.context_layer(context)), x)
