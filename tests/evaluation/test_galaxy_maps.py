"""Scores of drawn maps of galaxies."""

import numpy as np
import pytest

from zoo.evaluation.galaxy_maps import clustering, galaxy_map_errors, pixel_ratio


def poisson(rng, rate, draws):
    return rng.poisson(rate[:, None], (len(rate), draws, *rate.shape[1:])).astype(float)


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(1)
    rate = rng.gamma(0.3, 1 / 0.3, (150, 32, 32)) * 0.4
    return poisson(rng, rate, 1)[:, 0], poisson(rng, rate, 7), rate


def test_draws_from_the_truth_are_calibrated(maps):
    true, draws, _ = maps
    found = galaxy_map_errors(draws.mean(axis=1), true, draws)
    assert found["power_ratio_worst"] == pytest.approx(1, abs=0.05)
    assert found["abundance_ratio"] == pytest.approx(1, abs=0.02)
    assert found["pixel_excess_worst"] == pytest.approx(1, abs=0.1)
    assert found["coverage_mean"] == pytest.approx(0.68, abs=0.06)
    both = (draws[:, 0] > 0) & (true > 0)
    assert found["pixel_recall"] == both.sum() / (true > 0).sum()
    assert found["pixel_precision"] == both.sum() / (draws[:, 0] > 0).sum()


def test_what_is_wrong_is_seen(maps):
    true, draws, rate = maps
    same = np.repeat(rate.mean(axis=(1, 2))[:, None, None], 32, 1).repeat(32, 2)
    alike = poisson(np.random.default_rng(2), same, 7)
    found = galaxy_map_errors(alike.mean(axis=1), true, alike)
    assert found["power_ratio_worst"] < 0.6  # without the clustering
    assert found["coverage_mean"] < 0.2
    double = galaxy_map_errors(draws.mean(axis=1), true, 2 * draws)
    assert double["abundance_ratio"] == pytest.approx(2, abs=0.05)
    frozen = np.repeat(draws[:, :1], 7, axis=1)
    assert galaxy_map_errors(frozen[:, 0], true, frozen)["coverage_mean"] < 0.01


def test_nothing_drawn_has_no_power(maps):
    true, draws, _ = maps
    found = galaxy_map_errors(true * 0, true, draws * 0)
    assert (found["power_ratio_worst"], found["coverage_mean"], found["pixel_recall"]) == (0, 0, 0)


def test_correlation_of_the_truth_with_itself(maps):
    true, _, _ = maps
    found = clustering(true, true[:, None])
    np.testing.assert_allclose(found["correlation"], 1, rtol=1e-9)
    np.testing.assert_allclose(found["ratio"], 1, rtol=1e-9)
    assert np.all((found["k"] > 1) & (found["k"] < 10))


def test_pixels_are_counted_by_class():
    true = np.array([[[0, 1], [1, 3]]])
    draws = np.array([[[[0, 1], [2, 4]], [[1, 1], [0, 12]]]])
    np.testing.assert_allclose(pixel_ratio(true, draws), [1.5 / 2, 0.5, 0.5, 0, 0.5])


def test_shapes_are_named():
    with pytest.raises(ValueError, match=r"draws \(2, 8, 8\)"):
        galaxy_map_errors(np.ones((2, 8, 8)), np.ones((2, 8, 8)), np.ones((2, 8, 8)))
