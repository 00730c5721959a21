"""Clusters of a split a thousand at a time: the richest of them decides how much is padded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

ROWS = 1000


def over(
    data: dict[str, Any], function: Callable[[dict[str, np.ndarray]], np.ndarray], most: int
) -> np.ndarray:
    """Apply a function of padded columns to the first clusters of a split.

    Parameters
    ----------
    data : dict
        `r_proj` and `v_los` of uneven length, and `redshift`.
    function : callable
        From {"r_proj", "v_los": (batch, N), "redshift": (batch,)} to (batch, ...).
    most : int
        Clusters at most.

    Returns
    -------
    (clusters, ...) array
    """
    out = []
    for start in range(0, min(most, len(data["redshift"])), ROWS):
        rows = slice(start, min(start + ROWS, most))
        columns = {name: data[name][rows].padded() for name in ("r_proj", "v_los")}
        out.append(function(columns | {"redshift": np.asarray(data["redshift"][rows], float)}))
    return np.concatenate(out)
