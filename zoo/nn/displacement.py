"""A network that moves the particles of a fast simulation to where a slow one has them (NECOLA).

After Kaushal et al. (2022, ApJ 930, 115): displacements from the lattice go in as three channels of
a periodic box, a U-Net adds a correction, and the loss weighs displacements against the density
that they make.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.nn.diffusion.periodic import CONV, CONV_TRANSPOSE, PeriodicConv

LAGRANGIAN = 3.0  # weight of the logarithm of the error of displacements, as published


def displacement_net(filters: int = 16, scale: float = 1.0, dtype: Any = "float32") -> keras.Model:
    """Build a U-Net of two levels whose output is its input until it has learned.

    Parameters
    ----------
    filters : int
        Channels at the fine level; twice as many at the coarse one.
    scale : float
        Typical displacement, in the units of the input.

    Returns
    -------
    keras.Model
        Of displacements (batch, n, n, n, 3), n even, to the same.
    """

    def conv(x: Any, size: int, name: str) -> Any:
        x = PeriodicConv(size, 3, 3, name=name, dtype=dtype)(x)
        return keras.layers.Activation("silu", name=f"{name}_silu", dtype=dtype)(x)

    inputs = keras.Input((None, None, None, 3), dtype=dtype, name="displacement")
    x = keras.layers.Rescaling(1 / scale, name="in_units", dtype=dtype)(inputs)
    fine = conv(conv(x, filters, "fine_first"), filters, "fine_second")
    coarse = CONV[3](2 * filters, 2, 2, name="halve", dtype=dtype)(fine)
    for name in ("coarse_first", "coarse_second", "coarse_third"):
        coarse = conv(coarse, 2 * filters, name)
    coarse = CONV_TRANSPOSE[3](filters, 2, 2, name="double", dtype=dtype)(coarse)
    x = keras.layers.Concatenate(name="join", dtype=dtype)([fine, coarse])
    x = conv(x, filters, "joined")
    x = PeriodicConv(3, 3, 3, zero=True, name="correction", dtype=dtype)(x)
    x = keras.layers.Rescaling(scale, name="out_units", dtype=dtype)(x)
    output = keras.layers.Add(name="corrected", dtype=dtype)([inputs, x])
    return keras.Model(inputs, output, name="displacement_net")


def density(displacement: Any, cells: int) -> Any:
    """Cloud-in-cell counts of a box (cells, cells, cells), with a gradient.

    Parameters
    ----------
    displacement : tensor (n, n, n, 3)
        From lattice sites at the lower corners of n^3 equal cells, in units of their side.
    cells : int
        Along a side of the mesh.
    """
    side = int(displacement.shape[0])
    sites = np.moveaxis(np.indices((side,) * 3), 0, -1).astype(np.float32)
    place = ops.reshape((displacement + sites) * (cells / side), (-1, 3)) % cells
    lower = ops.stop_gradient(ops.floor(place))
    part = place - lower
    corner = ops.cast(lower, "int32")
    total = ops.zeros((cells**3,), dtype=place.dtype)
    for step in product((0, 1), repeat=3):
        near = (corner + np.array(step, np.int32)) % cells
        index = (near[:, 0] * cells + near[:, 1]) * cells + near[:, 2]
        weight = ops.prod(ops.where(np.array(step, bool), part, 1 - part), axis=-1)
        total = total + ops.segment_sum(weight, index, num_segments=cells**3)
    return ops.reshape(total, (cells,) * 3)


def loss(cells: int, batch: int = 1) -> Callable[[Any, Any], Any]:
    """Loss ln(error of density) + 3 ln(error of displacement), of batches of a fixed size.

    Parameters
    ----------
    cells : int
        Along a side of the mesh on which densities are compared.
    batch : int
    """

    def both(true: Any, said: Any) -> Any:
        off = ops.mean((true - said) ** 2)
        rows = [density(said[i], cells) - density(true[i], cells) for i in range(batch)]
        return ops.log(ops.mean(ops.stack(rows) ** 2)) + LAGRANGIAN * ops.log(off)

    return both
