"""Parts of the emulators of Sersic galaxies: coordinates, scale, learned polynomials."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.nn import projection
from zoo.nn.chebyshev import ChebyshevFeatures, Domain

SIZES = ("ml", "intensity_e", "r_sersic", "distance")  # Vrms^2 is proportional to each


class Coordinates(keras.layers.Layer):
    """Sersic index, intrinsic axis ratios of light and mass, cos^2 i, and what else is named.

    Parameters
    ----------
    others : sequence of str
        Further inputs that are coordinates as they are, such as an anisotropy.
    """

    def __init__(self, others=(), **kwargs):
        super().__init__(**kwargs)
        self.others = tuple(others)

    def call(self, inputs):
        """Deproject both axis ratios."""
        cos2 = ops.cos(inputs["inclination"] * (np.pi / 180)) ** 2
        intrinsic = [
            ops.sqrt(ops.maximum(inputs[name] ** 2 - cos2, 0.0) / (1 - cos2))
            for name in ("q_light", "q_mass")
        ]
        others = [inputs[name] for name in self.others]
        return ops.stack([inputs["n_sersic"], *intrinsic, cos2, *others], axis=-1)

    def compute_output_shape(self, input_shape):
        """(batch, coordinates)."""
        return (input_shape["n_sersic"][0], 4 + len(self.others))


def coordinates(data, others=()):
    """The same coordinates of a split (n, coordinates), in float64."""
    names = ("n_sersic", "q_light", "q_mass", "inclination", *others)
    wide = {name: np.asarray(data[name], np.float64) for name in names}
    cos2 = np.cos(np.radians(wide["inclination"])) ** 2
    q = [np.sqrt((wide[name] ** 2 - cos2) / (1 - cos2)) for name in ("q_light", "q_mass")]
    return np.stack([wide["n_sersic"], *q, cos2, *(wide[name] for name in others)], axis=-1)


class Place(keras.layers.Layer):
    """Map positions in units of the axes of the effective ellipse, along the galaxy's axes."""

    def call(self, inputs):
        """Rotate, then divide by the axes."""
        angle = (inputs["position_angle"] * (np.pi / 180))[:, None]
        radius, q = inputs["r_sersic"][:, None], inputs["q_light"][:, None]
        cos, sin = ops.cos(angle), ops.sin(angle)
        along = inputs["x"] * cos + inputs["y"] * sin
        across = inputs["y"] * cos - inputs["x"] * sin
        return {"x": along / radius, "y": across / (radius * q)}

    def compute_output_spec(self, inputs):
        """(batch, positions)."""
        return {n: keras.KerasTensor(inputs["x"].shape, dtype=self.compute_dtype) for n in "xy"}


def velocity_scale(inputs):
    """Velocity (batch, 1) [km/s] by which the scale-free galaxy is multiplied."""
    scale = inputs[SIZES[0]]
    for name in SIZES[1:]:
        scale = scale * inputs[name]
    return ops.sqrt(scale)[:, None]


def scale2(data):
    """The square of `velocity_scale` for a split, (n, 1, 1), in float64."""
    return np.prod([np.asarray(data[name], np.float64) for name in SIZES], axis=0)[:, None, None]


def features(unit_free, dims, degree, warp, dtype):
    """Polynomials of warped coordinates; the warp starts as the identity.

    Parameters
    ----------
    unit_free : keras tensor (batch, dims)
        Coordinates.
    degree : int
        Total degree of the Chebyshev polynomials.
    warp : sequence of int
        Widths of the hidden layers that warp the coordinates; none for the polynomial alone.
    """
    unit = Domain(dims, dtype=dtype, name="domain")(unit_free)
    x = unit
    for index, width in enumerate(warp):
        x = keras.layers.Dense(width, "tanh", dtype=dtype, name=f"warp_{index}")(x)
    if warp:
        small = keras.initializers.RandomNormal(stddev=0.02)
        bend = keras.layers.Dense(dims, kernel_initializer=small, dtype=dtype, name="bend")(x)
        unit = keras.layers.Add(dtype=dtype, name="warped")([unit, bend])
    return ChebyshevFeatures(degree, dtype=dtype, name="chebyshev")(unit)


def learn(model, x, y, settings, **progress):
    """Learn the warp by variable projection in float64, then solve for the polynomials.

    Parameters
    ----------
    model : keras.Model
        With the layers of `features`, and `trunk`, their linear readout.
    x : (n, dims) array
        Coordinates.
    y : (n, outputs) array
        What the readout has to give.
    settings : dict
        `epochs` and `seed`, needed where there is a warp.
    """
    dims, degree = x.shape[1], model.get_layer("chebyshev").degree
    warp = [layer.units for layer in model.layers if layer.name.startswith("warp_")]
    entry = keras.Input((dims,), dtype="float64", name="coordinates")
    made = features(entry, dims, degree, warp, "float64")
    double = keras.Model(entry, made)
    names = [layer.name for layer in double.layers if layer.weights]
    for name in names:
        double.get_layer(name).set_weights(model.get_layer(name).get_weights())
    facts = {}
    if double.trainable_variables:
        facts = projection.learn(
            double, x, y, steps=settings["epochs"], seed=settings["seed"], **progress
        )
    for name in names:
        model.get_layer(name).set_weights(double.get_layer(name).get_weights())
    design = np.concatenate([np.asarray(double(part)) for part in np.array_split(x, 8)])
    model.get_layer("trunk").kernel.assign(projection.readout(design, y))
    return facts
