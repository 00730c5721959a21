"""Emulator of Sersic galaxies under JAM with cylindrical alignment."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.models.jam import sersic_domain, sersic_emulator
from zoo.models.jam.sersic_domain import ANGLES, RADII, route
from zoo.nn.polar import PolarBasis, PolarModes
from zoo.ranges import Violation

__all__ = ["adapt", "baselines", "build", "check", "example", "learn", "route", "signatures"]

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
    intrinsic = sersic_emulator.Coordinates(dtype=dtype, name="coordinates")(inputs)
    features = sersic_emulator.features(intrinsic, intrinsic.shape[-1], degree, warp, dtype)
    trunk = keras.layers.Dense(modes, use_bias=False, trainable=False, dtype=dtype, name="trunk")
    placed = sersic_emulator.Place(dtype=dtype, name="place")(inputs)
    basis = PolarBasis(RADII, ANGLES, tuple(counts))
    maps = PolarModes(modes, 2, basis, dtype=dtype, name="modes")
    values = maps({"amplitudes": trunk(features), **placed})
    vrms = SecondMoment(dtype=dtype, name="vrms")(inputs | {"values": values})
    return keras.Model(inputs, {"vrms": vrms}, name="jam_cyl_emulator")


class SecondMoment(keras.layers.Layer):
    """Vrms [km/s] (batch, positions) from ln sqrt(G0) and rho in dimensionless form."""

    def call(self, inputs):
        """Put anisotropy and scale back."""
        scale = sersic_emulator.velocity_scale(inputs)
        b = (1 / (1 - inputs["beta_z"]))[:, None]
        half_log_g0, rho = inputs["values"][:, 0], inputs["values"][:, 1]
        return scale * ops.exp(half_log_g0) * ops.sqrt(ops.maximum(1 + (b - 1) * rho, 0.0))

    def compute_output_spec(self, inputs):
        """(batch, positions)."""
        return keras.KerasTensor(inputs["x"].shape, dtype=self.compute_dtype)


def signatures(model):
    """Serve `polar` grids and the default 64 x 64 map besides any positions."""
    return sersic_domain.signatures(model, SCALARS)


def check(columns):
    """Find galaxies that cannot be deprojected or that the prior of the training set excludes."""
    found = sersic_domain.deprojection(columns)
    cosi = np.cos(np.radians(columns["inclination"]))
    q = np.sqrt(np.maximum(columns["q_light"] ** 2 - cosi**2, 0) / np.maximum(1 - cosi**2, 1e-12))
    limit = BETA_SLOPE * (1 - q)
    # Stored in single precision, the very edge of the prior may round to the other side.
    if (rows := columns["beta_z"] > limit + 1e-6).any():
        row = int(np.argmax(rows))
        allowed = f"at most 0.7 (1 - q) = {limit[row]:.4g} for the intrinsic axis ratio q"
        found.append(Violation("beta_z", rows, columns["beta_z"][row], allowed, impossible=False))
    return found + sersic_domain.places(columns)


def example() -> dict:
    """A galaxy in the middle of the training set, on the default map."""
    middle = (3.0, 10.0, 0.8, 0.75, 0.1, 70.0, 30.0, 1.0, 1000.0, 20.0)
    return dict(zip(SCALARS, middle, strict=True))


def targets(data):
    """Maps (n, 2, R, A) of ln sqrt(G0 / scale) and rho on the polar grid of `jam_mocks`."""
    rho = np.asarray(data["rho_polar"], np.float64)
    b = 1 / (1 - np.asarray(data["beta_z"], np.float64))[:, None, None]
    g0 = np.asarray(data["vrms_polar"], np.float64) ** 2 / (1 + (b - 1) * rho)
    return np.stack([0.5 * np.log(g0 / sersic_emulator.scale2(data)), rho], axis=1)


def adapt(model, data):
    """Set what follows from data without gradients: domain and modes."""
    model.get_layer("domain").adapt(sersic_emulator.coordinates(data))
    model.get_layer("modes").adapt(targets(data))


def learn(model, data, settings, **progress):
    """Learn the coordinates by variable projection, then solve for the polynomials."""
    x = sersic_emulator.coordinates(data)
    y = model.get_layer("modes").project(targets(data))
    return sersic_emulator.learn(model, x, y, settings, **progress)


def baselines(data):
    """Models that stand beside ours in every table: the polynomial alone, in plain coordinates."""
    config = {"degree": 8, "modes": 48, "warp": ()}
    model = build(**config)
    adapt(model, data)
    learn(model, data, {"config": config})
    return {"Chebyshev polynomial, degree 8, 48 modes": model}
