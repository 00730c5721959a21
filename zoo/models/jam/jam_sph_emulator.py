"""Emulator of Sersic galaxies under JAM with spherical alignment."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.models.jam import sersic_domain, sersic_emulator
from zoo.models.jam.sersic_domain import ANGLES, RADII, route
from zoo.nn.polar import PolarBasis, PolarModes

__all__ = ["adapt", "baselines", "build", "check", "example", "learn", "route", "signatures"]

SCALARS = (
    "n_sersic",
    "r_sersic",
    "q_light",
    "q_mass",
    "beta",
    "inclination",
    "position_angle",
    "ml",
    "intensity_e",
    "distance",
)
OTHERS = ("beta",)  # coordinates besides the Sersic index, intrinsic axis ratios and cos^2 i


def build(dtype="float32", degree=6, modes=96, warp=(32, 32), counts=(32, 17)):
    """Build the network.

    Symmetries are exact: M/L, surface brightness, size and distance scale, the position angle
    rotates, and the map is even along both axes. What is left is learned: amplitudes of the
    principal components of ln Vrms as functions of the Sersic index, the two intrinsic axis ratios,
    cos^2 i and beta, which does not enter linearly as beta_z does in cylindrical alignment. A small
    network learns the coordinates in which those functions are polynomials; the polynomials follow
    by least squares.

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
    intrinsic = sersic_emulator.Coordinates(OTHERS, dtype=dtype, name="coordinates")(inputs)
    features = sersic_emulator.features(intrinsic, intrinsic.shape[-1], degree, warp, dtype)
    trunk = keras.layers.Dense(modes, use_bias=False, trainable=False, dtype=dtype, name="trunk")
    placed = sersic_emulator.Place(dtype=dtype, name="place")(inputs)
    basis = PolarBasis(RADII, ANGLES, tuple(counts))
    maps = PolarModes(modes, 1, basis, dtype=dtype, name="modes")
    values = maps({"amplitudes": trunk(features), **placed})
    vrms = SecondMoment(dtype=dtype, name="vrms")(inputs | {"values": values})
    return keras.Model(inputs, {"vrms": vrms}, name="jam_sph_emulator")


class SecondMoment(keras.layers.Layer):
    """Vrms [km/s] (batch, positions) from its logarithm in dimensionless form."""

    def call(self, inputs):
        """Put the scale back."""
        return sersic_emulator.velocity_scale(inputs) * ops.exp(inputs["values"][:, 0])

    def compute_output_spec(self, inputs):
        """(batch, positions)."""
        return keras.KerasTensor(inputs["x"].shape, dtype=self.compute_dtype)


def signatures(model):
    """Serve `polar` grids and the default 64 x 64 map besides any positions."""
    return sersic_domain.signatures(model, SCALARS)


def check(columns):
    """Find galaxies that cannot be deprojected, and positions outside the domain."""
    return sersic_domain.deprojection(columns) + sersic_domain.places(columns)


def example() -> dict:
    """A galaxy in the middle of the training set, on the default map."""
    middle = (3.0, 10.0, 0.8, 0.75, 0.1, 70.0, 30.0, 1.0, 1000.0, 20.0)
    return dict(zip(SCALARS, middle, strict=True))


def targets(data):
    """Maps (n, 1, R, A) of ln Vrms in dimensionless form on the polar grid of `jam_mocks`."""
    vrms = np.asarray(data["vrms_polar"], np.float64)
    return 0.5 * np.log(vrms**2 / sersic_emulator.scale2(data))[:, None]


def adapt(model, data):
    """Set what follows from data without gradients: domain and modes."""
    model.get_layer("domain").adapt(sersic_emulator.coordinates(data, OTHERS))
    model.get_layer("modes").adapt(targets(data))


def learn(model, data, settings, **progress):
    """Learn the coordinates by variable projection, then solve for the polynomials."""
    x = sersic_emulator.coordinates(data, OTHERS)
    y = model.get_layer("modes").project(targets(data))
    return sersic_emulator.learn(model, x, y, settings, **progress)


def baselines(data):
    """Models beside ours in every table: polynomials in plain coordinates, and JAM_cyl.

    JAM_cyl, from the release of its emulator with beta_z = beta, tells what the wrong alignment
    costs. It is missing where that release is.
    """
    from zoo import registry, saving

    polynomial = build(degree=6, modes=48, warp=())
    adapt(polynomial, data)
    learn(polynomial, data, {})
    out = {"Chebyshev polynomial, degree 6, 48 modes": polynomial}
    if registry.versions("jam_cyl_emulator"):
        card, name = registry.find_card("jam_cyl_emulator")
        cylindrical = saving.rebuild(card, registry.find_release(name).path)
        out["JAM_cyl with beta_z = beta, the wrong alignment"] = _in_place_of_ours(cylindrical)
    return out


def _in_place_of_ours(cylindrical):
    """The emulator of JAM_cyl, which takes our beta for its beta_z."""
    inputs = {name: keras.Input((), name=name) for name in SCALARS}
    inputs |= {name: keras.Input((None,), name=name) for name in "xy"}
    renamed = {("beta_z" if name == "beta" else name): value for name, value in inputs.items()}
    return keras.Model(inputs, {"vrms": cylindrical(renamed)["vrms"]})
