"""Where a cluster stands, and which of its galaxies a survey sees from where."""

from __future__ import annotations

import dataclasses

import numpy as np

from zoo_datasets.simulators.clusters.galaxies import Galaxies
from zoo_datasets.simulators.clusters.halos import Theory
from zoo_datasets.simulators.clusters.host import Hosts
from zoo_datasets.simulators.clusters.parameters import C, Parameters


@dataclasses.dataclass(frozen=True)
class Sight:
    """How n clusters are seen: distance (comoving Mpc/h), redshift, faintest M_r - 5 log h."""

    distance: np.ndarray
    redshift: np.ndarray
    limit: np.ndarray


def place(rng: np.random.Generator, n: int, theory: Theory, p: Parameters) -> Sight:
    """Distances of clusters, uniform in volume, and how faint galaxies are seen there."""
    if p.distance_max is None:
        redshift = np.full(n, p.redshift)
        distance = np.interp(redshift, *_distances(theory)[::-1])
    else:
        near, far = p.distance_min**3, p.distance_max**3
        distance = np.cbrt(rng.uniform(near, far, n))
        redshift = np.interp(distance, *_distances(theory))
    limit = np.full(n, p.m_r_limit)
    if p.flux_limit is not None:
        modulus = 5 * np.log10(distance * (1 + redshift)) + 25
        limit = np.minimum(limit, p.flux_limit - modulus)
    return Sight(distance, redshift, limit)


def _distances(theory: Theory) -> tuple[np.ndarray, np.ndarray]:
    """Comoving distances [Mpc/h] and redshifts of a flat universe."""
    z = np.linspace(0, 0.3, 301)
    # Omega_m today, from the value at the redshift of the tables
    odds = theory.omega_m / (1 - theory.omega_m) / (1 + theory.redshift) ** 3
    omega = odds / (1 + odds)
    inverse = 1 / np.sqrt(omega * (1 + z) ** 3 + 1 - omega)
    steps = 0.5 * (inverse[1:] + inverse[:-1]) * np.diff(z)
    return C / 100 * np.concatenate([[0.0], np.cumsum(steps)]), z


def observe(
    rng: np.random.Generator,
    galaxies: Galaxies,
    hosts: Hosts,
    p: Parameters,
) -> Galaxies:
    """Galaxies in the cylinder about the chosen centre, by cluster and then by distance from it.

    The central galaxy, where it is seen, is the centre and the rest frame; it is displaced and
    moves within the cluster.
    """
    n = len(hosts)
    shift = p.centre_position * hosts.r200[:, None] * rng.normal(size=(n, 2))
    shift += p.wide_miscentring * hosts.r200[:, None] * rng.normal(size=(n, 2))
    sigma = 0.62 * hosts.v200 * hosts.bias_velocity
    motion = p.centre_velocity * sigma * rng.normal(size=n)
    which = galaxies.which
    central = np.zeros(len(which), bool)
    if not p.satellites_only:
        central[: len(hosts)] = True
    others = ~central
    position = galaxies.position.copy()
    position[others, :2] -= shift[which[others]]
    velocity = galaxies.velocity - np.where(others, motion[which], 0)
    r = np.hypot(position[:, 0], position[:, 1])
    complete = rng.uniform(*p.completeness, size=n)
    seen = (r < p.r_max) & (np.abs(velocity) < p.v_max)
    seen &= (rng.random(len(r)) < complete[which]) | central
    order = np.flatnonzero(seen)
    order = order[np.lexsort((r[order], which[order]))]
    return Galaxies(which, position, velocity, galaxies.magnitude, galaxies.member).take(order)
