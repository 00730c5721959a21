"""Galaxies of an occupation in a periodic box: expected numbers on a grid, and drawn catalogues."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import lambertw

from zoo.models.galaxies.occupation import PowerLaw, Zheng

Floats = NDArray[np.float64]
CONCENTRATION, PIVOT, SLOPE = 9.0, 2e12, -0.13  # c(M) of satellites: assumed, not fitted
POINTS = (64, 512, 4096, 32768)  # that stand for the profile of a halo
PER_VOXEL = 30  # points in each voxel of the halo, at least, and
PER_GALAXY = 100  # points for each of its satellites
MOST = 2**21  # points at a time
CERTAIN = 1 - 1e-9
RARE = 1e-6  # mean number of satellites below which a halo has none


def on_grid(
    rule: PowerLaw | Zheng,
    mass: Floats,
    position: Floats,
    radius: Floats,
    box_size: float,
    voxels: int,
) -> tuple[Floats, Floats]:
    """Probability of a galaxy, and expected number, in each voxel (n, n, n).

    Centrals and satellites are taken as independent, which is exact for the expected number and
    close for the probability.

    Parameters
    ----------
    mass, radius : (h,) arrays [Msun/h], [Mpc/h]
    position : (h, 3) array [Mpc/h]
    box_size : float [Mpc/h]
    voxels : int
        Along a side.
    """
    central, others = rule.expected(mass)
    centre = _index(position, box_size, voxels)
    number = np.bincount(centre, central, minlength=voxels**3)
    # -ln of the probability that a voxel has no central; the rest are Poisson numbers
    hidden = -np.log1p(-np.minimum(central, CERTAIN))
    missed = np.bincount(centre, hidden, minlength=voxels**3)
    rest: Floats = np.zeros(voxels**3)
    if rule.spread:
        for halo, points in _by_size(others, radius * voxels / box_size):
            where = position[halo, None] + radius[halo, None, None] * _nfw_points(
                mass[halo], points
            )
            cell = _index(where.reshape(-1, 3), box_size, voxels)
            share = np.repeat(others[halo] / points, points)
            rest += np.bincount(cell, share, minlength=voxels**3)
    else:
        rest += np.bincount(centre, others, minlength=voxels**3)
    shape = (voxels, voxels, voxels)
    return -np.expm1(-(missed + rest)).reshape(shape), (number + rest).reshape(shape)


def catalogue(
    rule: PowerLaw | Zheng,
    mass: Floats,
    position: Floats,
    radius: Floats,
    box_size: float,
    rng: np.random.Generator,
) -> dict[str, NDArray]:
    """Draw galaxies: `position` (g, 3) [Mpc/h], `halo` (g,) row, and `central` (g,) bool.

    Parameters
    ----------
    mass, position, radius, box_size
        As for `on_grid`.
    """
    central, number = rule.draw(mass, rng)
    first, host = central.nonzero()[0], np.repeat(np.arange(len(mass)), number)
    around = np.zeros((len(host), 3))
    if rule.spread:
        around = _nfw(mass[host], rng.random((len(host), 3))) * radius[host, None]
    where = np.concatenate([position[first], position[host] + around]) % box_size
    kind = np.arange(len(where)) < len(first)
    return {"position": where, "halo": np.concatenate([first, host]), "central": kind}


def _by_size(others: Floats, size: Floats):
    """Rows of haloes with satellites, with the number of points for each, few at a time."""
    wanted = np.maximum(PER_VOXEL * 4 / 3 * np.pi * size**3, PER_GALAXY * others)
    which = np.minimum(np.searchsorted(POINTS, wanted), len(POINTS) - 1)
    which[others < RARE] = -1
    for kind, points in enumerate(POINTS):
        rows = np.flatnonzero(which == kind)
        step = max(MOST // points, 1)
        for start in range(0, len(rows), step):
            yield rows[start : start + step], points


def _nfw_points(mass: Floats, points: int) -> Floats:
    """Points (h, points, 3) in halo radii, evenly spread over the mass of each halo."""
    # Roberts' sequence in three dimensions, from the root of x^4 = x + 1
    steps = 1.2207440846057596 ** -np.arange(1.0, 4.0)
    even = (0.5 + np.arange(1, points + 1)[:, None] * steps) % 1
    tiled = np.broadcast_to(even, (len(mass), points, 3)).reshape(-1, 3)
    return _nfw(np.repeat(mass, points), tiled).reshape(len(mass), points, 3)


def _nfw(mass: Floats, uniform: Floats) -> Floats:
    """Positions (g, 3) in halo radii from uniform numbers (g, 3); Robotham & Howlett (2018)."""
    c = CONCENTRATION * (mass / PIVOT) ** SLOPE
    inside = uniform[:, 0] * (np.log1p(c) - c / (1 + c))
    r = (-1 / np.real(lambertw(-np.exp(-1 - inside))) - 1) / c
    height, turn = 2 * uniform[:, 1] - 1, 2 * np.pi * uniform[:, 2]
    flat = np.sqrt(1 - height**2)
    direction = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)
    return np.asarray(r[:, None] * direction)


def _index(position: Floats, box_size: float, voxels: int) -> NDArray[np.int64]:
    cell = np.floor((position % box_size) * (voxels / box_size)).astype(np.int64) % voxels
    return (cell[:, 0] * voxels + cell[:, 1]) * voxels + cell[:, 2]
