"""One-dimensional residual convolutions."""

from __future__ import annotations

from typing import Any

import keras


def residual(x: Any, filters: int, kernel: int, stride: int, name: str, dtype: Any) -> Any:
    """Two convolutions beside a short cut (He et al. 2016), shortened by a stride.

    Parameters
    ----------
    x : tensor (batch, length, channels)
    filters, kernel : int
        Channels and width of both convolutions.
    stride : int
        Of the first convolution; the short cut is then a convolution as wide as the stride.
    name : str
        Prefix of the layers' names.
    dtype : str or DTypePolicy

    Returns
    -------
    tensor (batch, length / stride, filters)
    """

    def conv(size: int, step: int, part: str, activation: str | None = None) -> Any:
        return keras.layers.Conv1D(
            filters,
            size,
            step,
            padding="same",
            activation=activation,
            kernel_initializer="he_normal",
            name=f"{name}_{part}",
            dtype=dtype,
        )

    bent = conv(kernel, 1, "second")(conv(kernel, stride, "first", "relu")(x))
    short = x
    if stride > 1 or x.shape[-1] != filters:
        short = conv(stride, stride, "short")(x)
    joined = keras.layers.Add(name=f"{name}_add", dtype=dtype)([short, bent])
    return keras.layers.ReLU(name=f"{name}_relu", dtype=dtype)(joined)
