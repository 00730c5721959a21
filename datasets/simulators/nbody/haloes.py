"""Friends-of-friends haloes (Davis et al. 1985, ApJ 292, 371).

Particles nearer to each other than the linking length, `LINK` mean separations, are friends; a halo
is all friends of friends. Pairs are found slab by slab and each slab is reduced to a forest at
once, so that memory follows the particles and not the pairs. Particles in thin surroundings are
left out before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from zoo_datasets.simulators.nbody import mesh
from zoo_datasets.simulators.nbody.cola import Box
from zoo_datasets.simulators.nbody.cosmology import RHO_CRITICAL

LINK = 0.2  # in mean separations of the particles
LEAST = 20  # particles of a halo
THINNEST = 3.0  # density, over the mean, of a cell pair below which nothing links
SLAB = 2**19  # particles in a slab
OVERDENSITY = 200  # of the radius, over the critical density

Floats = NDArray[Any]


@dataclass(frozen=True)
class Haloes:
    """Haloes by decreasing mass.

    Attributes
    ----------
    mass : (h,) array [Msun/h]
        Of all its friends.
    position, velocity : (h, 3) arrays [Mpc/h], [km/s]
        The densest place, and the mean of the velocities.
    radius : (h,) array [Mpc/h]
        Of a sphere of 200 times the critical density with this mass.
    particles : (h,) array of int
    """

    mass: Floats
    position: Floats
    velocity: Floats
    radius: Floats
    particles: NDArray[np.int64]


def find(box: Box, link: float = LINK, least: int = LEAST) -> Haloes:
    """Find the haloes of a box.

    Parameters
    ----------
    link : float
        Linking length in mean separations of the particles.
    least : int
        Particles that make a halo.
    """
    n = round(len(box.position) ** (1 / 3))
    cells = box.position * np.float32(n / box.box_size)
    density = mesh.interpolate(mesh.assign(cells, n), cells)
    dense = np.flatnonzero(density > THINNEST)
    label = friends(box.position[dense], box.box_size, link * box.box_size / n)
    count = np.bincount(label, minlength=label.max() + 1 if len(label) else 0)
    kept = np.flatnonzero(count >= least)
    kept = kept[np.argsort(-count[kept], kind="stable")]
    number = np.full(len(count), -1)
    number[kept] = np.arange(len(kept))
    halo = number[label]
    inside = halo >= 0
    return _properties(box, dense[inside], halo[inside], density[dense[inside]], len(kept))


def friends(position: NDArray[np.float32], box_size: float, length: float) -> NDArray[np.int64]:
    """Number (p,) of the group of each particle of a periodic box, linked below a length."""
    if not len(position):
        return np.zeros(0, np.int64)
    order = np.argsort(position[:, 0], kind="stable")
    x = position[order, 0].astype(np.float64)
    edges: list[NDArray[np.int64]] = []
    for start in range(0, len(order), SLAB):
        stop = min(start + SLAB, len(order))
        # those just beyond the slab's upper face belong to pairs with it too
        beyond = np.searchsorted(x, x[stop - 1] + length, side="right")
        members = np.arange(start, max(beyond, stop))
        over = x[stop - 1] + length - box_size
        if stop == len(order) and over > 0:
            members = np.concatenate([members, np.arange(np.searchsorted(x, over, side="right"))])
        members = np.unique(members)
        tree = cKDTree(position[order[members]].astype(np.float64) % box_size, boxsize=box_size)
        pairs = tree.query_pairs(length, output_type="ndarray")
        _, group = _components(pairs, len(members))
        _, root = np.unique(group, return_index=True)
        edges.append(np.stack([members, members[root[group]]], axis=1))
    _, found = _components(np.concatenate(edges), len(order))
    out = np.empty(len(order), np.int64)
    out[order] = found
    return out


def _components(pairs: NDArray[np.int64], size: int) -> tuple[int, NDArray[np.int64]]:
    links = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (size, size))
    count, label = connected_components(links, directed=False)
    return count, label.astype(np.int64)


def _properties(
    box: Box, member: NDArray[np.int64], halo: NDArray[np.int64], density: Floats, count: int
) -> Haloes:
    particles = np.bincount(halo, minlength=count)
    weight = density.astype(np.float64) ** 2  # the centre is where it is densest
    total = np.bincount(halo, weight, minlength=count)
    first = np.full(count, len(member))
    np.minimum.at(first, halo, np.arange(len(member)))
    reference = box.position[member[first]].astype(np.float64)
    offset = box.position[member] - reference[halo]
    offset -= box.box_size * np.round(offset / box.box_size)
    mean = [np.bincount(halo, weight * offset[:, d], minlength=count) / total for d in range(3)]
    speed = [np.bincount(halo, box.velocity[member, d], minlength=count) for d in range(3)]
    mass = particles * box.particle_mass
    radius = (3 * mass / (4 * np.pi * OVERDENSITY * RHO_CRITICAL)) ** (1 / 3)
    return Haloes(
        mass=mass,
        position=(reference + np.stack(mean, axis=1)) % box.box_size,
        velocity=np.stack(speed, axis=1) / np.maximum(particles, 1)[:, None],
        radius=radius,
        particles=particles,
    )
