"""JAM with cylindrical alignment against the Jeans equations, integrated step by step.

Nothing is shared with the code under test but the physics: forces by Chandrasekhar's integral over
the confocal spheroids, the vertical Jeans equation by quadrature in z, the radial one by numerical
differentiation (Cappellari 2008, eq. 8 and 9), the projection by a sum along the line of sight.
"""

import numpy as np
import pytest
from scipy.integrate import quad_vec

from zoo_datasets.simulators.jam_cyl import vrms
from zoo_datasets.simulators.jam_cyl_terms import G
from zoo_datasets.simulators.mge import pc_per_arcsec

DISTANCE = 16.5
LUM = np.array([[2000.0, 300.0], [2.0, 8.0], [0.65, 0.75]])
POT = np.array([[7000.0, 800.0], [1.5, 20.0], [0.7, 0.9]])


class Galaxy:
    """Densities and forces [arcsec as the unit of length] of an axisymmetric pair of MGEs."""

    def __init__(self, inc):
        self.sin, self.cos = np.sin(np.radians(inc)), np.cos(np.radians(inc))
        self.light, self.mass = self.intrinsic(LUM), self.intrinsic(POT)

    def intrinsic(self, expansion):
        surf, sigma, qobs = expansion
        q = np.sqrt(qobs**2 - self.cos**2) / self.sin
        return surf * qobs / (np.sqrt(2 * np.pi) * sigma * q), sigma, q

    def tracer(self, R, z):
        return sum(
            nu * np.exp(-(R**2 + (z / q) ** 2) / (2 * sigma**2))
            for nu, sigma, q in zip(*self.light, strict=True)
        )

    def force(self, R, z):
        """dPhi/dR and dPhi/dz by the integral of Chandrasekhar 1969, ch. 3, at (...)."""

        def integrand(v):  # t = (v / (1 - v))**2 from 0 to infinity
            t, dt = (v / (1 - v)) ** 2, 2 * v / (1 - v) ** 3
            total = 0.0
            for rho, sigma, q in zip(*self.mass, strict=True):
                m2 = R**2 / (1 + t) + z**2 / (q**2 + t)
                shell = q * rho * np.exp(-m2 / (2 * sigma**2)) / ((1 + t) * np.sqrt(q**2 + t))
                total = total + shell * np.stack([R / (1 + t), z / (q**2 + t)])
            return 2 * np.pi * G * total * dt

        return quad_vec(integrand, 0, 1 - 1e-9, epsabs=0, epsrel=1e-9, norm="max")[0]

    def vertical(self, R, z):
        """Return nu sigma_z^2 (...): the weight of the column of tracer above z."""
        t, weight = np.polynomial.legendre.leggauss(48)
        top = 9 * self.light[1].max() * self.light[2].max()
        s = 0.5 * (t + 1)
        height = z[..., None] + (top - z[..., None]) * s**2
        depth = (top - z[..., None]) * s * weight  # dz = 2 s ds, ds = dt / 2
        R = np.broadcast_to(R[..., None], height.shape)
        return np.sum(self.tracer(R, height) * self.force(R, height)[1] * depth, axis=-1)

    def moments(self, R, z, b):
        """Return nu times sigma_R^2, <v_phi^2> and sigma_z^2 (...)."""
        step = 1e-2
        near = self.vertical(np.abs(R + step * np.arange(-2, 3)[:, None]), np.array([z] * 5))
        slope = np.array([1, -8, 0, 8, -1]) @ near / (12 * step)
        asymmetric = b * (R * slope + near[2])
        v_phi2 = asymmetric + R * self.tracer(R, z) * self.force(R, z)[0]
        return b * near[2], v_phi2, near[2]

    def vrms(self, x, y, b, points):
        """Vrms [km/s] at one position of the sky, trapezoid rule along the line of sight."""
        end = np.arcsinh(8 * self.light[1].max())
        u = np.linspace(-end, end, points)
        line = np.sinh(u)
        across, z = line * self.sin - y * self.cos, np.abs(line * self.cos + y * self.sin)
        R = np.hypot(x, across)
        v_R2, v_phi2, v_z2 = self.moments(R, z, b)
        radial = (across / R) ** 2  # squared sine of the azimuth, 0 in the plane of the sky
        second = self.sin**2 * (radial * v_R2 + (1 - radial) * v_phi2) + self.cos**2 * v_z2
        weight = np.cosh(u)
        ratio = np.sum(weight * second) / np.sum(weight * self.tracer(R, z))
        return np.sqrt(ratio * pc_per_arcsec(DISTANCE))


@pytest.mark.parametrize(("inc", "beta"), [(60.0, 0.3), (90.0, -0.2)])
def test_jeans_equations(inc, beta):
    x, y = np.array([0.3, 2.0, 6.0, 12.0]), np.array([0.2, 3.0, -1.0, 9.0])
    ours = vrms(*LUM, *POT, inc, 0.0, DISTANCE, x, y, beta=beta)
    galaxy = Galaxy(inc)
    slow = [galaxy.vrms(a, b, 1 / (1 - beta), 61) for a, b in zip(x, y, strict=True)]
    assert np.max(np.abs(ours / slow - 1)) < 1e-8
