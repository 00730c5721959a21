"""Crops of boxes for convolutional networks, drawn where matter is dense."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

SIDE = 32  # voxels of a crop in which the loss counts
DENSE = 4.0  # particles in a voxel that galaxies need, about
EVEN = 0.1  # of the crops are drawn evenly from the boxes


class VoxelCrops(keras.utils.PyDataset):
    """Crops of 32^3 voxels and what lies around them, with weights that undo how they are drawn.

    Each batch is seen in one of the 48 orientations of a cube.

    Parameters
    ----------
    boxes : list of dict
        `dm_counts` and `galaxy_count` (n, n, n), and `factor`, particles of the training set in
        one of these.
    margin : int
        Voxels around a crop that are shown and not judged.
    steps : int
        Batches of an epoch.
    seed : int or None
        Of the draws; None draws the same crops in every epoch, in the boxes' orientation.

    Attributes
    ----------
    batch_size : int
        To be set by who learns.
    """

    batch_size = 4

    def __init__(
        self, boxes: list[dict[str, Any]], margin: int, steps: int, seed: int | None = None
    ) -> None:
        super().__init__()
        self.boxes, self.margin, self.steps, self.seed, self.epoch = boxes, margin, steps, seed, 0
        tiles = []
        for box in boxes:
            counts = np.asarray(box["dm_counts"])
            side = len(counts) // SIDE
            dense = (counts * box["factor"] >= DENSE)[(slice(side * SIDE),) * 3]
            cells = dense.reshape(side, SIDE, side, SIDE, side, SIDE).sum(axis=(1, 3, 5))
            tiles.append(cells.ravel().astype(float))
        self.tiles = [round(len(t) ** (1 / 3)) for t in tiles]
        self.starts = np.cumsum([0, *(len(t) for t in tiles)])
        every = np.concatenate(tiles)
        chance = every / max(every.sum(), 1.0)
        self.chance = EVEN / len(every) + (1 - EVEN) * chance
        self.chance /= self.chance.sum()

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.steps

    def begin(self, epoch: int) -> None:
        """Name the epoch, which its draws follow from, so that a run resumes."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One batch: mass (b, w, w, w, 1), galaxies (b, 32, 32, 32, 1) and weights (b,)."""
        key = [9, index] if self.seed is None else [self.seed, self.epoch, index]
        rng = np.random.default_rng(key)
        chosen = rng.choice(len(self.chance), self.batch_size, p=self.chance)
        axes, flips = np.arange(3), np.ones(3, int)
        if self.seed is not None:
            axes, flips = rng.permutation(3), rng.choice([-1, 1], 3)
        matter, galaxies = [], []
        for tile in chosen:
            number = int(np.searchsorted(self.starts, tile, side="right")) - 1
            box, side = self.boxes[number], self.tiles[number]
            corner = np.array(np.unravel_index(tile - self.starts[number], (side,) * 3)) * SIDE
            if self.seed is not None:  # tiles overlap their neighbours' halves
                corner = corner + rng.integers(-SIDE // 2, SIDE // 2, 3)
            wide = _cut(box["dm_counts"], corner - self.margin, SIDE + 2 * self.margin)
            matter.append(_turned(wide * np.float32(box["factor"]), axes, flips))
            galaxies.append(_turned(_cut(box["galaxy_count"], corner, SIDE), axes, flips))
        weight = 1 / (self.chance[chosen] * len(self.chance))
        x, y = (np.stack(v).astype(np.float32)[..., None] for v in (matter, galaxies))
        return x, y, weight.astype(np.float32)


def _cut(field: Any, corner: np.ndarray, side: int) -> np.ndarray:
    """A cube (side, side, side) of a periodic box."""
    n = len(field)
    ix, iy, iz = ((c + np.arange(side)) % n for c in corner)
    return np.asarray(np.asarray(field[ix])[:, iy][:, :, iz])


def _turned(field: np.ndarray, axes: np.ndarray, flips: np.ndarray) -> np.ndarray:
    return field.transpose(axes)[tuple(slice(None, None, s) for s in flips)]
