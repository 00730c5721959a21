"""Chebyshev polynomials as Keras building blocks."""

from __future__ import annotations

import itertools

import keras
import numpy as np
from keras import ops


def chebyshev(x, count):
    """Chebyshev polynomials T_0 ... T_(count-1) of x: shape (..., count).

    T_(k+j) = 2 T_k T_j - T_(k-j) doubles their number at each step, so that a hundred of them take
    seven operations instead of a hundred.
    """
    x = x[..., None]
    t = ops.concatenate([ops.ones_like(x), x], axis=-1)
    while t.shape[-1] < count:
        k = t.shape[-1] - 1
        new = 2 * t[..., k:] * t[..., 1:] - ops.flip(t[..., :k], axis=-1)
        t = ops.concatenate([t, new], axis=-1)
    return t[..., :count]


def total_degree(dims, degree):
    """Exponents (terms, dims) of all products of polynomials up to a total degree."""
    grid = itertools.product(range(degree + 1), repeat=dims)
    return np.array([powers for powers in grid if sum(powers) <= degree])


class Domain(keras.layers.Layer):
    """Coordinates (batch, dims) from their domain to [-1, 1], where they stop.

    `adapt` sets the domain.
    """

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.low = self.add_weight((dims,), "zeros", trainable=False, name="low")
        self.high = self.add_weight((dims,), "ones", trainable=False, name="high")

    def adapt(self, coordinates):
        """Take the domain from data (n, dims)."""
        self.low.assign(np.min(coordinates, axis=0))
        self.high.assign(np.max(coordinates, axis=0))

    def call(self, coordinates):
        """Map the domain to [-1, 1]."""
        unit = 2 * (coordinates - self.low) / (self.high - self.low) - 1
        return ops.clip(unit, -1.0, 1.0)


class ChebyshevFeatures(keras.layers.Layer):
    """Products of Chebyshev polynomials of the columns, up to a total degree.

    (batch, dims) -> (batch, terms)
    """

    def __init__(self, degree, **kwargs):
        super().__init__(**kwargs)
        self.degree = degree

    def build(self, input_shape):
        """Count the terms."""
        self._powers = total_degree(input_shape[-1], self.degree)
        self.built = True

    def call(self, unit):
        """Multiply one polynomial of each column."""
        t = chebyshev(unit, self.degree + 1)
        features = None
        for dim in range(self._powers.shape[1]):
            factor = ops.take(t[:, dim], self._powers[:, dim], axis=-1)
            features = factor if features is None else features * factor
        return features

    def compute_output_shape(self, input_shape):
        """(batch, terms)."""
        return (input_shape[0], len(total_degree(input_shape[-1], self.degree)))
