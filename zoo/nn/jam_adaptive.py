"""The Jeans model with as many quadrature nodes as each pair of Gaussians needs, for serving.

The quadrature of a pair needs nodes in proportion to the logarithm L of the scales that it spans.
With 4 (1 + L) of them in single precision a prediction takes half the terms, and has smaller
errors, than with a number that suffices for all pairs. That number depends on the data, which is
why this stands in TensorFlow and the layer, with its fixed number, in `keras.ops`.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from zoo.nn.jam import quadrature

NODES_PER_SCALE = {"float32": 4.0, "float64": 9.0}
MOST_NODES = 160
BLOCK = 256  # terms at a time at scattered positions: bounds the memory


def scattered(layer, inputs):
    """Second moments at positions `xbin`, `ybin` (batch, P), as `layer` itself gives them."""
    x, y, present = layer.positions(inputs["xbin"], inputs["ybin"])
    pixel = inputs["pixsize"][:, None, None]

    def total(terms):
        blocks = [_blocks(term, fill) for term, fill in zip(terms, (1.0, 1.0, 0, 0), strict=True)]

        def add(index, so_far):
            vx, vy, f0, f1 = (block[index][:, None, :] for block in blocks)
            along_x = layer.mean(x[..., None], vx, pixel, f0, f1)
            along_y = layer.mean(y[..., None], vy, pixel)
            return index + 1, so_far + tf.reduce_sum(along_x * along_y, axis=-1)

        count = tf.shape(blocks[0])[0]
        start = (tf.constant(0), tf.zeros_like(x * y))
        return tf.while_loop(lambda index, _: index < count, add, start)[1]

    moment = total(_terms(layer, inputs))
    return layer.answer(moment, total(layer.light(inputs)), present)


def grid(layer, inputs):
    """Second moments at all pairs of `x_grid` (batch, X) and `y_grid` (batch, Y).

    Every term is a product of a function of x and one of y, so that a map costs X + Y positions
    and one matrix product.

    Parameters
    ----------
    layer : JamCyl
    inputs : dict
        As for the layer, with `x_grid` and `y_grid` [arcsec] in place of `xbin` and `ybin`.

    Returns
    -------
    dict
        `vrms` [km/s] and `surface_brightness` [Lsun/pc^2], (batch, X, Y).
    """
    x, y, present = layer.positions(inputs["x_grid"], inputs["y_grid"], outer=True)
    pixel = inputs["pixsize"][:, None, None]

    def total(terms):
        vx, vy, f0, f1 = (term[:, None, :] for term in terms)
        along_x = layer.mean(x[..., None], vx, pixel, f0, f1)
        along_y = layer.mean(y[..., None], vy, pixel)
        return tf.matmul(along_x, along_y, transpose_b=True)

    moment = total(_terms(layer, inputs))
    return layer.answer(moment, total(layer.light(inputs)), present)


def _blocks(term, fill):
    """(batch, T) as (blocks, batch, BLOCK), filled up at the end."""
    batch, count = tf.unstack(tf.shape(term))
    blocks = (count + BLOCK - 1) // BLOCK
    term = tf.pad(term, ((0, 0), (0, blocks * BLOCK - count)), constant_values=fill)
    return tf.transpose(tf.reshape(term, (batch, blocks, BLOCK)), (1, 0, 2))


def _terms(layer, inputs):
    """Terms (batch, T) of all pairs and nodes in one row per galaxy; what is left over is zero."""
    mass, hole = layer.pairs(inputs)
    angles = {name: mass.pop(name) for name in ("cos2", "sin2")}
    pair = {name: tf.concat([mass[name], hole[name]], axis=1) for name in mass}
    nodes = tf.math.ceil(NODES_PER_SCALE[layer.compute_dtype] * (1 + pair["length"]))
    # Pairs without light or mass need none; those that cannot be deprojected say NaN with one.
    nodes = tf.where(tf.math.is_finite(nodes), nodes, 1.0)
    nodes = tf.where(pair["weight"] == 0, tf.zeros_like(nodes), nodes)
    nodes = tf.cast(tf.minimum(nodes, MOST_NODES), tf.int32)
    end = tf.cumsum(nodes, axis=1)
    # At least one: `searchsorted` refuses none, of an empty batch or of galaxies without mass.
    term = tf.range(tf.maximum(tf.reduce_max(end), 1))
    term = tf.broadcast_to(term, (tf.shape(end)[0], tf.size(term)))
    which = tf.searchsorted(end, term, side="right")
    used = which < tf.shape(end)[1]
    # One gather of whole rows is several times cheaper than one for each quantity.
    rows = tf.stack([*pair.values(), *(tf.cast(n, layer.compute_dtype) for n in (nodes, end))], -1)
    rows = tf.gather(rows, tf.minimum(which, tf.shape(end)[1] - 1), batch_dims=1)
    *columns, nodes, end = tf.unstack(rows, axis=-1)
    own = dict(zip(pair, columns, strict=True))
    number = tf.cast(nodes, tf.int32)
    node = tf.where(used, term - tf.cast(end, tf.int32) + number, 0)
    table = tf.constant(_table(), layer.compute_dtype)
    rule = tf.gather(tf.reshape(table, (-1, 2)), number * MOST_NODES + node)
    t, dt = tf.unstack(rule, axis=-1)
    dt = tf.where(used, dt, tf.zeros_like(dt))
    return layer.terms(inputs, own | angles, t, dt)


def _table():
    """Nodes and weights of every rule, (MOST_NODES + 1, MOST_NODES, 2)."""
    table = np.zeros((MOST_NODES + 1, MOST_NODES, 2))
    for count in range(1, MOST_NODES + 1):
        table[count, :count] = np.transpose(quadrature(count))
    return table
