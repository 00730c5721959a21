"""A mixture of normal distributions against SciPy."""

import numpy as np
import pytest
from scipy import stats

from zoo.nn.mixture_posterior import MixturePosterior
from zoo.nn.posterior_summary import LEVELS

STATE = np.random.default_rng(0).normal(size=(3, 6))


@pytest.fixture
def head():
    layer = MixturePosterior(6, 3, dtype="float64")
    rng = np.random.default_rng(1)
    layer.dense.kernel.assign(rng.normal(size=layer.dense.kernel.shape) * 0.5)
    layer.target.adapt(np.random.default_rng(2).normal(10, 0.7, (500, 1)))
    return layer


def parts(head, row):
    log_weight, mean, deviation = (np.asarray(part)[row] for part in head.parts(STATE))
    scale, shift = float(head.target.scale[0]), float(head.target.mean[0])
    return np.exp(log_weight), mean * scale + shift, deviation * scale


def test_moments_and_quantiles(head):
    mean, deviation, quantiles = (np.asarray(v) for v in head(STATE))
    for row in range(3):
        weight, means, widths = parts(head, row)
        assert mean[row] == pytest.approx(weight @ means)
        second = weight @ (means**2 + widths**2)
        assert deviation[row] == pytest.approx(np.sqrt(second - mean[row] ** 2))
        rank = [weight @ stats.norm.cdf(q, means, widths) for q in quantiles[row]]
        np.testing.assert_allclose(rank, LEVELS, atol=1e-6)


def test_density_is_that_of_the_mixture(head):
    value = np.array([9.5, 10.0, 11.0])
    found = np.asarray(head.log_prob(value, STATE))
    scale = float(head.target.scale[0])
    for row in range(3):
        weight, means, widths = parts(head, row)
        truth = np.log(
            weight @ stats.norm.pdf(value[row], means, widths) * scale * (2 * np.pi) ** 0.5
        )
        assert found[row] == pytest.approx(truth)


def test_recalibration_moves_the_ranks(head):
    """Truths twice as far out as the mixture says: its quantiles follow."""
    rng = np.random.default_rng(4)
    head.recalibration.adapt(2 * rng.normal(size=5000))
    _, _, quantiles = (np.asarray(v) for v in head(STATE))
    weight, means, widths = parts(head, 0)
    rank = [weight @ stats.norm.cdf(q, means, widths) for q in quantiles[0]]
    np.testing.assert_allclose(
        stats.norm.ppf(rank[1:4]), 2 * stats.norm.ppf(LEVELS[1:4]), atol=0.15
    )


def test_base_is_the_rank_of_a_value(head):
    median = np.asarray(head(STATE)[2])[:, 2]
    np.testing.assert_allclose(head.base(median, STATE), 0, atol=1e-5)
