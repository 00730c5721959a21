"""Ranks, coverage and their tests on Gaussian posteriors whose faults are known.

The parameter has prior N(0, 1) and is seen with unit noise, so its posterior is N(x / 2, 1 / 2).
"""

import numpy as np
import pytest
from scipy import stats

from zoo.evaluation import arrays, calibration

LEVELS = np.array([0.5, 0.68, 0.9, 0.95])


def gaussian(n_obs=4000, n_draws=200, width=1.0, shift=0.0, d=1, seed=0):
    """Draw posteriors `width` times too wide and `shift` standard deviations too high."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n_obs, d))
    data = truth + rng.normal(size=truth.shape)
    std = np.sqrt(0.5)
    noise = width * rng.normal(size=(n_obs, n_draws, d)) + shift
    return data[:, np.newaxis] / 2 + std * noise, truth


def expected_coverage(width, shift):
    """Return the exact coverage: the truth lies at z ~ N(-shift, 1) claimed standard deviations."""
    edge = width * stats.norm.isf((1 - LEVELS) / 2)
    return stats.norm.cdf(edge + shift) - stats.norm.cdf(-edge + shift)


@pytest.mark.parametrize(
    ("width", "shift"), [(1.0, 0.0), (0.6, 0.0), (1.6, 0.0), (1.0, 0.8)], ids=str
)
def test_coverage_is_the_analytic_one(width, shift):
    samples, truth = gaussian(width=width, shift=shift)
    measured = calibration.coverage(calibration.pit(samples, truth)[:, 0], LEVELS)
    expected = expected_coverage(width, shift)
    # 4 sigma of the binomial, and the width of one rank (1 / 201) for intervals from draws.
    tolerance = 4 * np.sqrt(expected * (1 - expected) / 4000) + 0.005 * (width != 1 or shift != 0)
    np.testing.assert_array_less(np.abs(measured - expected), tolerance)


def test_right_posterior_is_uniform_with_few_draws():
    samples, truth = gaussian(n_obs=20_000, n_draws=7)
    result = calibration.uniformity(calibration.pit(samples, truth)[:, 0])
    assert result.chi2_p_value > 0.001
    assert result.ks_p_value > 0.001


@pytest.mark.parametrize(("width", "shift"), [(0.8, 0.0), (1.25, 0.0), (1.0, 0.2)], ids=str)
def test_wrong_posterior_is_found(width, shift):
    result = calibration.uniformity(calibration.pit(*gaussian(width=width, shift=shift))[:, 0])
    assert result.chi2_p_value < 1e-6
    assert result.ks_p_value < 1e-3


def test_uniformity_is_scipys():
    values = np.random.default_rng(3).beta(1.1, 1.0, 500)
    result = calibration.uniformity(values, bins=10)
    counts = [np.sum((values >= k / 10) & (values < (k + 1) / 10)) for k in range(10)]
    chi2 = sum((c - 50) ** 2 / 50 for c in counts)
    assert result.chi2 == pytest.approx(chi2)
    assert result.chi2_p_value == pytest.approx(stats.chi2.sf(chi2, 9))
    ordered, steps = np.sort(values), np.arange(500) / 500
    assert result.ks == pytest.approx(max((ordered - steps).max(), (steps + 0.002 - ordered).max()))


def test_ranks_count_draws_below_in_any_order():
    samples = np.array([[1.0, 5.0, 3.0], [4.0, 2.0, 0.0]])
    truth = np.array([4.0, -1.0])
    np.testing.assert_array_equal(calibration.sbc_ranks(samples, truth), [[2], [0]])
    np.testing.assert_array_equal(calibration.sbc_ranks(samples[:, ::-1], truth), [[2], [0]])


def test_ties_take_every_rank():
    ranks = calibration.sbc_ranks(np.zeros((4000, 3)), np.zeros(4000))[:, 0]
    assert stats.chisquare(np.bincount(ranks, minlength=4)).pvalue > 0.001


def test_parameters_are_independent_columns():
    samples, truth = gaussian(n_obs=50, d=3)
    ranks = calibration.sbc_ranks(samples, truth)
    for k in range(3):
        alone = calibration.sbc_ranks(samples[:, :, k], truth[:, k])
        np.testing.assert_array_equal(ranks[:, [k]], alone)


def test_chunks_change_nothing(monkeypatch):
    samples, truth = gaussian(n_obs=100, n_draws=50, d=2)
    expected = calibration.pit(samples, truth)
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 1000)
    np.testing.assert_array_equal(calibration.pit(samples, truth), expected)


def test_nll_of_a_gaussian_is_its_entropy():
    x = np.random.default_rng(4).normal(0, 2, 20_000)
    summary = calibration.nll_summary(stats.norm.logpdf(x, 0, 2))
    entropy = 0.5 * np.log(2 * np.pi * np.e * 4)
    assert summary["mean_error"] == pytest.approx(np.sqrt(0.5 / 20_000), rel=0.1)
    assert abs(summary["mean"] - entropy) < 4 * summary["mean_error"]
    assert summary["zero_density"] == 0


def test_nll_of_an_excluded_truth_is_infinite():
    summary = calibration.nll_summary([-1.0, -2.0, -np.inf])
    assert summary["mean"] == summary["worst"] == np.inf
    assert summary["median"] == 2.0
    assert summary["zero_density"] == pytest.approx(1 / 3)
    assert np.isnan(summary["mean_error"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibration.pit(np.zeros((5, 9, 2)), np.zeros((5, 3))), "needed are"),
        (lambda: calibration.pit(np.zeros((5, 9)), np.zeros(4)), "needed are"),
        (lambda: calibration.pit(np.full((5, 9), np.nan), np.zeros(5)), "samples has 45 of 45"),
        (lambda: calibration.coverage([1.2], [0.5]), "pit_values run from 1.2"),
        (lambda: calibration.coverage([0.2], [68]), "levels run from 68"),
        (lambda: calibration.uniformity(np.zeros(30)), "bins is 20 for 30 values"),
        (lambda: calibration.nll_summary([np.nan, 1.0]), "NaN"),
        (lambda: calibration.nll_summary([1.0]), "n_obs >= 2"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
