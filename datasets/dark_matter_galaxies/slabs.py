"""Maps of a box: slabs of 5 Mpc/h along each axis, as in the CAMELS multifield data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from zoo_datasets.chunks import Record

THICKNESS = 5.0  # [Mpc/h]
BOX_SIZE = 25.0  # [Mpc/h]
PER_BOX = 3 * round(BOX_SIZE / THICKNESS)
DROPPED = ("dm_counts", "dm_velocity", "galaxy_count", "galaxy_position")


def of_box(box: Record) -> Iterator[Record]:
    """The fifteen slabs of a box: `dm_map` and `galaxy_map` (n, n) and the box's parameters."""
    voxels = len(box["dm_counts"])
    scale = voxels / float(box["box_size"])
    edges = np.round(np.arange(0, voxels + 1, THICKNESS * scale)).astype(int)
    rest = {
        name: value
        for name, value in box.items()
        if name not in DROPPED and not name.startswith("halo_")
    }
    number = 0
    for axis in range(3):
        for low, high in pairwise(edges):
            piece = np.arange(low, high)
            maps = {
                "dm_map": box["dm_counts"].take(piece, axis).sum(axis, dtype=np.uint32),
                "galaxy_map": box["galaxy_count"].take(piece, axis).sum(axis, dtype=np.uint16),
            }
            yield rest | maps | {"object_id": f"{box['object_id']}/{number}"}
            number += 1
