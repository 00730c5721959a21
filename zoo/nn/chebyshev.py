"""Chebyshev polynomials as Keras building blocks."""

from __future__ import annotations

import itertools

import keras
import numpy as np
from keras import ops


def chebyshev(x, count, axis=-1):
    """Chebyshev polynomials T_0 ... T_(count-1) of x, stacked along a new axis.

    One at a time by T_(k+1) = 2 x T_k - T_(k-1): three passes over x for each, all contiguous.
    """
    t, twice = [ops.ones_like(x), x], 2 * x
    while len(t) < count:
        t.append(twice * t[-1] - t[-2])
    return ops.stack(t[:count], axis=axis)


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
        # (degree, dims, batch): the batch last, so that terms are gathered in contiguous rows
        t = chebyshev(ops.transpose(unit), self.degree + 1, axis=0)
        features = None
        for dim in range(self._powers.shape[1]):
            factor = ops.take(t[:, dim], self._powers[:, dim], axis=0)
            features = factor if features is None else features * factor
        return ops.transpose(features)

    def compute_output_shape(self, input_shape):
        """(batch, terms)."""
        return (input_shape[0], len(total_degree(input_shape[-1], self.degree)))
