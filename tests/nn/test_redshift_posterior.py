"""Summaries of a redshift posterior against sums and integrals in NumPy and SciPy."""

import numpy as np
import pytest
from scipy import stats

from zoo.nn.redshift_posterior import RedshiftPosterior

STEP = 2.5e-4
Z = np.expm1(STEP * np.arange(1882, 5546))


def answer(log_likelihood, dtype="float64"):
    layer = RedshiftPosterior(Z, 0.6, 0.003, 800, dtype=dtype)
    return {n: np.asarray(v) for n, v in layer(np.atleast_2d(log_likelihood)).items()}


def peak(z, width):
    return -0.5 * ((Z - z) / width) ** 2


def test_one_broad_peak():
    found = answer(peak(1.7, 0.05))
    edges = 0.6 + 0.003 * np.arange(801)
    pdf = np.diff(stats.norm.cdf(edges, 1.7, 0.05))
    np.testing.assert_allclose(found["redshift_pdf"][0], pdf, atol=6e-6)
    assert found["redshift_std"] == pytest.approx(0.05, rel=1e-3)
    assert found["redshift"] == pytest.approx(1.7, abs=1e-4)
    inside = 2 * stats.norm.cdf(0.01 / 0.05) - 1
    assert found["confidence"] == pytest.approx(inside, rel=0.02)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("z", [1.23456, 0.90017, 2.4021])
def test_a_peak_between_two_shifts(z, dtype):
    found = answer(peak(z, 6e-4), dtype)
    assert found["redshift"] == pytest.approx(z, abs=2e-5)
    assert found["confidence"] == pytest.approx(1, abs=1e-5)
    assert found["redshift_std"] == pytest.approx(
        np.hypot(6e-4, STEP * (1 + z) / 12**0.5), rel=0.05
    )


def test_two_peaks():
    """The higher one does not win against the one that holds more."""
    both = np.logaddexp(peak(1.2, 5e-4) + 2.0, peak(2.0, 4e-3) + 1.5)
    found = answer(both)
    assert found["redshift"] == pytest.approx(2.0, abs=1e-4)
    masses = np.exp([2.0, 1.5]) * [5e-4, 4e-3]
    inside = masses[1] / masses.sum() * (2 * stats.norm.cdf(2.5) - 1)
    assert found["confidence"] == pytest.approx(inside, rel=0.02)
    assert found["delta_chi2"] == pytest.approx(-1.0, abs=0.2)
    assert found["redshift_pdf"].sum() == pytest.approx(1)


def test_flat():
    """A flat prior in redshift, not in its logarithm."""
    found = answer(np.zeros(len(Z)))
    np.testing.assert_allclose(found["redshift_pdf"], 1 / 800, rtol=0.2)
    assert found["redshift_std"] == pytest.approx(2.4 / 12**0.5, rel=1e-2)


def test_at_the_edges():
    for z in (Z[0], Z[-1]):
        found = answer(peak(z, 5e-4))
        assert found["redshift"] == pytest.approx(z, abs=5e-4)
        assert np.isfinite(found["redshift_std"]).all()
