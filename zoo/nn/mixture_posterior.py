"""Posterior of one number as a mixture of normal distributions, recalibrated."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from scipy.special import ndtri

from zoo.nn.posterior_summary import LEVELS
from zoo.nn.recalibration import Recalibration
from zoo.nn.standardize import Standardize

NARROWEST = 0.01  # standard deviation of a component, in units of the training set's
STEPS = 26  # of the bisection, from REACH to single precision
REACH = 12.0


class MixturePosterior(keras.layers.Layer):
    """Mean, standard deviation and quantiles of a mixture set by a state vector.

    Parameters
    ----------
    state : int
        Length of the state.
    components : int
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, state: int, components: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.components = int(components)
        self.dense = keras.layers.Dense(3 * components, name="dense", dtype=policy)
        self.dense.build((None, state))
        self.target = Standardize(1, name="target", dtype=policy)
        self.recalibration = Recalibration(name="recalibration", dtype=policy)
        self.built = True

    def parts(self, state):
        """Logarithm of the weights, means and deviations (batch, components), standardised."""
        raw = ops.reshape(self.dense(state), (-1, 3, self.components))
        spread = np.linspace(-1, 1, self.components)
        deviation = ops.softplus(raw[:, 2]) + NARROWEST
        means = raw[:, 1] + ops.convert_to_tensor(spread, dtype=raw.dtype)
        return ops.log_softmax(raw[:, 0], axis=-1), means, deviation

    def log_prob(self, value, state):
        """Natural logarithm of the density (batch,) before recalibration, standardised."""
        log_weight, mean, deviation = self.parts(state)
        z = (self.target(value[:, None]) - mean) / deviation
        return ops.logsumexp(log_weight - ops.log(deviation) - 0.5 * z**2, axis=-1)

    def base(self, value, state):
        """Standard normal variables (batch,) whose ranks are those of the values."""
        parts = self.parts(state)
        rank = np.asarray(self._cdf(self.target(value[:, None]), parts)[:, 0], float)
        return ndtri(np.clip(rank, 1e-6, 1 - 1e-6))

    def call(self, state):
        """List of mean (batch,), standard deviation (batch,) and quantiles (batch, 5)."""
        parts = self.parts(state)
        log_weight, means, deviation = parts
        weight = ops.exp(log_weight)
        mean = ops.sum(weight * means, axis=-1)
        variance = ops.sum(weight * (deviation**2 + (means - mean[:, None]) ** 2), axis=-1)
        z = self.recalibration.invert(ops.convert_to_tensor(ndtri(LEVELS), dtype=mean.dtype))
        level = 0.5 * (1 + ops.erf(z / np.sqrt(2)))
        low = ops.zeros_like(mean)[:, None] + ops.zeros_like(level) - REACH
        high = low + 2 * REACH
        for _ in range(STEPS):
            middle = (low + high) / 2
            below = self._cdf(middle, parts) < level
            low, high = ops.where(below, middle, low), ops.where(below, high, middle)
        scale, shift = self.target.scale[0], self.target.mean[0]
        return [mean * scale + shift, ops.sqrt(variance) * scale, (low + high) / 2 * scale + shift]

    def _cdf(self, value, parts):
        """Ranks (batch, n) of standardised values."""
        log_weight, mean, deviation = (part[:, None] for part in parts)
        z = (value[..., None] - mean) / deviation
        return ops.sum(ops.exp(log_weight) * 0.5 * (1 + ops.erf(z / np.sqrt(2))), axis=-1)

    def compute_output_spec(self, state):
        """(batch,), (batch,) and (batch, 5)."""
        shapes = ((state.shape[0],), (state.shape[0],), (state.shape[0], len(LEVELS)))
        return [keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in shapes]
