"""Candidates of a likelihood, the learned prior over them, and the masses that follow."""

import numpy as np
import pytest

from zoo.nn.candidates import Candidates
from zoo.nn.coefficient_prior import CoefficientPrior, CorrectedLikelihood
from zoo.nn.peaks import highest_peaks

STEP = 2.5e-4
Z = np.expm1(STEP * np.arange(2000, 3000))
COUNT = 4
TOPS = {300: 5.0, 700: 4.0, 310: 3.0}  # the third hides behind the first


def scan(rows=2):
    shift = np.arange(len(Z))
    one = np.max([h - 0.02 * (shift - k) ** 2 for k, h in TOPS.items()], axis=0)
    rng = np.random.default_rng(0)
    likelihood = np.tile(np.maximum(one, -40), (rows, 1))
    height, peak = highest_peaks(likelihood, COUNT, 20)
    return {
        "log_likelihood": likelihood,
        "height": height,
        "peak": peak,
        "coefficients": rng.normal(size=(rows, COUNT, 3)),
        "amplitude": np.ones(rows),
        "scale": np.ones(rows),
    }


@pytest.fixture(scope="module")
def found():
    values = Candidates(Z, COUNT, dtype="float64")(scan())
    return {name: np.asarray(value) for name, value in values.items()}


def test_the_highest_first_and_none_too_close(found):
    np.testing.assert_allclose(found["log_z"][0, :2], np.log1p(Z[[300, 700]]))
    assert found["owner"][0, 300] == 0
    assert found["owner"][0, 310] == 0
    assert found["owner"][0, 700] == 1
    assert set(found["owner"][0, 280:321]) == {0}
    assert found["owner"][0, 340] != 0


def test_masses(found):
    """Of all shifts that a candidate owns, under a flat prior in redshift."""
    given = scan()
    density = np.exp(given["log_likelihood"][0]) * (1 + Z)
    for place in range(2):
        share = density[found["owner"][0] == place].sum() / density.sum()
        total = np.exp(found["log_mass"][0]).sum()
        assert np.exp(found["log_mass"][0, place]) / total == pytest.approx(share, rel=1e-6)


def test_coefficients_stand_behind_the_rest(found):
    np.testing.assert_allclose(
        np.sinh(found["features"][1, :2, -3:]), scan()["coefficients"][1, :2]
    )


def test_before_training_nothing_changes(found):
    prior = CoefficientPrior(found["features"].shape[-1], 8, 5, dtype="float64")
    learned = prior(
        {n: found[n] for n in ("features", "log_mass")} | {"log_amplitude": np.zeros(2)}
    )
    assert np.array_equal(learned["correction"], np.zeros((2, COUNT + 1)))
    assert learned["state"].shape == (2, 5)


def test_a_correction_moves_mass_and_keeps_shapes(found):
    given = scan()
    layer = CorrectedLikelihood(dtype="float64")
    correction = np.zeros((2, COUNT + 1))
    correction[:, 1] = 1.7
    inputs = {n: found[n] for n in ("log_mass", "owner")} | {
        "log_likelihood": given["log_likelihood"],
        "correction": correction,
    }
    change = np.asarray(layer(inputs)) - given["log_likelihood"]
    np.testing.assert_allclose(change, 1.7 * (found["owner"] == 1), atol=1e-12)
    layer.sharpness.assign(0.5)
    change = np.asarray(layer(inputs)) - given["log_likelihood"]
    first = 0.5 * found["log_mass"][0, 0] - found["log_mass"][0, 0]
    np.testing.assert_allclose(change[0, 300], first, atol=1e-12)
