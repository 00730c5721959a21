"""What the denoiser would say if cells were independent, known exactly: a start for the network.

The number of galaxies in a cell, given the density of matter there, has a distribution that can be
counted in the training set. For data that are one of few values with known chances, the best guess
from z is a weighted mean of these values; the network then only has to learn what neighbours add.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.nn.diffusion.schedules import alpha, sigma

NUMBERS = np.array([*range(13), 14, 16, 19, 23, 28, 34, 42], float)
BINS = 40  # of density, fuller towards low ones
FEWEST = 200  # cells above the last edge
UNSEEN = 0.02  # cells added to the count of every number


class PixelGuess(keras.layers.Layer):
    """Posterior mean of a cell from its density and its z, set by `adapt`.

    Parameters
    ----------
    **kwargs
        Of `keras.layers.Layer`.
    """

    def build(self, input_shape: Any) -> None:
        """Create the edges of the bins, the chances in each, and the values of the numbers."""

        def constant(shape: tuple[int, ...], name: str) -> Any:
            return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)

        self.edges = constant((BINS - 1,), "edges")
        self.log_chance = constant((BINS, len(NUMBERS)), "log_chance")
        self.value = constant((len(NUMBERS),), "value")

    def adapt(self, density: np.ndarray, number: np.ndarray, value: np.ndarray) -> None:
        """Count how many cells of each density hold each number.

        Parameters
        ----------
        density, number : arrays of one shape
            Any increasing function of the density, and whole numbers.
        value : array
            What stands for `NUMBERS` in the diffusion.
        """
        flat = np.ravel(density)
        edges = np.quantile(flat, 1 - np.geomspace(1, FEWEST / len(flat), BINS + 1)[1:-1])
        which = np.searchsorted(edges, flat, side="right")
        middle = (NUMBERS[1:] + NUMBERS[:-1]) / 2
        kind = np.searchsorted(middle, np.ravel(number))
        size = len(NUMBERS)
        count = np.bincount(which * size + kind, minlength=BINS * size).reshape(BINS, size)
        chance = (count + UNSEEN) / (count + UNSEEN).sum(axis=1, keepdims=True)
        for weight, found in zip(
            (self.edges, self.log_chance, self.value), (edges, np.log(chance), value), strict=True
        ):
            weight.assign(np.asarray(found, np.float32))

    def chances(self, density: Any) -> Any:
        """Ln of the chance of each number (..., numbers) at densities (...)."""
        which = ops.searchsorted(self.edges, ops.reshape(density, (-1,)), side="right")
        found = ops.take(self.log_chance, which, axis=0)
        return ops.reshape(found, (*ops.shape(density), len(NUMBERS)))

    def call(self, z: Any, gamma: Any, chances: Any) -> Any:
        """Mean of x (batch, n, ..., 1) given z, of the same shape, and `chances` of its cells."""
        off = (z - alpha(gamma) * self.value) / sigma(gamma)
        weight = ops.softmax(chances - 0.5 * off**2, axis=-1)
        return ops.sum(weight * self.value, axis=-1, keepdims=True)
