"""`galaxy_intensity_varied`: as `galaxy_intensity`, told cosmology, feedback and suite."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.models.galaxies import galaxy_intensity, intensity, voxel_serving
from zoo.ranges import Violation

VOXEL = 25 / 128  # [Mpc/h]
SECOND = "dark_matter_galaxies/toy_simba_varied"  # the suite that is not the card's dataset

adapt = intensity.adapt
signatures = intensity.signatures
catalogue = galaxy_intensity.catalogue


def build(
    dtype: Any = "float32",
    voxel: float = VOXEL,
    levels: int = 3,
    width: int = 64,
    hidden: tuple[int, ...] = (48, 48),
    steps: int = 100,
) -> keras.Model:
    """Build the network; see `galaxy_intensity.build`."""
    name = "galaxy_intensity_varied"
    model = intensity.build(name, dtype, voxel, levels, width, list(hidden), True)
    model.zoo_steps = steps
    return model


def example() -> dict[str, Any]:
    """A little box with two clumps."""
    return voxel_serving.example(VOXEL, omega_m=0.3, sigma_8=0.8, a_sn1=1.2, suite=0.0)


def check(columns: dict[str, np.ndarray]) -> list[Violation]:
    """Find boxes that are none, or not like those of the training set."""
    return voxel_serving.check(columns, VOXEL)


def lesson(model: keras.Model, data: dict[str, Any], validation: dict[str, Any]) -> Any:
    """Learn from single voxels of both suites."""
    return intensity.lesson(model, data, validation, model.zoo_steps, SECOND)
