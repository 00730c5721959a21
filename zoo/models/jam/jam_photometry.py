"""Second moments from a galaxy's photometry: the network of Simon et al. (2026)."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from scipy.interpolate import RectBivariateSpline

from zoo.models.jam import photometry_check
from zoo.models.jam.photometry_check import positions
from zoo.models.jam.photometry_layers import (
    PIXEL,
    PIXELS,
    AddRow,
    DropRow,
    Parameters,
    Pixels,
    RelativePhotometry,
    SecondMoment,
    Spread,
    scale,
)
from zoo.nn import sersic_fit
from zoo.nn.aligned_image import AlignedQuadrant
from zoo.nn.polar import PolarBasis, PolarModes
from zoo.nn.standardize import Standardize

SCALARS = (
    "beta_z",
    "inclination",
    "q_mass",
    "r_sersic",
    "ml",
    "intensity_e",
    "distance",
    "position_angle",
)
SIDE = PIXELS // 2  # of the folded photometry
RADII = np.geomspace(0.0175, 4.5, 41)  # circular, in r_sersic: all of the map, for 5 to 20 arcsec
ANGLES = np.linspace(0, 90, 17)  # from the major axis [deg]
MOCK_RADII = np.geomspace(0.01, 7.5, 47)  # of `vrms_polar`: elliptical, in r_sersic
MOCK_ANGLES = np.linspace(0, 90, 17)  # of `vrms_polar`: eccentric anomaly [deg]
TOLERANCE = 0.01  # [per cent], below which the loss is quadratic


def build(
    dtype="float32",
    filters=(16, 32, 64),
    features=64,
    width=256,
    depth=4,
    modes=32,
    counts=(24, 12),
):
    """Build the network.

    A convolutional network encodes the photometry into 64 features, a perceptron maps them and the
    parameters to ln Vrms on a quadrant of circular radius and angle, as principal components, from
    which the map follows. Exact by construction: reflections in the galaxy's axes, its position
    angle, and Vrms^2 proportional to M/L, surface brightness and distance.

    Parameters
    ----------
    filters : sequence of int
        Channels of the convolutions; each halves the image.
    features : int
        Length of the code of the photometry.
    width, depth : int
        Width of the perceptron, and number of its residual layers.
    modes : int
        Principal components of the quadrant.
    counts : (int, int)
        Radial and angular functions between the quadrant and the map.
    """
    student = network(dtype, filters, features, width, depth, modes)
    return assembled(student, dtype, counts)


def assembled(student, dtype="float32", counts=(24, 12)):
    """The whole model around a network from folded photometry and parameters to amplitudes."""
    inputs = entries(dtype)
    modes = student.output_shape[-1]
    image = RelativePhotometry(dtype=dtype, name="relative")(inputs)
    turn = {"image": image, "position_angle": inputs["position_angle"]}
    quadrant = AlignedQuadrant(PIXELS, dtype=dtype, name="aligned")(turn)
    parameters = Parameters(dtype=dtype, name="parameters")(inputs)
    amplitudes = student([quadrant, parameters])
    basis = PolarBasis(RADII, ANGLES, tuple(counts))
    place = Pixels(dtype=dtype, name="pixels")(inputs)
    values = PolarModes(modes, 1, basis, dtype=dtype, name="modes")(
        {"amplitudes": amplitudes, **place}
    )
    vrms = SecondMoment(dtype=dtype, name="vrms")(inputs | {"values": values})
    return keras.Model(inputs, {"vrms": vrms}, name="jam_photometry")


def entries(dtype="float32"):
    """Keras inputs by name."""
    image = keras.Input((PIXELS, PIXELS), dtype=dtype, name="photometry")
    scalars = {name: keras.Input((), dtype=dtype, name=name) for name in SCALARS}
    return {"photometry": image, **scalars}


def network(dtype, filters, features, width, depth, modes, side=SIDE, known=Parameters.count):
    """What is learned: (folded photometry, parameters) -> amplitudes of principal components."""

    def dense(size, name, activation=None):
        return keras.layers.Dense(size, activation, dtype=dtype, name=name)

    quadrant = keras.Input((side, side), dtype=dtype, name="quadrant")
    parameters = keras.Input((known,), dtype=dtype, name="parameters")
    x = keras.layers.Flatten(dtype=dtype, name="pixels")(quadrant)
    x = Standardize(side**2, dtype=dtype, name="standard_image")(x)
    x = keras.layers.Reshape((side, side, 1), dtype=dtype, name="image")(x)
    x = AddRow(dtype=dtype, name="add_row")(x)
    for index, count in enumerate(filters):
        x = keras.layers.Conv2D(
            count, 3, 2, "same", activation="silu", dtype=dtype, name=f"conv_{index}"
        )(x)
    x = DropRow(dtype=dtype, name="drop_row")(x)
    x = keras.layers.Flatten(dtype=dtype, name="flat")(x)
    x = dense(features, "features")(x)
    told = Standardize(known, dtype=dtype, name="standard_parameters")(parameters)
    x = keras.layers.Concatenate(dtype=dtype, name="joined")([x, told])
    x = dense(width, "mlp_in", "silu")(x)
    for index in range(depth):
        step = dense(width, f"mlp_{index}", "silu")(x)
        x = keras.layers.Add(dtype=dtype, name=f"residual_{index}")([x, step])
    scores = dense(modes, "scores")(x)
    amplitudes = Spread(modes, dtype=dtype, name="spread")(scores)
    return keras.Model([quadrant, parameters], amplitudes, name="network")


def targets(data):
    """Quadrants (n, 1, R, A) of ln Vrms / sqrt(scale) in circular radius and angle."""
    factor = scale({n: np.asarray(data[n], np.float64) for n in SCALARS})
    values = np.log(np.asarray(data["vrms_polar"], np.float64))
    return circular(values - 0.5 * np.log(factor)[:, None, None], data["q_light"])[:, None]


def circular(values, q_light):
    """Values (n, R, A) at `RADII` and `ANGLES` from those (n, 47, 17) on the mocks' ellipses."""
    angle = np.radians(ANGLES)
    # The maps are even at both axes: two angles more on either side are known.
    beyond = np.radians(MOCK_ANGLES[1]) * np.arange(1, 3)
    wide = np.concatenate([-beyond[::-1], np.radians(MOCK_ANGLES), np.pi / 2 + beyond])
    mirrored = np.asarray(values, np.float64)[:, :, np.r_[2, 1, 0 : MOCK_ANGLES.size, -2, -3]]
    out = np.empty((len(values), RADII.size, ANGLES.size))
    for row, q in enumerate(np.asarray(q_light, np.float64)):
        across = np.sin(angle) / q
        at = np.log(RADII)[:, None] + np.log(np.hypot(np.cos(angle), across))
        anomaly = np.broadcast_to(np.arctan2(across, np.cos(angle)), at.shape)
        spline = RectBivariateSpline(np.log(MOCK_RADII), wide, mirrored[row], kx=5, ky=5)
        out[row] = spline.ev(at, anomaly)
    return out


def prepared(model, data):
    """What the network reads: folded photometry (n, 32, 32) and parameters (n, 5)."""
    names = ("photometry", *SCALARS)
    found = []
    for rows in np.array_split(np.arange(len(data["ml"])), max(1, len(data["ml"]) // 256)):
        part = {n: ops.convert_to_tensor(np.asarray(data[n])[rows], "float32") for n in names}
        image = model.get_layer("relative")(part)
        turn = {"image": image, "position_angle": part["position_angle"]}
        found.append((model.get_layer("aligned")(turn), model.get_layer("parameters")(part)))
    return [np.concatenate([np.asarray(v) for v in column]) for column in zip(*found, strict=True)]


def adapt(model, data):
    """Set what follows from data without gradients: standardisation and principal components.

    A release that is continued keeps its own, to which its weights belong.
    """
    modes, student = model.get_layer("modes"), model.get_layer("network")
    if np.any(modes.vectors):
        return
    quadrant, parameters = prepared(model, data)
    student.get_layer("standard_image").adapt(quadrant.reshape(len(quadrant), -1))
    student.get_layer("standard_parameters").adapt(parameters)
    truth = targets(data)
    modes.adapt(truth)
    student.get_layer("spread").spread.assign(modes.project(truth).std(axis=0))


def lesson(model, data, validation):
    """The network with amplitudes as truth.

    The loss is the rms relative error of a quadrant in per cent, averaged over galaxies: its
    square would be about the few flattest galaxies only.
    """
    student = model.get_layer("network")
    student.zoo_loss = loss

    def pairs(part):
        truth = model.get_layer("modes").project(targets(part))
        return prepared(model, part), truth.astype("float32")

    return student, pairs(data), pairs(validation)


def loss(true, found):
    """Error of every quadrant [per cent], (batch,), from amplitudes (batch, modes)."""
    square = 1e4 / (RADII.size * ANGLES.size) * ops.sum((found - true) ** 2, axis=-1)
    return ops.sqrt(square + TOLERANCE**2)


def check(columns):
    """Find images that disagree with the parameters, and rows outside the training set."""
    return photometry_check.check(columns, PIXEL)


def example() -> dict:
    """A galaxy in the middle of the training set."""
    middle = (0.1, 70.0, 0.75, 10.0, 1.0, 1000.0, 20.0, 30.0)
    galaxy = dict(zip(SCALARS, middle, strict=True))
    return {"photometry": photometry(n=3.0, q=0.8, radius=10.0, angle=30.0), **galaxy}


def photometry(n, q, radius, angle):
    """Sersic profile over `intensity_e` at the pixel centres, (64, 64); radius in arcsec."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    x, y = positions(PIXELS, PIXEL)
    m = np.hypot(x * cos + y * sin, (y * cos - x * sin) / q)
    return np.exp(-sersic_fit.exponent(n) * ((m / radius) ** (1 / n) - 1))


def baselines(data):
    """Models that stand beside ours in every table."""
    from zoo.models.jam import photometry_baselines as simple  # it builds on this module

    return {
        "linear regression": simple.linear(data),
        "Sersic fit to the photometry, then jam_cyl_emulator": simple.fit_then_emulate(),
    }
