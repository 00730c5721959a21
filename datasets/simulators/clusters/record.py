"""Records of the dataset, drawn in blocks of clusters.

A block is drawn at once, vectorised, by a random generator of its own, and the last ones are
remembered. Configs share the generators: cluster i of two configs has the same mass.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np

from zoo_datasets.simulators.clusters import mock, parameters

BLOCK = 200  # clusters
SEED = "cluster_phase_space:1"  # dataset and major version
SPLITS = ("train", "validation", "calibration", "test")


def record(
    _rng: np.random.Generator, split: str, index: int, config: str = "contaminated"
) -> dict[str, Any]:
    """Cluster `index` of a split.

    Parameters
    ----------
    _rng : Generator
        Of one record; not used, since a block of clusters shares one.
    config : str
        A name of `parameters.CONFIGS`.
    """
    catalogue = block(split, index // BLOCK, config)
    i = index % BLOCK
    rows = slice(*catalogue.row_splits[i : i + 2])
    x, y = catalogue.x[rows], catalogue.y[rows]
    values = {
        "log_mass": catalogue.log_mass[i],
        "redshift": catalogue.redshift[i],
        "distance": catalogue.distance[i],
        "r_200c": catalogue.r200[i],
        "concentration": catalogue.concentration[i],
        "r_proj": np.hypot(x, y),
        "v_los": catalogue.v[rows],
        "x_proj": x,
        "y_proj": y,
        "abs_mag_r": catalogue.magnitude[rows],
    }
    return {
        "object_id": np.array(f"{split}-{index:06d}"),
        "halo_id": np.int64(SPLITS.index(split) * 10_000_000 + index),
        "richness": np.int32(len(x)),
        **{name: np.asarray(value, np.float32) for name, value in values.items()},
        "is_member": catalogue.member[rows].astype(np.uint8),
    }


@lru_cache(maxsize=4)
def block(split: str, number: int, config: str) -> mock.Catalogue:
    """Clusters [number BLOCK, (number + 1) BLOCK) of a split."""
    digest = hashlib.sha256(f"{SEED}/{split}/{number}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "little"))
    p = parameters.named(config)
    log_mass = rng.uniform(*p.log_mass, BLOCK).astype(np.float32).astype(float)
    return mock.clusters(rng, log_mass, p)
