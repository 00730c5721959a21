"""Exact posteriors of the gas of H II regions, where the likelihood is known.

Model: the grid of Cloudy between its nodes, a screen of dust, Gaussian noise of one size for all
lines, limits below three errors: what `nebula_lines/cloudy_hii` is drawn from. Prior: that of the
mocks, uniform but for E(B-V), which is gamma; the flux of H alpha over its error, a nuisance, is
uniform in the logarithm. Importance sampling that knows no network: Sobol points in the whole
prior, then kernels about the weighted points, tempered until they have found the posterior
(population Monte Carlo, Cappe et al. 2004); the nuisance is drawn from the Gaussian that the
measured lines make of it. The effective size of every sample is reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import log_ndtr, logsumexp
from scipy.stats import qmc

from zoo_datasets.simulators.nebulae import dust
from zoo_datasets.simulators.nebulae.grids import Grid
from zoo_datasets.simulators.nebulae.lines import HALPHA
from zoo_datasets.simulators.nebulae.record import INFERENCE, POPULATIONS

NAMES = ("log_u", "log_oh", "log_no", "ebv")
REDDEST = 3.0  # [mag], beyond which the prior holds 1e-6
FIRST, ROUND, LAST = 2**13, 2**12, 2**15  # points of the first, of later and of the last round
ROUNDS = 20
SETTLED = 3  # rounds without tempering, after which comes the last
ENOUGH = 250.0  # effective size that a tempered sample keeps
KERNELS = 100
TAIL = 5.0  # degrees of freedom of the kernels
LIMIT = 3.0


@dataclass(frozen=True)
class Exact:
    """Draws (n, 4) from a posterior, and the effective size of the sample behind them."""

    draws: np.ndarray
    effective: float


def log_weight(
    grid: Grid,
    theta: np.ndarray,
    flux: np.ndarray,
    measured: np.ndarray,
    limit: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Log of posterior over uniform density (n,), with one draw of the nuisance for each point.

    Parameters
    ----------
    theta : (n, 4) array
        `NAMES`.
    flux : (12,) array
        Over the error.
    measured, limit : (12,) bool arrays
        Where it is a measurement, and where an upper limit of three errors; neither if absent.
    """
    log_u, log_oh, log_no, ebv = theta.T
    model = grid.many(np.stack([log_oh, log_no, log_u], axis=1))
    model = model * 10 ** (-0.4 * ebv[:, None] * dust.CURVE)
    model /= model[:, HALPHA, None]
    seen = model[:, measured]
    a, b = (seen**2).sum(axis=1), seen @ flux[measured]
    quality = b / a + rng.standard_normal(len(a)) / np.sqrt(a)
    low, high = POPULATIONS["inference"].quality
    inside = (quality > low) & (quality < high)
    quality = np.where(inside, quality, low)
    out = 0.5 * b**2 / a - 0.5 * np.log(a) - np.log(quality)
    out += log_ndtr(LIMIT - quality[:, None] * model[:, limit]).sum(axis=1)
    out += stats.gamma.logpdf(ebv, 1.5, scale=POPULATIONS["inference"].reddening)
    return np.where(inside, out, -np.inf)


def exact(
    grid: Grid,
    flux: np.ndarray,
    measured: np.ndarray,
    limit: np.ndarray,
    count: int,
    seed: int,
) -> Exact:
    """Draw from the posterior of one object; see `log_weight`."""
    rng = np.random.default_rng(seed)
    low = np.array([INFERENCE[n][0] if n in INFERENCE else 0.0 for n in NAMES])
    high = np.array([INFERENCE[n][1] if n in INFERENCE else REDDEST for n in NAMES])

    def weigh(theta: np.ndarray) -> np.ndarray:
        inside = np.all((theta > low) & (theta < high), axis=1)
        found = log_weight(grid, np.clip(theta, low, high), flux, measured, limit, rng)
        return np.where(inside, found, -np.inf)

    theta = low + qmc.Sobol(len(NAMES), seed=rng).random(FIRST) * (high - low)
    weight = weigh(theta)
    cold = 0
    for _ in range(ROUNDS):
        share = _shares(weight, power := _power(weight))
        cold += power == 1
        size = LAST if cold == SETTLED else ROUND
        theta, log_proposal = _proposal(theta, share, size, rng)
        weight = weigh(theta) - log_proposal
        if size == LAST:
            break
    share = _shares(weight, 1.0)
    chosen = rng.choice(len(theta), count, p=share)
    return Exact(theta[chosen], float(1 / np.sum(share**2)))


def _shares(weight: np.ndarray, power: float) -> np.ndarray:
    """Weights (n,) to a power, of sum 1; impossible points have none, even at a power of 0."""
    possible = np.isfinite(weight)
    out = np.zeros_like(weight)
    out[possible] = np.exp(power * (weight[possible] - weight.max()))
    return np.asarray(out / out.sum())


def _power(weight: np.ndarray) -> float:
    """The largest power up to 1 at which the sample counts as `ENOUGH` points."""

    def effective(power: float) -> float:
        return float(1 / np.sum(_shares(weight, power) ** 2))

    if effective(1.0) >= ENOUGH:
        return 1.0
    few, many = 1.0, 0.0
    for _ in range(30):
        middle = (few + many) / 2
        few, many = (middle, many) if effective(middle) < ENOUGH else (few, middle)
    return many


def _proposal(
    theta: np.ndarray, share: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Points from a mixture of Student kernels about a weighted sample, and its ln density."""
    dimension = theta.shape[1]
    mean = share @ theta
    spread = (share[:, None] * (theta - mean)).T @ (theta - mean)
    centres = theta[rng.choice(len(theta), KERNELS, p=share)]
    width = KERNELS ** (-1 / (dimension + 4))
    root = width * np.linalg.cholesky(spread + 1e-10 * np.eye(dimension))
    z = rng.standard_normal((size, dimension)) / np.sqrt(rng.chisquare(TAIL, (size, 1)) / TAIL)
    points = centres[rng.integers(0, KERNELS, size)] + z @ root.T
    inverse = np.linalg.inv(root).T
    own, those = points @ inverse, centres @ inverse
    square = (own**2).sum(1)[:, None] + (those**2).sum(1) - 2 * own @ those.T
    kernel = -(TAIL + dimension) / 2 * np.log1p(np.maximum(square, 0) / TAIL)
    return points, logsumexp(kernel, axis=1)
