"""The classical estimators that stand beside the networks in every table."""

from __future__ import annotations

import numpy as np

RADIUS = 1.6  # [comoving Mpc / littleh] of the cylinder of `contaminated` and `pure`


def baselines(data):
    """Classical models of the zoo calibrated on the same kind of clusters, by label."""
    members = data["is_member"]
    if np.max(data["r_proj"].values) > RADIUS:
        kind = "sdss"
    elif np.all(members.values == 1):
        kind = "pure"
    else:
        kind = "contaminated"
    return {"M-sigma": f"cluster_msigma.{kind}", "MAMPOSSt": f"cluster_mamposst.{kind}"}
