"""Errors of point predictions: whole maps (relative) and scalars (absolute).

The relative error of a pixel is eps = model / true - 1, dimensionless. Absolute errors have the
unit of the quantity: km/s for velocities, dex where logarithms are compared.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.evaluation.arrays import Floats, finite, paired

Maps = NDArray[Any] | Sequence[ArrayLike]


def relative_errors(model: Maps, true: Maps) -> list[Floats]:
    """Return eps = model / true - 1 of the pixels present in every map.

    Parameters
    ----------
    model, true : ndarray, shape (n_maps, ...), or sequences of arrays of any shape
        Predicted and true maps in the same unit. NaN in `true` marks an absent pixel; what
        `model` holds there is not looked at.

    Returns
    -------
    list of ndarray, shape (n_pixels,)
        One array for each map; `n_pixels` differs where maps do.

    Raises
    ------
    ValueError
        If the numbers or shapes of maps differ, a map has no pixel, the truth is zero or
        infinite, or the model is not finite where there is a truth: a missing prediction is
        never dropped from the score.
    """
    if len(model) != len(true):
        raise ValueError(f"model has {len(model)} maps but true has {len(true)}")
    if len(true) == 0:
        raise ValueError("true has no maps; at least one is needed")
    return [_one_map(i, m, t) for i, (m, t) in enumerate(zip(model, true, strict=True))]


def _one_map(index: int, model: ArrayLike, true: ArrayLike) -> Floats:
    m, t = np.asarray(model, np.float64), np.asarray(true, np.float64)
    if m.shape != t.shape:
        raise ValueError(f"map {index}: model has shape {m.shape} but true has {t.shape}")
    present = ~np.isnan(t)
    m, t = m[present], t[present]
    if t.size == 0:
        raise ValueError(f"map {index}: true has no pixel that is not NaN")
    if not np.isfinite(t).all() or (t == 0).any():
        raise ValueError(f"map {index}: true is zero or infinite, so eps is not defined")
    lost = np.count_nonzero(~np.isfinite(m))
    if lost:
        raise ValueError(f"map {index}: model is not finite on {lost} of {t.size} pixels")
    return np.asarray(m / t - 1.0)


def map_errors(
    model: Maps, true: Maps, thresholds: Sequence[float] = (0.02, 0.005, 0.001)
) -> dict[str, float]:
    """Summarise the relative errors of a set of maps; every map weighs the same.

    Parameters
    ----------
    model, true
        As for `relative_errors`.
    thresholds : sequence of float
        Limits on the map-max, the largest abs(eps) of one map.

    Returns
    -------
    dict of float
        ``mean_abs``: mean over maps of the mean abs(eps) of a map; ``mean_p90`` its 90th
        percentile, and ``mean_below_0.01`` the fraction of maps where it is below 1 %;
        ``max_median``, ``max_p90``, ``max_p99``, ``max_worst``: quantiles of the map-max
        (interpolated linearly) and its largest value;
        ``max_below_<t>``: fraction of maps with map-max below the threshold t.
        All are dimensionless.

    Raises
    ------
    ValueError
        As `relative_errors`.
    """
    eps = [np.abs(e) for e in relative_errors(model, true)]
    worst = np.array([e.max() for e in eps])
    mean = np.array([e.mean() for e in eps])
    median, p90, p99 = np.quantile(worst, (0.5, 0.9, 0.99))
    summary = {
        "mean_abs": float(mean.mean()),
        "mean_p90": float(np.quantile(mean, 0.9)),
        "mean_below_0.01": float(np.mean(mean < 0.01)),
        "max_median": float(median),
        "max_p90": float(p90),
        "max_p99": float(p99),
        "max_worst": float(worst.max()),
    }
    below = {f"max_below_{t:g}": float(np.mean(worst < t)) for t in thresholds}
    return summary | below


def rmse(predicted: ArrayLike, true: ArrayLike) -> float:
    """Return the root mean square of predicted - true, in the unit of the quantity."""
    predicted, true = paired("predicted", predicted, "true", true)
    return float(np.sqrt(np.mean((predicted - true) ** 2)))


def bias(predicted: ArrayLike, true: ArrayLike) -> float:
    """Return the mean of predicted - true, in the unit of the quantity."""
    predicted, true = paired("predicted", predicted, "true", true)
    return float(np.mean(predicted - true))


def scatter(predicted: ArrayLike, true: ArrayLike) -> float:
    """Return the standard deviation of predicted - true about its mean (divisor n)."""
    predicted, true = paired("predicted", predicted, "true", true)
    return float(np.std(predicted - true))


def half_width_68(predicted: ArrayLike, true: ArrayLike) -> float:
    """Return (p84 - p16) / 2 of predicted - true, in the unit of the quantity.

    Outliers hardly move it; for Gaussian errors it is 0.994 of the standard deviation.
    """
    predicted, true = paired("predicted", predicted, "true", true)
    p16, p84 = np.quantile(predicted - true, (0.16, 0.84))
    return float((p84 - p16) / 2.0)


def scalar_errors(predicted: ArrayLike, true: ArrayLike) -> dict[str, float]:
    """Return ``rmse``, ``bias``, ``scatter`` and ``half_width_68`` of one scalar output.

    Parameters
    ----------
    predicted, true : array_like, equal shapes
        In the same unit, finite.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    scores = (rmse, bias, scatter, half_width_68)
    return {score.__name__: score(predicted, true) for score in scores}


LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)  # of the quantiles that a posterior predicts


def posterior_errors(
    predicted: ArrayLike, true: ArrayLike, quantiles: ArrayLike | None = None
) -> dict[str, float]:
    """Summarise point predictions and, where there are quantiles, how often they hold the truth.

    Parameters
    ----------
    predicted, true : array_like, shape (n,)
        In the same unit, finite.
    quantiles : array_like, shape (n, 5), optional
        Of each posterior at 0.025, 0.16, 0.5, 0.84 and 0.975; None of a model without errors.

    Returns
    -------
    dict of float
        As `scalar_errors`, and ``coverage_68`` and ``coverage_95``: fractions of truths inside
        the central intervals.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    found = scalar_errors(predicted, true)
    if quantiles is None:
        return found
    q, truth = finite("quantiles", quantiles, 2), finite("true", true, 1)
    if q.shape != (len(truth), len(LEVELS)):
        raise ValueError(f"quantiles has shape {q.shape}; needed: {(len(truth), len(LEVELS))}")
    for name, low, high in (("coverage_68", 1, 3), ("coverage_95", 0, 4)):
        inside = (q[:, low] <= truth) & (truth <= q[:, high])
        found[name] = float(np.mean(inside))
    return found
