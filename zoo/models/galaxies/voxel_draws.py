"""Batches of single voxels with the matter around them, drawn where galaxies are likely."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from scipy.ndimage import uniform_filter

from zoo.nn.voxel_pyramid import PATCH, SCALE, place_in

EDGES = (0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5, 255.5, 511.5)  # particles in 27 voxels
KEPT = 2_000_000  # voxels of a stratum that are drawn from, at most
POSITIVE = 0.25  # of a batch: voxels with galaxies
REACH = PATCH // 2


class VoxelDraws(keras.utils.PyDataset):
    """Voxels of many boxes, with weights that make up for how they were drawn.

    A quarter of each batch are voxels with galaxies, all alike. The others are voxels without,
    from strata of the number of particles in the 27 voxels around, as many from each stratum.
    Each batch is seen in one of the 48 orientations of a cube.

    Parameters
    ----------
    boxes : list of dict
        `dm_counts` (n, n, n), `galaxy_count` (n, n, n), `factor`, particles of the training set in
        one of these, `parameters` (p,), and perhaps `importance` (n, n, n) in the loss.
    levels : int
        Resolutions.
    steps : int
        Batches of an epoch.
    seed : int or None
        Of the draws; None draws the same voxels in every epoch, in the boxes' orientation.
    extras : callable, optional
        Box -> further features (n, n, n, e) of voxels.

    Attributes
    ----------
    batch_size : int
        To be set by who learns.
    """

    batch_size = 4096

    def __init__(
        self,
        boxes: list[dict[str, Any]],
        levels: int,
        steps: int,
        seed: int | None = None,
        extras: Any = None,
    ) -> None:
        super().__init__()
        self.levels, self.steps, self.seed, self.epoch = levels, steps, seed, 0
        self.side = len(boxes[0]["dm_counts"])
        self.fields: list[list[np.ndarray]] = [[] for _ in range(levels)]
        rng = np.random.default_rng(0)
        strata: list[list[np.ndarray]] = [[] for _ in range(len(EDGES) + 1)]
        totals = np.zeros(len(strata))
        positive: list[np.ndarray] = []
        self.count: list[np.ndarray] = []
        self.extras: list[np.ndarray] = []
        self.importance: list[np.ndarray] = []
        for number, box in enumerate(boxes):
            counts = np.asarray(box["dm_counts"], np.float32) * np.float32(box["factor"])
            galaxies = np.asarray(box["galaxy_count"])
            for level, field in enumerate(pyramid(counts, levels)):
                logs = (SCALE * np.log1p(field)).astype(np.float16)
                self.fields[level].append(np.pad(logs, REACH, mode="wrap").ravel())
            around = uniform_filter(counts, 3, mode="wrap").ravel() * 27
            which = np.digitize(around, EDGES).astype(np.int8)
            which[galaxies.ravel() > 0] = -1
            base = number * self.side**3
            positive.append(np.flatnonzero(which < 0) + base)
            for s, chosen in enumerate(strata):
                rows = np.flatnonzero(which == s)
                totals[s] += len(rows)
                most = KEPT // len(boxes) + 1
                if len(rows) > most:
                    rows = rng.choice(rows, most, replace=False)
                chosen.append((rows + base).astype(np.int64))
            self.count.append(galaxies.ravel())
            if "importance" in box:
                self.importance.append(np.asarray(box["importance"]).ravel())
            if extras is not None:
                self.extras.append(extras(box).reshape(self.side**3, -1))
        self.parameters = np.array([box["parameters"] for box in boxes], np.float32)
        self.positive = np.concatenate(positive)
        self.strata = [np.concatenate(rows) for rows in strata]
        keep = [s for s, rows in enumerate(self.strata) if len(rows)]
        self.strata, self.totals = [self.strata[s] for s in keep], totals[keep]
        self.orientations = orientations()

    @property
    def mean_count(self) -> float:
        """Galaxies per voxel."""
        return float(sum(int(c.sum()) for c in self.count) / sum(map(len, self.count)))

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.steps

    def begin(self, epoch: int) -> None:
        """Name the epoch, which its draws follow from, so that a run resumes."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """One batch: patches and places, galaxies (b, 1) and weights (b,)."""
        key = [9, index] if self.seed is None else [self.seed, self.epoch, index]
        rng = np.random.default_rng(key)
        some = max(int(POSITIVE * self.batch_size), 1)
        share = (self.batch_size - some) // len(self.strata)
        rows = [self.positive[rng.integers(len(self.positive), size=some)]]
        weights = [np.full(some, len(self.positive) / some)]
        for stratum, total in zip(self.strata, self.totals, strict=True):
            rows.append(stratum[rng.integers(len(stratum), size=share)])
            weights.append(np.full(share, total / share))
        number, voxel = np.divmod(np.concatenate(rows), self.side**3)
        turn = self.orientations[0 if self.seed is None else rng.integers(48)]
        inputs, count = self.at(number, voxel, turn)
        # a loss of order one: per voxel with galaxies
        weight = np.concatenate(weights).astype(np.float32) * (len(count) / len(self.positive))
        if self.importance:
            weight *= [self.importance[b][v] for b, v in zip(number, voxel, strict=True)]
        return inputs, count, weight

    def at(
        self, number: np.ndarray, voxel: np.ndarray, turn: tuple[np.ndarray, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Inputs and galaxies (b, 1) of voxels (b,) of boxes (b,), in one of the orientations."""
        turn = self.orientations[0] if turn is None else turn
        cell = np.stack(np.unravel_index(voxel, (self.side,) * 3), axis=1)
        cube, (axes, signs) = turn
        inputs, places = {}, []
        for level in range(self.levels):
            wide = (self.side >> level) + 2 * REACH
            at = cell >> level
            first = (at[:, 0] * wide + at[:, 1]) * wide + at[:, 2]
            steps = np.arange(PATCH)
            offsets = ((steps[:, None, None] * wide + steps[:, None]) * wide + steps).ravel()[cube]
            patch = np.empty((len(first), PATCH**3), np.float32)
            for box in np.unique(number):
                mine = number == box
                patch[mine] = self.fields[level][box][first[mine, None] + offsets]
            inputs[f"patch_{level}"] = patch
            if level:
                places.append(place_in(cell, 2**level)[:, axes] * signs)
        if self.extras:
            extra = [self.extras[b][v] for b, v in zip(number, voxel, strict=True)]
            places.append(np.array(extra))
        inputs["places"] = np.concatenate(places, axis=1).astype(np.float32)
        if self.parameters.shape[1]:
            inputs["parameters"] = self.parameters[number]
        count = np.empty(len(voxel), np.float32)
        for box in np.unique(number):
            mine = number == box
            count[mine] = self.count[box][voxel[mine]]
        return inputs, count[:, None]


def pyramid(counts: np.ndarray, levels: int) -> list[np.ndarray]:
    """Particles in cells of 1, 2, 4, ... voxels along a side; the side is a multiple of these."""
    fields = [counts]
    for _ in range(1, levels):
        half = len(fields[-1]) // 2
        cells = fields[-1].reshape(half, 2, half, 2, half, 2)
        fields.append(cells.sum(axis=(1, 3, 5), dtype=np.float32))
    return fields


def orientations() -> list[tuple[np.ndarray, tuple[list[int], np.ndarray]]]:
    """The 48 of a cube: order (125,) of a patch's cells, and axes and signs of a vector."""
    from itertools import permutations, product

    cube = np.arange(PATCH**3).reshape((PATCH,) * 3)
    found = []
    for axes in permutations(range(3)):
        turned = cube.transpose(axes)
        for signs in product((1, -1), repeat=3):
            flipped = turned[tuple(slice(None, None, s) for s in signs)]
            found.append((flipped.ravel(), (list(axes), np.array(signs))))
    return found
