"""Losses of numbers of galaxies per voxel."""

from __future__ import annotations

from typing import Any

from keras import ops


def weighted_cross_entropy(count: Any, logit: Any, weight: float) -> Any:
    """Cross entropy of occupied voxels with classes weighted by [1, w] / (1 + w).

    Parameters
    ----------
    count : tensor
        Galaxies in voxels; occupied above 0.
    logit : tensor of the same shape
        Of the weighted probability q.
    weight : float
        w of the occupied voxels.

    Returns
    -------
    tensor of the same shape
    """
    occupied = ops.cast(count > 0, logit.dtype)
    missed = weight * occupied * ops.softplus(-logit)
    return (missed + (1 - occupied) * ops.softplus(logit)) / (1 + weight)


def unweighted(logit: Any, weight: float) -> Any:
    """Logit of p = q / (q + (1 - q) w): what q says once the weights of the classes are undone."""
    return logit - ops.log(ops.cast(weight, logit.dtype))


def central_and_satellites(count: Any, logit: Any, log_mean: Any) -> Any:
    """-ln of the probability of a sum of a Bernoulli and a Poisson number, less what is constant.

    A halo has one central at most, which a Poisson number would double now and then.

    Parameters
    ----------
    count : tensor
        Galaxies in voxels.
    logit : tensor
        Of the probability of a central.
    log_mean : tensor
        ln of the mean number of the other galaxies.
    """
    no, yes = -ops.softplus(logit), -ops.softplus(-logit)
    some = ops.maximum(count, 1)
    without = no + some * log_mean - ops.log(some)
    central = yes + (some - 1) * log_mean
    likely = ops.where(count > 0, ops.logaddexp(without, central), no)
    return ops.exp(log_mean) - likely
