"""How good predicted shares, numbers between 0 and 1, are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zoo.evaluation.arrays import finite, paired


def share_errors(
    predicted: ArrayLike,
    true: ArrayLike,
    std: ArrayLike | None = None,
    quantiles: ArrayLike | None = None,
) -> dict[str, float]:
    """Summarise predicted shares and, where they are given, their errors.

    Parameters
    ----------
    predicted, true : (n,) array
    std : (n,) array, optional
        Standard deviation of each posterior.
    quantiles : (n, 5) array, optional
        Of each posterior at 0.025, 0.16, 0.5, 0.84 and 0.975.

    Returns
    -------
    dict of float
        ``mae``, the mean absolute error, ``rmse`` and ``bias``; ``error_ratio``, the rms error over
        the rms of the predicted errors, 1 if they are right; ``coverage_68``, the fraction of
        truths inside the central interval, ends included. Where a posterior sits on 0 or 1 that
        is more than 0.68 even if all is right.

    Raises
    ------
    ValueError
        If shapes differ or a value is not finite.
    """
    predicted, true = paired("predicted", predicted, "true", true)
    wrong = predicted - true
    out = {
        "mae": float(np.mean(np.abs(wrong))),
        "rmse": float(np.sqrt(np.mean(wrong**2))),
        "bias": float(np.mean(wrong)),
    }
    if std is not None:
        expected = np.sqrt(np.mean(finite("std", std, 1) ** 2))
        out["error_ratio"] = float(out["rmse"] / max(expected, np.finfo(float).tiny))
    if quantiles is not None:
        q = finite("quantiles", quantiles, 2)
        out["coverage_68"] = float(np.mean((q[:, 1] <= true) & (true <= q[:, 3])))
    return out
