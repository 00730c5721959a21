"""Invertible linear map between coupling layers."""

import keras
import tensorflow as tf


class Mixing(keras.layers.Layer):
    """Mix the parameters by a learned matrix, then reverse their order.

    The matrix is kept as its LU decomposition with a positive diagonal, so that it can't become
    singular (Kingma & Dhariwal 2018, arXiv:1807.03039, section 3.2). It starts as the pure
    reversal.

    Parameters
    ----------
    size : int
        Number of parameters.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, size: int, **kwargs) -> None:
        super().__init__(**kwargs)
        # Below the diagonal: L. Above: U. On it: the logarithm of U's diagonal.
        self.factors = self.add_weight(shape=(size, size), initializer="zeros", name="factors")
        self.built = True

    def _factors(self, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        factors = tf.cast(tf.convert_to_tensor(self.factors), dtype)
        log_diagonal = tf.linalg.diag_part(factors)
        lower = tf.linalg.set_diag(tf.linalg.band_part(factors, -1, 0), tf.ones_like(log_diagonal))
        upper = tf.linalg.set_diag(tf.linalg.band_part(factors, 0, -1), tf.exp(log_diagonal))
        return lower, upper, tf.reduce_sum(log_diagonal)

    def forward(
        self, z: tf.Tensor, context: tf.Tensor, draws: int = 1
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """From the base towards the parameters: value and log-determinant ()."""
        lower, upper, log_det = self._factors(z.dtype)
        matrix = tf.reverse(tf.matmul(lower, upper), [0])
        return tf.matmul(z, matrix, transpose_b=True), log_det

    def inverse(self, x: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """From the parameters towards the base: value and log-determinant ()."""
        lower, upper, log_det = self._factors(x.dtype)
        columns = tf.transpose(tf.reverse(x, [-1]))
        columns = tf.linalg.triangular_solve(lower, columns, lower=True)
        columns = tf.linalg.triangular_solve(upper, columns, lower=False)
        return tf.transpose(columns), -log_det
