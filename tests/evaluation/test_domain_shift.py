"""The report of domain shift on inputs whose shift is known."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from scipy import stats

from zoo.evaluation.domain_shift import compare, holm


def inputs(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "n_sersic": rng.uniform(1, 4, n),
        "distance": rng.normal(20, 3, n),
        "inclination": rng.uniform(30, 90, n),
    }


def test_same_distribution_is_accepted():
    report = compare(inputs(seed=1), inputs(seed=2))
    assert report.p_value > 0.01
    assert abs(report.classifier.statistic - 0.5) < 0.08
    assert (report.to_table()["p_value"] > 0.01).all()


def test_shifted_input_is_named_first_with_its_shift():
    data, training = inputs(seed=1), inputs(n=2000, seed=2)
    data["distance"] = data["distance"] + 6
    report = compare(data, training)
    table = report.to_table()
    assert list(table.colnames) == ["input", "ks", "p_value", "median_shift", "outside"]
    assert table["input"][0] == "distance"
    assert report.p_value < 0.05
    # A normal's interquartile range is 1.349 sigma; two of these Gaussians 2 sigma apart have a
    # Kolmogorov-Smirnov distance of 2 Phi(1) - 1.
    assert table["median_shift"][0] == pytest.approx(2 / 1.349, abs=0.2)
    assert table["ks"][0] == pytest.approx(2 * stats.norm.cdf(1) - 1, abs=0.08)
    largest = training["distance"].max()
    assert table["outside"][0] == np.mean(data["distance"] > largest)
    assert (table["p_value"][1:] > 0.01).all()
    assert table.meta["c2st_accuracy"] == pytest.approx(stats.norm.cdf(1), abs=0.05)


def test_correlation_that_no_single_input_shows():
    rng = np.random.default_rng(3)
    x, y = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 800).T
    data = {"x": x, "y": y}
    training = {"x": rng.normal(size=800), "y": rng.normal(size=800)}
    report = compare(data, training)
    assert (report.inputs["p_value"] > 0.01).all()
    assert report.classifier.p_value < 0.01
    assert report.kernel.p_value < 0.01


def test_report_repeats_and_ignores_order():
    data, training = inputs(seed=1), inputs(seed=2)
    first, again = (compare(data, training, seed=5) for _ in range(2))
    assert (first.classifier, first.kernel) == (again.classifier, again.kernel)
    reordered = {name: values[::-1] for name, values in reversed(data.items())}
    assert set(map(tuple, compare(reordered, training).inputs)) == set(map(tuple, first.inputs))


def test_tables_and_units_are_converted():
    data, training = inputs(seed=1), inputs(seed=2)
    plain = compare(data, training)
    in_kpc = QTable(data)
    in_kpc["distance"] = data["distance"] * 1e3 * u.kpc
    in_mpc = Table(training)
    in_mpc["distance"].unit = u.Mpc
    converted = compare(in_kpc, in_mpc)
    for name in ("ks", "median_shift", "outside"):
        np.testing.assert_allclose(converted.inputs[name], plain.inputs[name], rtol=1e-9)


def test_constant_training_input():
    training = inputs(seed=1) | {"seeing": np.ones(400)}
    same = compare(inputs(seed=2) | {"seeing": np.ones(400)}, training).inputs
    assert same["median_shift"][-1] == 0
    moved = compare(inputs(seed=2) | {"seeing": np.full(400, 0.5)}, training).inputs
    assert moved["median_shift"][-1] == -np.inf
    assert moved["outside"][-1] == 1


def test_holm_by_hand():
    p_values = np.array([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p_values), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_array_equal(holm(np.array([0.9, 0.8])), [1.0, 1.0])


def change(**columns):
    return inputs() | columns


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"n_sersic": np.ones(30)}, r"data lacks \['distance', 'inclination'\]"),
        (change(extra=np.ones(400)), r"unknown \['extra'\]"),
        (change(distance=np.full(400, np.nan)), "data distance has 400 of 400"),
        (change(distance=np.ones(7)), "data has inputs of unequal length"),
        (change(distance=np.ones((400, 2))), r"data distance has shape \(400, 2\)"),
        (change(distance=np.ones(400) * u.Mpc), "distance: unit is Mpc in data but None"),
        (change(distance=MaskedColumn(np.ones(400), mask=True)), "data distance has masked"),
        ({k: v[:10] for k, v in inputs().items()}, "10 points can be used"),
    ],
)
def test_bad_input_is_named(data, message):
    with pytest.raises(ValueError, match=message):
        compare(data, inputs(seed=1))


def test_units_that_do_not_convert():
    data, training = inputs(), inputs()
    data["distance"], training["distance"] = np.ones(400) * u.deg, np.ones(400) * u.Mpc
    with pytest.raises(ValueError, match=r"distance: 'deg'.*'Mpc'"):
        compare(data, training)


def test_no_inputs():
    with pytest.raises(ValueError, match="training has no inputs"):
        compare({}, {})
