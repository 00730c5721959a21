r"""Density of the tracer and forces of a multi-Gaussian galaxy, as the Jeans equations need them.

Positions are (r, t) with :math:`t = \cos^2\theta`, in which everything is smooth across the
equator and on the axis. For one Gaussian of central density :math:`\rho_0`, dispersion
:math:`\sigma` and axis ratio q the forces follow from Chandrasekhar's integral (1969, Ellipsoidal
Figures of Equilibrium) with the variable :math:`v = (q^2 + \tau)^{-1/2}`:

.. math::

    \frac{1}{z}\frac{\partial\Phi}{\partial z} = 4\pi G\rho_0 q\int_0^{1/q}
    \frac{v^2}{1 + e^2v^2}\,E\,{\rm d}v,\quad
    \frac{1}{R}\frac{\partial\Phi}{\partial R} = 4\pi G\rho_0 q\int_0^{1/q}
    \frac{v^2}{(1 + e^2v^2)^2}\,E\,{\rm d}v,

    E = \exp\left[-\frac{v^2}{2\sigma^2}\left(\frac{R^2}{1 + e^2v^2} + z^2\right)\right],\quad
    e^2 = 1 - q^2.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggauss

from zoo_datasets.simulators.jam_cyl_terms import G

KNEE = 0.4  # where the nodes pass from even to logarithmic spacing, over the integrand's own scale
TAIL = 11.0  # v r / sigma beyond which the exponential is below 1e-16 ...
FAR = 15.0  # ... from this r / sigma on


class Gaussians(NamedTuple):
    """Deprojected Gaussians of the light or the mass."""

    density: np.ndarray  # (k,) at the centre [Lsun or Msun / pc3]
    sigma: np.ndarray  # (k,) along the major axis [pc]
    q: np.ndarray  # (k,) intrinsic axis ratio


def log_slopes(light: Gaussians, r: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the logarithm of the density, by ln r and by t.

    Parameters
    ----------
    light : Gaussians
    r : (n,) array [pc]
    t : (m,) array
        cos(theta)^2.

    Returns
    -------
    d ln(nu) / d ln r, d ln(nu) / dt : (n, m) arrays
    """
    r2 = r[:, None, None] ** 2 / light.sigma**2
    steep = 1 / light.q**2 - 1
    m2 = r2 * (1 + steep * t[:, None])
    # far out every Gaussian underflows: only their ratios count
    log = np.log(np.abs(light.density)) - 0.5 * m2
    share = np.sign(light.density) * np.exp(log - log.max(axis=-1, keepdims=True))
    share /= share.sum(axis=-1, keepdims=True)
    return -np.sum(share * m2, axis=-1), -0.5 * np.sum(share * r2 * steep, axis=-1)


@cache
def _rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights (nodes,) of the quadrature of an even function over [0, 1]."""
    x, weight = leggauss(2 * nodes)
    return x[nodes:], weight[nodes:]


def forces(
    mass: Gaussians, r: np.ndarray, t: np.ndarray, nodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Forces towards the axis and the equator, over the distance from them.

    Parameters
    ----------
    mass : Gaussians
    r : (n,) array [pc]
    t : (m,) array
        cos(theta)^2.
    nodes : int
        Nodes of the quadrature.

    Returns
    -------
    (dPhi/dR) / R, (dPhi/dz) / z : (n, m) arrays [(km/s)2 / pc2]
    """
    radial, vertical = np.zeros((2, r.size, t.size))
    x, weight = _rule(nodes)
    for density, sigma, q in zip(*mass, strict=True):
        far = r[:, None] / sigma
        e2 = (1 - q) * (1 + q)
        knee = KNEE / np.sqrt(e2 + far**2)
        top = np.where(far > FAR, np.minimum(1 / q, TAIL / far), 1 / q)
        length = np.arcsinh(top / knee)
        v2 = (knee * np.sinh(length * x)) ** 2
        w = 1 / (1 + e2 * v2)
        common = 4 * np.pi * G * density * q * weight * length * knee * np.cosh(length * x) * v2 * w
        # R2 w + z2 = r2 [w + (1 - w) t]: nothing cancels
        v2 *= -0.5 * far**2
        gauss = np.exp((v2 * w)[:, None] + (v2 * (1 - w))[:, None] * t[:, None])
        vertical += np.einsum("nmu,nu->nm", gauss, common)
        radial += np.einsum("nmu,nu->nm", gauss, common * w)
    return radial, vertical
