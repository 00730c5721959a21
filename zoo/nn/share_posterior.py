"""Posteriors of shares between 0 and 1, both ends of which are likely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)


class SharePosterior(keras.layers.Layer):
    """Means, errors and quantiles of shares from logits at equally spaced nodes.

    A share of exactly 0 or 1 is common (a pure line of sight), so that no smooth density on the
    simplex will do: each share has a probability at each of n nodes from 0 to 1. The means of all
    shares are scaled to the sum 1; quantiles spread each probability over its node's cell, those of
    0 and 1 excepted, which stay points.

    Parameters
    ----------
    names : sequence of str
        Of the shares.
    nodes : int
        Four or more.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, names: Sequence[str], nodes: int = 21, **kwargs) -> None:
        super().__init__(**kwargs)
        self.names, self.nodes = tuple(names), np.linspace(0, 1, nodes)
        middles = (self.nodes[2:-1] + self.nodes[1:-2]) / 2
        # the ends are points; the cells of their neighbours reach to them
        self.edges = np.concatenate([[0.0, 0.0], middles, [1.0, 1.0]])
        self.temperature = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="temperature"
        )
        self.built = True

    def call(self, logits):
        """Dict of ``name``, ``name_std`` (batch,) and ``name_quantiles`` (batch, 5) of each share.

        Parameters
        ----------
        logits : (batch, shares, nodes)
        """
        p = ops.softmax(logits / ops.cast(self.temperature, logits.dtype), axis=-1)
        nodes = ops.convert_to_tensor(self.nodes, dtype=logits.dtype)
        mean = ops.sum(p * nodes, axis=-1)
        std = ops.sqrt(ops.sum(p * (nodes - mean[..., None]) ** 2, axis=-1))
        mean = mean / ops.sum(mean, axis=-1, keepdims=True)
        quantiles = self._quantiles(p)
        out: dict[str, Any] = {}
        for i, name in enumerate(self.names):
            out |= {
                name: mean[:, i],
                f"{name}_std": std[:, i],
                f"{name}_quantiles": quantiles[:, i],
            }
        return out

    def _quantiles(self, p):
        """Where the running sum (batch, shares, nodes) reaches the levels."""
        upper = ops.cumsum(p, axis=-1)[..., None, :]
        p = p[..., None, :]
        level = ops.convert_to_tensor(LEVELS, dtype=p.dtype)[:, None]
        share = ops.clip((level - (upper - p)) / ops.maximum(p, 1e-7), 0.0, 1.0)
        width = ops.convert_to_tensor(np.diff(self.edges), dtype=p.dtype)
        return ops.sum(share * width, axis=-1)

    def targets(self, shares: np.ndarray) -> np.ndarray:
        """Probabilities (n, shares, nodes) of true shares (n, shares), between two nodes each."""
        place = np.asarray(shares, float)[..., None] * (len(self.nodes) - 1)
        return np.maximum(0, 1 - np.abs(place - np.arange(len(self.nodes)))).astype(np.float32)

    def compute_output_spec(self, logits):
        """(batch,), (batch,) and (batch, 5)."""
        batch = logits.shape[0]
        shapes = {"": (batch,), "_std": (batch,), "_quantiles": (batch, len(LEVELS))}
        return {
            name + end: keras.KerasTensor(shape, dtype=self.compute_dtype)
            for name in self.names
            for end, shape in shapes.items()
        }
