"""What the models of `lens_kinematics` share: inputs, the default map, and the domain."""

from __future__ import annotations

import numpy as np

from zoo.ranges import Violation

SCALARS = (
    "q_mass",
    "q_light",
    "theta_e",
    "n_sersic",
    "r_sersic",
    "core_size",
    "gamma",
    "b_ani",
    "inclination",
    "distance",
    "distance_ratio",
)
QUADRANT, PIXEL = 276, 0.02  # of the default map, 551 x 551 with both axes; [arcsec]
RATIO = 1042.883 / 1650.753  # Dds/Ds of the mocks
FLATTEST = 0.05  # intrinsic axis ratio of the flattest body of the mocks
SIZES = (0.5, 1.0)  # r_sersic of the mocks, in theta_e
ROUNDING = 1e-6  # stored in single precision, the edge of the prior may round to the other side


def quadrant():
    """Positions x and y (276, 276) [arcsec] of the pixels on and above the positive axes."""
    axis = PIXEL * np.arange(QUADRANT)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return x, y


def mirrored(maps):
    """Whole maps (batch, 551, 551) of quadrants (batch, 276, 276), as TensorFlow tensors."""
    import tensorflow as tf

    upper = tf.concat([maps[:, :, :0:-1], maps], axis=2)
    return tf.concat([upper[:, :0:-1], upper], axis=1)


def route(columns):
    """Without positions, the answer is the default map."""
    return ("serving_default" if "x" in columns else "map"), columns, None


def example() -> dict:
    """A lens in the middle of the training set, on the default map."""
    middle = (0.8, 0.75, 1.2, 3.0, 0.9, 0.04, 2.0, 0.1, 75.0, 1215.739, RATIO)
    return dict(zip(SCALARS, middle, strict=True))


def golden() -> dict:
    """The same lens at 64 positions along a spiral, for the manifest."""
    radius, angle = np.linspace(0.03, 5.4, 64), np.linspace(0, 12, 64)
    return example() | {"x": radius * np.cos(angle), "y": radius * np.sin(angle)}


def check(columns):
    """Find galaxies that cannot be, or that the prior of the mocks excludes."""
    inclination = np.radians(columns["inclination"])
    cosi, sini = np.abs(np.cos(inclination)), np.sin(inclination)
    core, theta_e = columns["core_size"], columns["theta_e"]
    found = []

    def judge(name, rows, values, allowed, impossible=False):
        """Note the first of the rows; `allowed` is a text with a place for its limit."""
        if rows.any():
            row = int(np.argmax(rows))
            limit = allowed(row)
            found.append(Violation(name, rows, float(values[row]), limit, impossible))

    floor = np.hypot(cosi, FLATTEST * sini)
    for name in ("q_light", "q_mass"):
        q = columns[name]
        judge(name, q <= cosi, q, lambda row: f"more than cos(inclination) = {cosi[row]:.6g}", True)
        judge(
            name,
            (q < floor - ROUNDING) & (q > cosi),
            q,
            lambda row: f"an intrinsic axis ratio of {FLATTEST} or more, that is {floor[row]:.6g}",
        )
    rows = core > theta_e
    judge("core_size", rows, core, lambda row: f"up to theta_e = {theta_e[row]:.6g}", True)
    size = columns["r_sersic"] / theta_e
    low, high = SIZES
    judge(
        "r_sersic",
        (size < low - ROUNDING) | (size > high + ROUNDING),
        columns["r_sersic"],
        lambda row: f"{low} to {high} theta_e = {low * theta_e[row]:.4g} to {theta_e[row]:.4g}",
    )
    return found
