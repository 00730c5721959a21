"""Least-squares fit of a Sersic profile to the logarithm of an image, many images at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

TERMS = (-1 / 3, 4 / 405, 46 / 25515, 131 / 1148175, -2194697 / 30690717750)  # of b_n - 2 n
START = {"n": 3.0, "ln_q": -0.2, "ln_r": 0.0, "ln_i": 0.0, "turn": 0.0, "x": 0.0, "y": 0.0}
PARAMETERS = tuple(START)
LIMITS = {  # a step never leaves these
    "n": (0.5, 10.0),
    "ln_q": (-2.0, 2.0),
    "ln_r": (-2.0, 2.0),
    "ln_i": (-5.0, 5.0),
    "turn": (-2.0, 2.0),  # [rad]
    "x": (-0.5, 0.5),
    "y": (-0.5, 0.5),
}
DAMPING = 1e-7  # what the pixels do not determine stays: the orientation of a round galaxy


def exponent(n):
    """Return b_n of the Sersic profile (Ciotti & Bertin 1999, A&A 352, 447, eq. 18).

    Half of the light lies within the effective radius to 5e-6 in b_n for n of 2 and more.
    """
    return 2 * n + sum(term / n**power for power, term in enumerate(TERMS))


def _exponent_slope(n):
    return 2 - sum(power * term / n ** (power + 1) for power, term in enumerate(TERMS))


def model(x, y, p, ops: Any = np):
    """Return ln I (batch, pixels) of Sersic profiles.

    ln I = ln_i - b_n [(m / r)^(1/n) - 1], m^2 = x'^2 + (y'/q)^2 in axes through (x, y), turned
    counter-clockwise by `turn` [rad].

    Parameters
    ----------
    x, y : (batch, pixels)
        Positions along the expected axes, in units of the expected radius.
    p : dict of (batch, 1)
        The parameters in `START`.
    ops : module
        `numpy`, or `keras.ops` inside a graph.
    """
    along, across = _own_axes(x, y, p, ops)
    log_m = 0.5 * ops.log(_square(along, across, ops)) - p["ln_r"]
    return p["ln_i"] - exponent(p["n"]) * (ops.exp(log_m / p["n"]) - 1)


def derivatives(x, y, p, ops: Any = np):
    """Return the derivatives {name: (batch, pixels)} of `model` by its parameters."""
    n, q = p["n"], ops.exp(p["ln_q"])
    along, across = _own_axes(x, y, p, ops)
    m2 = _square(along, across, ops)
    log_m = 0.5 * ops.log(m2) - p["ln_r"]
    growth = ops.exp(log_m / n)
    fall = -exponent(n) * growth / n  # d ln I / d ln m
    cos, sin = ops.cos(p["turn"]), ops.sin(p["turn"])
    return {
        "n": -_exponent_slope(n) * (growth - 1) - fall * log_m / n,
        "ln_q": -fall * across**2 / m2,
        "ln_r": -fall,
        "ln_i": ops.ones_like(fall),
        "turn": fall * along * across * (q - 1 / q) / m2,
        "x": fall * (across * sin / q - along * cos) / m2,
        "y": -fall * (along * sin + across * cos / q) / m2,
    }


def _own_axes(x, y, p, ops):
    """Positions along the profile's own axes, the minor one stretched to a circle."""
    cos, sin = ops.cos(p["turn"]), ops.sin(p["turn"])
    x, y = x - p["x"], y - p["y"]
    return x * cos + y * sin, (y * cos - x * sin) / ops.exp(p["ln_q"])


def _square(along, across, ops):
    return ops.maximum(along**2 + across**2, 1e-8)  # never at the cusp


def fit(log_image, x, y, free: tuple[str, ...] = PARAMETERS, steps: int = 6, ops: Any = np):
    """Parameters {name: (batch, 1)} by Gauss-Newton steps from `START`.

    Parameters
    ----------
    log_image : (batch, pixels)
        ln of the surface brightness over its expected value at the expected radius.
    x, y : (batch, pixels)
        As for `model`.
    free : tuple of str
        Parameters to fit; the others stay as expected.
    steps : int
    ops : module
        `numpy`, or `keras.ops` inside a graph.
    """
    unit = ops.ones_like(x[:, :1])
    p = {name: value * unit for name, value in START.items()}
    damping = DAMPING * x.shape[1] * ops.eye(len(free))
    for _ in range(steps):
        partial = derivatives(x, y, p, ops)
        jacobian = ops.stack([partial[name] for name in free], axis=1)
        residual = (log_image - model(x, y, p, ops))[..., None]
        normal = ops.matmul(jacobian, ops.swapaxes(jacobian, 1, 2)) + damping
        step = ops.linalg.solve(normal, ops.matmul(jacobian, residual))
        for index, name in enumerate(free):
            p[name] = ops.clip(p[name] + step[:, index], *LIMITS[name])
    return p
