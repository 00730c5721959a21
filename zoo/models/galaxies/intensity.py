"""Network and training behind `galaxy_intensity` and `galaxy_intensity_varied`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo import splits
from zoo.models.galaxies import voxel_serving
from zoo.models.galaxies.voxel_draws import VoxelDraws
from zoo.nn.voxel_losses import central_and_satellites
from zoo.nn.voxel_pyramid import PATCH, VoxelPyramid

THICKNESS = 8  # voxels of a slab; of 256^3 its largest arrays have 0.3 GB
LARGEST = 6.0  # of the logarithm of a mean number
VALIDATION_STEPS = 12


@keras.saving.register_keras_serializable("zoo")
class Conditions(keras.layers.Layer):
    """Parameters as numbers of order one: over the ranges of CAMELS, ln A_SN1, the suite."""

    def call(self, omega_m: Any, sigma_8: Any, a_sn1: Any, suite: Any) -> Any:
        """Four of shape (batch,) -> (batch, 4)."""
        found = [(omega_m - 0.3) / 0.2, (sigma_8 - 0.8) / 0.2, ops.log(a_sn1) / 1.4, 2 * suite - 1]
        return ops.stack(found, axis=-1)


@keras.saving.register_keras_serializable("zoo")
class Fields(keras.layers.Layer):
    """Outputs of the card from the logit of a central and ln of the mean number of others."""

    def call(self, found: Any) -> dict[str, Any]:
        """Channels (..., 2) -> fields (...)."""
        central = ops.sigmoid(found[..., 0])
        others = ops.exp(ops.minimum(found[..., 1], LARGEST))
        return {
            "galaxy_probability": 1 - (1 - central) * ops.exp(-others),
            "galaxy_count": central + others,
            "galaxy_central": central,
        }


def build(
    name: str,
    dtype: Any,
    voxel: float,
    levels: int,
    width: int,
    hidden: list[int],
    conditioned: bool,
) -> keras.Model:
    """Build the network.

    Parameters
    ----------
    voxel : float [Mpc / littleh]
        Side of a voxel of the training set.
    levels, width, hidden
        See `zoo.nn.voxel_pyramid.VoxelPyramid`.
    conditioned : bool
        Whether it is told parameters and suite.
    """
    names = voxel_serving.PARAMETERS if conditioned else ()
    inputs = voxel_serving.inputs(dtype, names)
    mass = voxel_serving.Mass(voxel, name="mass", dtype=dtype)(
        inputs["dm_counts"], inputs["box_size"]
    )
    core = VoxelPyramid(
        levels, width, tuple(hidden), 2, conditioned=conditioned, name="core", dtype=dtype
    )
    if conditioned:
        theta = Conditions(name="conditions", dtype=dtype)(*(inputs[n] for n in names))
        found = core(mass, theta)
    else:
        found = core(mass)
    return keras.Model(inputs, Fields(name="fields", dtype=dtype)(found), name=name)


def signatures(model: keras.Model) -> dict[str, Any]:
    """Answer in slabs."""
    core, fields = model.get_layer("core"), model.get_layer("fields")
    reach = core.reach

    def slab(part: Any, row: dict[str, Any]) -> Any:
        theta = None
        if core.conditioned:
            theta = model.get_layer("conditions")(*(row[n] for n in voxel_serving.PARAMETERS))
        return core(part, theta, halo=reach)

    return voxel_serving.serving(model, slab, fields, 2, reach, core.multiple, THICKNESS)


def adapt(model: keras.Model, data: dict[str, Any]) -> None:
    """Start from the mean number of galaxies, half of them centrals."""
    core = model.get_layer("core")
    mean = np.mean([np.asarray(count).mean() for count in data["galaxy_count"]])
    core.out.bias.assign(np.full(2, np.log(mean / 2)))


def lesson(
    model: keras.Model,
    data: dict[str, Any],
    validation: dict[str, Any],
    steps: int,
    also: str | None = None,
) -> tuple[Any, tuple[Any], tuple[Any]]:
    """Learn the numbers of galaxies in voxels; see `VoxelDraws`.

    Parameters
    ----------
    steps : int
        Batches of an epoch.
    also : str, optional
        Dataset of the second suite, of the same splits.
    """
    core, voxel = model.get_layer("core"), model.get_layer("mass").voxel
    boxes = {"train": of_split(data, voxel, core), "validation": of_split(validation, voxel, core)}
    if also is not None:
        for name in boxes:
            boxes[name] += of_split(splits.split(also, name), voxel, core, 1.0)
    draws = VoxelDraws(boxes["train"], core.levels, steps, seed=1)
    checks = VoxelDraws(boxes["validation"], core.levels, VALIDATION_STEPS)
    return student_of(core), (draws,), (checks,)


def student_of(core: VoxelPyramid) -> keras.Model:
    """The network on single voxels, with its loss."""
    patches = [
        keras.Input((PATCH**3,), name=f"patch_{level}", dtype=core.compute_dtype)
        for level in range(core.levels)
    ]
    places = keras.Input(
        (3 * (core.levels - 1) + core.extras,), name="places", dtype=core.compute_dtype
    )
    inputs = [*patches, places]
    if core.conditioned:
        size = len(voxel_serving.PARAMETERS)
        inputs.append(keras.Input((size,), name="parameters", dtype=core.compute_dtype))
    found = OfPatches(core, name="of_patches")(inputs)
    student = keras.Model({tensor.name: tensor for tensor in inputs}, found, name="student")
    student.zoo_loss = loss
    return student


@keras.saving.register_keras_serializable("zoo")
class OfPatches(keras.layers.Layer):
    """A `VoxelPyramid` on single voxels."""

    def __init__(self, core: VoxelPyramid, **options: Any) -> None:
        super().__init__(**options)
        self.core = core

    def call(self, inputs: list[Any]) -> Any:
        """Patches, places, parameters -> (batch, outputs)."""
        levels = self.core.levels
        parameters = inputs[levels + 1] if self.core.conditioned else None
        return self.core.of_patches(inputs[:levels], inputs[levels], parameters)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """One row per voxel."""
        return (input_shape[0][0], self.core.out.units)

    def get_config(self) -> dict[str, Any]:
        """What the layer is built with."""
        core = keras.saving.serialize_keras_object(self.core)
        return super().get_config() | {"core": core}


def loss(count: Any, found: Any) -> Any:
    """-ln p of a Bernoulli plus a Poisson number (batch,)."""
    return central_and_satellites(count[:, 0], found[:, 0], ops.minimum(found[:, 1], LARGEST))


def of_split(
    data: dict[str, Any], voxel: float, core: VoxelPyramid, suite: float = 0.0
) -> list[dict[str, Any]]:
    """Boxes of a split of a suite as `VoxelDraws` takes them."""
    conditions = Conditions()
    boxes = []
    for row, size in enumerate(np.asarray(data["box_size"], float)):
        counts = data["dm_counts"][row]
        told: Any = []
        if core.conditioned:
            given = [np.float32(data[n][row]) for n in voxel_serving.PARAMETERS[:3]]
            told = np.ravel(conditions(*(np.array([v]) for v in (*given, np.float32(suite)))))
        boxes.append(
            {
                "dm_counts": counts,
                "galaxy_count": data["galaxy_count"][row],
                "factor": (size / len(counts) / voxel) ** 3,
                "parameters": told,
            }
        )
    return boxes
