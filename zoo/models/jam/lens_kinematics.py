"""Emulator of the lens galaxies of Gomer et al. (2023) under JAM with cylindrical alignment."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from scipy.interpolate import make_interp_spline

from zoo import registry, saving
from zoo.models.jam import lens_domain, sersic_emulator
from zoo.models.jam.lens_domain import PIXEL, QUADRANT, SCALARS
from zoo.nn.polar import PolarBasis, PolarModes
from zoo.ranges import Violation

example, golden, route = lens_domain.example, lens_domain.golden, lens_domain.route

RADII = np.geomspace(0.003, 43, 67)  # polar grid of `lens_kinematics`, elliptical, in r_sersic
ANGLES = np.linspace(0, 90, 17)  # eccentric anomaly [deg]
CORES = (0.0025, 0.3244)  # of the mocks, softened, in r_sersic
AXIS = SOFTENING = 0.005  # [arcsec] nearest distance from an axis; softening of the core
SPEED2 = 299792.458**2 * np.pi / (180 * 3600) / (4 * np.pi)  # c^2 / 4 pi per arcsec [km2/s2]
STEEP = -1.88  # d ln Vrms^2 / d slope of what multiplies the power law
NODES = 40  # along each axis of the default map: it is smooth in asinh(x / AXIS)
SHARE = 8  # maps at a time: their intermediate results fit into a core's cache
DIMS = 6


def build(dtype="float32", degree=6, modes=96, warp=(32, 32), counts=(44, 17)):
    """Build the network.

    Exact are the scalings with Einstein radius, size and distances (a power law has no scale but
    its core), the reflections, and Vrms^2 = g0 + (b - 1) g1 with b = 1 / (1 - b_ani). What is left
    is learned: amplitudes of the principal components of (g0, g1), over a power law of the radius,
    as functions of Sersic index, intrinsic axis ratios, cos^2 i, slope and core. A small network
    learns the coordinates in which those functions are polynomials; the polynomials follow by least
    squares.

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
    features = sersic_emulator.features(intrinsic, DIMS, degree, warp, dtype)
    trunk = keras.layers.Dense(modes, use_bias=False, trainable=False, dtype=dtype, name="trunk")
    placed = Place(dtype=dtype, name="place")(inputs)
    basis = PolarBasis(RADII, ANGLES, tuple(counts))
    maps = PolarModes(modes, 2, basis, dtype=dtype, name="modes")
    values = maps({"amplitudes": trunk(features), **placed})
    vrms = SecondMoment(dtype=dtype, name="vrms")(inputs | {"values": values, "placed": placed})
    return keras.Model(inputs, {"vrms": vrms}, name="lens_kinematics")


class Coordinates(keras.layers.Layer):
    """Sersic index, intrinsic axis ratios (light, mass), cos^2 i, slope, ln core: (batch, 6)."""

    def call(self, inputs):
        """Deproject both axis ratios, and take the core in units of the effective radius."""
        cos2 = ops.cos(inputs["inclination"] * (np.pi / 180)) ** 2
        intrinsic = [
            ops.sqrt(ops.maximum(inputs[name] ** 2 - cos2, 0.0) / (1 - cos2))
            for name in ("q_light", "q_mass")
        ]
        core = ops.log(core2(inputs)) / 2
        return ops.stack([inputs["n_sersic"], *intrinsic, cos2, inputs["gamma"], core], axis=-1)

    def compute_output_shape(self, input_shape):
        """(batch, 6)."""
        return (input_shape["x"][0], DIMS)


def core2(inputs):
    """Square of the softened core over the effective radius."""
    return (inputs["core_size"] ** 2 + SOFTENING**2) / inputs["r_sersic"] ** 2


class Place(keras.layers.Layer):
    """Map positions in units of the axes of the effective ellipse, no nearer than `AXIS`."""

    def call(self, inputs):
        """Reflect into the quadrant, then divide by the axes."""
        radius, q = inputs["r_sersic"][:, None], inputs["q_light"][:, None]
        along, across = (ops.maximum(ops.abs(inputs[n]), AXIS) for n in "xy")
        return {"x": along / radius, "y": across / (radius * q)}

    def compute_output_spec(self, inputs):
        """(batch, positions)."""
        return {n: keras.KerasTensor(inputs["x"].shape, dtype=self.compute_dtype) for n in "xy"}


class SecondMoment(keras.layers.Layer):
    """Vrms [km/s] (batch, positions) from dimensionless g0 and g1 over a power law of radius."""

    def call(self, inputs):
        """Put anisotropy, power law and scale back."""
        m2 = inputs["placed"]["x"] ** 2 + inputs["placed"]["y"] ** 2
        squares = (m2 + core2(inputs)[:, None]) * (m2 + 1)
        law = ops.exp((0.5 - inputs["gamma"] / 4)[:, None] * ops.log(squares))
        b1 = (inputs["b_ani"] / (1 - inputs["b_ani"]))[:, None]
        moment = inputs["values"][:, 0] + b1 * inputs["values"][:, 1]
        return ops.sqrt(scale2(inputs)[:, None] * law * ops.maximum(moment, 0.0))

    def compute_output_spec(self, inputs):
        """(batch, positions)."""
        return keras.KerasTensor(inputs["x"].shape, dtype=self.compute_dtype)


def scale2(inputs):
    """What Vrms^2 is proportional to [km2/s2]; the distance drops out at a given ratio.

    The exponential is no law but keeps what is left to learn near one for every slope.
    """
    slope = 2 - inputs["gamma"]
    height = (3 - inputs["gamma"]) / (1 + inputs["q_mass"]) / inputs["distance_ratio"]
    size = inputs["theta_e"] ** (1 - slope) * inputs["r_sersic"] ** slope
    return SPEED2 * height * size * np.e ** (STEEP * slope)


def signatures(model):
    """Serve any positions, and `map`: the default 551 x 551 pixels of 0.02 arcsec."""
    import tensorflow as tf

    dtype = model.inputs[0].dtype
    specs = {name: tf.TensorSpec((None,), dtype) for name in SCALARS}
    nodes, spline = stretched_axis()
    y, x = (tf.constant(p.reshape(1, -1), dtype) for p in np.meshgrid(nodes, nodes, indexing="ij"))
    matrix = tf.constant(spline, dtype)

    def few_maps(inputs):
        batch = tf.shape(inputs["gamma"])[0]
        at = {n: tf.repeat(p, batch, 0) for n, p in (("x", x), ("y", y))}
        grid = tf.reshape(model(inputs | at)["vrms"], (batch, NODES, NODES))
        return lens_domain.mirrored(matrix @ tf.matmul(grid, matrix, transpose_b=True))

    def whole_map(inputs):
        batch = tf.shape(inputs["gamma"])[0]
        shape = (None, 2 * QUADRANT - 1, 2 * QUADRANT - 1)
        maps = tf.TensorArray(dtype, -(-batch // SHARE), infer_shape=False, element_shape=shape)

        def share(start, maps):
            part = {name: value[start : start + SHARE] for name, value in inputs.items()}
            return start + SHARE, maps.write(start // SHARE, few_maps(part))

        _, maps = tf.while_loop(lambda start, _: start < batch, share, (0, maps))
        return {"vrms": maps.concat()}

    return {"map": (whole_map, specs)}


def stretched_axis():
    """Nodes (40,) [arcsec] along an axis and the spline (276, 40) from them to the pixels."""
    pixels = np.maximum(PIXEL * np.arange(QUADRANT), AXIS)
    place = np.arcsinh(pixels / AXIS)
    even = np.linspace(place[0], place[-1], NODES)
    spline = make_interp_spline(even, np.eye(NODES), k=5)(place)
    return AXIS * np.sinh(even), spline


def check(columns):
    """Find galaxies that cannot be or that the mocks exclude, and positions off their grid."""
    found = lens_domain.check(columns)
    cores = np.sqrt(core2(columns))
    if (rows := (cores < CORES[0] * 0.9999) | (cores > CORES[1] * 1.0001)).any():
        row = int(np.argmax(rows))
        low, high = (np.sqrt(max((c * columns["r_sersic"][row]) ** 2 - AXIS**2, 0)) for c in CORES)
        allowed = f"{low:.4g} to {high:.4g} at r_sersic = {columns['r_sersic'][row]:.6g}"
        found.append(Violation("core_size", rows, columns["core_size"][row], allowed, False))
    if "x" in columns:
        along, across = (np.maximum(np.abs(columns[n]), AXIS) for n in "xy")
        radius = np.hypot(along, across / columns["q_light"][:, None])
        radius /= columns["r_sersic"][:, None]
        low, high = radius.min(axis=1, initial=np.inf), radius.max(axis=1, initial=0)
        if (rows := (low < RADII[0]) | (high > RADII[-1])).any():
            row = int(np.argmax(rows))
            worst = high[row] if high[row] > RADII[-1] else low[row]
            allowed = f"elliptical radii of {RADII[0]:.3g} to {RADII[-1]:.3g} r_sersic"
            found.append(Violation("x, y (radius / r_sersic)", rows, worst, allowed, False))
    return found


def targets(data):
    """Maps (n, 2, R, A) of dimensionless g0 and g1 on the polar grid, over the power law."""
    columns = {name: np.asarray(data[name], np.float64) for name in SCALARS}
    squares = (RADII**2 + core2(columns)[:, None]) * (RADII**2 + 1)
    law = squares ** (0.5 - columns["gamma"][:, None] / 4)
    scale = (scale2(columns)[:, None] * law)[:, :, None]
    return np.stack([np.asarray(data[f"g{k}_polar"], np.float64) / scale for k in (0, 1)], axis=1)


def coordinates(data):
    """What `Coordinates` gives, (n, 6), in float64."""
    columns = {name: np.asarray(data[name], np.float64) for name in SCALARS}
    cos2 = np.cos(np.radians(columns["inclination"])) ** 2
    q = [np.sqrt((columns[n] ** 2 - cos2) / (1 - cos2)) for n in ("q_light", "q_mass")]
    core = np.log(core2(columns)) / 2
    return np.stack([columns["n_sersic"], *q, cos2, columns["gamma"], core], axis=-1)


def adapt(model, data):
    """Set what follows from data without gradients: domain and modes."""
    model.get_layer("domain").adapt(coordinates(data))
    model.get_layer("modes").adapt(targets(data))


def learn(model, data, settings, **progress):
    """Learn the coordinates by variable projection, then solve for the polynomials."""
    x = coordinates(data)
    y = model.get_layer("modes").project(targets(data))
    return sersic_emulator.learn(model, x, y, settings, **progress)


def polynomial(data):
    """The polynomial alone, in plain coordinates."""
    config = {"degree": 5, "modes": 64, "warp": ()}
    model = build(**config)
    adapt(model, data)
    learn(model, data, {"config": config})
    return model


def baselines(data):
    """Models beside ours: the polynomial alone, and the published generator once it is trained."""
    found = {"Chebyshev polynomial, degree 5, 64 modes": polynomial(data)}
    card, name = registry.find_card("lens_kinematics_cips")
    if registry.versions(name):
        found[name] = saving.rebuild(card, registry.find_release(name).path)
    return found
