"""Fits through gradients: analytic answers for linear models, a mock galaxy, a real one."""

import numpy as np
import pytest

from zoo.errors import InputError
from zoo.inference.fit import chi_squared
from zoo.inference.galaxy import ERROR_FLOOR, fit_galaxy
from zoo.model import load_model
from zoo.readers import dynamite
from zoo_datasets.simulators.jam_cyl import vrms
from zoo_datasets.simulators.mge import surface_density

BOUNDS = {"slope": (-10.0, 10.0), "offset": (-5.0, 5.0)}
START = {"slope": 0.0, "offset": 0.0}


@pytest.fixture(scope="module")
def model():
    return load_model("jam_cyl", strategy=None)


@pytest.fixture
def line():
    """A straight line with errors: residuals, and best values and covariance by linear algebra."""
    rng = np.random.default_rng(4)
    x, error = np.linspace(0, 4, 30), rng.uniform(0.5, 1.5, 30)

    def make(scatter):
        y = 2.5 * x - 1.0 + scatter * error * rng.normal(size=30)
        design = np.column_stack((x, np.ones(30))) / error[:, None]
        covariance = np.linalg.inv(design.T @ design)
        best = covariance @ design.T @ (y / error)
        return lambda p: (p["slope"] * x + p["offset"] - y) / error, best, covariance

    return make


@pytest.mark.parametrize("scatter", [0.3, 3.0])
def test_a_line(line, scatter):
    residuals, best, covariance = line(scatter)
    fit = chi_squared(residuals, START, BOUNDS)
    assert list(fit.best.values()) == pytest.approx(best, rel=1e-4)
    assert fit.dof == 28
    at_best = {name: np.float64(value) for name, value in fit.best.items()}
    assert fit.chi2 == pytest.approx(np.sum(np.square(residuals(at_best))))
    # Errors widen where the line misses the points by more than their errors, never shrink.
    widening = max(1, fit.chi2 / fit.dof) ** 0.5
    assert (widening > 2) == (scatter == 3.0)
    expected = widening * np.sqrt(np.diag(covariance))
    assert list(fit.error.values()) == pytest.approx(expected, rel=1e-4)


def test_a_parameter_at_its_bound_has_no_error(line):
    residuals, _, _ = line(0.3)
    fit = chi_squared(residuals, START, BOUNDS | {"slope": (-10.0, 2.0)})
    assert fit.best["slope"] == pytest.approx(2.0)
    assert np.isnan(fit.error["slope"])
    assert np.isfinite(fit.error["offset"])


def test_a_start_outside_the_bounds(line):
    with pytest.raises(InputError, match="slope starts at 11, allowed: -10 to 10"):
        chi_squared(line(1.0)[0], START | {"slope": 11.0}, BOUNDS)


TRUTH = {"inc": 68.0, "beta": 0.18, "ml": 4.2}


@pytest.fixture(scope="module")
def mock():
    """A noiseless mock by the float64 simulator: each pixel a bin, no PSF, tiny pixels."""
    surf, sigma, qobs = np.array([5000.0, 300.0]), np.array([1.0, 5.0]), np.array([0.75, 0.6])
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(-8, 9, 2.0), np.arange(-6, 7, 2.0)))
    light = (surf, sigma, qobs)
    mass = (TRUTH["ml"] * surf, sigma, qobs)
    moments = vrms(*light, *mass, TRUTH["inc"], 0, 30.0, x, y, beta=TRUTH["beta"])
    assert np.all(surface_density(x, y, *light) > 0)
    return dynamite.IfuGalaxy(
        x=x, y=y, bin_index=np.arange(x.size), vrms=moments, error=np.full(x.size, 1.0), v_sys=0.0,
        surf=surf, sigma=sigma, qobs=qobs, sigmapsf=np.array([0.0]), normpsf=np.array([1.0]),
        pixsize=1e-3, shape=(7, 9), flat=np.arange(x.size), extent=(-9, 9, -7, 7), angle=0.0,
    )  # fmt: skip


def test_a_mock_galaxy_is_recovered(model, mock):
    fit = fit_galaxy(model, mock, 30.0)
    assert fit.best["inc"] == pytest.approx(TRUTH["inc"], abs=0.3)
    assert fit.best["beta"] == pytest.approx(TRUTH["beta"], abs=0.005)
    assert fit.best["ml"] == pytest.approx(TRUTH["ml"], rel=0.002)
    assert fit.chi2 < 1e-2
    assert (fit.dof, fit.evaluations < 100) == (60, True)
    # M/L scales all moments: its error cannot be below that of their weighted mean.
    error = np.hypot(mock.error, ERROR_FLOOR * mock.vrms)
    least = 2 * TRUTH["ml"] / np.sqrt(np.sum((mock.vrms / error) ** 2))
    assert least < fit.error["ml"] < 20 * least
    assert 0.01 < fit.error["inc"] < 20


def test_ngc6278(model, test_data):
    """As a prototype with the same data found it: 63 deg, 0.19, 5.0 and 21 km/s of residuals."""
    galaxy = dynamite.read(test_data / "jam" / "NGC6278")
    fit = fit_galaxy(model, galaxy, 39.96)
    assert fit.best["inc"] == pytest.approx(64.6, abs=3)
    assert fit.best["beta"] == pytest.approx(0.15, abs=0.06)
    assert fit.best["ml"] == pytest.approx(5.07, abs=0.15)
    assert fit.dof == 149
    assert all(0 < error < 5 for error in fit.error.values())
    predicted = model.predict(galaxy.inputs(distance=39.96, **fit.best))
    binned = galaxy.binned(predicted["vrms"], predicted["surface_brightness"])
    assert np.sqrt(np.mean((galaxy.vrms - binned) ** 2)) < 25
