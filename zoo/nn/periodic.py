"""Convolution and padding of fields in periodic boxes."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def wrapped(x: Any, reach: int, axes: tuple[int, ...] = (1, 2, 3)) -> Any:
    """A field with its opposite faces attached, `reach` voxels on either side of each axis.

    Parameters
    ----------
    x : tensor (batch, n, n, n, channels)
    reach : int
        At most the number of voxels along an axis.
    """
    if reach == 0:
        return x
    for axis in axes:
        before: list[Any] = [slice(None)] * len(x.shape)
        after = list(before)
        before[axis], after[axis] = slice(-reach, None), slice(None, reach)
        x = ops.concatenate([x[tuple(before)], x, x[tuple(after)]], axis=axis)
    return x


@keras.saving.register_keras_serializable("zoo")
class PeriodicConv3D(keras.layers.Layer):
    """Convolution of a periodic field; what comes out has as many voxels.

    Parameters
    ----------
    filters : int
        Channels that come out.
    kernel : int
        Width along each axis, odd.
    **options
        Of `keras.layers.Conv3D` (`activation`, `use_bias`, `kernel_initializer`), or of a layer.
    """

    def __init__(
        self,
        filters: int,
        kernel: int,
        *,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "he_normal",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._config = {"filters": filters, "kernel": kernel, "activation": activation}
        self._config["use_bias"] = use_bias
        if kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}, allowed: an odd number")
        self.reach = kernel // 2
        self.conv = keras.layers.Conv3D(
            filters,
            kernel,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            name="conv",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Any) -> None:
        """Create the kernel."""
        self.conv.build(input_shape)
        self.built = True

    def call(self, x: Any) -> Any:
        """Convolve (batch, n, n, n, channels)."""
        return self.conv(wrapped(x, self.reach))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Same number of voxels, other channels."""
        return (*input_shape[:-1], self.conv.filters)

    def get_config(self) -> dict[str, Any]:
        """What the layer is built with, but for how weights are drawn at the start."""
        return super().get_config() | self._config
