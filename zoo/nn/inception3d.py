"""Inception network on voxels (Zhang et al. 2019), for periodic boxes."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn.periodic import PeriodicConv3D, wrapped

BRANCHES = (6, 8, 10, 3)  # channels of 1^3, 3^3, 5^3 and the average of 3^3
REACH = 4  # voxels on either side: 2 of the branches, 1 of each convolution after them


@keras.saving.register_keras_serializable("zoo")
class PeriodicAverage(keras.layers.Layer):
    """Mean over the 27 voxels around each."""

    def call(self, x: Any) -> Any:
        """Average (batch, n, n, n, channels)."""
        for axis in (1, 2, 3):  # TensorFlow's pooling of volumes knows no double precision
            wide = wrapped(x, 1, (axis,))
            n = ops.shape(x)[axis]
            x = sum(ops.take(wide, ops.arange(n) + i, axis=axis) for i in range(3)) / 3
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the input."""
        return input_shape


def inception(x: Any, name: str, dtype: Any, widths: tuple[int, int] = (27, 13)) -> Any:
    """One value per voxel: four branches side by side, then 3^3, 3^3 and a linear 1^3.

    The published network has a ReLU on its two logits, under which it dies, and no biases; here
    the one logit is linear and has a bias.

    Parameters
    ----------
    x : tensor (batch, n, n, n, channels)
    name : str
        Prefix of the layers' names.
    widths : (int, int)
        Channels of the two convolutions after the branches.
    """

    def conv(filters: int, kernel: int, part: str) -> PeriodicConv3D:
        return PeriodicConv3D(
            filters, kernel, activation="relu", use_bias=False, name=f"{name}_{part}", dtype=dtype
        )

    branches = [
        conv(size, kernel, f"branch_{kernel}")(x)
        for size, kernel in zip(BRANCHES[:3], (1, 3, 5), strict=True)
    ]
    mean = PeriodicAverage(name=f"{name}_average", dtype=dtype)(x)
    branches.append(conv(BRANCHES[3], 1, "branch_average")(mean))
    y = keras.layers.Concatenate(name=f"{name}_joined", dtype=dtype)(branches)
    y = conv(widths[1], 3, "second")(conv(widths[0], 3, "first")(y))
    return keras.layers.Dense(1, name=f"{name}_out", dtype=dtype)(y)
