"""`galaxy_unet`: voxels with galaxies by a U-Net."""

from __future__ import annotations

from typing import Any

import keras

from zoo.models.galaxies import two_phase
from zoo.nn import unet3d

adapt = two_phase.adapt
check = two_phase.check
example = two_phase.example
lesson = two_phase.lesson
signatures = two_phase.signatures


def build(
    dtype: Any = "float32",
    voxel: float = two_phase.VOXEL,
    weight: float = 80.0,
    widths: tuple[int, ...] = (8, 16, 32),
    margin: int = 8,
    steps: int = 50,
) -> keras.Model:
    """Build the two networks.

    Parameters
    ----------
    voxel : float [Mpc / littleh]
        Side of a voxel of the training set.
    weight : float
        Of occupied voxels in the classifier's loss.
    widths : sequence of int
        Channels at each resolution, the finest first; the regressor has half of them.
    margin : int
        Voxels around the crops of the training that are seen and not judged.
    steps : int
        Batches of an epoch.
    """

    def network(x: Any, name: str) -> Any:
        sizes = [width // (1 if name == "classifier" else 2) for width in widths]
        return unet3d.unet(x, tuple(sizes), unet3d.plain(dtype), name, dtype)

    model = two_phase.build("galaxy_unet", network, weight, voxel, dtype)
    model.zoo_reach = unet3d.reach(len(widths), 2)
    model.zoo_multiple = 2 ** (len(widths) - 1)
    model.zoo_margin, model.zoo_steps = margin, steps
    return model
