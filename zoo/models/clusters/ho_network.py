"""The networks of Ho et al. (2019): density of a cluster's galaxies to its mass."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.models.clusters import maps
from zoo.nn.kde import GaussianKDE

CELLS = 48
FACTOR = 0.25  # of the kernels
DENSE = (128, 64)
DROPOUT = 0.25
MAX_NORM = 3.0  # of the kernels' columns


def build(name, axes, convolutions, pool, log_mass, dtype):
    """Build a network on the density map of `axes`.

    Convolutions run along velocity, the first axis; a second one is their channels.

    Parameters
    ----------
    name : str
        Of the model.
    axes : dict
        As `GaussianKDE` takes it; velocity first.
    convolutions : sequence of (int, int)
        Channels and kernel length of each.
    pool : int
        Width of the pooling.
    log_mass : (float, float)
        What the network's output 0 and 1 mean.
    """
    inputs = {n: keras.Input((None,), dtype=dtype, name=n) for n in ("r_proj", "v_los")}
    density = GaussianKDE(axes, FACTOR, name="kde", dtype=dtype)({n: inputs[n] for n in axes})
    score = network(density.shape[1:], convolutions, pool, dtype)(density)
    low, high = map(float, log_mass)
    scale = keras.layers.Rescaling(high - low, offset=low, dtype=dtype, name="scale")
    masses = keras.layers.Reshape((), dtype=dtype, name="log_mass")(scale(score))
    return keras.Model(inputs, {"log_mass": masses}, name=name)


def network(shape, convolutions, pool, dtype):
    """From a map that sums to 1 to a mass scaled to [0, 1]: (batch, 1)."""

    def limit():
        return keras.constraints.MaxNorm(MAX_NORM)

    stack = [keras.Input(shape, dtype=dtype, name="map")]
    if len(shape) == 1:
        stack.append(keras.layers.Reshape((*shape, 1), name="channel", dtype=dtype))
    for i, (channels, length) in enumerate(convolutions):
        stack.append(
            keras.layers.Conv1D(
                channels,
                length,
                padding="same",
                activation="relu",
                kernel_constraint=limit(),
                name=f"conv_{i}",
                dtype=dtype,
            )
        )
    stack += [
        keras.layers.MaxPooling1D(pool, name="pool", dtype=dtype),
        keras.layers.Dropout(DROPOUT, name="dropout", dtype=dtype),
        keras.layers.Flatten(name="flatten", dtype=dtype),
    ]
    for i, width in enumerate(DENSE):
        stack.append(
            keras.layers.Dense(
                width, "relu", kernel_constraint=limit(), name=f"dense_{i}", dtype=dtype
            )
        )
    stack.append(keras.layers.Dense(1, name="score", dtype=dtype))
    return keras.Sequential(stack, name="network")


class Flipped(keras.layers.Layer):
    """In training, half of the maps mirrored in velocity: the published augmentation.

    Maps come as multiples of their mean (`maps.of_clusters`) and leave with the sum 1.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.seed = keras.random.SeedGenerator(1)

    def call(self, density, training=False):
        """Maps of the shape of the input."""
        density = density / np.prod(density.shape[1:])
        if not training:
            return density
        shape = (ops.shape(density)[0], *(1 for _ in density.shape[1:]))
        flip = keras.random.uniform(shape, seed=self.seed) < 0.5
        return ops.where(flip, ops.flip(density, axis=1), density)


def lesson(model, data, validation):
    """Learn the scaled mass from maps that are computed once."""
    net, scale = model.get_layer("network"), model.get_layer("scale")
    density = keras.Input(net.input_shape[1:], name="map")
    student = keras.Model(density, net(Flipped(name="flipped")(density)), name="student")

    def examples(split):
        truth = (np.asarray(split["log_mass"], np.float32) - scale.offset) / scale.scale
        return maps.of_clusters(model.get_layer("kde"), split), truth[:, None].astype(np.float32)

    return student, examples(data), examples(validation)
