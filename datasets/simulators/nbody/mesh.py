"""Particles and periodic meshes: cloud-in-cell assignment, its transpose, and gradients.

Positions are in units of mesh cells, in [0, n). With numba installed the loops are
compiled; results are the same to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

try:
    from zoo_datasets.simulators.nbody import compiled
except ImportError:  # numba is an optional extra
    compiled = None  # type: ignore[assignment]

CHUNK = 2**20  # particles at a time, which bounds the memory
CORNERS = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
Array = NDArray[np.float32]


def assign(position: Array, n: int, weight: Array | None = None) -> Array:
    """Cloud-in-cell counts (n, n, n) of particles (p, 3), or sums of their weights (p,)."""
    if compiled is not None:
        ones = np.ones(1, np.float32) if weight is None else weight.astype(np.float32)
        return compiled.assign(position, n, ones)
    total = np.zeros(n**3)
    for part in range(0, len(position), CHUNK):
        some = slice(part, part + CHUNK)
        mass = 1.0 if weight is None else weight[some]
        for index, share in _corners(position[some], n):
            total += np.bincount(index, share * mass, minlength=n**3)
    return total.reshape(n, n, n).astype(np.float32)


def interpolate(field: Array, position: Array) -> Array:
    """Values (p,) of a mesh (n, n, n) at particles, cloud-in-cell."""
    n = len(field)
    if compiled is not None:
        return compiled.interpolate(field, position)
    flat = field.ravel()
    out = np.empty(len(position), np.float32)
    for part in range(0, len(position), CHUNK):
        some = slice(part, part + CHUNK)
        corners = _corners(position[some], n)
        out[some] = sum(share * flat[index] for index, share in corners)
    return out


def nearest(position: Array, n: int) -> NDArray[np.int64]:
    """Nearest-cell counts (n, n, n): particles in each cell."""
    cell = np.minimum(position.astype(np.int64), n - 1)
    index = (cell[:, 0] * n + cell[:, 1]) * n + cell[:, 2]
    return np.bincount(index, minlength=n**3).reshape(n, n, n)


def gradient(field: Array, axis: int) -> Array:
    """Derivative along an axis per cell, by differences of fourth order."""
    if compiled is not None:
        return compiled.gradient(field, axis)
    near = np.roll(field, -1, axis) - np.roll(field, 1, axis)
    far = np.roll(field, -2, axis) - np.roll(field, 2, axis)
    return np.asarray((8 * near - far) / 12, field.dtype)


def _corners(position: Array, n: int) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """Index (p,) into the raveled mesh and weight (p,) of each of the eight cells around."""
    cell = np.floor(position).astype(np.int64)
    offset = (position - cell).astype(np.float32)
    low, high = cell % n, (cell + 1) % n
    for corner in CORNERS:
        picked = [high[:, d] if up else low[:, d] for d, up in enumerate(corner)]
        parts = [offset[:, d] if up else 1 - offset[:, d] for d, up in enumerate(corner)]
        yield (picked[0] * n + picked[1]) * n + picked[2], parts[0] * parts[1] * parts[2]
