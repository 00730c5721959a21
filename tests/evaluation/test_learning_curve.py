"""Power laws with known amplitude, slope and noise."""

import numpy as np
import pytest

from zoo.evaluation.learning_curve import fit_power_law

SIZES = np.array([250, 500, 1000, 2000, 4000, 7500])


def test_exact_power_law_is_recovered():
    fit = fit_power_law(SIZES, 3.0 * SIZES**-0.7)
    assert fit.slope == pytest.approx(0.7)
    assert fit.slope_error == pytest.approx(0, abs=1e-7)
    np.testing.assert_allclose(fit([100, 10_000]), [3 * 100**-0.7, 3 * 10_000**-0.7])
    assert fit.size_for(0.01) == pytest.approx(300 ** (1 / 0.7))
    assert fit(fit.size_for(0.02)) == pytest.approx(0.02)


def test_uncertainties_cover_the_truth():
    rng = np.random.default_rng(0)
    sizes = np.repeat(SIZES, 4)
    fits = [fit_power_law(sizes, sizes**-0.5 * rng.lognormal(0, 0.2, 24)) for _ in range(500)]
    pulls = np.array([(fit.slope - 0.5) / fit.slope_error for fit in fits])
    # Student's t with 22 degrees of freedom has this standard deviation.
    assert np.std(pulls) == pytest.approx(np.sqrt(22 / 20), rel=0.12)
    assert abs(pulls.mean()) < 0.2
    at = 20_000.0
    logs = np.array([np.log(fit(at)) for fit in fits])
    claimed = np.mean([fit.relative_uncertainty(at) for fit in fits])
    assert np.std(logs) == pytest.approx(claimed, rel=0.12)
    assert abs(logs.mean() - np.log(at**-0.5)) < 4 * claimed / np.sqrt(500)


def test_flat_curve_reaches_nothing():
    fit = fit_power_law(SIZES, np.full(6, 0.1))
    with pytest.raises(ValueError, match="both must be positive"):
        fit.size_for(0.01)


@pytest.mark.parametrize(
    ("n", "error", "message"),
    [
        ([100, 200], [1, 0.5], "n has 2 values"),
        ([100, 100, 100], [1, 0.5, 0.4], "not all equal"),
        ([100, 200, 400], [1, 0.5, 0], "must be positive"),
        ([100, 200, 400], [1, 0.5], "n has shape"),
    ],
)
def test_bad_input_is_named(n, error, message):
    with pytest.raises(ValueError, match=message):
        fit_power_law(n, error)
