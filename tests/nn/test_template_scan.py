"""The scan against least squares with every template, shift and nuisance written out."""

import numpy as np
import pytest

from zoo.nn import template_matrices as matrices
from zoo.nn.template_scan import TemplateScan

BINS, STEP, TEMPLATES, NUISANCES = 256, 2e-3, 3, 5
RANGE = (0.2, 0.6)
PICK = [0, 17, 60, 143]  # shifts, among those of the grid


@pytest.fixture(scope="module")
def setting():
    rng = np.random.default_rng(5)
    grid = matrices.ShiftGrid(BINS, STEP, *RANGE)
    templates = rng.normal(size=(TEMPLATES, grid.window))
    curve = np.exp(rng.normal(size=BINS))
    curve[100:110] = 0
    nuisance = rng.normal(size=(BINS, NUISANCES))
    nuisance[:, 4] = nuisance[:, 3] * 2  # tells nothing new
    return grid, templates, curve, nuisance


def layer(setting, agreement=0.2, dtype="float64", **more):
    _, templates, curve, nuisance = setting
    scan = TemplateScan(
        BINS, STEP, RANGE, TEMPLATES, NUISANCES, agreement, dtype=dtype, name="scan", **more
    )
    scan.adapt(templates, curve if agreement else None, nuisance)
    return scan


def spectra(setting, scales, seed=0):
    grid, templates, curve, nuisance = setting
    rng = np.random.default_rng(seed)
    ivar = np.asarray(scales)[:, None] * curve
    place = np.arange(BINS) - grid.shifts[60] + grid.shifts[-1]
    flux = 0.7 + 0.9 * templates[0, place] + 3 * nuisance[:, 1]
    error = 1 / np.sqrt(np.where(ivar > 0, ivar, 1))
    return {"flux": flux + error * rng.normal(size=ivar.shape), "ivar": ivar}


def by_hand(setting, flux, ivar, shift):
    """Ln L from two least-squares fits, and coefficients over the amplitude."""
    grid, templates, _, nuisance = setting
    root = np.sqrt(ivar)
    place = np.arange(BINS) - grid.shifts[shift] + grid.shifts[-1]
    design = templates[:, place].T * root[:, None]
    columns = nuisance[:, :4] * root[:, None]
    amplitude = max(np.sum(flux * ivar), 2 * np.sqrt(ivar.sum())) / ivar.sum()
    data = root * flux
    without = np.linalg.lstsq(columns, data, rcond=None)[0]
    whole = np.vstack(
        [
            np.hstack([design, columns]),
            np.hstack([np.eye(TEMPLATES) / amplitude, np.zeros((TEMPLATES, 4))]),
        ]
    )
    target = np.append(data, np.zeros(TEMPLATES))
    best = np.linalg.lstsq(whole, target, rcond=None)[0]
    gain = np.sum((data - columns @ without) ** 2) - np.sum((target - whole @ best) ** 2)
    own = design - columns @ np.linalg.lstsq(columns, design, rcond=None)[0]
    _, log_det = np.linalg.slogdet(np.eye(TEMPLATES) + amplitude**2 * own.T @ own)
    return 0.5 * (gain - log_det), best[:TEMPLATES] / amplitude


def test_along_the_curve_and_in_general(setting):
    """Both ways are exact where the inverse variance is a number times the curve."""
    given = spectra(setting, [0.5, 3.0])
    truth = [
        [by_hand(setting, f, v, k) for k in PICK] for f, v in zip(*given.values(), strict=True)
    ]
    for agreement in (0.2, 0.0):
        found = layer(setting, agreement, peaks=3)(given)
        for row in range(2):
            for place, (value, _) in zip(PICK, truth[row], strict=True):
                assert float(found["log_likelihood"][row, place]) == pytest.approx(value, rel=1e-5)
            for number, place in enumerate(np.asarray(found["peak"])[row]):
                value, coefficients = by_hand(
                    setting, given["flux"][row], given["ivar"][row], place
                )
                best = np.max(found["log_likelihood"][row])
                assert float(best + found["height"][row, number]) == pytest.approx(value, rel=1e-5)
                np.testing.assert_allclose(
                    found["coefficients"][row, number], coefficients, rtol=1e-4, atol=1e-5
                )
            assert np.asarray(found["peak"])[row, 0] == 60


def test_each_row_takes_its_way(setting):
    """Rows with gaps among rows without: exact, and in their places."""
    given = spectra(setting, [1.0, 1.0, 2.0])
    given["ivar"][1, :120] = 0
    scan = layer(setting, peaks=2)
    weight = given["ivar"]
    assert np.array_equal(scan.alike(weight, scan.scale(weight)), [True, False, True])
    found = scan(given)
    for row in range(3):
        truth, coefficients = by_hand(setting, given["flux"][row], given["ivar"][row], 60)
        assert float(found["log_likelihood"][row, 60]) == pytest.approx(truth, rel=1e-5)
        assert int(found["peak"][row, 0]) == 60
        np.testing.assert_allclose(
            found["coefficients"][row, 0], coefficients, rtol=1e-4, atol=1e-5
        )
    alone = scan({name: values[1:2] for name, values in given.items()})
    np.testing.assert_allclose(
        alone["coefficients"][0], found["coefficients"][1], rtol=1e-9, atol=1e-12
    )


def test_near_the_curve_is_nearly_exact(setting):
    given = spectra(setting, [1.0])
    rng = np.random.default_rng(3)
    given["ivar"] = given["ivar"] * rng.uniform(0.8, 1.2, (1, BINS))
    found = float(layer(setting)(given)["log_likelihood"][0, 60])
    truth = by_hand(setting, given["flux"][0], given["ivar"][0], 60)[0]
    assert found == pytest.approx(truth, rel=0.05)


def test_single_precision_and_the_best_shift(setting):
    given = spectra(setting, [1.0])
    double = np.asarray(layer(setting)(given)["log_likelihood"][0])
    single = layer(setting, dtype="float32")({n: np.float32(v) for n, v in given.items()})
    np.testing.assert_allclose(single["log_likelihood"][0], double, atol=1e-4 * double.max())
    assert np.argmax(double) == 60


def test_nuisances_leave_no_trace(setting):
    given = spectra(setting, [1.0])
    more = given | {"flux": given["flux"] + 50 * setting[3][:, 0] * (given["ivar"] > 0)}
    scan = layer(setting, 0.0)
    same = {"amplitude": np.ones(1), "scale": np.ones(1)}
    likelihoods = [
        np.asarray(scan.in_general(x["flux"], x["ivar"], **same)["log_likelihood"])
        for x in (given, more)
    ]
    np.testing.assert_allclose(*likelihoods, rtol=1e-3, atol=0.05)


def test_no_spectra(setting):
    empty = {n: np.zeros((0, BINS)) for n in ("flux", "ivar")}
    for agreement in (0.2, 0.0):
        found = layer(setting, agreement)(empty)["log_likelihood"]
        assert found.shape == (0, len(setting[0].shifts))


def test_grid():
    grid = matrices.ShiftGrid(BINS, STEP, *RANGE)
    assert grid.redshift[0] >= RANGE[0] > grid.redshift[0] - 2 * STEP
    rest = grid.rest(4000.0)
    # bin 0 of the spectrum, at the shift of the largest redshift, is bin 0 of the window
    assert rest[0] * (1 + grid.redshift[-1]) == pytest.approx(4000.0 * np.exp(STEP / 2))
    values, rows = np.arange(BINS) + 1.0, np.random.default_rng(0).normal(size=(2, grid.window))
    place = np.arange(BINS) - grid.shifts[:, None] + grid.shifts[-1]
    np.testing.assert_allclose(grid.correlate(values, rows), rows[:, place] @ values, rtol=1e-9)


def test_components_of_a_library():
    """Of spectra that are sums of two, the two; scaled so that coefficients are about one."""
    rng = np.random.default_rng(2)
    pair = rng.normal(size=(2, 300))
    library = rng.uniform(0.5, 3, (500, 1)) * (rng.normal(size=(500, 2)) @ pair)
    components, share = matrices.library_components(library, np.ones(300), 3)
    assert share[:2].sum() == pytest.approx(1)
    assert share[2] == pytest.approx(0, abs=1e-12)
    unit = library / np.sqrt(np.mean(library**2, axis=1, keepdims=True))
    fit = np.linalg.lstsq(components[:2].T, unit.T, rcond=None)[0]
    np.testing.assert_allclose(components[:2].T @ fit, unit.T, atol=1e-9)
    np.testing.assert_allclose(np.mean(fit**2, axis=1), 1, rtol=1e-6)
