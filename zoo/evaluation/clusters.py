"""How good masses of galaxy clusters are, in the terms of the literature.

The residual is log10 M_predicted - log10 M_true [dex]. Scatter is quoted for true masses of
10^14 to 10^15 Msun/h (Ho et al. 2019). Bias is looked at in bins of the *prediction*: in bins of
the true mass a calibrated posterior mean is biased by construction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zoo.evaluation.arrays import Floats, paired
from zoo.evaluation.metrics import half_width_68, posterior_errors
from zoo.models.clusters.richness import richness_fit

__all__ = ["bias_curve", "cluster_mass_errors", "richness_fit"]

QUOTED = (14.0, 15.0)  # log10 M200c / (Msun/h), where papers quote the scatter
WHOLE = (13.6, 15.2)
CURVE = (13.9, 15.0)
BIN = 0.1  # [dex]
LEAST = 30  # clusters in a bin, without which its mean says nothing


def cluster_mass_errors(
    predicted: ArrayLike, true: ArrayLike, quantiles: ArrayLike | None = None
) -> dict[str, float]:
    """Summarise predicted masses of clusters and, where there are quantiles, their coverage.

    Parameters
    ----------
    predicted, true : (clusters,) array
        log10 M200c / (Msun/h); the posterior mean, where there is a posterior.
    quantiles : (clusters, 5) array, optional
        Of each posterior at 0.025, 0.16, 0.5, 0.84 and 0.975.

    Returns
    -------
    dict of float
        In dex: ``scatter``, ``half_width_68`` and ``bias`` of the residual at true masses of
        10^14 to 10^15; ``rmse`` at 10^13.6 to 10^15.2; ``worst_bias``, the largest mean residual
        (absolute) of a 0.1 dex bin of the prediction from 10^13.9 to 10^15, where a bin has 30
        clusters. Of all clusters: ``coverage_68`` and ``coverage_95``.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, or fewer than two clusters have 10^14 to 10^15.
    """
    predicted, true = paired("predicted", predicted, "true", true)
    quoted, whole = ((low <= true) & (true <= high) for low, high in (QUOTED, WHOLE))
    if np.count_nonzero(quoted) < 2:
        raise ValueError(f"fewer than two clusters have a true log_mass of {QUOTED}")
    residual = predicted - true
    found = {
        "scatter": float(residual[quoted].std()),
        "half_width_68": half_width_68(predicted[quoted], true[quoted]),
        "bias": float(residual[quoted].mean()),
        "rmse": float(np.sqrt(np.mean(residual[whole] ** 2))),
    }
    _, bias, counts = bias_curve(predicted, true)
    if (full := counts >= LEAST).any():
        found["worst_bias"] = float(np.abs(bias[full]).max())
    every = posterior_errors(predicted, true, quantiles)
    return found | {name: value for name, value in every.items() if name.startswith("coverage")}


def bias_curve(
    predicted: ArrayLike, true: ArrayLike, by: ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """Mean residual in bins of 0.1 dex from 10^13.9 to 10^15.

    Parameters
    ----------
    predicted, true : (clusters,) array
        log10 M200c / (Msun/h).
    by : (clusters,) array, optional
        What is binned: the prediction unless given.

    Returns
    -------
    centres, bias, counts : (11,) arrays
        `bias` is NaN in an empty bin.
    """
    predicted, true = paired("predicted", predicted, "true", true)
    by = predicted if by is None else np.asarray(by, np.float64)
    edges = np.linspace(*CURVE, round((CURVE[1] - CURVE[0]) / BIN) + 1)
    counts = np.histogram(by, edges)[0].astype(float)
    total = np.histogram(by, edges, weights=predicted - true)[0]
    bias = np.divide(total, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return (edges[1:] + edges[:-1]) / 2, bias, counts
