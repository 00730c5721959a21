"""Conditionally independent pixel synthesis: every pixel from its position and a style alone.

The generator of Anokhin et al. (2021, arXiv:2011.13775) with the modulated convolutions of
StyleGAN2 (Karras et al. 2020, arXiv:1912.04958): a style network turns the parameters of an object
into a vector, the style; an affine function of the style rescales the weights of each 1 x 1
convolution. For one object the generator is an ordinary network of the position. Random noise is
added nowhere.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

SLOPE, GAIN = 0.2, 2**0.5  # of the leaky rectifier; its gain keeps the variance
FREQUENCY = 9.0  # variance of the frequencies at first, over the dimensions, times 3


def activate(x):
    """Leaky rectifier that keeps the variance."""
    # SLOPE < 1: the greater of the two is the rectifier, in two passes over memory
    return ops.maximum(GAIN * x, GAIN * SLOPE * x)


class PixelNorm(keras.layers.Layer):
    """Vectors (batch, size + 1) of mean square one, from (batch, size) with a one appended.

    Without the one the length of the vector would be lost: random vectors, for which generators
    were made, have one length, but parameters do not.
    """

    def call(self, x):
        """Append, then divide by the root mean square."""
        x = ops.concatenate([x, ops.ones_like(x[:, :1])], axis=-1)
        return x * ops.rsqrt(ops.mean(x**2, axis=-1, keepdims=True))

    def compute_output_shape(self, input_shape):
        """(batch, size + 1)."""
        return (input_shape[0], input_shape[1] + 1)


class EqualDense(keras.layers.Layer):
    """Dense layer whose weights are scaled as they are used, (batch, in) -> (batch, units).

    All weights have unit variance at first, so that Adam learns each at the same relative rate.

    Parameters
    ----------
    units : int
    rate : float
        Learning rate relative to other layers.
    bias : float
        Initial bias.
    active : bool
        Whether the rectifier follows.
    """

    def __init__(self, units, rate=1.0, bias=0.0, active=False, **kwargs):
        super().__init__(**kwargs)
        self.units, self.rate, self.first, self.active = units, rate, bias, active

    def build(self, input_shape):
        """Make the weights."""
        spread = keras.initializers.RandomNormal(stddev=1 / self.rate)
        start = keras.initializers.Constant(self.first / self.rate)
        self.kernel = self.add_weight((input_shape[-1], self.units), spread, name="kernel")
        self.bias = self.add_weight((self.units,), start, name="bias")
        self.built = True

    def call(self, x):
        """Multiply, add, rectify."""
        scale = self.rate / x.shape[-1] ** 0.5
        x = ops.matmul(x, scale * self.kernel) + self.rate * self.bias
        return activate(x) if self.active else x

    def compute_output_shape(self, input_shape):
        """(batch, units)."""
        return (*input_shape[:-1], self.units)


class ModulatedDense(keras.layers.Layer):
    """1 x 1 convolution with weights that a style rescales, {"pixels", "style"} -> pixels.

    Pixels (batch or 1, positions, in) become (batch, positions, units).

    Parameters
    ----------
    units : int
    demodulate : bool
        Whether each output's weights are brought back to unit length.
    active : bool
        Whether the rectifier follows.
    """

    def __init__(self, units, demodulate=True, active=True, **kwargs):
        super().__init__(**kwargs)
        self.units, self.demodulate, self.active = units, demodulate, active

    def build(self, input_shape):
        """Make the weights and the affine function of the style."""
        size = input_shape["pixels"][-1]
        spread = keras.initializers.RandomNormal(stddev=1.0)
        self.kernel = self.add_weight((size, self.units), spread, name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")
        self.affine: EqualDense = EqualDense(size, bias=1.0, dtype=self.dtype_policy, name="affine")
        self.affine.build(input_shape["style"])
        self.built = True

    def call(self, inputs):
        """Modulate the weights, multiply, add, rectify."""
        pixels = inputs["pixels"]
        factors = self.affine(inputs["style"]) / pixels.shape[-1] ** 0.5
        weights = factors[:, :, None] * self.kernel
        if self.demodulate:
            weights *= ops.rsqrt(ops.sum(weights**2, axis=1, keepdims=True) + 1e-8)
        pixels = ops.matmul(pixels, weights) + self.bias
        return activate(pixels) if self.active else pixels

    def compute_output_spec(self, inputs):
        """(batch, positions, units)."""
        shape = (inputs["style"].shape[0], inputs["pixels"].shape[1], self.units)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)


class SineFeatures(keras.layers.Layer):
    """Sines of learned combinations of position, (batch, positions, 2) -> (..., count)."""

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape):
        """Draw the frequencies."""
        limit = (FREQUENCY / input_shape[-1]) ** 0.5
        spread = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight((input_shape[-1], self.count), spread, name="kernel")
        self.bias = self.add_weight((self.count,), spread, name="bias")
        self.built = True

    def call(self, position):
        """Combine and take the sine."""
        return ops.sin(ops.matmul(position, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape):
        """(batch, positions, count)."""
        return (*input_shape[:-1], self.count)


class LearnedConstant(keras.layers.Layer):
    """A learned image, the same for all objects, interpolated bilinearly between its pixels.

    (batch, positions, 2) in [-1, 1] -> (batch, positions, channels); beyond, the edge continues.

    Parameters
    ----------
    size, channels : int
        The image is size x size x channels.
    """

    def __init__(self, size, channels, **kwargs):
        super().__init__(**kwargs)
        self.size, self.channels = size, channels

    def build(self, input_shape):
        """Make the image, which begins empty: noise would have to be unlearned pixel by pixel."""
        shape = (self.size * self.size, self.channels)
        self.image = self.add_weight(shape, "zeros", name="image")
        self.built = True

    def call(self, position):
        """Weigh the four neighbours."""
        place = (ops.clip(position, -1.0, 1.0) + 1) * ((self.size - 1) / 2)
        first = ops.minimum(ops.floor(place), self.size - 2)
        share = place - first
        corner = ops.cast(first[..., 1] * self.size + first[..., 0], "int32")
        x, y = share[..., :1], share[..., 1:]

        def row(start):
            left, right = (ops.take(self.image, start + i, axis=0) for i in (0, 1))
            return left + x * (right - left)

        lower, upper = row(corner), row(corner + self.size)
        return lower + y * (upper - lower)

    def compute_output_shape(self, input_shape):
        """(batch, positions, channels)."""
        return (*input_shape[:-1], self.channels)


def style_network(parameters, size, layers, rate=1.0):
    """Styles (batch, size) of parameters (batch, count).

    Generators of random images learn it at a rate of 0.01. For parameters that makes a network
    which hardly moves from where it was drawn, in thousands of steps, and does not generalise.
    """
    dtype = parameters.dtype
    style = PixelNorm(dtype=dtype, name="style_norm")(parameters)
    for index in range(layers):
        dense = EqualDense(size, rate, active=True, dtype=dtype, name=f"style_{index}")
        style = dense(style)
    return style


def synthesis(style, position, sines, constant, widths):
    """Values (batch, positions) of pixels, the sum of one head per block.

    Parameters
    ----------
    style : (batch, size) tensor
    position : (batch, positions, 2) tensor
        In [-1, 1].
    sines : int
        Number of sine features.
    constant : (int, int)
        Size and channels of the learned constant.
    widths : sequence of int
        Of each block, which is two modulated layers.
    """
    dtype = style.dtype
    features = [
        SineFeatures(sines, dtype=dtype, name="sines")(position),
        LearnedConstant(*constant, dtype=dtype, name="constant")(position),
    ]
    pixels = keras.layers.Concatenate(dtype=dtype, name="features")(features)
    names = ["first", *(f"block_{block}_{part}" for block in range(len(widths)) for part in "ab")]
    sizes = [widths[0], *np.repeat(widths, 2)]
    heads = []
    for index, (name, size) in enumerate(zip(names, sizes, strict=True)):
        layer = ModulatedDense(int(size), dtype=dtype, name=name)
        pixels = layer({"pixels": pixels, "style": style})
        if index and index % 2 == 0:
            head = ModulatedDense(1, False, False, dtype=dtype, name=f"head_{index // 2 - 1}")
            heads.append(head({"pixels": pixels, "style": style}))
    total = keras.layers.Add(dtype=dtype, name="heads")(heads) if len(heads) > 1 else heads[0]
    return keras.layers.Reshape((-1,), dtype=dtype, name="image")(total)
