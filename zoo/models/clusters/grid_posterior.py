"""A posterior of one parameter as densities in the cells of a grid: numbers, draws, densities."""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-5  # of values in float32, which may lie on an end of the grid
LEVELS = np.array([0.025, 0.16, 0.5, 0.84, 0.975])


class GridPosterior:
    """Posteriors of several objects, constant inside each cell.

    Parameters
    ----------
    edges : (cells + 1,) array
        Increasing.
    weights : (objects, cells) array
        Proportional to the probability of each cell; a row of NaN has no answer.
    """

    def __init__(self, edges: np.ndarray, weights: np.ndarray) -> None:
        self.edges = edges
        self.probability = weights / weights.sum(axis=1, keepdims=True)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (objects,)."""
        middle, width = (self.edges[1:] + self.edges[:-1]) / 2, np.diff(self.edges)
        mean = self.probability @ middle
        square = self.probability * ((middle - mean[:, None]) ** 2 + width**2 / 12)
        return mean, np.sqrt(square.sum(axis=1))

    def inverse(self, levels: np.ndarray) -> np.ndarray:
        """Values (objects, n) below which lie the probabilities `levels` (objects, n) or (n,)."""
        below = np.cumsum(self.probability, axis=1)
        below = np.concatenate([np.zeros_like(below[:, :1]), below / below[:, -1:]], axis=1)
        levels = np.broadcast_to(levels, (len(below), np.shape(levels)[-1]))
        pairs = zip(levels, below, strict=True)
        rows = [np.interp(level, row, self.edges) for level, row in pairs]
        return np.array(rows).reshape(levels.shape)

    def draws(self, seeds: np.ndarray, n: int) -> np.ndarray:
        """Draws (objects, n); the first k do not depend on n.

        Parameters
        ----------
        seeds : (objects, 2) array of int
        """
        uniform = [np.random.default_rng(seed.tolist()).random(n) for seed in seeds]
        return self.inverse(np.array(uniform).reshape(len(seeds), n))

    def log_prob(self, values: np.ndarray) -> np.ndarray:
        """Natural logarithm of the density at one value per object; -inf outside the grid."""
        low, high = self.edges[[0, -1]]
        inside = (values > low - ROUNDING) & (values < high + ROUNDING)
        cell = np.searchsorted(self.edges, values, side="right") - 1
        cell = np.clip(cell, 0, len(self.edges) - 2)
        density = self.probability[np.arange(len(values)), cell] / np.diff(self.edges)[cell]
        tiny = np.finfo(float).tiny
        return np.where(inside, np.log(np.maximum(density, tiny)), -np.inf)
