"""From counts of particles to fields of galaxies: what all networks on voxels share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.models.galaxies import grids, sanity
from zoo.nn import slabs
from zoo.ranges import Violation, flag

TOLERANCE = 0.05  # of the side of a voxel, by which it may differ from that of the training set
PARAMETERS = ("omega_m", "sigma_8", "a_sn1", "suite")


def example(voxel: float, **parameters: float) -> dict[str, Any]:
    """A little box with two clumps, of voxels of a side [Mpc/h]."""
    box = grids.example()
    counts = box["dm_counts"]
    return {"dm_counts": counts, "box_size": voxel * len(counts), **parameters}


def check(columns: dict[str, np.ndarray], voxel: float) -> list[Violation]:
    """Find rows that cannot be a periodic box, or whose voxels are not those of the training set.

    Parameters
    ----------
    columns : dict of (batch, ...) arrays
    voxel : float
        Side that the network has seen [Mpc/h].
    """
    found = sanity.check(columns)
    size = np.asarray(columns["box_size"], float)
    side = np.array([(~np.isnan(row[:, 0, 0])).sum() for row in columns["dm_counts"]])
    own = size / np.maximum(side, 1)
    refused = np.zeros(len(size), bool)
    for violation in found:
        refused |= violation.impossible & violation.rows
    other = ~refused & (np.abs(own / voxel - 1) > TOLERANCE)
    allowed = f"{voxel:.4g} within {100 * TOLERANCE:g} %, that of the training set"
    flag(found, "side of the network's voxels [Mpc/h]", other, own, allowed)
    return found


@keras.saving.register_keras_serializable("zoo")
class Mass(keras.layers.Layer):
    """Particles per voxel in units of those of the training set, whose voxels had another side.

    Parameters
    ----------
    voxel : float
        Side of a voxel of the training set [Mpc/h], which held one particle on average.
    """

    def __init__(self, voxel: float, **options: Any) -> None:
        super().__init__(**options)
        self.voxel = voxel

    def call(self, counts: Any, box_size: Any) -> Any:
        """Counts (batch, n, n, n) of boxes of a side (batch,) [Mpc/h] -> (batch, n, n, n, 1)."""
        side = ops.cast(ops.shape(counts)[1], self.compute_dtype)
        factor = (box_size / (side * self.voxel)) ** 3
        return counts[..., None] * ops.reshape(factor, (-1, 1, 1, 1, 1))

    def get_config(self) -> dict[str, Any]:
        """What the layer is built with."""
        return super().get_config() | {"voxel": self.voxel}


def inputs(dtype: Any, parameters: tuple[str, ...] = ()) -> dict[str, Any]:
    """Keras inputs of a box, and of the parameters that a network is told."""
    found = {"dm_counts": keras.Input((None, None, None), dtype=dtype, name="dm_counts")}
    for name in ("box_size", *parameters):
        found[name] = keras.Input((), dtype=dtype, name=name)
    return found


def serving(
    model: Any,
    slab: Callable[[Any, dict[str, Any]], Any],
    fields: Callable[[Any], dict[str, Any]],
    channels: int,
    halo: int,
    multiple: int,
    thickness: int,
) -> dict[str, Any]:
    """Signature that answers boxes one by one, in slabs.

    Parameters
    ----------
    model : keras.Model
        With a layer `mass`.
    slab : callable
        Slab of mass (1, x, y, z, 1) and the row's other inputs (1,) -> (1, x - 2 halo, y, z, c).
    fields : callable
        Channels (batch, n, n, n, c) -> outputs of the card.
    channels, halo, multiple, thickness : int
        See `zoo.nn.slabs.in_slabs`.
    """
    import tensorflow as tf

    mass = model.get_layer("mass")

    def box(counts: Any, row: dict[str, Any]) -> Any:
        matter = mass(counts[None], row["box_size"][None])[0, ..., 0]
        others = {name: value[None] for name, value in row.items()}
        return slabs.in_slabs(lambda part: slab(part, others), matter, halo, multiple, thickness)

    def serve(given: dict[str, Any]) -> dict[str, Any]:
        rows = {name: value for name, value in given.items() if name != "dm_counts"}
        return fields(slabs.boxes(box, given["dm_counts"], rows, channels))

    specs = {t.name: tf.TensorSpec(t.shape, t.dtype, name=t.name) for t in model.inputs}
    return {"serving_default": (serve, specs)}
