r"""The integral of Jeans anisotropic modelling in cylindrical alignment, as a sum of Gaussians.

The projected second moment of an MGE tracer in the potential of another MGE is one quadrature
(Cappellari 2008, MNRAS 390, 71, eq. 28). With :math:`u = \tau/\sqrt{1 + e_j^2\tau^2}` and lengths
in units of the tracer's :math:`\sigma_k` it becomes, for light Gaussian k and mass Gaussian j,

.. math::

    \Sigma V_{\rm rms}^2 = \sum_{kj} 4\sqrt 2\,\pi^{3/2} G \nu_k \rho_j q_j \sigma_k^3
    \int_0^{1/q_j} \frac{\tau^2 w}{S\sqrt E}\left[\cos^2 i + b_k\sin^2 i
    + (wS - b_kA)\frac{x^2}{\sigma_k^2}\sin^2 i\right]
    \exp\left[-\frac{A}{2\sigma_k^2}\left(x^2 + \frac{S}{E}y^2\right)\right]{\rm d}\tau

    s = \sigma_k/\sigma_j,\quad w = 1/[1 + (1 - q_j^2)\tau^2],\quad A = 1 + s^2\tau^2w,\quad
    S = 1/q_k^2 + s^2\tau^2,\quad E = A\sin^2 i + S\cos^2 i,\quad b_k = 1/(1 - \beta_k).

Nothing cancels here but in wS - bA, however flat the Gaussians and however far apart their sizes.
The integrand is even in tau and its scale is :math:`(1 - q_j^2 + s^2)^{-1/2}`: a Gauss-Legendre
rule in t, :math:`\tau = \tau_0\sinh Lt`, whose negative half mirrors the positive one, converges
exponentially. On random MGEs with intrinsic axis ratios down to 0.05, sizes over 3.5 dex and black
holes the greatest relative error of Vrms was 2e-4 with 24 nodes, 4e-5 with 32, 1e-7 with 48 and
1e-9 with 64.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import ArrayLike

from zoo_datasets.simulators.mge import (
    black_hole,
    central_density,
    checked,
    deproject,
    pc_per_arcsec,
    require,
)

G = 0.004301  # (km/s)2 pc / Msun, the value of JAM, so that results compare digit by digit


class Light(NamedTuple):
    """Gaussians of the tracer, on the sky and deprojected."""

    surf: np.ndarray  # (k,) [Lsun/pc2]
    sigma: np.ndarray  # (k,) [arcsec]
    qobs: np.ndarray  # (k,)
    qintr: np.ndarray  # (k,)
    density: np.ndarray  # (k,) [Lsun/pc3]
    b: np.ndarray  # (k,) (sigma_R / sigma_z)**2


class Mass(NamedTuple):
    """Deprojected Gaussians of the mass that share a quadrature."""

    sigma: np.ndarray  # (j,) [arcsec]
    qintr: np.ndarray  # (j,)
    density: np.ndarray  # (j,) [Msun/pc3]
    nodes: int
    knee: float  # tau_0 in units of the integrand's own scale


class Term(NamedTuple):
    """Gaussians (n,) on the sky: exp(-a x2 - c y2) (f0 + f1 x2), with x and y in arcsec."""

    a: np.ndarray
    c: np.ndarray
    f0: np.ndarray
    f1: np.ndarray


class Galaxy(NamedTuple):
    """All that the second moment depends on but the position."""

    light: Light
    masses: list[Mass]
    inc: float  # [deg]
    pc: float  # [pc/arcsec]


def deproject_galaxy(
    lum: tuple[ArrayLike, ArrayLike, ArrayLike],
    pot: tuple[ArrayLike, ArrayLike, ArrayLike],
    inc: float,
    mbh: float,
    distance: float,
    beta: ArrayLike,
    rbh: float,
    nodes: int,
) -> Galaxy:
    """Check what the user gave to `vrms` and deproject it.

    Raises
    ------
    ValueError
        As `vrms`, positions aside.
    """
    require(
        "nodes", nodes, isinstance(nodes, (int, np.integer)) and nodes > 0, "a positive integer"
    )
    pc = pc_per_arcsec(distance)
    surf, sigma, qobs = checked(*lum, suffix="_lum")
    beta = np.asarray(beta, dtype=np.float64)
    if beta.shape not in {(), (1,), surf.shape}:
        raise ValueError(
            f"beta of shape {beta.shape} must be a scalar or one value for each of the "
            f"{surf.size} Gaussians of the light"
        )
    require("beta", beta, np.isfinite(beta) & (beta < 1), "less than 1")
    b = np.broadcast_to(1 / (1 - beta), surf.shape)
    qintr = deproject(qobs, inc, "qobs_lum")
    density = central_density(surf, sigma * pc, qobs, qintr)
    light = Light(surf, sigma, qobs, qintr, density, b)

    surf, sigma, qobs = checked(*pot, suffix="_pot")
    qintr = deproject(qobs, inc, "qobs_pot")
    density = central_density(surf, sigma * pc, qobs, qintr)
    masses = [Mass(sigma, qintr, density, nodes, knee=0.4)]
    point = np.atleast_2d(black_hole(mbh, rbh, distance)).T
    if mbh > 0:
        density = central_density(point[0], point[1] * pc, point[2], point[2])
        masses.append(Mass(point[1], point[2], density, nodes + (nodes + 1) // 2, knee=0.25))
    return Galaxy(light, masses, inc, pc)


@cache
def _rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights (nodes,) of the quadrature of an even function over [0, 1]."""
    t, weight = leggauss(2 * nodes)
    return t[nodes:], weight[nodes:]


def _term(galaxy: Galaxy, k: int, mass: Mass) -> Term:
    """Terms of light Gaussian k in some mass Gaussians: the integrand at each node."""
    light = galaxy.light
    sin2 = np.sin(np.radians(galaxy.inc)) ** 2
    cos2 = np.cos(np.radians(galaxy.inc)) ** 2
    q2_lum, b = light.qintr[k] ** 2, light.b[k]
    sigma2 = light.sigma[k] ** 2
    q_pot = mass.qintr[:, None]
    e2 = (1 - q_pot) * (1 + q_pot)
    s2 = sigma2 / mass.sigma[:, None] ** 2

    t, weight = _rule(mass.nodes)
    tau_0 = mass.knee / np.sqrt(e2 + s2)
    length = np.arcsinh(1 / (q_pot * tau_0))
    tau2 = (tau_0 * np.sinh(length * t)) ** 2
    weight = weight * tau_0 * length * np.cosh(length * t)

    w = 1 / (1 + e2 * tau2)
    A = 1 + s2 * tau2 * w
    S = 1 / q2_lum + s2 * tau2
    E = A * sin2 + S * cos2
    scale = 4 * np.sqrt(2) * np.pi**1.5 * G * light.density[k] * (light.sigma[k] * galaxy.pc) ** 3
    common = scale * mass.density[:, None] * q_pot * weight * tau2 * w / (S * np.sqrt(E))
    f1 = common * (w * S - b * A) * sin2 / sigma2
    parts = (A / (2 * sigma2), A * S / (2 * sigma2 * E), common * (cos2 + b * sin2), f1)
    return Term(*(part.ravel() for part in parts))


def terms(galaxy: Galaxy) -> Iterator[Term]:
    """Terms of one light Gaussian after the other, few enough to stay in the cache."""
    for k in range(galaxy.light.sigma.size):
        parts = zip(*(_term(galaxy, k, mass) for mass in galaxy.masses), strict=True)
        yield Term(*map(np.concatenate, parts))
