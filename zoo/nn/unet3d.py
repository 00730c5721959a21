"""U-Nets on voxels of periodic boxes: plain, and recurrent residual (Alom et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from zoo.nn.periodic import PeriodicConv3D

Block = Callable[[Any, int, str], Any]


def unet(x: Any, widths: tuple[int, ...], block: Block, name: str, dtype: Any) -> Any:
    """One value per voxel: blocks at ever coarser resolutions and back, skips at all of them.

    The published network lacks the skip at full resolution.

    Parameters
    ----------
    x : tensor (batch, n, n, n, channels)
        n is a multiple of 2^(len(widths) - 1).
    widths : sequence of int
        Channels at each resolution, the finest first.
    block : callable
        x, channels, name -> tensor of as many voxels.
    """
    kept = []
    for level, width in enumerate(widths):
        if level:
            x = keras.layers.MaxPooling3D(2, name=f"{name}_pool_{level}", dtype=dtype)(x)
        x = block(x, width, f"{name}_down_{level}")
        kept.append(x)
    for level in reversed(range(len(widths) - 1)):
        x = keras.layers.UpSampling3D(2, name=f"{name}_up_{level}", dtype=dtype)(x)
        x = conv(widths[level], 1, f"{name}_narrow_{level}", dtype)(x)
        x = keras.layers.Concatenate(name=f"{name}_skip_{level}", dtype=dtype)([kept[level], x])
        x = block(x, widths[level], f"{name}_back_{level}")
    return keras.layers.Dense(1, name=f"{name}_out", dtype=dtype)(x)


def plain(dtype: Any, convolutions: int = 2) -> Block:
    """Convolutions of 3^3, one after the other."""

    def block(x: Any, width: int, name: str) -> Any:
        for index in range(convolutions):
            x = conv(width, 3, f"{name}_conv_{index}", dtype)(x)
        return x

    return block


def recurrent_residual(dtype: Any, steps: int = 2, units: int = 2) -> Block:
    """A convolution of 1^3, beside it recurrent convolutions of 3^3, and their sum.

    A recurrent convolution is y = relu(conv(x)), then `steps` times y = relu(conv(x + y)) with the
    same kernel.

    Parameters
    ----------
    steps : int
        t of Alom et al. (2018).
    units : int
        Recurrent convolutions in a block, two as published.
    """

    def block(x: Any, width: int, name: str) -> Any:
        x = conv(width, 1, f"{name}_first", dtype, None)(x)
        y = x
        for unit in range(units):
            shared = conv(width, 3, f"{name}_unit_{unit}", dtype)
            start, y = y, shared(y)
            for step in range(steps):
                label = f"{name}_again_{unit}_{step}"
                y = shared(keras.layers.Add(name=label, dtype=dtype)([start, y]))
        return keras.layers.Add(name=f"{name}_residual", dtype=dtype)([x, y])

    return block


def reach(levels: int, convolutions: int) -> int:
    """Voxels on either side that an answer of `unet` depends on, as a multiple of its coarsest.

    Parameters
    ----------
    levels : int
        Resolutions.
    convolutions : int
        Of 3^3 in a block; those of a recurrent one count as often as they are applied.
    """
    coarsest = 2 ** (levels - 1)
    far = convolutions * coarsest + sum(2 * convolutions * 2**n for n in range(levels - 1))
    far += coarsest - 1  # from a voxel to the far side of its own coarsest cell
    return -(-far // coarsest) * coarsest


def conv(
    filters: int, kernel: int, name: str, dtype: Any, activation: str | None = "relu"
) -> PeriodicConv3D:
    """A periodic convolution with a bias."""
    return PeriodicConv3D(filters, kernel, activation=activation, name=name, dtype=dtype)
