"""The highest maxima of a curve that are not too close to each other."""

from __future__ import annotations

import tensorflow as tf
from keras import ops


def highest_peaks(values, count: int, reach: int):
    """Height below the highest, and place, of local maxima (batch, count), the highest first.

    Where there are fewer, places that are no maximum follow, with a height of -1e9.

    Parameters
    ----------
    values : (batch, n) tensor
    count : int
        Peaks that are wanted.
    reach : int
        Of two maxima that are closer only the higher one counts.
    """
    relative = values - tf.reduce_max(values, axis=-1, keepdims=True)  # of no rows too
    top = largest_near(relative, reach)
    return tf.math.top_k(ops.where(relative >= top, relative, -1e9), count)


def largest_near(values, reach: int):
    """Largest of the values (batch, n) at most `reach` places away, for every place."""
    width = 2 * reach + 1
    room = [[0, 0], [reach, reach]]
    found = tf.pad(values, room, constant_values=values.dtype.min)
    # doubling the interval takes a few steps where a pooling layer takes `width`
    seen = 1
    while seen < width:
        step = min(seen, width - seen)
        found = ops.maximum(found[:, :-step], found[:, step:])
        seen += step
    return found
