"""Bands hold as often as they say."""

import numpy as np
import pytest
from scipy import stats

from zoo.evaluation import bands

POINTS = np.linspace(0.05, 0.95, 19)


def test_pointwise_bands_are_binomial_intervals():
    low, high = bands.histogram_band(1000, 20, simultaneous=False)
    assert (low, high) == stats.binom.interval(0.95, 1000, 0.05)
    low, high = bands.ecdf_band(400, POINTS, simultaneous=False)
    np.testing.assert_allclose(np.array([low, high]) * 400, stats.binom.interval(0.95, 400, POINTS))


@pytest.mark.parametrize("n", [60, 1000])
def test_simultaneous_histogram_band_holds(n):
    low, high = bands.histogram_band(n, 20)
    counts = np.random.default_rng(7).multinomial(n, np.full(20, 0.05), size=4000)
    left = ((counts < low) | (counts > high)).any(axis=1).mean()
    # Counts are whole numbers, so the band can only be a little too wide.
    assert 0.005 < left < 0.065


@pytest.mark.parametrize("n", [60, 1000])
def test_simultaneous_ecdf_band_holds(n):
    low, high = bands.ecdf_band(n, POINTS)
    values = np.random.default_rng(8).random((4000, n, 1))
    ecdf = np.stack([(values[..., 0] <= p).mean(axis=1) for p in POINTS], axis=1)
    left = ((ecdf < low - 1e-12) | (ecdf > high + 1e-12)).any(axis=1).mean()
    assert 0.02 < left < 0.065


def test_simultaneous_band_is_wider_and_repeats():
    alone, together = (bands.ecdf_band(500, POINTS, simultaneous=s) for s in (False, True))
    assert (together[0] < alone[0]).all()
    assert (together[1] > alone[1]).all()
    np.testing.assert_array_equal(together, bands.ecdf_band(500, POINTS))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bands.histogram_band(10, 1), "bins is 1"),
        (lambda: bands.histogram_band(10, 5, level=95), "level is 95"),
        (lambda: bands.ecdf_band(10, [0.0, 0.5]), "points must increase"),
        (lambda: bands.ecdf_band(10, [0.5, 0.4]), "points must increase"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
