"""Emulator of Sersic galaxies under JAM with cylindrical alignment."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.errors import InputError
from zoo.nn import projection
from zoo.nn.chebyshev import ChebyshevFeatures, Domain
from zoo.nn.polar import PolarBasis, PolarModes
from zoo.ranges import Violation

SCALARS = (
    "n_sersic",
    "r_sersic",
    "q_light",
    "q_mass",
    "beta_z",
    "inclination",
    "position_angle",
    "ml",
    "intensity_e",
    "distance",
)
POLAR = ("radius", "anomaly")
PIXELS, PIXEL = 64, 0.5  # the default map; [arcsec]
SHARE = 8  # maps at a time: their intermediate results fit into a core's cache
RADII = np.geomspace(0.01, 7.5, 47)  # polar grid of `jam_mocks`, elliptical, in r_sersic
ANGLES = np.linspace(0, 90, 17)  # eccentric anomaly [deg]
BETA_SLOPE = 0.7  # of the prior: beta_z <= BETA_SLOPE (1 - intrinsic axis ratio of the light)


def build(dtype="float32", degree=8, modes=96, warp=(24, 24), counts=(32, 17)):
    """Build the network.

    Symmetries are exact: M/L, surface brightness, size and distance scale, the position angle
    rotates, the map is even along both axes, and Vrms^2 = G0 [1 + (b - 1) rho] is linear in
    b = 1 / (1 - beta_z). What is left is learned: amplitudes of the principal components of
    (ln sqrt(G0), rho) as functions of the Sersic index, the two intrinsic axis ratios and cos^2 i.
    A small network learns the coordinates in which those functions are polynomials; the polynomials
    follow by least squares.

    Parameters
    ----------
    degree : int
        Total degree of the Chebyshev polynomials.
    modes : int
        Principal components.
    warp : sequence of int
        Widths of the hidden layers that warp the coordinates; none for the polynomial alone.
    counts : (int, int)
        Radial and angular functions of the map.
    """
    inputs = {name: keras.Input((), dtype=dtype, name=name) for name in SCALARS}
    inputs |= {name: keras.Input((None,), dtype=dtype, name=name) for name in "xy"}
    intrinsic = Coordinates(dtype=dtype, name="coordinates")(inputs)
    features = _features(intrinsic, degree, warp, dtype)
    trunk = keras.layers.Dense(modes, use_bias=False, trainable=False, dtype=dtype, name="trunk")
    placed = Place(dtype=dtype, name="place")(inputs)
    basis = PolarBasis(RADII, ANGLES, tuple(counts))
    maps = PolarModes(modes, 2, basis, dtype=dtype, name="modes")
    values = maps({"amplitudes": trunk(features), **placed})
    vrms = SecondMoment(dtype=dtype, name="vrms")(inputs | {"values": values})
    return keras.Model(inputs, {"vrms": vrms}, name="jam_cyl_emulator")


def _features(intrinsic, degree, warp, dtype):
    """Polynomials of warped coordinates; the warp starts as the identity."""
    unit = Domain(4, dtype=dtype, name="domain")(intrinsic)
    x = unit
    for index, width in enumerate(warp):
        x = keras.layers.Dense(width, "tanh", dtype=dtype, name=f"warp_{index}")(x)
    if warp:
        small = keras.initializers.RandomNormal(stddev=0.02)
        bend = keras.layers.Dense(4, kernel_initializer=small, dtype=dtype, name="bend")(x)
        unit = keras.layers.Add(dtype=dtype, name="warped")([unit, bend])
    return ChebyshevFeatures(degree, dtype=dtype, name="chebyshev")(unit)


class Coordinates(keras.layers.Layer):
    """Sersic index, intrinsic axis ratios of light and mass, cos^2 i: (batch, 4)."""

    def call(self, inputs):
        """Deproject both axis ratios."""
        cos2 = ops.cos(inputs["inclination"] * (np.pi / 180)) ** 2
        intrinsic = [
            ops.sqrt(ops.maximum(inputs[name] ** 2 - cos2, 0.0) / (1 - cos2))
            for name in ("q_light", "q_mass")
        ]
        return ops.stack([inputs["n_sersic"], *intrinsic, cos2], axis=-1)

    def compute_output_shape(self, input_shape):
        """(batch, 4)."""
        return (input_shape["x"][0], 4)


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


class SecondMoment(keras.layers.Layer):
    """Vrms [km/s] (batch, positions) from ln sqrt(G0) and rho in dimensionless form."""

    def call(self, inputs):
        """Put anisotropy and scale back."""
        density = inputs["ml"] * inputs["intensity_e"]
        scale = ops.sqrt(density * inputs["r_sersic"] * inputs["distance"])[:, None]
        b = (1 / (1 - inputs["beta_z"]))[:, None]
        half_log_g0, rho = inputs["values"][:, 0], inputs["values"][:, 1]
        return scale * ops.exp(half_log_g0) * ops.sqrt(ops.maximum(1 + (b - 1) * rho, 0.0))

    def compute_output_spec(self, inputs):
        """(batch, positions)."""
        return keras.KerasTensor(inputs["x"].shape, dtype=self.compute_dtype)


def signatures(model):
    """Serve any positions, `polar` grids, and the default 64 x 64 map: `map`, or many at a time."""
    import tensorflow as tf

    specs = {name: tf.TensorSpec((None,), model.inputs[0].dtype) for name in SCALARS}
    centres = (np.arange(PIXELS) - (PIXELS - 1) / 2) * PIXEL
    y, x = (axis.ravel()[None] for axis in np.meshgrid(centres, centres, indexing="ij"))
    half = x.size // 2  # the map is point-symmetric: the lower half is enough
    intrinsic, maps, moment = (model.get_layer(n) for n in ("coordinates", "modes", "vrms"))
    amplitudes = keras.Model(intrinsic.output, model.get_layer("trunk").output)

    def one_map(inputs):
        batch = tf.shape(inputs["n_sersic"])[0]
        at = {
            n: tf.repeat(tf.constant(v[:, :half], specs["ml"].dtype), batch, 0)
            for n, v in (("x", x), ("y", y))
        }
        lower = model(inputs | at)["vrms"]
        vrms = tf.concat([lower, lower[:, ::-1]], axis=1)
        return {"vrms": tf.reshape(vrms, (batch, PIXELS, PIXELS))}

    def many_maps(inputs):
        batch = tf.shape(inputs["n_sersic"])[0]
        shape = (None, PIXELS, PIXELS)
        found = tf.TensorArray(
            specs["ml"].dtype, -(-batch // SHARE), infer_shape=False, element_shape=shape
        )

        def share(start, found):
            part = {name: value[start : start + SHARE] for name, value in inputs.items()}
            return start + SHARE, found.write(start // SHARE, one_map(part)["vrms"])

        _, found = tf.while_loop(lambda start, _: start < batch, share, (0, found))
        return {"vrms": found.concat()}

    def polar(inputs):
        grid = {name: inputs[name] for name in POLAR}
        inputs = {name: inputs[name] for name in SCALARS}
        values = maps.on_grid({"amplitudes": amplitudes(intrinsic(inputs)), **grid})
        shape = tf.shape(values)
        flat = tf.reshape(values, (shape[0], 2, shape[2] * shape[3]))
        vrms = moment(inputs | {"values": flat})
        return {"vrms": tf.reshape(vrms, (shape[0], shape[2], shape[3]))}

    axes = {name: tf.TensorSpec((None, None), specs["ml"].dtype) for name in POLAR}
    return {
        "map": (one_map, specs),
        "maps": (many_maps, specs),
        "polar": (polar, specs | axes),
    }


def route(columns):
    """Without positions, the answer is the default map."""
    if "x" in columns:
        return "serving_default", columns, None
    if POLAR[0] in columns:
        return "polar", columns, None
    return "map" if len(columns["n_sersic"]) <= SHARE else "maps", columns, None


def check(columns):
    """Find galaxies that cannot be deprojected or that the prior of the training set excludes."""
    cosi = np.cos(np.radians(columns["inclination"]))
    found = []
    for name in ("q_light", "q_mass"):
        if (rows := columns[name] <= cosi).any():
            row = int(np.argmax(rows))
            allowed = f"more than cos(inclination) = {cosi[row]:.6g}"
            found.append(Violation(name, rows, columns[name][row], allowed, impossible=True))
    q = np.sqrt(np.maximum(columns["q_light"] ** 2 - cosi**2, 0) / np.maximum(1 - cosi**2, 1e-12))
    limit = BETA_SLOPE * (1 - q)
    # Stored in single precision, the very edge of the prior may round to the other side.
    if (rows := columns["beta_z"] > limit + 1e-6).any():
        row = int(np.argmax(rows))
        allowed = f"at most 0.7 (1 - q) = {limit[row]:.4g} for the intrinsic axis ratio q"
        found.append(Violation("beta_z", rows, columns["beta_z"][row], allowed, impossible=False))
    _check_choice(columns)
    if "x" in columns:
        found += _check_positions(columns)
    return found


def _check_choice(columns):
    given = [name for name in ("x", *POLAR) if name in columns]
    if len(given) == 1 and given[0] in POLAR:
        other = POLAR[POLAR.index(given[0]) - 1]
        raise InputError(f"{given[0]} is given without {other}; a polar grid needs both")
    if "x" in given and len(given) > 1:
        raise InputError(f"positions x, y and a polar grid ({', '.join(given[1:])}); give one")


def _check_positions(columns):
    angle = np.radians(columns["position_angle"])[:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    size2, q2 = columns["r_sersic"][:, None] ** 2, columns["q_light"][:, None] ** 2
    x, y = columns["x"], columns["y"]
    # The squared elliptical radius as a quadratic form: a fit asks for many positions, and square
    # roots of each would cost more than the network.
    square = x * ((cos**2 + sin**2 / q2) / size2)
    square += y * (2 * sin * cos * (1 - 1 / q2) / size2)
    square *= x
    square += y**2 * ((sin**2 + cos**2 / q2) / size2)
    low, high = (RADII[0] * (1 - 1e-6)) ** 2, (RADII[-1] * (1 + 1e-6)) ** 2
    least, most = square.min(axis=1, initial=high), square.max(axis=1, initial=low)
    rows = (least < low) | (most > high)
    if not rows.any():
        return []
    row = int(np.argmax(rows))
    radius = np.sqrt(max(least[row] if least[row] < low else most[row], 0.0))
    allowed = f"elliptical radii of {RADII[0]} to {RADII[-1]} r_sersic"
    return [Violation("x, y (radius / r_sersic)", rows, radius, allowed, False)]


def example() -> dict:
    """A galaxy in the middle of the training set, on the default map."""
    middle = (3.0, 10.0, 0.8, 0.75, 0.1, 70.0, 30.0, 1.0, 1000.0, 20.0)
    return dict(zip(SCALARS, middle, strict=True))


def targets(data):
    """Maps (n, 2, R, A) of ln sqrt(G0 / scale) and rho on the polar grid of `jam_mocks`."""
    rho = np.asarray(data["rho_polar"], np.float64)
    b = 1 / (1 - np.asarray(data["beta_z"], np.float64))[:, None, None]
    g0 = np.asarray(data["vrms_polar"], np.float64) ** 2 / (1 + (b - 1) * rho)
    names = ("ml", "intensity_e", "r_sersic", "distance")
    scale = np.prod([np.asarray(data[name], np.float64) for name in names], axis=0)
    return np.stack([0.5 * np.log(g0 / scale[:, None, None]), rho], axis=1)


def adapt(model, data):
    """Set what follows from data without gradients: domain and modes."""
    model.get_layer("domain").adapt(coordinates(data))
    model.get_layer("modes").adapt(targets(data))


def learn(model, data, settings, **progress):
    """Learn the coordinates by variable projection, then solve for the polynomials."""
    config = settings["config"]
    degree = model.get_layer("chebyshev").degree
    entry = keras.Input((4,), dtype="float64", name="coordinates")
    features = _features(entry, degree, config.get("warp", (24, 24)), "float64")
    double = keras.Model(entry, features)
    names = [layer.name for layer in double.layers if layer.weights]
    for name in names:
        double.get_layer(name).set_weights(model.get_layer(name).get_weights())
    x = coordinates(data)
    y = model.get_layer("modes").project(targets(data))
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


def coordinates(data):
    """Sersic index, intrinsic axis ratios of light and mass, cos^2 i: (n, 4), in float64."""
    cos2 = np.cos(np.radians(np.asarray(data["inclination"], np.float64))) ** 2
    q = [
        np.sqrt((np.asarray(data[name], np.float64) ** 2 - cos2) / (1 - cos2))
        for name in ("q_light", "q_mass")
    ]
    return np.stack([np.asarray(data["n_sersic"], np.float64), *q, cos2], axis=-1)


def baselines(data):
    """Models that stand beside ours in every table: the polynomial alone, in plain coordinates."""
    config = {"degree": 8, "modes": 48, "warp": ()}
    model = build(**config)
    adapt(model, data)
    learn(model, data, {"config": config})
    return {"Chebyshev polynomial, degree 8, 48 modes": model}
