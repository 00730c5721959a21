"""Errors of cluster masses against numbers worked out by hand and drawn from known scatter."""

import numpy as np
import pytest

from zoo.evaluation import clusters, evaluate

RNG = np.random.default_rng(6)


def test_errors_by_hand():
    true = np.array([13.7, 14.0, 14.5, 15.0, 15.1, 15.3])
    predicted = true + np.array([0.9, 0.1, -0.3, 0.2, 0.6, 5.0])
    found = clusters.cluster_mass_errors(predicted, true)
    inner = np.array([0.1, -0.3, 0.2])
    low, high = -0.3 + 0.32 * 0.4, 0.1 + 0.68 * 0.1  # quantiles .16 and .84 of three numbers
    assert found == pytest.approx(
        {
            "scatter": np.sqrt(np.mean((inner - 0.0) ** 2)),
            "bias": 0.0,
            "half_width_68": (high - low) / 2,
            "rmse": np.sqrt((0.81 + 0.01 + 0.09 + 0.04 + 0.36) / 5),
        }
    )
    assert all(type(value) is float for value in found.values())


def test_worst_bias_is_of_bins_of_the_prediction():
    predicted = np.repeat([13.5, 14.05, 14.15, 14.95, 14.25], [50, 40, 40, 40, 29])
    shift = np.repeat([3.0, 0.01, -0.2, 0.02, 1.0], [50, 40, 40, 40, 29])
    found = clusters.cluster_mass_errors(predicted, predicted - shift)
    assert found["worst_bias"] == pytest.approx(0.2)  # not the bin of 29, nor what lies outside
    centres, bias, counts = clusters.bias_curve(predicted, predicted - shift)
    assert centres == pytest.approx(np.arange(13.95, 15.0, 0.1))
    assert counts.tolist() == [0, 40, 40, 29, 0, 0, 0, 0, 0, 0, 40]
    assert bias[[1, 2, 3, 10]] == pytest.approx([0.01, -0.2, 1.0, 0.02])
    assert np.isnan(bias[4])
    by_truth = clusters.bias_curve(predicted, predicted - shift, by=predicted - shift)
    assert by_truth[2].tolist() == [0, 40, 0, 0, 40, 0, 0, 0, 0, 0, 40]


def test_a_calibrated_posterior_has_no_bias_in_bins_of_its_mean_and_covers():
    sigma, n = 0.15, 40_000
    predicted = RNG.uniform(13.0, 16.0, n)
    true = RNG.normal(predicted, sigma)
    z = np.array([-1.959964, -0.994458, 0, 0.994458, 1.959964])
    found = clusters.cluster_mass_errors(predicted, true, predicted[:, None] + sigma * z)
    assert found["scatter"] == pytest.approx(sigma, abs=0.003)
    assert found["half_width_68"] == pytest.approx(0.9945 * sigma, abs=0.004)
    assert found["coverage_68"] == pytest.approx(0.68, abs=0.01)
    assert found["coverage_95"] == pytest.approx(0.95, abs=0.005)
    assert found["worst_bias"] < 4 * sigma / np.sqrt(n / 30)


def test_the_metric_can_be_named_by_a_card():
    assert evaluate.METRICS["cluster_mass_errors"][0] is clusters.cluster_mass_errors


@pytest.mark.parametrize(
    ("predicted", "true", "message"),
    [
        ([14.0, 14.5], [14.0, 14.5, 14.6], "shape"),
        ([14.0, np.nan], [14.0, 14.5], "not finite"),
        ([14.0, 14.5, 14.2], [13.0, 14.5, 15.2], "fewer than two"),
    ],
)
def test_bad_input(predicted, true, message):
    with pytest.raises(ValueError, match=message):
        clusters.cluster_mass_errors(predicted, true)


@pytest.mark.parametrize(("sigma_n", "sigma_0"), [(0.2, 0.12), (0.0, 0.13), (0.2, 0.0)])
def test_richness_fit_finds_what_was_put_in(sigma_n, sigma_0):
    n = np.exp(RNG.uniform(np.log(10), np.log(500), 60_000))
    residual = 0.3 + RNG.normal(size=n.size) * np.sqrt(sigma_n**2 * 100 / n + sigma_0**2)
    found = clusters.richness_fit(residual, n)
    # the bins are wide: the mean of 100 / N in each makes the fit exact on average
    assert found["sigma_n"] == pytest.approx(sigma_n, abs=0.02 if sigma_n == 0 else 0.006)
    assert found["sigma_0"] == pytest.approx(sigma_0, abs=0.02 if sigma_0 == 0 else 0.004)


@pytest.mark.parametrize(
    ("residual", "richness", "message"),
    [
        (np.zeros(30), np.full(29, 50), "must be equal"),
        (RNG.normal(size=19), np.full(19, 50), "too few"),
        (RNG.normal(size=30), np.zeros(30), "at least 1"),
        (np.zeros(30), np.arange(1, 31), "all residuals are equal"),
        (np.full(30, np.inf), np.arange(1, 31), "finite"),
    ],
)
def test_richness_fit_refuses(residual, richness, message):
    with pytest.raises(ValueError, match=message):
        clusters.richness_fit(residual, richness)
