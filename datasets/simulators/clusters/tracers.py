"""Galaxies in equilibrium: triaxial NFW positions and Jeans velocities, cut at escape."""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators.clusters import jeans
from zoo_datasets.simulators.clusters.halos import nfw, nfw_radius
from zoo_datasets.simulators.clusters.host import Hosts
from zoo_datasets.simulators.clusters.parameters import Parameters

Phase = tuple[np.ndarray, np.ndarray]  # positions (k, 3), velocities (k, 3)


def directions(rng: np.random.Generator, n: int) -> np.ndarray:
    """Isotropic unit vectors (n, 3)."""
    cos, phi = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
    sin = np.sqrt(1 - cos**2)
    return np.stack([sin * np.cos(phi), sin * np.sin(phi), cos], axis=1)


def radii(rng: np.random.Generator, c: np.ndarray, r_max: float) -> np.ndarray:
    """Radii [r200c] of NFW tracers of concentration c (k,) inside `r_max` [r200c]."""
    return nfw_radius(rng.random(len(c)) * nfw(c * r_max)) / c


def equilibrium(
    rng: np.random.Generator, hosts: Hosts, which: np.ndarray, r_max: float, p: Parameters
) -> Phase:
    """Galaxies of clusters `which` (k,), relative to the cluster.

    Radii and velocities are those of the spherical Jeans equation; the sphere is then stretched
    along the principal axes, velocities by a power `velocity_shape` of what positions are, as the
    tensor virial theorem wants qualitatively, at constant mean kinetic energy.

    Returns
    -------
    positions : (k, 3)
        Comoving Mpc/h.
    velocities : (k, 3)
        km/s.
    """
    k = len(which)
    r = radii(rng, hosts.c_galaxy[which], r_max)
    unit = directions(rng, k)
    sigma_r = hosts.v200[which] * jeans.at_radius(hosts.dispersion, which, r)
    sigma_t = sigma_r * np.sqrt(1 - hosts.beta(which, r))
    velocity = rng.normal(size=(k, 3)) * sigma_t[:, None]
    along = rng.normal(size=k) * sigma_r - np.einsum("ki,ki->k", velocity, unit)
    velocity += along[:, None] * unit
    stretch = hosts.axes**p.velocity_shape
    stretch /= np.sqrt(np.mean(stretch**2, axis=1, keepdims=True))
    velocity *= stretch[which]
    _bind(rng, velocity, hosts.escape(which, r))
    position = unit * (r * hosts.r200[which])[:, None] * hosts.axes[which]
    turn = hosts.rotation[which]
    return np.einsum("kij,kj->ki", turn, position), np.einsum("kij,kj->ki", turn, velocity)


def _bind(rng: np.random.Generator, velocity: np.ndarray, escape: np.ndarray) -> None:
    """Slow down, in place, what would leave: to a speed uniform in velocity space."""
    speed = np.linalg.norm(velocity, axis=1)
    free = speed > escape
    slower = escape[free] * rng.random(free.sum()) ** (1 / 3)
    velocity[free] *= (slower / speed[free])[:, None]
