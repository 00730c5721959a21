"""The example of every model that reads `r_proj` and `v_los`: a made-up cluster."""

from __future__ import annotations

from typing import Any

import numpy as np


def galaxies() -> dict[str, Any]:
    """Forty galaxies on a smooth pattern, like a cluster of some 10^14.6 Msun/h."""
    rank = (np.arange(40) + 0.5) / 40
    r = 0.05 + 1.4 * rank**1.5
    turn = np.arange(40) * 0.6180339887 % 1  # evenly spread and in no order
    v = 1150 * np.tanh(2.2 * (turn - 0.5)) / (1 + 0.5 * r)
    return {"r_proj": np.round(r, 4), "v_los": np.round(v, 1)}
