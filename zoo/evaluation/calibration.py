"""Ranks of the truth within a posterior, their coverage and their uniformity.

Everything rests on the rank of the true value among the draws (simulation-based calibration,
Talts et al. 2018, arXiv 1804.06788): if draws and truth come from the same posterior, the rank is
uniform. Draws must be independent; thin a Markov chain first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from zoo.evaluation.arrays import Floats, chunks, finite, posterior


def sbc_ranks(samples: ArrayLike, truth: ArrayLike, seed: int = 0) -> NDArray[np.int64]:
    """Return how many draws lie below the truth, ties broken at random.

    Parameters
    ----------
    samples : array_like, shape (n_obs, n_draws, d) or (n_obs, n_draws)
    truth : array_like, shape (n_obs, d) or (n_obs,)
    seed : int
        Of the random order of ties, which bounded or discrete parameters have.

    Returns
    -------
    ndarray, shape (n_obs, d)
        Integers from 0 to n_draws, uniform where the posterior is calibrated.

    Raises
    ------
    ValueError
        If the shapes do not belong together or a value is not finite.
    """
    samples, truth = posterior(samples, truth)
    rng = np.random.default_rng(seed)
    ranks = np.empty(truth.shape, np.int64)
    for rows in chunks(len(truth), samples[0].size):
        below = (samples[rows] < truth[rows, np.newaxis]).sum(axis=1)
        equal = (samples[rows] == truth[rows, np.newaxis]).sum(axis=1)
        ranks[rows] = below + rng.integers(0, equal, endpoint=True)
    return ranks


def pit(samples: ArrayLike, truth: ArrayLike, seed: int = 0) -> Floats:
    """Return the probability integral transform of the truth, estimated from draws.

    It is (rank + u) / (n_draws + 1) with u uniform in [0, 1): under calibration exactly uniform in
    [0, 1) for any number of draws, where the plain fraction of draws below is not.

    Parameters
    ----------
    samples, truth, seed
        As for `sbc_ranks`; the seed also draws u.

    Returns
    -------
    ndarray, shape (n_obs, d)
    """
    ranks = sbc_ranks(samples, truth, seed)
    jitter = np.random.default_rng([seed, 1]).random(ranks.shape)
    return (ranks + jitter) / (np.shape(samples)[1] + 1)


def coverage(pit_values: ArrayLike, levels: ArrayLike) -> Floats:
    """Return the fraction of truths inside the central interval of every level.

    Parameters
    ----------
    pit_values : array_like, shape (n_obs,) or (n_obs, d)
        From `pit`, or the posterior's own cumulative distribution at the truth.
    levels : array_like, shape (n_levels,)
        Probabilities of the intervals, in (0, 1).

    Returns
    -------
    ndarray, shape (n_levels,) or (n_levels, d)
        Equal to `levels` under calibration, smaller for an overconfident posterior.

    Raises
    ------
    ValueError
        If a PIT value lies outside [0, 1] or a level outside (0, 1).
    """
    values, levels = unit_interval(pit_values), finite("levels", levels, ndim=1)
    if levels.min() <= 0 or levels.max() >= 1:
        raise ValueError(f"levels run from {levels.min()} to {levels.max()}; allowed is (0, 1)")
    depth = np.abs(2.0 * values - 1.0)
    return np.stack([(depth < level).mean(axis=0) for level in levels])


def unit_interval(pit_values: ArrayLike) -> Floats:
    """Return PIT values as float64, refusing any outside [0, 1]."""
    values = finite("pit_values", pit_values)
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"pit_values run from {values.min()} to {values.max()}; allowed is [0, 1]")
    return values


@dataclass(frozen=True)
class Uniformity:
    """Two tests of the hypothesis that PIT values are uniform.

    Attributes
    ----------
    chi2, chi2_p_value : float
        Pearson's statistic of the histogram and its p-value (bins - 1 degrees of freedom).
    ks, ks_p_value : float
        Kolmogorov-Smirnov distance to the uniform distribution and its p-value.
    bins : int
    """

    chi2: float
    chi2_p_value: float
    ks: float
    ks_p_value: float
    bins: int


def uniformity(pit_values: ArrayLike, bins: int = 20) -> Uniformity:
    """Test whether the PIT values of one parameter are uniform.

    Parameters
    ----------
    pit_values : array_like, shape (n_obs,)
    bins : int
        Equal bins of the chi-square test.

    Raises
    ------
    ValueError
        If there are fewer than 5 values for each bin, below which the chi-square distribution of
        the statistic does not hold; or a value lies outside [0, 1].
    """
    values = finite("pit_values", unit_interval(pit_values), ndim=1)
    if bins < 2 or values.size < 5 * bins:
        raise ValueError(f"bins is {bins} for {values.size} values; allowed is 2 to size / 5")
    chi2 = stats.chisquare(np.histogram(values, bins, (0.0, 1.0))[0])
    ks = stats.kstest(values, "uniform")
    return Uniformity(
        chi2=float(chi2.statistic),
        chi2_p_value=float(chi2.pvalue),
        ks=float(ks.statistic),
        ks_p_value=float(ks.pvalue),
        bins=bins,
    )


def nll_summary(log_prob: ArrayLike) -> dict[str, float]:
    """Summarise the negative log-likelihood of the truth under a model.

    Parameters
    ----------
    log_prob : array_like, shape (n_obs,)
        Natural logarithm of the density at the truth; -inf is allowed, NaN is not.

    Returns
    -------
    dict of float
        ``mean`` [nat], ``mean_error`` its standard error, ``median``, ``worst``, and
        ``zero_density``, the fraction of truths that the model excludes. One such truth makes the
        mean infinite, as it should, and its standard error NaN.

    Raises
    ------
    ValueError
        If a value is NaN or +inf, or there are fewer than two.
    """
    nll = -np.asarray(log_prob, np.float64)
    if nll.ndim != 1 or nll.size < 2:
        raise ValueError(f"log_prob has shape {nll.shape}; needed is (n_obs,) with n_obs >= 2")
    if np.isnan(nll).any() or (nll == -np.inf).any():
        raise ValueError("log_prob has NaN or +inf; allowed are finite values and -inf")
    excluded = np.isinf(nll)
    error = np.nan if excluded.any() else nll.std(ddof=1) / np.sqrt(nll.size)
    return {
        "mean": float(nll.mean()),
        "mean_error": float(error),
        "median": float(np.median(nll)),
        "worst": float(nll.max()),
        "zero_density": float(excluded.mean()),
    }
