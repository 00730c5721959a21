"""Interpolation of what is even in x and y from a quadrant whose grid is finest at the centre."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RectBivariateSpline

NODES = 64  # along each axis
INNER, OUTER = 0.004, 7.6  # scale of the stretching and end of the axis, in units of `radius`
MIRRORED = 4  # nodes beyond each axis of symmetry, which make the spline even there
ORDER = 5


class Quadrant:
    """A grid of `NODES` x `NODES` points, even in asinh(x / scale) and asinh(y / scale).

    Parameters
    ----------
    radius : float
        Unit of the axes, in any unit of length.
    axis_ratio : float
        The y axis is shorter than the x axis by this factor.
    """

    def __init__(self, radius: float, axis_ratio: float) -> None:
        self._even = np.linspace(0, np.arcsinh(OUTER / INNER), NODES)
        self._scales = INNER * radius, INNER * radius * axis_ratio
        self.x, self.y = (scale * np.sinh(self._even) for scale in self._scales)

    def interpolate(self, values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Values at any positions inside, by a tensor product of quintic splines.

        Parameters
        ----------
        values : (NODES, NODES) array
            At `self.y` (first axis) and `self.x`.
        x, y : arrays of one shape

        Raises
        ------
        ValueError
            If a position lies outside the grid.
        """
        u, v = (np.abs(p) / s for p, s in zip((x, y), self._scales, strict=True))
        if max(u.max(initial=0), v.max(initial=0)) > OUTER / INNER:
            raise ValueError(f"positions beyond {OUTER} radii are outside the grid")
        nodes = np.append(-self._even[MIRRORED:0:-1], self._even)
        values = np.pad(values, ((MIRRORED, 0), (MIRRORED, 0)), "reflect")
        spline = RectBivariateSpline(nodes, nodes, values, kx=ORDER, ky=ORDER, s=0)
        return spline.ev(np.arcsinh(v), np.arcsinh(u))
