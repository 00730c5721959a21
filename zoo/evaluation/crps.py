"""Continuous ranked probability score (Gneiting & Raftery 2007, JASA 102, 359).

CRPS = E|X - y| - E|X - X'| / 2 with X, X' from the forecast and y the truth: proper, in the unit of
the parameter, and equal to the absolute error for a point forecast. Smaller is better.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from zoo.evaluation.arrays import Floats, chunks, finite, posterior


def crps_samples(samples: ArrayLike, truth: ArrayLike) -> Floats:
    """Return the CRPS of every observation and parameter from posterior draws.

    The estimator is the fair one (Ferro 2014, QJRMS 140, 1917): unbiased for any number of draws,
    so that scores from 100 and 1,000 draws are comparable. A single one may be negative.

    Parameters
    ----------
    samples : array_like, shape (n_obs, n_draws, d) or (n_obs, n_draws)
        At least two draws.
    truth : array_like, shape (n_obs, d) or (n_obs,)

    Returns
    -------
    ndarray, shape (n_obs, d)
        In the unit of the parameter.

    Raises
    ------
    ValueError
        If the shapes do not belong together, a value is not finite, or n_draws < 2.
    """
    samples, truth = posterior(samples, truth)
    n_draws = samples.shape[1]
    if n_draws < 2:
        raise ValueError(f"samples has n_draws = {n_draws}; the fair CRPS needs at least 2")
    # Of the sorted draws, sum_{i<j} (x_j - x_i) = sum_i (2 i - n_draws + 1) x_i, i from 0.
    weights = 2.0 * np.arange(n_draws) - n_draws + 1.0
    scores = np.empty(truth.shape)
    for rows in chunks(len(truth), 8 * samples[0].size):
        error = np.abs(samples[rows] - truth[rows, np.newaxis]).mean(axis=1)
        # Subtracting the truth first keeps the weighted sum exact for values far from zero.
        ordered = np.sort(samples[rows] - truth[rows, np.newaxis], axis=1)
        spread = np.einsum("k,nkd->nd", weights, ordered) / (n_draws * (n_draws - 1))
        scores[rows] = error - spread
    return scores


def crps_gaussian(mean: ArrayLike, std: ArrayLike, truth: ArrayLike) -> Floats:
    """Return the CRPS of Gaussian forecasts in closed form.

    Gneiting et al. 2005 (Mon. Weather Rev. 133, 1098), eq. 5.

    Parameters
    ----------
    mean, std, truth : array_like, shapes that broadcast
        In one unit; `std` is positive.

    Returns
    -------
    ndarray, the common shape

    Raises
    ------
    ValueError
        If `std` is not positive or a value is not finite.
    """
    mean, std, truth = finite("mean", mean), finite("std", std), finite("truth", truth)
    if std.min() <= 0:
        raise ValueError(f"std has the value {std.min()}; it must be positive")
    z = (truth - mean) / std
    score = z * (2.0 * stats.norm.cdf(z) - 1.0) + 2.0 * stats.norm.pdf(z) - 1.0 / np.sqrt(np.pi)
    return np.asarray(std * score, np.float64)
