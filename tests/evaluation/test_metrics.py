"""Errors of maps and scalars against values worked out by hand."""

import numpy as np
import pytest

from zoo.evaluation import metrics

TRUE = np.full((4, 2, 2), 200.0)
# The largest abs(eps) of the four maps: 0.04, 0.01, 0.004, 0.0005.
EPS = np.array([[0.04, 0, 0, 0], [0.0, -0.01, 0.01, 0], [-0.004] * 4, [0.0005, 0, 0, 0]])
MODEL = TRUE * (1 + EPS.reshape(TRUE.shape))


def test_map_errors_by_hand():
    scores = metrics.map_errors(MODEL, TRUE)
    assert scores == pytest.approx(
        {
            "mean_abs": (0.01 + 0.005 + 0.004 + 0.000125) / 4,
            "mean_p90": 0.005 + 0.7 * 0.005,
            "mean_below_0.01": 0.75,
            "max_median": (0.01 + 0.004) / 2,
            "max_p90": 0.01 + 0.7 * 0.03,
            "max_p99": 0.01 + 0.97 * 0.03,
            "max_worst": 0.04,
            "max_below_0.02": 0.75,
            "max_below_0.005": 0.5,
            "max_below_0.001": 0.25,
        }
    )
    assert all(type(value) is float for value in scores.values())


def test_padded_and_ragged_maps_score_alike():
    rng = np.random.default_rng(0)
    true = [rng.uniform(50, 300, size) for size in (3, 7, 5)]
    model = [t * rng.normal(1, 0.01, t.size) for t in true]
    padded_true, padded_model = np.full((3, 9), np.nan), np.zeros((3, 9))
    for i, (t, m) in enumerate(zip(true, model, strict=True)):
        padded_true[i, : t.size], padded_model[i, : m.size] = t, m
    assert metrics.map_errors(padded_model, padded_true) == metrics.map_errors(model, true)


def test_map_errors_do_not_depend_on_the_unit_or_order():
    order = np.random.default_rng(1).permutation(4)
    expected = metrics.map_errors(MODEL, TRUE)
    assert metrics.map_errors(1e3 * MODEL, 1e3 * TRUE) == pytest.approx(expected)
    assert metrics.map_errors(MODEL[order], TRUE[order]) == pytest.approx(expected)


def test_each_map_weighs_the_same():
    true = [np.ones(1), np.ones(99)]
    model = [np.array([1.1]), np.ones(99)]
    assert metrics.map_errors(model, true)["mean_abs"] == pytest.approx(0.05)


def test_missing_prediction_is_not_dropped():
    model = MODEL.copy()
    model[2, 0, 1] = np.nan
    with pytest.raises(ValueError, match="map 2: model is not finite on 1 of 4 pixels"):
        metrics.map_errors(model, TRUE)


@pytest.mark.parametrize(
    ("model", "true", "message"),
    [
        (MODEL[:3], TRUE, "model has 3 maps but true has 4"),
        ([], [], "true has no maps"),
        (MODEL, np.zeros_like(TRUE), "map 0: true is zero"),
        (MODEL, np.full_like(TRUE, np.inf), "map 0: true is zero or infinite"),
        (MODEL, np.full_like(TRUE, np.nan), "map 0: true has no pixel"),
        (MODEL[:, :1], TRUE, r"map 0: model has shape \(1, 2\)"),
    ],
)
def test_bad_maps_are_named(model, true, message):
    with pytest.raises(ValueError, match=message):
        metrics.map_errors(model, true)


def test_scalar_errors_by_hand():
    scores = metrics.scalar_errors([14.1, 14.3, 14.9], [14.0, 14.5, 14.6])
    # Residuals 0.1, -0.2, 0.3; p16 and p84 lie 0.32 and 0.68 of the way between neighbours.
    assert scores["bias"] == pytest.approx(0.2 / 3)
    assert scores["rmse"] == pytest.approx(np.sqrt(0.14 / 3))
    assert scores["half_width_68"] == pytest.approx(((0.1 + 0.68 * 0.2) - (-0.2 + 0.32 * 0.3)) / 2)
    assert scores["rmse"] ** 2 == pytest.approx(scores["bias"] ** 2 + scores["scatter"] ** 2)


def test_half_width_of_a_gaussian_ignores_outliers():
    residual = np.random.default_rng(2).normal(0.3, 0.1, 40_000)
    residual[:40] = 50.0
    zero = np.zeros_like(residual)
    # The 84 per cent point of a normal lies at 0.99446 sigma; the noise of the estimate is 0.7 %.
    assert metrics.half_width_68(residual, zero) == pytest.approx(0.099446, rel=0.03)
    assert metrics.scatter(residual, zero) > 1.0


@pytest.mark.parametrize(
    ("predicted", "true", "message"),
    [
        ([1.0, np.nan], [1.0, 1.0], "predicted has 1 of 2 values that are not finite"),
        ([1.0], [1.0, 1.0], r"predicted has shape \(1,\) but true has \(2,\)"),
        ([], [], "predicted is empty"),
    ],
)
def test_bad_scalars_are_named(predicted, true, message):
    with pytest.raises(ValueError, match=message):
        metrics.rmse(predicted, true)
