"""Convolutions on periodic maps, and on boxes alike."""

from __future__ import annotations

from typing import Any

import keras

from zoo.nn.periodic import wrapped


class PeriodicConv(keras.layers.Layer):
    """Convolution of odd width whose input goes on at the other side.

    Parameters
    ----------
    filters, kernel : int
    dimensions : int
        2 or 3.
    **options
        Of the convolution of Keras, and of `keras.layers.Layer`.
    """

    def __init__(
        self, filters: int, kernel: int, dimensions: int, *, zero: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.reach, self.dimensions, self.filters = kernel // 2, dimensions, filters
        self.conv = CONV[dimensions](
            filters,
            kernel,
            kernel_initializer="zeros" if zero else "glorot_uniform",
            name="conv",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        self.conv.build(input_shape)

    def call(self, x: Any) -> Any:
        """(batch, n, ..., channels) to the same with `filters` channels."""
        return self.conv(wrapped(x, self.reach, tuple(range(1, self.dimensions + 1))))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The sides stay."""
        return (*input_shape[:-1], self.filters)


CONV = {2: keras.layers.Conv2D, 3: keras.layers.Conv3D}
CONV_TRANSPOSE = {2: keras.layers.Conv2DTranspose, 3: keras.layers.Conv3DTranspose}
