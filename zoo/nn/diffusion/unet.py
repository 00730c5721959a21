"""The denoiser: a U-Net on periodic maps or boxes that knows the noise level and parameters.

As published for maps (Ono et al. 2024): residual blocks of two convolutions with group
normalisation, SiLU and dropout, the second of them zero at first; the embedding of the noise level
is added between them; halving by strided convolutions; attention of one head at the coarsest
level; skips joined by concatenation; output = network + z.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.nn.diffusion.periodic import CONV, CONV_TRANSPOSE, PeriodicConv

GROUPS = 8
LONGEST = 1e4  # period of the slowest wave, for time in units of 1/1000
UNIT = 1000.0


class Waves(keras.layers.Layer):
    """Sine and cosine of a time at geometrically spaced frequencies.

    Parameters
    ----------
    size : int
        Even number of features.
    **kwargs
        Of `keras.layers.Layer`.
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.frequency = UNIT / np.geomspace(1, LONGEST, size // 2)

    def call(self, t: Any) -> Any:
        """(batch,) to (batch, size)."""
        angle = t[:, None] * ops.convert_to_tensor(self.frequency, dtype=t.dtype)
        return ops.concatenate([ops.sin(angle), ops.cos(angle)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(batch, size)."""
        return (input_shape[0], self.size)


class GroupNorm(keras.layers.Layer):
    """Group normalisation over all cells (Wu & He 2018).

    A third of the time of Keras' own on a CPU: sums are taken by channel, so that the large tensor
    is never reshaped.

    Parameters
    ----------
    groups : int
        They divide the channels.
    **kwargs
        Of `keras.layers.Layer`.
    """

    def __init__(self, groups: int = GROUPS, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups, self.epsilon = groups, epsilon

    def build(self, input_shape: Any) -> None:
        """Create scale and shift of the channels."""
        self.channels = input_shape[-1]
        self.gamma = self.add_weight(shape=(self.channels,), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(self.channels,), initializer="zeros", name="beta")

    def call(self, x: Any) -> Any:
        """(batch, n, ..., channels), normalised."""
        axes = tuple(range(1, len(x.shape) - 1))
        shape = (-1, self.groups, self.channels // self.groups)
        mean = ops.mean(ops.reshape(ops.mean(x, axis=axes), shape), axis=-1)
        square = ops.mean(ops.reshape(ops.mean(x * x, axis=axes), shape), axis=-1)
        root = ops.rsqrt(ops.maximum(square - mean**2, 0.0) + self.epsilon)
        wide = self.channels // self.groups
        scale = ops.repeat(root, wide, axis=-1) * self.gamma
        shift = self.beta - ops.repeat(mean, wide, axis=-1) * scale
        for _ in axes:
            scale, shift = scale[:, None], shift[:, None]
        return x * scale + shift


class CellAttention(keras.layers.Layer):
    """Attention of one head between all cells, beside a short cut.

    Parameters
    ----------
    **kwargs
        Of `keras.layers.Layer`.
    """

    def build(self, input_shape: Any) -> None:
        """Create the dense layers of keys, queries, values and output."""
        channels = input_shape[-1]
        self.norm = GroupNorm(name="norm", dtype=self.dtype_policy)
        self.norm.build(input_shape)
        self.inward = keras.layers.Dense(3 * channels, name="inward", dtype=self.dtype_policy)
        self.inward.build(input_shape)
        self.outward = keras.layers.Dense(
            channels, kernel_initializer="zeros", name="outward", dtype=self.dtype_policy
        )
        self.outward.build(input_shape)
        self.channels = channels

    def call(self, x: Any) -> Any:
        """(batch, n, ..., channels), of the same shape."""
        flat = ops.reshape(self.inward(self.norm(x)), (ops.shape(x)[0], -1, 3 * self.channels))
        query, key, value = ops.split(flat, 3, axis=-1)
        score = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / self.channels**0.5
        seen = ops.matmul(ops.softmax(score, axis=-1), value)
        return x + self.outward(ops.reshape(seen, ops.shape(x)))


def unet(
    dimensions: int = 2,
    embedding: int = 48,
    blocks: int = 4,
    parameters: int = 0,
    dropout: float = 0.1,
    patch: int = 1,
    conditions: int = 1,
    dtype: Any = "float32",
) -> keras.Model:
    """Build the denoiser.

    Parameters
    ----------
    dimensions : int
        2 for maps, 3 for boxes.
    embedding : int
        Channels at the finest level, a multiple of 8; they double from level to level.
    blocks : int
        Halvings: sides are multiples of patch 2^blocks.
    parameters : int
        Numbers that condition beside the map, of order 1.
    dropout : float
        Rate in the residual blocks.
    patch : int
        Cells along a side that the network takes together, by convolutions as wide as their stride
        at both ends; 1 as published. It saves time where maps are finer than the network has to be.
    conditions : int
        Channels of the condition.

    Returns
    -------
    keras.Model
        Of `z` (batch, n, ..., 1), `condition` (batch, n, ..., conditions), `time` (batch,) in
        [0, 1] and, if there are any, `parameters` (batch, parameters), to the noise in z.
    """
    cells = (None,) * dimensions
    z = keras.Input((*cells, 1), dtype=dtype, name="z")
    condition = keras.Input((*cells, conditions), dtype=dtype, name="condition")
    time = keras.Input((), dtype=dtype, name="time")
    inputs = {"z": z, "condition": condition, "time": time}

    def dense(size: int, name: str, **options: Any) -> keras.layers.Layer:
        return keras.layers.Dense(size, name=name, dtype=dtype, **options)

    level = Waves(embedding, name="waves", dtype=dtype)(time)
    level = dense(4 * embedding, "level_first", activation="silu")(level)
    if parameters:
        given = keras.Input((parameters,), dtype=dtype, name="parameters")
        inputs["parameters"] = given
        known = dense(4 * embedding, "parameters_first", activation="silu")(given)
        level = keras.layers.Concatenate(name="level_join", dtype=dtype)([level, known])
    level = dense(4 * embedding, "level_second", activation="silu")(level)

    def block(x: Any, filters: int, name: str) -> Any:
        return _residual(x, level, filters, dimensions, dropout, name, dtype)

    joined = keras.layers.Concatenate(name="join", dtype=dtype)([z, condition])
    if patch > 1:
        x = CONV[dimensions](embedding, patch, patch, name="inward", dtype=dtype)(joined)
    else:
        x = PeriodicConv(embedding, 3, dimensions, name="inward", dtype=dtype)(joined)
    skips = []
    for depth in range(blocks):
        x = block(x, embedding * 2**depth, f"down_{depth}")
        skips.append(x)
        x = CONV[dimensions](x.shape[-1], 2, 2, name=f"halve_{depth}", dtype=dtype)(x)
    x = block(x, embedding * 2**blocks, "middle_first")
    x = CellAttention(name="attention", dtype=dtype)(x)
    x = block(x, embedding * 2**blocks, "middle_second")
    for depth in reversed(range(blocks)):
        filters = embedding * 2**depth
        x = CONV_TRANSPOSE[dimensions](filters, 2, 2, name=f"double_{depth}", dtype=dtype)(x)
        x = keras.layers.Concatenate(name=f"skip_{depth}", dtype=dtype)([x, skips.pop()])
        x = block(x, filters, f"up_{depth}")
    x = _normal(x, "outward", dtype)
    if patch > 1:
        options = {"kernel_initializer": "zeros", "name": "outward", "dtype": dtype}
        x = CONV_TRANSPOSE[dimensions](1, patch, patch, **options)(x)
    else:
        x = PeriodicConv(1, 3, dimensions, zero=True, name="outward", dtype=dtype)(x)
    return keras.Model(inputs, keras.layers.Add(name="noise", dtype=dtype)([x, z]), name="denoiser")


def _normal(x: Any, name: str, dtype: Any) -> Any:
    x = GroupNorm(name=f"{name}_norm", dtype=dtype)(x)
    return keras.layers.Activation("silu", name=f"{name}_silu", dtype=dtype)(x)


def _residual(
    x: Any, level: Any, filters: int, dimensions: int, dropout: float, name: str, dtype: Any
) -> Any:
    """Two convolutions with the embedding added between them, beside a short cut."""
    short = x
    if x.shape[-1] != filters:
        short = CONV[dimensions](filters, 1, name=f"{name}_short", dtype=dtype)(x)
    x = _normal(x, f"{name}_first", dtype)
    x = PeriodicConv(filters, 3, dimensions, name=f"{name}_first", dtype=dtype)(x)
    shift = keras.layers.Dense(
        filters, use_bias=False, kernel_initializer="zeros", name=f"{name}_level", dtype=dtype
    )(level)
    everywhere = keras.layers.Reshape(
        (*(1,) * dimensions, filters), name=f"{name}_everywhere", dtype=dtype
    )
    x = keras.layers.Add(name=f"{name}_shift", dtype=dtype)([x, everywhere(shift)])
    x = _normal(x, f"{name}_second", dtype)
    if dropout:
        x = keras.layers.Dropout(dropout, seed=1, name=f"{name}_dropout", dtype=dtype)(x)
    x = PeriodicConv(filters, 3, dimensions, zero=True, name=f"{name}_second", dtype=dtype)(x)
    return keras.layers.Add(name=f"{name}_add", dtype=dtype)([short, x])
