"""Classifier and regressor on voxels, after Zhang et al. (2019): what three models share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.models.galaxies import voxel_serving
from zoo.models.galaxies.voxel_crops import SIDE, VoxelCrops
from zoo.nn.voxel_losses import unweighted, weighted_cross_entropy
from zoo.ranges import Violation

VOXEL = 25 / 256  # [Mpc/h]
THICKNESS = 32  # voxels of a slab; of 256^3 its largest arrays have 0.3 GB
VALIDATION_STEPS = 10
LARGEST = 6.0  # of the logarithm of a number of galaxies


@keras.saving.register_keras_serializable("zoo")
class TwoPhaseFields(keras.layers.Layer):
    """Outputs of the card from the classifier's logit and the regressor's value.

    Parameters
    ----------
    weight : float
        Of occupied voxels in the classifier's loss.
    """

    def __init__(self, weight: float, **options: Any) -> None:
        super().__init__(**options)
        self.weight = weight

    def call(self, found: Any) -> dict[str, Any]:
        """Channels (..., 2) -> fields (...)."""
        logit, value = found[..., 0], found[..., 1]
        probability = ops.sigmoid(unweighted(logit, self.weight))
        return {
            "galaxy_probability": probability,
            "galaxy_count": probability * number(value),
            "galaxy_mask": ops.cast(logit > 0, logit.dtype),
        }

    def get_config(self) -> dict[str, Any]:
        """What the layer is built with."""
        return super().get_config() | {"weight": self.weight}


def number(value: Any) -> Any:
    """Galaxies of a voxel that has any: 1 or more."""
    return 1 + ops.exp(ops.minimum(value, LARGEST))


def build(
    name: str, network: Callable[[Any, str], Any], weight: float, voxel: float, dtype: Any
) -> keras.Model:
    """Build a model of two networks of one kind.

    Parameters
    ----------
    network : callable
        x (batch, n, n, n, 1), prefix of names -> (batch, n, n, n, 1).
    weight : float
        Of occupied voxels in the classifier's loss.
    voxel : float [Mpc / littleh]
        Side of a voxel of the training set.
    """
    field = keras.Input((None, None, None, 1), dtype=dtype, name="field")
    logs = Log(name="log", dtype=dtype)(field)
    both = [network(logs, "classifier"), network(logs, "regressor")]
    core = keras.Model(field, keras.layers.Concatenate(name="both", dtype=dtype)(both), name="core")
    inputs = voxel_serving.inputs(dtype)
    mass = voxel_serving.Mass(voxel, name="mass", dtype=dtype)(
        inputs["dm_counts"], inputs["box_size"]
    )
    fields = TwoPhaseFields(weight, name="fields", dtype=dtype)
    return keras.Model(inputs, fields(core(mass)), name=name)


@keras.saving.register_keras_serializable("zoo")
class Log(keras.layers.Layer):
    """ln(1 + particles)."""

    def call(self, mass: Any) -> Any:
        """Of a field (batch, n, n, n, 1)."""
        return ops.log1p(mass)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the field."""
        return input_shape


def example() -> dict[str, Any]:
    """A little box with two clumps."""
    return voxel_serving.example(VOXEL)


def check(columns: dict[str, np.ndarray]) -> list[Violation]:
    """Find boxes that are none, or not like those of the training set."""
    return voxel_serving.check(columns, VOXEL)


def signatures(model: keras.Model) -> dict[str, Any]:
    """Answer in slabs."""
    core, halo, multiple = model.get_layer("core"), model.zoo_reach, model.zoo_multiple

    def slab(part: Any, _: dict[str, Any]) -> Any:
        return core(part)[:, halo:-halo]

    fields = model.get_layer("fields")
    return voxel_serving.serving(model, slab, fields, 2, halo, multiple, THICKNESS)


def adapt(model: keras.Model, data: dict[str, Any]) -> None:
    """Start from the log-odds of occupied voxels, and from the mean number in them."""
    core, weight = model.get_layer("core"), model.get_layer("fields").weight
    counts = [np.asarray(count) for count in data["galaxy_count"]]
    occupied = np.mean([(count > 0).mean() for count in counts])
    mean = np.mean([count.mean() for count in counts]) / occupied
    odds = weight * occupied / (1 - occupied)
    for name, start in (("classifier", np.log(odds)), ("regressor", np.log(max(mean - 1, 0.01)))):
        core.get_layer(f"{name}_out").bias.assign([start])


def lesson(model: keras.Model, data: dict[str, Any], validation: dict[str, Any]) -> Any:
    """Learn both networks on crops, the regressor where the classifier sees galaxies.

    The regressor's loss takes the classifier as it is, so that neither spoils the other.
    """
    core, voxel, margin = model.get_layer("core"), model.get_layer("mass").voxel, model.zoo_margin
    weight = model.get_layer("fields").weight
    x = keras.Input((None, None, None, 1), name="crop", dtype=core.compute_dtype)
    student = keras.Model(x, Inner(margin, name="inner")(core(x)), name="student")

    def loss(count: Any, found: Any) -> Any:
        logit, value = found[..., :1], found[..., 1:]
        classes = weighted_cross_entropy(count, logit, weight)
        chance = ops.stop_gradient(ops.sigmoid(unweighted(logit, weight)))
        mean = chance * number(value)
        likely = ops.cast(ops.stop_gradient(logit) > 0, logit.dtype)
        numbers = likely * (mean - count * ops.log(mean))  # Poisson
        return ops.mean(classes + numbers / weight, axis=(1, 2, 3, 4)) * LOSS

    student.zoo_loss = loss
    crops = VoxelCrops(_boxes(data, voxel), margin, model.zoo_steps, seed=1)
    checks = VoxelCrops(_boxes(validation, voxel), margin, VALIDATION_STEPS)
    return student, (crops,), (checks,)


LOSS = 100.0  # makes the loss a number of order one


@keras.saving.register_keras_serializable("zoo")
class Inner(keras.layers.Layer):
    """The middle of a crop, without its margin."""

    def __init__(self, margin: int, **options: Any) -> None:
        super().__init__(**options)
        self.margin = margin

    def call(self, x: Any) -> Any:
        """Cut (batch, w, w, w, channels)."""
        inner = slice(self.margin, self.margin + SIDE)
        return x[:, inner, inner, inner]

    def get_config(self) -> dict[str, Any]:
        """What the layer is built with."""
        return super().get_config() | {"margin": self.margin}


def _boxes(data: dict[str, Any], voxel: float) -> list[dict[str, Any]]:
    return [
        {
            "dm_counts": data["dm_counts"][row],
            "galaxy_count": data["galaxy_count"][row],
            "factor": (float(size) / len(data["dm_counts"][row]) / voxel) ** 3,
        }
        for row, size in enumerate(data["box_size"])
    ]
