"""The clusters themselves: mass, structure, anisotropy, shape and orientation."""

from __future__ import annotations

import dataclasses

import numpy as np

from zoo_datasets.simulators.clusters import jeans
from zoo_datasets.simulators.clusters.halos import LOG_MASSES, Theory, nfw
from zoo_datasets.simulators.clusters.parameters import Parameters


@dataclasses.dataclass(frozen=True)
class Hosts:
    """Properties of n clusters, each array (n, ...).

    Attributes
    ----------
    log_mass, r200, v200, c, c_galaxy, beta_inf : (n,)
        r200c comoving; concentrations r200c / r_s of matter and galaxies.
    c_deviation : (n,)
        Of log c from its mean at that mass, in standard deviations.
    bias_velocity : (n,)
        Velocities of galaxies over those of the Jeans equation.
    dispersion : (n, len(jeans.LOG_R))
        sigma_r / v200 of the galaxies, velocity bias included.
    axes : (n, 3)
        Principal axes of the shape; their product is 1.
    rotation : (n, 3, 3)
        From the principal axes to the sky.
    """

    log_mass: np.ndarray
    r200: np.ndarray
    v200: np.ndarray
    c: np.ndarray
    c_deviation: np.ndarray
    c_galaxy: np.ndarray
    beta_inf: np.ndarray
    bias_velocity: np.ndarray
    dispersion: np.ndarray
    axes: np.ndarray
    rotation: np.ndarray

    def __len__(self) -> int:
        """Number of clusters."""
        return len(self.log_mass)

    def beta(self, which: np.ndarray, r: np.ndarray) -> np.ndarray:
        """Anisotropy at r / r200c of clusters `which`, both (k,)."""
        return self.beta_inf[which] * r / (r + 1 / self.c_galaxy[which])

    def escape(self, which: np.ndarray, r: np.ndarray) -> np.ndarray:
        """Escape speed of the NFW halo at r / r200c."""
        c = self.c[which]
        r = np.maximum(r, 1e-4)
        return self.v200[which] * np.sqrt(2 * np.log1p(c * r) / (r * nfw(c)))


def draw(rng: np.random.Generator, log_mass: np.ndarray, theory: Theory, p: Parameters) -> Hosts:
    """Draw everything but the mass of clusters (n,)."""
    n = len(log_mass)
    mean_c = np.interp(log_mass, LOG_MASSES, theory.concentration)
    deviation = rng.normal(size=n)
    c = mean_c * 10 ** (p.scatter_concentration * deviation)
    ratio = p.concentration_ratio * 10 ** (p.scatter_concentration_ratio * rng.normal(size=n))
    beta_inf = np.clip(rng.normal(*p.beta_inf, size=n), *p.beta_limits)
    bias = rng.normal(*p.velocity_bias, size=n)
    bias = bias * 10 ** (p.velocity_bias_slope * (log_mass - 15))
    return Hosts(
        log_mass=log_mass,
        r200=theory.radius(log_mass),
        v200=theory.velocity(log_mass),
        c=c,
        c_deviation=deviation,
        c_galaxy=c * ratio,
        beta_inf=beta_inf,
        bias_velocity=bias,
        dispersion=jeans.profiles(c, c * ratio, beta_inf) * bias[:, None],
        axes=_axes(rng, n, p),
        rotation=rotations(rng, n),
    )


def _axes(rng: np.random.Generator, n: int, p: Parameters) -> np.ndarray:
    b = np.clip(rng.normal(*p.axis_ratio_b, size=n), 0.35, 1)
    c = np.clip(rng.normal(*p.axis_ratio_c, size=n), 0.3, b)
    axes = np.stack([np.ones(n), b, c], axis=1)
    return axes / np.prod(axes, axis=1, keepdims=True) ** (1 / 3)


def rotations(rng: np.random.Generator, n: int) -> np.ndarray:
    """Uniform random rotation matrices (n, 3, 3), from unit quaternions."""
    q = rng.normal(size=(n, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)
