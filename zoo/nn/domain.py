"""Making two domains look alike: gradient reversal, and distances between samples."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


class GradientReversal(keras.layers.Layer):
    """The identity, through which gradients come back times -strength (Ganin et al. 2016).

    Between an encoder and a network that tells domains apart it makes the encoder forget them
    (JMLR 17, 59; arXiv:1505.07818, eq. 11). Written with a stopped gradient, it works on any
    backend of Keras.

    Parameters
    ----------
    strength : float
        Its first value; the weight `strength` may be assigned while training goes on.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, strength: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        start = keras.initializers.Constant(strength)
        self.strength = self.add_weight(
            shape=(), initializer=start, trainable=False, name="strength"
        )
        self.built = True

    def call(self, x: Any) -> Any:
        """The values themselves."""
        reversed_ = ops.cast(self.strength, x.dtype) * x
        return x + ops.stop_gradient(x + reversed_) - (x + reversed_)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the input."""
        return input_shape


def ramp(progress: float, steepness: float = 10.0) -> float:
    """Strength of the reversal when a share `progress` of the training is over.

    2 / (1 + exp(-steepness progress)) - 1, from 0 to 1 (Ganin et al. 2016, section 5.2.2).
    """
    return 2 / (1 + math.exp(-steepness * progress)) - 1


def coral(source: Any, target: Any, source_weights: Any = None, target_weights: Any = None) -> Any:
    """Squared distance of means and covariances of two samples.

    The covariances' part is that of Sun & Saenko (2016, arXiv:1607.01719, eq. 1); its invariance
    to a shift of one sample is removed by adding the mean squared distance of the means.

    Parameters
    ----------
    source, target : (n, d), (m, d) tensors
    source_weights, target_weights : (n,), (m,) tensors, optional
        Not negative, of any sum; all alike unless given.

    Returns
    -------
    scalar tensor
    """
    mean_s, cov_s = _moments(source, source_weights)
    mean_t, cov_t = _moments(target, target_weights)
    size = source.shape[-1]
    return ops.sum((cov_s - cov_t) ** 2) / (4 * size**2) + ops.mean((mean_s - mean_t) ** 2)


def mmd(source: Any, target: Any, source_weights: Any = None, target_weights: Any = None) -> Any:
    """Squared maximum mean discrepancy of two samples (Gretton et al. 2012, JMLR 13, 723, eq. 5).

    The kernel is the mean of five Gaussians whose variances are 1/4 to 4 times the mean squared
    distance between all points; the gradient does not go through that.

    Parameters
    ----------
    source, target : (n, d), (m, d) tensors
    source_weights, target_weights : (n,), (m,) tensors, optional
        Not negative, of any sum; all alike unless given.

    Returns
    -------
    scalar tensor
        Not negative, up to rounding; 0 for equal samples.
    """
    points = ops.concatenate([source, target], axis=0)
    weights = ops.concatenate(
        [_shares(source, source_weights), -_shares(target, target_weights)], axis=0
    )
    square = ops.sum(points**2, axis=-1)
    distance = ops.maximum(square[:, None] + square - 2 * points @ ops.transpose(points), 0)
    scale = ops.stop_gradient(ops.mean(distance)) + keras.config.epsilon()
    kernel = sum(ops.exp(-distance / (2 * factor * scale)) for factor in (0.25, 0.5, 1, 2, 4)) / 5
    return ops.sum(kernel * weights[:, None] * weights)


def _shares(sample: Any, weights: Any) -> Any:
    """Weights (n,) that sum to 1."""
    one = ops.ones_like(sample[:, 0])
    weights = one if weights is None else ops.cast(weights, one.dtype)
    return weights / ops.maximum(ops.sum(weights), keras.config.epsilon())


def _moments(sample: Any, weights: Any) -> tuple[Any, Any]:
    """Weighted mean (d,) and covariance (d, d)."""
    share = _shares(sample, weights)[:, None]
    mean = ops.sum(share * sample, axis=0)
    centred = sample - mean
    return mean, ops.transpose(share * centred) @ centred
