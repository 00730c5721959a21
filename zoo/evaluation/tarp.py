"""Expected coverage with random points (TARP; Lemos et al. 2023, ICML, arXiv 2302.03026)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from zoo.evaluation.arrays import Floats, chunks, finite, posterior


@dataclass(frozen=True)
class Tarp:
    """Expected coverage of a posterior in all its dimensions together.

    Attributes
    ----------
    level : ndarray, shape (k,)
        Credibility of the regions, from 0 to 1.
    coverage : ndarray, shape (k,)
        Fraction of truths inside them; equal to `level` under calibration.
    fraction : ndarray, shape (n_obs,)
        Fraction of draws nearer to the reference point than the truth is.
    pit : ndarray, shape (n_obs,)
        The same made exactly uniform under calibration, for `calibration.uniformity`.
    """

    level: Floats
    coverage: Floats
    fraction: Floats
    pit: Floats

    @property
    def max_deviation(self) -> float:
        """Return the largest abs(coverage - level)."""
        return float(np.abs(self.coverage - self.level).max())

    @property
    def area(self) -> float:
        """Return the area between curve and diagonal, signs kept out: the integral of abs."""
        return float(trapezoid(np.abs(self.coverage - self.level), self.level))


def expected_coverage(
    samples: ArrayLike,
    truth: ArrayLike,
    references: ArrayLike | None = None,
    n_levels: int = 101,
    seed: int = 0,
) -> Tarp:
    """Return the TARP curve of a set of posteriors.

    Distances are Euclidean after every parameter is scaled by the range of its truths. A curve on
    the diagonal for every choice of references means exact posteriors; with references independent
    of the data, as the default ones, a posterior equal to the prior passes too, so read it together
    with a score (NLL, CRPS).

    Parameters
    ----------
    samples : array_like, shape (n_obs, n_draws, d) or (n_obs, n_draws)
    truth : array_like, shape (n_obs, d) or (n_obs,)
    references : array_like, shape (n_obs, d), optional
        In the unit of the parameters; by default uniform over the range of the truths.
    n_levels : int
        Number of credibility levels.
    seed : int
        Of the references and of the order of ties.

    Raises
    ------
    ValueError
        If the shapes do not belong together, a value is not finite, or the truths of a parameter
        are all equal.
    """
    samples, truth = posterior(samples, truth)
    low, width = truth.min(axis=0), np.ptp(truth, axis=0)
    if (width == 0).any():
        raise ValueError("truth has a parameter with one value only; its range sets the distance")
    rng = np.random.default_rng(seed)
    random = low + width * rng.random(truth.shape)
    points = random if references is None else finite("references", references, ndim=2)
    if points.shape != truth.shape:
        raise ValueError(f"references has shape {points.shape} but truth has {truth.shape}")

    n_obs, n_draws, _ = samples.shape
    nearer, equal = np.empty(n_obs), np.empty(n_obs)
    for rows in chunks(n_obs, 16 * samples[0].size):
        centre = points[rows, np.newaxis]
        of_draws = np.linalg.norm((samples[rows] - centre) / width, axis=2)
        of_truth = np.linalg.norm((truth[rows] - points[rows]) / width, axis=1)[:, np.newaxis]
        nearer[rows] = (of_draws < of_truth).sum(axis=1)
        equal[rows] = (of_draws == of_truth).sum(axis=1)
    ranks = nearer + rng.integers(0, equal.astype(np.int64), endpoint=True)
    values = (ranks + rng.random(n_obs)) / (n_draws + 1)
    level = np.linspace(0.0, 1.0, n_levels)
    inside = np.searchsorted(np.sort(values), level, side="left") / n_obs
    return Tarp(level, inside, nearer / n_draws, values)
