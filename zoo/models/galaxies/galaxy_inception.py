"""`galaxy_inception`: voxels with galaxies by the Inception network of Zhang et al. (2019)."""

from __future__ import annotations

from typing import Any

import keras

from zoo.models.galaxies import two_phase
from zoo.nn import inception3d

adapt = two_phase.adapt
check = two_phase.check
example = two_phase.example
lesson = two_phase.lesson
signatures = two_phase.signatures


def build(
    dtype: Any = "float32",
    voxel: float = two_phase.VOXEL,
    weight: float = 80.0,
    margin: int = inception3d.REACH,
    steps: int = 50,
) -> keras.Model:
    """Build the two networks; the classifier has the published 30,649 weights.

    Parameters
    ----------
    voxel : float [Mpc / littleh]
        Side of a voxel of the training set.
    weight : float
        Of occupied voxels in the classifier's loss.
    margin : int
        Voxels around the crops of the training that are seen and not judged.
    steps : int
        Batches of an epoch.
    """

    def network(x: Any, name: str) -> Any:
        widths = (27, 13) if name == "classifier" else (8, 8)
        return inception3d.inception(x, name, dtype, widths)

    model = two_phase.build("galaxy_inception", network, weight, voxel, dtype)
    model.zoo_reach = inception3d.REACH
    model.zoo_multiple = 1
    model.zoo_margin, model.zoo_steps = margin, steps
    return model
