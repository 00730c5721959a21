"""Catalogues of galaxies drawn from what a model expects in each voxel."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEPS = np.array(list(product((-1, 0, 1), repeat=3)))
NEGLIGIBLE = 1e-7  # probability of a central below which a voxel belongs to no peak
STEEPEST = 0.98  # slope of the density of galaxies within a voxel


def draw(
    prediction: dict[str, Any], box_size: float, rng: np.random.Generator
) -> dict[str, NDArray]:
    """Draw the galaxies of a box.

    Parameters
    ----------
    prediction : dict
        `galaxy_count` (n, n, n), expected numbers, and where the model tells them apart
        `galaxy_central`, the probability that a voxel holds the central galaxy of a halo, or else
        `galaxy_probability`, that it holds any.
    box_size : float
        [Mpc/h]
    rng : numpy Generator

    Returns
    -------
    dict
        `position` (g, 3) [Mpc/h] and `count` (n, n, n).
    """
    count = numbers(prediction, rng)
    return {"position": positions(count, prediction["galaxy_count"], box_size, rng), "count": count}


def numbers(prediction: dict[str, Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the number of galaxies of each voxel (n, n, n); see `draw`."""
    expected = np.asarray(prediction["galaxy_count"], np.float64)
    central = prediction.get("galaxy_central")
    if central is not None:
        central = np.asarray(central, np.float64)
        return peaked(central, rng) + rng.poisson(np.maximum(expected - central, 0))
    chance = prediction.get("galaxy_probability")
    if chance is None:
        return rng.poisson(expected)
    chance = np.clip(np.asarray(chance, np.float64), 0, 1)
    there = rng.random(chance.shape) < chance
    more = np.maximum(expected / np.maximum(chance, 1e-12) - 1, 0)
    return there + rng.poisson(np.where(there, more, 0))


def peaked(probability: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the voxels that hold a central, of which a halo has one: (n, n, n) of 0 and 1.

    Voxels around one peak of the probability stand for one halo. Each gets its chance, but
    together they get as many galaxies as they have probability, rounded up or down.
    """
    n = len(probability)
    flat = probability.ravel()
    rows = np.flatnonzero(flat > NEGLIGIBLE)
    peak = _peaks(flat, rows, n)
    order = np.lexsort((rows, peak))
    rows, peak = rows[order], peak[order]
    first = np.r_[True, peak[1:] != peak[:-1]]
    basin = np.cumsum(first) - 1
    ends = np.cumsum(flat[rows])
    before = np.r_[0.0, ends[:-1]]
    origin = before[first][basin]
    start = rng.random(int(basin[-1]) + 1)[basin] if len(rows) else np.zeros(0)
    hit = np.floor(ends - origin + start) > np.floor(before - origin + start)
    out = np.zeros(n**3, np.int64)
    out[rows[hit]] = 1
    return out.reshape(probability.shape)


def positions(
    count: NDArray[np.int64], expected: Any, box_size: float, rng: np.random.Generator
) -> Floats:
    """Places (g, 3) [Mpc/h] in their voxels, with a density that rises towards fuller neighbours.

    Along each axis the density within a voxel is linear; its slope is that of the expected numbers
    in the two neighbours.
    """
    field = np.asarray(expected, np.float64)
    n = len(field)
    cell = np.repeat(np.argwhere(count > 0), count[count > 0], axis=0)
    inside = np.empty(cell.shape)
    own = field[tuple(cell.T)]
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis]
        above, below = (field[tuple(((cell + s * step) % n).T)] for s in (1, -1))
        slope = (above - below) / np.maximum(above + below + own, 1e-30)
        slope = np.clip(slope, -STEEPEST, STEEPEST)
        inside[:, axis] = _linear(slope, rng.random(len(cell)))
    return (cell + inside) * (box_size / n) % box_size


def _linear(slope: Floats, uniform: Floats) -> Floats:
    """Numbers in [0, 1) of density 1 + slope (2 x - 1)."""
    even = np.abs(slope) < 1e-6
    safe = np.where(even, 1.0, slope)
    root = np.sqrt((1 - safe) ** 2 + 4 * safe * uniform)
    return np.where(even, uniform, (root - (1 - safe)) / (2 * safe))


def _peaks(flat: Floats, rows: NDArray, n: int) -> NDArray:
    """The peak (flat index) that each row reaches by going to its largest neighbour."""
    to = np.arange(n**3)
    cells = np.stack(np.unravel_index(rows, (n, n, n)), axis=1)
    best, value = rows.copy(), flat[rows].copy()
    for step in STEPS:
        near = np.ravel_multi_index(tuple(((cells + step) % n).T), (n, n, n))
        # of equal ones the first, so that no voxels point at each other
        larger = (flat[near] > value) | ((flat[near] == value) & (near < best))
        best[larger], value[larger] = near[larger], flat[near][larger]
    to[rows] = best
    while True:
        further = to[to[rows]]
        if np.array_equal(further, to[rows]):
            return further
        to[rows] = further
