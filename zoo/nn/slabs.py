"""A periodic box answered slab by slab, so that memory is bounded; for the graphs of releases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def in_slabs(
    function: Callable[[Any], Any], box: Any, halo: int, multiple: int, thickness: int
) -> Any:
    """Apply a network to a box in slabs.

    Parameters
    ----------
    function : callable
        Slab (1, x, y, z, 1) -> (1, x - 2 halo, y, z, channels). Sides are multiples of `multiple`,
        y and z are taken as periodic.
    box : tensor (n, n, n)
        Any n. Where it is no multiple of `multiple`, the cells of coarse grids do not meet at the
        faces, and y and z get a halo too.
    halo, thickness : int
        Multiples of `multiple`; voxels beyond a slab that its answer depends on, and voxels that
        it is thick.

    Returns
    -------
    tensor (n, n, n, channels)
    """
    import tensorflow as tf

    side = tf.shape(box)[0]
    even = -(-side // multiple) * multiple
    thick = tf.minimum(thickness, even)
    aside = tf.where(tf.equal(even, side), 0, halo)  # of y and z
    across = tf.range(-aside, even + aside) % side

    def slab(start: Any) -> Any:
        along = tf.range(start - halo, start + thick + halo) % side
        part = tf.gather(box, along, axis=0)
        if_needed = tf.gather(tf.gather(part, across, axis=1), across, axis=2)
        answer = function(if_needed[None, ..., None])[0]
        return answer[:, aside : aside + side, aside : aside + side]

    starts = tf.range(0, side, thick)
    shape = tf.TensorSpec((None, None, None, None), box.dtype)
    answers = tf.map_fn(slab, starts, fn_output_signature=shape, parallel_iterations=1)
    joined = tf.reshape(answers, (-1, side, side, tf.shape(answers)[-1]))
    return joined[:side]


def boxes(function: Callable[[Any, Any], Any], padded: Any, rows: Any, channels: int) -> Any:
    """Answer each box of a batch by itself, without the NaN that pad smaller ones.

    Parameters
    ----------
    function : callable
        Box (n, n, n) and what else there is of its row -> (n, n, n, channels).
    padded : tensor (batch, N, N, N)
    rows : dict of tensor (batch, ...)
        What else there is.

    Returns
    -------
    tensor (batch, N, N, N, channels), NaN where padded.
    """
    import tensorflow as tf

    most = tf.shape(padded)[1]

    def one(row: tuple[Any, Any]) -> Any:
        wide, others = row
        there = tf.logical_not(tf.math.is_nan(wide[:, 0, 0]))
        side = tf.reduce_sum(tf.cast(there, tf.int32))
        found = function(wide[:side, :side, :side], others)
        rest = most - side
        room = [[0, rest], [0, rest], [0, rest], [0, 0]]
        return tf.pad(found, room, constant_values=float("nan"))

    spec = tf.TensorSpec((None, None, None, channels), padded.dtype)
    return tf.map_fn(one, (padded, rows), fn_output_signature=spec, parallel_iterations=1)
