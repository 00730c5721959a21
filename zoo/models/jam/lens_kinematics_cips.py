"""Gomer et al. (2023): kinematics of lens galaxies by conditionally independent pixels."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo import registry
from zoo.models.jam import lens_domain
from zoo.models.jam.lens_domain import PIXEL, QUADRANT, RATIO, SCALARS, SIZES
from zoo.nn.cips import style_network, synthesis
from zoo.nn.standardize import Standardize

check, route = lens_domain.check, lens_domain.route
example, golden = lens_domain.example, lens_domain.golden

BASIS = "lens_kinematics"
COUNT = 9  # parameters of a map, but for the distances
FINEST = 0.005  # core [arcsec] below which smaller ones look alike
EDGE = PIXEL * (QUADRANT - 1)  # [arcsec]
ROWS = 12  # of the map at a time: their features fit into a core's cache
DRAWN = 128  # pixels of a galaxy in a training step
FIRST = 300  # the fixed pixels leave out the centre, which would weigh too much among so few
MOST = 1.6  # factor by which a galaxy is enlarged or reduced in training
THETA_E, CORE = (0.5, 2.0), 0.081  # [arcsec] Einstein radii of the mocks, and their largest core
LEVELS = 65535  # of the code of the dataset's quadrant


def build(
    dtype="float32",
    style=64,
    style_layers=5,
    sines=32,
    constant=(64, 16),
    widths=(48, 48, 48),
):
    """Build the network.

    The published generator is `build(style=512, style_layers=5, sines=512, constant=(256, 512),
    widths=(512, 512, 512, 512, 512, 256, 128))`.

    Parameters
    ----------
    style, style_layers : int
        Width and depth of the style network.
    sines : int
        Sine features of the position.
    constant : (int, int)
        Pixels along an edge and channels of the learned constant.
    widths : sequence of int
        Of each block of two modulated layers.
    """
    inputs = {name: keras.Input((), dtype=dtype, name=name) for name in SCALARS}
    inputs |= {name: keras.Input((None,), dtype=dtype, name=name) for name in "xy"}
    parameters = Parameters(dtype=dtype, name="parameters")(inputs)
    standard = Standardize(COUNT, dtype=dtype, name="standard")(parameters)
    styles = style_network(standard, style, style_layers)
    position = Position(dtype=dtype, name="position")(inputs)
    image = synthesis(styles, position, sines, tuple(constant), tuple(widths))
    vrms = Velocity(dtype=dtype, name="vrms")(inputs | {"image": image})
    return keras.Model(inputs, {"vrms": vrms}, name="lens_kinematics_cips")


class Parameters(keras.layers.Layer):
    """Nine numbers that set the map (batch, 9): intrinsic shapes, and sizes in Einstein radii.

    Published are the nine parameters as they are given. In these the maps vary more smoothly: of
    4,000 galaxies the generator otherwise learns more by heart than it understands.
    """

    def call(self, inputs):
        """Deproject both axis ratios, and take logarithms of sizes."""
        cos2 = ops.cos(inputs["inclination"] * (np.pi / 180)) ** 2
        q_light, q_mass = (
            ops.sqrt(ops.maximum(inputs[name] ** 2 - cos2, 0.0) / (1 - cos2))
            for name in ("q_light", "q_mass")
        )
        radius = inputs["theta_e"]
        core = ops.log(inputs["core_size"] ** 2 + FINEST**2) / 2
        sizes = [ops.log(radius), inputs["r_sersic"] / radius, core]
        shapes = [inputs["n_sersic"], q_light, q_mass, cos2, inputs["gamma"], inputs["b_ani"]]
        return ops.stack(shapes + sizes, axis=-1)

    def compute_output_shape(self, input_shape):
        """(batch, 9)."""
        return (input_shape["gamma"][0], COUNT)


class Position(keras.layers.Layer):
    """Distances from both axes of the map, in [-1, 1]: (batch, positions, 2)."""

    def call(self, inputs):
        """Reflect into the quadrant; absent positions (NaN) are put into its corner."""
        x, y = (ops.abs(inputs[n]) * (2 / EDGE) - 1 for n in "xy")
        return ops.stack([ops.where(ops.isnan(v), -1.0, v) for v in (x, y)], axis=-1)

    def compute_output_shape(self, input_shape):
        """(batch, positions, 2)."""
        return (*input_shape["x"], 2)


class Velocity(keras.layers.Layer):
    """Vrms [km/s] of the generator's image, for lens and source at their distances."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = self.add_weight((), "ones", trainable=False, name="scale")

    def call(self, inputs):
        """Clip negatives, then scale as an isothermal sphere of the same Einstein radius."""
        return self.unit(inputs)[:, None] * ops.maximum(inputs["image"], 0.0)

    def unit(self, inputs):
        """Vrms [km/s] (batch,) of an image of ones: Vrms^2 goes with theta_e Ds / Dds."""
        return self.scale * ops.sqrt(inputs["theta_e"] * RATIO / inputs["distance_ratio"])

    def compute_output_shape(self, input_shape):
        """(batch, positions)."""
        return input_shape["x"]


def signatures(model):
    """Serve any positions, and `map`: the default 551 x 551 pixels of 0.02 arcsec."""
    import tensorflow as tf

    dtype = model.inputs[0].dtype
    specs = {name: tf.TensorSpec((None,), dtype) for name in SCALARS}
    axes = [tf.constant(axis.reshape(-1, 1, ROWS * QUADRANT), dtype) for axis in _quadrant()]

    def whole_map(inputs):
        batch = tf.shape(inputs["gamma"])[0]

        def rows(place):
            at = {n: tf.repeat(axis, batch, 0) for n, axis in zip("xy", place, strict=True)}
            return model(inputs | at, training=False)["vrms"]

        parts = tf.map_fn(rows, axes, fn_output_signature=tf.TensorSpec((None, None), dtype))
        maps = tf.reshape(tf.transpose(parts, (1, 0, 2)), (batch, QUADRANT, QUADRANT))
        return {"vrms": lens_domain.mirrored(maps)}

    return {"map": (whole_map, specs)}


def _quadrant():
    return lens_domain.quadrant()


def adapt(model, data):
    """Set what follows from data without gradients: standardisation and scale."""
    columns = {name: np.asarray(data[name]) for name in SCALARS}
    model.get_layer("standard").adapt(np.asarray(model.get_layer("parameters")(columns)))
    model.get_layer("vrms").scale.assign(np.mean(data["vrms"] / np.sqrt(data["theta_e"])[:, None]))


class RandomPixels(keras.Model):
    """Errors of a network at random pixels of each galaxy, in its units of Vrms.

    Other pixels and other sizes of the galaxy are drawn in every step; without training the pixels
    are always the same and the galaxy is as it is.
    """

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, inputs, training=False):
        """Decode the true Vrms at the pixels and compare, (batch, pixels)."""
        inputs = dict(inputs)
        codes = inputs.pop("quadrant")
        low, high = (inputs.pop(f"log_vrms_{end}")[:, None] for end in ("low", "high"))
        batch, pixels = ops.shape(codes)[0], QUADRANT * QUADRANT
        if training:
            index = keras.random.randint((batch, DRAWN), 0, pixels, seed=self.seeds)
        else:
            even = FIRST + ops.arange(DRAWN) * (pixels // DRAWN)
            index = ops.broadcast_to(even[None], (batch, DRAWN))
        code = ops.take_along_axis(ops.reshape(codes, (batch, pixels)), index, axis=1)
        true = ops.exp(low + (high - low) * ops.cast(code, low.dtype) / LEVELS)
        x, y = (PIXEL * ops.cast(i, low.dtype) for i in (index % QUADRANT, index // QUADRANT))
        if training:
            inputs, factor, speed = self.resized(inputs)
            x, y, true = x * factor, y * factor, true * speed
        predicted = self.network(inputs | {"x": x, "y": y}, training=training)["vrms"]
        error = (predicted - true) / self.network.get_layer("vrms").unit(inputs)[:, None]
        return ops.where(ops.maximum(x, y) > 1.0001 * EDGE, 0.0, error)

    def resized(self, inputs):
        """The same galaxies in other sizes that the prior allows, which is exact.

        A power law has no scale but its core: Vrms^2 goes with theta_e^(gamma - 1) at a given
        light, and with the size where all lengths grow.

        Returns
        -------
        inputs : dict
        factor, speed : (batch, 1) tensors
            Of all lengths, and of Vrms.
        """
        drawn = keras.random.uniform((2, ops.shape(inputs["gamma"])[0]), seed=self.seeds)
        core2 = inputs["core_size"] ** 2 + FINEST**2
        theta_e = inputs["r_sersic"] / (SIZES[0] + (SIZES[1] - SIZES[0]) * drawn[0])
        low = ops.maximum(THETA_E[0] / theta_e, FINEST / ops.sqrt(core2))
        high = ops.minimum(THETA_E[1] / theta_e, ops.sqrt((CORE**2 + FINEST**2) / core2))
        low, high = ops.maximum(low, 1 / MOST), ops.minimum(high, MOST)
        possible = low < high
        theta_e = ops.where(possible, theta_e, inputs["theta_e"])
        factor = ops.where(possible, low * (ops.maximum(high, low) / low) ** drawn[1], 1.0)
        core = ops.sqrt(ops.maximum(factor**2 * core2 - FINEST**2, 0.0))
        other = {"theta_e": factor * theta_e, "r_sersic": factor * inputs["r_sersic"]}
        speed = (theta_e / inputs["theta_e"]) ** ((inputs["gamma"] - 1) / 2) * ops.sqrt(factor)
        return inputs | other | {"core_size": core}, factor[:, None], speed[:, None]


def lesson(model, data, validation):
    """Least mean square of the errors at random pixels, as published."""

    def examples(split):
        names = (*SCALARS, "quadrant", "log_vrms_low", "log_vrms_high")
        inputs = {name: np.asarray(split[name]) for name in names}
        return inputs, np.zeros((len(inputs["gamma"]), 1), np.float32)

    student, (inputs, errors) = RandomPixels(model), examples(data)
    student({name: values[:2] for name, values in inputs.items()})  # a backup needs its weights
    return student, (inputs, errors), examples(validation)


def baselines(_):
    """Our basis emulator of the same mocks, where it is released."""
    return {BASIS: BASIS} if registry.versions(BASIS) else {}
