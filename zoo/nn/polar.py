"""Maps that are even in x and y, as a spectral sum over an ellipse's radius and angle."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from numpy.polynomial import chebyshev as polynomial
from scipy.interpolate import make_interp_spline

from zoo.nn.chebyshev import chebyshev


class PolarBasis:
    """Chebyshev polynomials of ln r times cos(2 b t), for r in `radii` and t in [0, 90] deg.

    Parameters
    ----------
    radii : (R,) float
        Elliptical radii of the grid, equidistant in ln r.
    angles : (A,) float
        Eccentric anomalies of the grid [deg], equidistant from 0 to 90.
    counts : (int, int)
        Number of radial and of angular functions.
    """

    def __init__(self, radii, angles, counts):
        self.shape, self.radii, self.angles = counts, radii, angles
        self.ends = float(np.log(radii[0])), float(np.log(radii[-1]))
        # A quintic spline leads from equidistant radii, where polynomials would oscillate, to
        # Chebyshev's own nodes.
        log_r = np.log(radii)
        nodes = polynomial.chebpts1(counts[0])
        at = log_r[0] + (nodes + 1) / 2 * (log_r[-1] - log_r[0])
        spline = make_interp_spline(log_r, np.eye(len(radii)), k=5)(at)
        self._radial = np.linalg.solve(polynomial.chebvander(nodes, counts[0] - 1), spline)
        cosines = np.cos(2 * np.radians(angles)[:, None] * np.arange(counts[1]))
        self._angular = np.linalg.pinv(cosines)

    def coefficients(self, values):
        """Coefficients (..., counts) of maps on the grid (..., R, A)."""
        return np.einsum("ar,...rt,bt->...ab", self._radial, values, self._angular)

    def functions(self, x, y):
        """Radial and angular functions (batch, count, positions).

        Positions (batch, positions) are in units of the ellipse's axes. They stay the last axis
        throughout, so that every operation runs along contiguous memory.
        """
        x2, y2 = x**2, y**2
        m2 = ops.maximum(x2 + y2, 1e-12)
        return self._functions(0.5 * ops.log(m2), (x2 - y2) / m2)

    def functions_on_grid(self, radius, anomaly):
        """Radial functions (batch, count, R) and angular functions (batch, count, A).

        Elliptical radii (batch, R) are in units of the ellipse's axes, eccentric anomalies
        (batch, A) in degrees.
        """
        return self._functions(ops.log(radius), ops.cos(anomaly * (np.pi / 90)))

    def _functions(self, log_radius, cos_twice):
        low, high = self.ends
        unit = ops.clip(2 * (log_radius - low) / (high - low) - 1, -1.0, 1.0)
        return chebyshev(unit, self.shape[0], axis=1), chebyshev(cos_twice, self.shape[1], axis=1)


class PolarModes(keras.layers.Layer):
    """Maps from the amplitudes of fixed modes: (batch, modes) -> values at positions.

    `adapt` finds the modes by principal component analysis of maps on the grid and returns the
    amplitudes of those maps.
    """

    def __init__(self, modes, maps, basis, **kwargs):
        super().__init__(**kwargs)
        self.modes, self.maps, self.basis = modes, maps, basis
        shape = (maps * basis.shape[0] * basis.shape[1],)
        self.mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
        self.kernel = self.add_weight((modes, *shape), "zeros", trainable=False, name="kernel")
        # On the grid, to project further maps onto the same modes.
        grid = maps * len(basis.radii) * len(basis.angles)
        self.centre = self.add_weight((grid,), "zeros", trainable=False, name="centre")
        self.vectors = self.add_weight((modes, grid), "zeros", trainable=False, name="vectors")

    def adapt(self, values):
        """Set mean and modes from maps (n, maps, R, A)."""
        mean = values.mean(axis=0)
        flat = (values - mean).reshape(len(values), -1)
        _, vectors = np.linalg.eigh(flat.T @ flat)
        vectors = vectors[:, ::-1][:, : self.modes].T
        self.centre.assign(mean.ravel())
        self.vectors.assign(vectors)
        modes = vectors.reshape(-1, *values.shape[1:])
        self.mean.assign(self.basis.coefficients(mean).ravel())
        self.kernel.assign(self.basis.coefficients(modes).reshape(len(modes), -1))

    def project(self, values):
        """Amplitudes (n, modes) of maps (n, maps, R, A) on the grid."""
        centre, vectors = (np.asarray(w, np.float64) for w in (self.centre, self.vectors))
        return (values.reshape(len(values), -1) - centre) @ vectors.T

    def call(self, inputs):
        """Values (batch, maps, positions) from {"amplitudes", "x", "y"}."""
        radial, angular = self.basis.functions(inputs["x"], inputs["y"])
        rows = ops.matmul(self._spectrum(inputs["amplitudes"]), radial)
        count = self.basis.shape[1]
        starts = range(0, self.maps * count, count)
        return ops.stack(
            [ops.sum(rows[:, k : k + count] * angular, axis=1) for k in starts], axis=1
        )

    def on_grid(self, inputs):
        """Values (batch, maps, R, A) from {"amplitudes", "radius", "anomaly"}.

        A grid in elliptical radius (batch, R) and eccentric anomaly (batch, A) [deg] is separable,
        which makes it far cheaper than as many scattered positions.
        """
        grid = inputs["radius"], inputs["anomaly"]
        radial, angular = self.basis.functions_on_grid(*grid)
        rows = ops.matmul(self._spectrum(inputs["amplitudes"]), radial)
        shape = (-1, self.maps, self.basis.shape[1], ops.shape(radial)[-1])
        rows = ops.transpose(ops.reshape(rows, shape), (0, 1, 3, 2))
        return ops.matmul(rows, angular[:, None])

    def _spectrum(self, amplitudes):
        """Coefficients (batch, maps * angular, radial): one matrix product serves all maps."""
        spectrum = self.mean + ops.matmul(amplitudes, self.kernel)
        spectrum = ops.reshape(spectrum, (-1, self.maps, *self.basis.shape))
        count = self.basis.shape[1]
        return ops.reshape(
            ops.transpose(spectrum, (0, 1, 3, 2)), (-1, self.maps * count, self.basis.shape[0])
        )

    def compute_output_spec(self, inputs):
        """(batch, maps, positions)."""
        shape = (inputs["x"].shape[0], self.maps, inputs["x"].shape[1])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
