"""Recalibrated flows of one parameter: against numerical integration and the ranks of truths."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from zoo.nn.flows import flow_signatures
from zoo.nn.posterior_summary import LEVELS, PosteriorSummary
from zoo.nn.recalibration import KNOTS, RecalibratedFlow, Recalibration
from zoo.nn.vector_encoder import VectorEncoder

BOUNDS = (13.5, 15.35)


def skewed(n, seed):
    """Base values of truths under posteriors that are shifted, too narrow and not skewed."""
    rng = np.random.default_rng(seed)
    return 1.3 * stats.skewnorm.rvs(3, loc=-0.4, size=n, random_state=rng)


@pytest.fixture(scope="module")
def layer():
    layer = Recalibration(dtype="float64")
    layer.adapt(skewed(5000, 0))
    return layer


def test_it_starts_as_the_identity():
    z = np.linspace(-6, 6, 101)
    fresh = Recalibration(dtype="float64")
    value, log_slope = fresh(z)
    np.testing.assert_allclose(value, z, atol=1e-12)
    np.testing.assert_allclose(log_slope, 0, atol=1e-12)
    np.testing.assert_allclose(fresh.invert(z), z, atol=1e-12)


def test_bijection(layer):
    z = np.linspace(-6, 6, 4001)
    value, log_slope = (np.asarray(part) for part in layer(z))
    np.testing.assert_allclose(layer.invert(value), z, atol=1e-9)
    assert np.all(np.diff(value) > 0)
    slope = np.gradient(value, z)
    np.testing.assert_allclose(np.exp(log_slope)[1:-1], slope[1:-1], atol=5e-3)
    assert np.abs(np.diff(np.exp(log_slope))).max() < 0.02  # the density has no steps


def test_quantiles_are_those_of_the_calibration_split(layer):
    levels = stats.norm.cdf(KNOTS)
    raw = np.quantile(skewed(5000, 0), levels, method="hazen")
    np.testing.assert_allclose(np.asarray(layer(raw)[0]), KNOTS, atol=1e-4)


def test_ranks_of_new_truths_are_uniform(layer):
    """Within the errors of two samples of 5,000; without recalibration they are far from it."""
    new = skewed(5000, 1)
    ranks = stats.norm.cdf(np.asarray(layer(new)[0]))
    limit = 1.63 * np.sqrt(2 / 5000)  # 1 % of Kolmogorov and Smirnov, two samples
    assert stats.kstest(ranks, "uniform").statistic < limit
    assert stats.kstest(stats.norm.cdf(new), "uniform").statistic > 3 * limit


@pytest.mark.parametrize("z", [np.zeros(50), np.full(300, np.nan)])
def test_too_little_to_calibrate_with(z):
    with pytest.raises(ValueError, match="200 or more"):
        Recalibration().adapt(z)


@pytest.fixture(scope="module")
def flow():
    """A flow with random weights whose posteriors differ and are not Gaussian."""
    tf.keras.utils.set_random_seed(3)
    encoder = VectorEncoder({"x": (3,)}, name="encoder", dtype="float64")
    flow = RecalibratedFlow(
        {"log_mass": BOUNDS}, encoder, n_layers=1, hidden=8, depth=1, dtype="float64"
    )
    rng = np.random.default_rng(0)
    for weight in flow.trainable_weights:
        weight.assign(0.15 * rng.normal(size=weight.shape))
    flow.standardize.adapt(np.array([[0.42], [0.58]]))
    flow.recalibration.adapt(skewed(2000, 0))
    return flow


X = np.random.default_rng(1).normal(size=(4, 3))
GRID = np.linspace(*BOUNDS, 4_001)[1:-1]  # at a bound the density may run off


@pytest.fixture(scope="module")
def density(flow):
    """Density of four posteriors on the grid, (4, grid)."""
    rows = np.repeat(X, len(GRID), axis=0)
    log_prob = flow.log_prob({"x": rows}, np.tile(GRID, len(X))[:, None])
    return np.exp(np.asarray(log_prob)).reshape(len(X), -1)


def test_summaries_are_integrals_of_the_density(flow, density):
    np.testing.assert_allclose(np.trapezoid(density, GRID), 1, atol=1e-4)
    found = PosteriorSummary(flow, dtype="float64")({"x": tf.constant(X)})
    mean = np.trapezoid(density * GRID, GRID)
    std = np.sqrt(np.trapezoid(density * (GRID - mean[:, None]) ** 2, GRID))
    np.testing.assert_allclose(found["log_mass"], mean, atol=1e-3)
    np.testing.assert_allclose(found["log_mass_std"], std, atol=2e-3)
    assert np.ptp(mean) > 0.05
    for row, quantiles in zip(density, np.asarray(found["log_mass_quantiles"]), strict=True):
        share = [np.trapezoid(np.where(q >= GRID, row, 0), GRID) for q in quantiles]
        np.testing.assert_allclose(share, LEVELS, atol=2e-3)


def test_draws_follow_the_density(flow, density):
    sample, _ = flow_signatures(flow)["sample"]
    seed = np.stack([np.full(len(X), 7), np.arange(len(X))], axis=-1).astype(np.int32)
    given = {"x": tf.constant(X), "seed": seed, "n": np.full(len(X), 2000, np.int32)}
    draws = sample(given)["log_mass"].numpy()
    for row, values in zip(density, draws, strict=True):
        cumulative = np.concatenate([[0], np.cumsum((row[1:] + row[:-1]) / 2)]) * np.diff(GRID)[0]
        ranks = np.interp(values, GRID, cumulative)
        assert stats.kstest(ranks, "uniform").pvalue > 1e-3


def test_one_parameter_only():
    encoder = VectorEncoder({"x": (3,)})
    with pytest.raises(ValueError, match="for one"):
        RecalibratedFlow({"a": (0, 1), "b": (0, 1)}, encoder)
