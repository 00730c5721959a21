"""Measure the mocks as Ho et al. (2019) measured theirs, and freeze what was found.

The published catalogues are of UniverseMachine satellites: `pure` holds all true members, without
any cut; `contaminated` the satellites of all haloes with R < 1.6 Mpc/h and |v| < 2500 km/s. The
dataset cuts at 2200 km/s, as the later work does; these measurements use the published cuts.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from zoo_datasets.simulators.clusters import mock, parameters, record, relations

CUTS: dict[str, dict[str, Any]] = {
    "pure": {"members_only": True, "r_max": 20.0, "v_max": 1e4},
    "contaminated": {"v_max": 2500.0},
}
SEED = 20190214
BLOCK = 500
FINGERPRINT = 24  # clusters of each config whose richness is kept


def catalogue(changes: dict[str, Any], n: int, seed: int = SEED) -> mock.Catalogue:
    """Clusters with uniform masses and parameters changed from the defaults."""
    p = parameters.Parameters(**changes)
    rng = np.random.default_rng(seed)
    sizes = [min(BLOCK, n - start) for start in range(0, n, BLOCK)]
    return mock.join([mock.clusters(rng, rng.uniform(*p.log_mass, k), p) for k in sizes])


def errors(clusters: mock.Catalogue, draws: int = 50) -> dict[str, float]:
    """Standard errors of the relation, by bootstrap over clusters."""
    sigma = relations.dispersions(clusters)
    rng = np.random.default_rng(SEED)
    index = rng.integers(0, len(sigma), (draws, len(sigma)))
    rows = [relations.mass_dispersion(clusters.log_mass[i], sigma[i]) for i in index]
    return {name: float(np.std([row[name] for row in rows])) for name in rows[0]}


def measure(catalogues: dict[str, mock.Catalogue]) -> dict[str, Any]:
    """The table: mass-dispersion relations with errors, published values, interlopers."""
    table: dict[str, Any] = {}
    for name, clusters in catalogues.items():
        mocks = relations.mass_dispersion(clusters.log_mass, relations.dispersions(clusters))
        table[name] = {
            "mock": _rounded(mocks),
            "error": _rounded(errors(clusters)),
            "mock_below_15.2": _rounded(_up_to(clusters, 15.2)),
            "published": relations.PUBLISHED[name],
            "clusters": len(clusters.log_mass),
            "median_richness": float(np.median(clusters.richness)),
        }
    share = relations.interloper_share(catalogues["contaminated"])
    table["interlopers"] = {
        "log_mass": relations.MASS_BINS.tolist(),
        "mock": [round(float(x), 3) for x in share],
        "prototype": list(relations.INTERLOPERS),
    }
    return table


def frozen() -> dict[str, Any]:
    """What must not change unnoticed: parameters of every config and the first clusters."""
    configs = {
        name: dataclasses.asdict(parameters.named(name)) | {"block": record.BLOCK}
        for name in parameters.CONFIGS
    }
    first = {name: _fingerprint(name) for name in parameters.CONFIGS}
    return {
        "parameters": configs,
        "parameters_sha256": parameters.digest(configs),
        "first_richness": first,
    }


def seconds_per_cluster(config: str, n: int = 1000) -> float:
    """CPU time of one mock of a config, on one core."""
    record.block.cache_clear()
    record.block("test", 0, config)  # tables are made once
    begin = time.process_time()
    for number in range(1, 1 + n // record.BLOCK):
        record.block("test", number, config)
    return (time.process_time() - begin) / n


def _up_to(clusters: mock.Catalogue, log_mass: float) -> dict[str, float]:
    """The relation of lighter clusters only: the published upper end is not known."""
    part = clusters.log_mass < log_mass
    return relations.mass_dispersion(clusters.log_mass[part], relations.dispersions(clusters)[part])


def _fingerprint(config: str) -> list[int]:
    richness = record.block("test", 0, config).richness
    return [int(x) for x in richness[:FINGERPRINT]]


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}
