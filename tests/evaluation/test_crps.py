"""CRPS against its definition as an integral, closed forms and brute force."""

import numpy as np
import pytest
from scipy import integrate, stats

from zoo.evaluation import arrays
from zoo.evaluation.crps import crps_gaussian, crps_samples


@pytest.mark.parametrize(("mean", "std", "truth"), [(0, 1, 0), (2, 0.5, 3.1), (-1, 3, -9)])
def test_gaussian_is_the_integral_over_thresholds(mean, std, truth):
    cdf = stats.norm(mean, std).cdf
    far = 12 * std
    below = integrate.quad(lambda x: cdf(x) ** 2, min(mean, truth) - far, truth)[0]
    above = integrate.quad(lambda x: (1 - cdf(x)) ** 2, truth, max(mean, truth) + far)[0]
    assert crps_gaussian(mean, std, truth) == pytest.approx(below + above, rel=1e-7)


def test_samples_are_the_pairwise_definition():
    rng = np.random.default_rng(0)
    samples, truth = rng.gamma(2, size=(6, 15, 2)), rng.gamma(2, size=(6, 2))
    error = np.abs(samples - truth[:, None]).mean(axis=1)
    pairs = np.abs(samples[:, :, None] - samples[:, None]).sum(axis=(1, 2)) / (15 * 14)
    np.testing.assert_allclose(crps_samples(samples, truth), error - pairs / 2, rtol=1e-12)


@pytest.mark.parametrize("n_draws", [2, 20])
def test_fair_estimator_is_unbiased_for_any_number_of_draws(n_draws):
    rng = np.random.default_rng(1)
    scores = crps_samples(rng.normal(1, 2, (100_000, n_draws)), np.full(100_000, 0.3))
    error = scores.std() / np.sqrt(scores.size)
    assert abs(scores.mean() - crps_gaussian(1, 2, 0.3)) < 4 * error


def test_order_offset_and_unit():
    rng = np.random.default_rng(2)
    samples, truth = rng.normal(size=(40, 100)), rng.normal(size=40)
    expected = crps_samples(samples, truth)
    shuffled = rng.permuted(samples, axis=1)
    np.testing.assert_allclose(crps_samples(shuffled, truth), expected, rtol=1e-10)
    far = crps_samples(samples + 1e9, truth + 1e9)
    np.testing.assert_allclose(far, expected, atol=1e-6)
    np.testing.assert_allclose(crps_samples(5 * samples, 5 * truth), 5 * expected, rtol=1e-10)


@pytest.mark.parametrize(("width", "shift"), [(0.5, 0), (2, 0), (1, 0.7)])
def test_right_forecast_scores_best(width, shift):
    truth = np.random.default_rng(3).normal(size=4000)
    right, wrong = crps_gaussian(0, 1, truth), crps_gaussian(shift, width, truth)
    assert right.mean() < wrong.mean()


def test_point_forecast_is_the_absolute_error():
    np.testing.assert_allclose(crps_samples(np.full((1, 5), 2.0), [3.5]), [[1.5]])


def test_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(4)
    samples, truth = rng.normal(size=(30, 10, 2)), rng.normal(size=(30, 2))
    expected = crps_samples(samples, truth)
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 1000)
    np.testing.assert_array_equal(crps_samples(samples, truth), expected)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="n_draws = 1"):
        crps_samples(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(ValueError, match=r"std has the value 0\.0"):
        crps_gaussian(0, [1, 0], 0)
