"""Clusters cut out of a real simulation: Rockstar haloes and UniverseMachine galaxies of MDPL2.

Cuts, velocities and the flat mass function follow Ho et al. (2019).
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from zoo_datasets.errors import DatasetError
from zoo_datasets.simulators.clusters.halos import Theory, theory
from zoo_datasets.simulators.clusters.host import rotations
from zoo_datasets.simulators.clusters.parameters import C, Parameters
from zoo_datasets.simulators.clusters.projection import line_of_sight

HOSTS, GALAXIES = "hosts.csv", "sfr_catalog.bin"
COLUMNS = ("rockstarId", "upId", "M200c", "x", "y", "z", "vx", "vy", "vz")
# the layout of UniverseMachine's public catalogues, aligned as C does it
RECORD = np.dtype(
    [(name, "i8") for name in ("id", "descid", "upid")]
    + [("flags", "i4"), ("uparent_dist", "f4"), ("pos", "f4", 6)]
    + [(name, "f4") for name in ("vmp", "lvmp", "mp", "m", "v", "r", "rank1", "rank2", "ra")]
    + [(name, "f4") for name in ("rarank", "A_UV", "sm", "icl", "sfr", "obs_sm", "obs_sfr")]
    + [(name, "f4") for name in ("obs_uv", "empty")],
    align=True,
)
BOX = 1000.0  # comoving Mpc/h
STELLAR_MASS = 10**9.5  # observed, Msun
SHARES = {"train": 0.8, "validation": 0.05, "calibration": 0.05, "test": 0.1}
FLAT = 10**-5.2 * BOX**3  # views per dex
VIEWS = (3, 500)  # of a halo above 10^14: at least, at most
FASTEST = 4000.0  # km/s: a galaxy farther away than v_max + this over H is never seen


def splits(folder: Path) -> dict[str, Iterator[tuple[int | str, dict[str, Any]]]]:
    """Records of each split, in the order of the haloes.

    Parameters
    ----------
    folder : Path
        Holds `hosts.csv` and `sfr_catalog.bin`, see the dataset's README.

    Raises
    ------
    DatasetError
        If a file or a column is missing, or the file is no catalogue.
    """
    hosts, galaxies = read_hosts(folder / HOSTS), read_galaxies(folder / GALAXIES)
    return {split: records(split, hosts, galaxies) for split in SHARES}


def read_hosts(path: Path) -> dict[str, np.ndarray]:
    """Host haloes above 10^13.5 Msun/h of a CosmoSim table (CSV with a header)."""
    if not path.exists():
        raise DatasetError(
            f"{path} does not exist: README.md of cluster_phase_space tells the file"
        )
    with path.open(newline="") as file:
        header = next(csv.reader(file), [])
    if missing := [name for name in COLUMNS if name not in header]:
        raise DatasetError(f"{path} has no column {', '.join(missing)}; it has {', '.join(header)}")
    where = [header.index(name) for name in COLUMNS]
    numbers = np.loadtxt(path, delimiter=",", skiprows=1, usecols=where, ndmin=2)
    # identifiers have up to 19 digits, more than a float64 holds
    ids = np.loadtxt(path, delimiter=",", skiprows=1, usecols=where[0], dtype=np.int64, ndmin=1)
    keep = (numbers[:, 1] == -1) & (numbers[:, 2] > 10**13.5)
    return {
        "id": ids[keep],
        "log_mass": np.log10(numbers[keep, 2]),
        "position": numbers[keep, 3:6],
        "velocity": numbers[keep, 6:9],
    }


def read_galaxies(path: Path) -> np.ndarray:
    """Satellite galaxies above 10^9.5 Msun of a UniverseMachine catalogue (binary records)."""
    if not path.exists():
        raise DatasetError(
            f"{path} does not exist: README.md of cluster_phase_space tells the file"
        )
    if path.stat().st_size % RECORD.itemsize:
        raise DatasetError(
            f"{path} holds {path.stat().st_size} bytes, no multiple of the {RECORD.itemsize} of a "
            "UniverseMachine record"
        )
    whole = np.memmap(path, RECORD, "r")
    return np.array(whole[(whole["upid"] != -1) & (whole["obs_sm"] > STELLAR_MASS)])


def split_of(halo: int) -> str:
    """The split of a halo, by its identifier: all its views go together."""
    u = int.from_bytes(hashlib.sha256(str(halo).encode()).digest()[:8], "little") / 2**64
    edges = np.cumsum(list(SHARES.values()))
    return list(SHARES)[min(int(np.searchsorted(edges, u, side="right")), len(SHARES) - 1)]


def views(log_mass: np.ndarray) -> np.ndarray:
    """Mean number of views of each halo (n,), so that the masses are flat where haloes suffice."""
    edges = np.arange(13.5, 16.02, 0.02)
    in_bin = np.histogram(log_mass, edges)[0][np.digitize(log_mass, edges) - 1]
    wanted = FLAT * 0.02 / in_bin
    return np.minimum(wanted, np.where(log_mass > 14, VIEWS[1], 1))


def records(
    split: str, hosts: dict[str, np.ndarray], galaxies: np.ndarray, p: Parameters | None = None
) -> Iterator[tuple[int | str, dict[str, Any]]]:
    """Key and record of each view of the haloes of a split."""
    p = p or Parameters()
    cosmos = theory(p.redshift)
    place = np.mod(galaxies["pos"][:, :3].astype(float), BOX)
    tree = cKDTree(place, boxsize=BOX)
    reach = float(np.hypot(p.r_max, (p.v_max + FASTEST) / cosmos.hubble))
    mean = views(hosts["log_mass"])
    for i in np.argsort(hosts["id"]):
        halo = int(hosts["id"][i])
        if split_of(halo) != split:
            continue
        rng = np.random.default_rng(halo)
        count = int(mean[i]) + (rng.random() < mean[i] % 1)
        if not count:
            continue
        near = np.sort(tree.query_ball_point(np.mod(hosts["position"][i], BOX), reach))
        offset = np.mod(place[near] - hosts["position"][i] + BOX / 2, BOX) - BOX / 2
        velocity = galaxies["pos"][near, 3:] - hosts["velocity"][i]
        member = galaxies["upid"][near] == halo
        for view, turn in enumerate(rotations(rng, count)):
            record = _view(turn, offset, velocity, member, cosmos, p)
            if record["richness"] >= p.min_galaxies:
                key = f"{split}-{halo}-{view:03d}"
                yield key, _host(key, halo, hosts["log_mass"][i], cosmos) | record


def _host(key: str, halo: int, log_mass: float, cosmos: Theory) -> dict[str, Any]:
    z = np.linspace(0, cosmos.redshift, 200)
    e = np.sqrt(0.307115 * (1 + z) ** 3 + 0.692885)
    return {
        "object_id": key,
        "halo_id": np.int64(halo),
        "log_mass": np.float32(log_mass),
        "redshift": np.float32(cosmos.redshift),
        "distance": np.float32(C / 100 * np.trapezoid(1 / e, z)),
        "r_200c": np.float32(cosmos.radius(np.array(log_mass))),
        "concentration": np.float32(np.nan),
    }


def _view(
    turn: np.ndarray,
    offset: np.ndarray,
    velocity: np.ndarray,
    member: np.ndarray,
    cosmos: Theory,
    p: Parameters,
) -> dict[str, Any]:
    position, motion = offset @ turn.T, velocity @ turn[2]
    v = line_of_sight(motion, position[:, 2], cosmos.hubble)
    r = np.hypot(position[:, 0], position[:, 1])
    seen = np.flatnonzero((r < p.r_max) & (np.abs(v) < p.v_max))
    seen = seen[np.argsort(r[seen], kind="stable")]
    columns = {
        "r_proj": r[seen],
        "v_los": v[seen],
        "x_proj": position[seen, 0],
        "y_proj": position[seen, 1],
        "abs_mag_r": np.full(len(seen), np.nan),
    }
    return {
        "richness": np.int32(len(seen)),
        **{name: values.astype(np.float32) for name, values in columns.items()},
        "is_member": member[seen].astype(np.uint8),
    }
