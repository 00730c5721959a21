"""Clumps: galaxies that fell in together share a place and a velocity."""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators.clusters import tracers
from zoo_datasets.simulators.clusters.host import Hosts
from zoo_datasets.simulators.clusters.parameters import Parameters

SIZE = 0.33  # 1D radius of a clump in r200c of a halo of its mass, as NFW tracers have


def fractions(rng: np.random.Generator, n: int, p: Parameters) -> np.ndarray:
    """Share of a cluster's galaxies in each clump, (n, p.clumps)."""
    total = rng.beta(*p.clump_fraction, size=n)
    weights = rng.pareto(p.clump_pareto, size=(n, p.clumps)) + 1
    count = rng.integers(1, p.clumps + 1, n)
    weights *= np.arange(p.clumps) < count[:, None]
    out = total[:, None] * weights / weights.sum(axis=1, keepdims=True)
    merger = rng.random(n) < p.merger_probability
    out[merger] *= 0.3
    out[merger, 0] = rng.uniform(*p.merger_fraction, merger.sum())
    return out


def gather(
    rng: np.random.Generator,
    hosts: Hosts,
    which: np.ndarray,
    phase: tracers.Phase,
    r_max: float,
    p: Parameters,
) -> tracers.Phase:
    """Move a part of the galaxies into clumps.

    A clump's bulk motion is that of one galaxy in equilibrium; inside, galaxies are isotropic with
    the size and dispersion of a halo of the clump's share of the mass, both ~ share^(1/3).

    Parameters
    ----------
    which : (k,) int
        The cluster of each galaxy.
    phase : (k, 3), (k, 3)
        Equilibrium positions and velocities.
    """
    share = fractions(rng, len(hosts), p)
    edges = np.cumsum(share, axis=1)
    u = rng.random(len(which))
    clump = np.sum(u[:, None] > edges[which], axis=1)
    inside = np.flatnonzero(clump < p.clumps)
    owner, clump = which[inside], clump[inside]
    centre = tracers.equilibrium(rng, hosts, np.repeat(np.arange(len(hosts)), p.clumps), r_max, p)
    at = owner * p.clumps + clump
    scale = np.cbrt(share[owner, clump])[:, None]
    sigma = 0.62 * hosts.v200 * hosts.bias_velocity  # 1D, of an NFW halo
    position, velocity = phase[0].copy(), phase[1].copy()
    offset = rng.normal(size=(len(inside), 3)) * scale * SIZE * hosts.r200[owner, None]
    position[inside] = centre[0][at] + offset
    velocity[inside] = centre[1][at] + rng.normal(size=offset.shape) * scale * sigma[owner, None]
    return position, velocity
