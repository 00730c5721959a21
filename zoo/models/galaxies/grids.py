"""Boxes of a batch that differ in size, and a made-up box for examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

SIDE, VOXEL = 16, 25 / 128  # of the example; [Mpc/h] as in the boxes of 128^3
PARTS = 4  # of a box along each axis, that are compared in place of the few boxes


def whole(counts: np.ndarray) -> np.ndarray:
    """One box (n, n, n) without the NaN that pad it."""
    side = int((~np.isnan(counts[:, 0, 0])).sum())
    return counts[:side, :side, :side].astype(np.float64)


def summary(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Matter in the 64 parts of each box: what tells boxes of other matter apart.

    Parts of one box are not independent, so that p-values are a little too small.

    Returns
    -------
    dict of (boxes * 64,) arrays
        log10 of the density over the mean, of the variance of the counts over their mean, and
        share of voxels without a particle.
    """
    density, clumping, empty = [], [], []
    for counts in np.asarray(columns["dm_counts"]):
        box = whole(counts)
        m = len(box) // PARTS
        cut = box[: m * PARTS, : m * PARTS, : m * PARTS].reshape((PARTS, m) * 3)
        parts = cut.transpose(0, 2, 4, 1, 3, 5).reshape(PARTS**3, -1)
        mean = np.maximum(parts.mean(axis=1), 1 / parts.shape[1])
        density.append(np.log10(mean / box.mean()))
        clumping.append(np.log10(np.maximum(parts.var(axis=1), 1e-3) / mean))
        empty.append((parts == 0).mean(axis=1))
    found = {"log density": density, "log clumping": clumping, "empty voxels": empty}
    return {name: np.concatenate(values) for name, values in found.items()}


def answers(
    function: Callable[[int], dict[str, np.ndarray]], rows: Iterable[int], side: int
) -> dict[str, np.ndarray]:
    """Fields of each box of a batch as (batch, side, side, side), NaN beyond a smaller box."""
    out: dict[str, Any] = {}
    for place, row in enumerate(rows):
        for name, field in function(row).items():
            if place == 0:
                out[name] = []
            wide = np.full((side,) * 3, np.nan)
            wide[tuple(slice(n) for n in field.shape)] = field
            out[name].append(wide)
    return {name: np.stack(fields) for name, fields in out.items()}


def example() -> dict[str, Any]:
    """A little box with two clumps, and their haloes."""
    i, j, k = np.indices((SIDE,) * 3)
    counts = (7 * i + 11 * j + 13 * k) % 3 // 2 * 2.0
    box_size = SIDE * VOXEL
    centres, masses = np.array([[5.3, 6.1, 4.8], [11.2, 9.7, 6.4]]) * VOXEL, [4e12, 1.5e11]
    radii = [0.26, 0.087]
    for centre, top in zip(centres, (40.0, 6.0), strict=True):
        away = [(axis + 0.5) * VOXEL - c for axis, c in zip((i, j, k), centre, strict=True)]
        counts += np.round(top * np.exp(-sum(x**2 for x in away) / (2 * 0.2**2)))
    return {
        "dm_counts": counts,
        "box_size": box_size,
        "halo_mass": np.array([*masses, *np.geomspace(8e10, 8e9, 8)]),
        "halo_radius": np.array([*radii, *np.geomspace(0.07, 0.033, 8)]),
        "halo_position": np.concatenate([centres, np.linspace(0.2, 2.2, 24).reshape(8, 3)]),
    }
