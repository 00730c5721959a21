"""Standardisation as part of the graph, with its statistics stored as weights."""

import keras
import numpy as np
from keras import ops


class Standardize(keras.layers.Layer):
    """Shift and scale the last axis to zero mean and unit variance.

    The statistics are non-trainable weights, so they travel with ``.weights.h5`` and with a
    SavedModel. Until `adapt` is called the layer is the identity. NaN stays NaN.

    Parameters
    ----------
    size : int
        Number of features, the length of the last axis.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, size: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.mean = self.add_weight(
            shape=(size,), initializer="zeros", trainable=False, name="mean"
        )
        self.scale = self.add_weight(
            shape=(size,), initializer="ones", trainable=False, name="scale"
        )
        self.built = True

    def adapt(self, values: np.ndarray) -> None:
        """Set mean and scale from training data.

        Parameters
        ----------
        values : numpy.ndarray
            Shape (..., size). NaN entries (absent members of sets) are left out. A feature
            that is constant, or absent throughout, keeps the scale 1.

        Raises
        ------
        ValueError
            If the last axis has the wrong length or a value is infinite.
        """
        size = self.mean.shape[0]
        rows = np.asarray(values, dtype="float64")
        if rows.ndim < 2 or rows.shape[-1] != size:
            raise ValueError(f"{self.name}: values of shape {rows.shape}; expected (..., {size}).")
        rows = rows.reshape(-1, size)
        if np.isinf(rows).any():
            column = int(np.argwhere(np.isinf(rows).any(axis=0))[0, 0])
            raise ValueError(f"{self.name}: feature {column} is infinite; expected finite or NaN.")
        count = np.maximum(np.isfinite(rows).sum(axis=0), 1)
        mean = np.nansum(rows, axis=0) / count
        scale = np.sqrt(np.nansum((rows - mean) ** 2, axis=0) / count)
        # Rounding leaves a constant column with a tiny scatter instead of none.
        constant = scale <= 1e-6 * np.abs(mean)
        self.mean.assign(mean)
        self.scale.assign(np.where(constant, 1.0, scale))

    def call(self, values):
        """Standardised values, of the shape of the input."""
        return (values - ops.cast(self.mean, values.dtype)) / ops.cast(self.scale, values.dtype)

    def undo(self, standard):
        """Values from standardised ones, of the shape of the input."""
        return standard * ops.cast(self.scale, standard.dtype) + ops.cast(self.mean, standard.dtype)

    def compute_output_shape(self, input_shape):
        """Shape of the input."""
        return input_shape
