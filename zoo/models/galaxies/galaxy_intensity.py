"""`galaxy_intensity`: probability of a central and mean number of satellites in every voxel."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.models.galaxies import drawing, intensity, voxel_serving
from zoo.ranges import Violation

VOXEL = 25 / 256  # [Mpc/h]

adapt = intensity.adapt
signatures = intensity.signatures


def build(
    dtype: Any = "float32",
    voxel: float = VOXEL,
    levels: int = 4,
    width: int = 96,
    hidden: tuple[int, ...] = (64, 64),
    steps: int = 100,
) -> keras.Model:
    """Build the network.

    Parameters
    ----------
    voxel : float [Mpc / littleh]
        Side of a voxel of the training set.
    levels : int
        Resolutions of what is seen around a voxel, each half as fine as the one before.
    width, hidden : int, sequence of int
        Channels of the first layer and of those after it.
    steps : int
        Batches of an epoch.
    """
    model = intensity.build("galaxy_intensity", dtype, voxel, levels, width, list(hidden), False)
    model.zoo_steps = steps
    return model


def example() -> dict[str, Any]:
    """A little box with two clumps."""
    return voxel_serving.example(VOXEL)


def check(columns: dict[str, np.ndarray]) -> list[Violation]:
    """Find boxes that are none, or not like those of the training set."""
    return voxel_serving.check(columns, VOXEL)


def lesson(model: keras.Model, data: dict[str, Any], validation: dict[str, Any]) -> Any:
    """Learn from single voxels."""
    return intensity.lesson(model, data, validation, model.zoo_steps)


def catalogue(model: Any, box: dict[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    """Draw the galaxies of one box.

    Parameters
    ----------
    model : zoo.Model
        `load_model("galaxy_intensity.tng")`, or another that gives `galaxy_count`.
    box : dict
        Its inputs: `dm_counts` (n, n, n) and `box_size` [Mpc/h].
    seed : int

    Returns
    -------
    dict
        `position` (g, 3) [Mpc/h] and `count` (n, n, n).
    """
    found = model.predict(box)
    return drawing.draw(found, float(box["box_size"]), np.random.default_rng(seed))
