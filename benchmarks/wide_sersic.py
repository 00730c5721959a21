"""Sersic galaxies of a wider prior than that of `jam_mocks`, as a user would simulate them.

The Sersic index runs from 1 to 6 and axis ratios from 0.45, which allows inclinations from
arccos(0.45); the bound on beta_z stays. Sizes start at 6.7 arcsec, so that the corner of the map
stays within 7.5 r_sersic along the minor axis of the flattest galaxies.
"""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import h5py
import numpy as np
from platformdirs import user_cache_path

from zoo_datasets.simulators import sersic_mock

PRIOR = sersic_mock.PRIOR | {
    "n_sersic": (1.0, 6.0),
    "r_sersic": (6.7, 20.0),
    "q_light": (0.45, 1.0),
    "q_mass": (0.45, 1.0),
    "inclination": (float(np.degrees(np.arccos(0.45))), 90.0),
}
SPLITS = {"train": 5000, "validation": 500, "test": 1000}
CHUNK = 100
Job = tuple[int, int]


def chunk(job: Job) -> dict[str, np.ndarray]:
    """`CHUNK` galaxies of a split; each has a seed of its own."""
    split, start = job
    rows = [
        sersic_mock.simulate(sersic_mock.draw(np.random.default_rng([9, split, index]), PRIOR))
        for index in range(start, start + CHUNK)
    ]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0] if name != "photometry"}


def file(workers: int = 2) -> Path:
    """The user's data file, simulated the first time and then kept in the user's cache."""
    path = user_cache_path("zoo") / "benchmarks" / "wide_sersic.h5"
    if path.is_file():
        return path
    jobs = [(k, i) for k, size in enumerate(SPLITS.values()) for i in range(0, size, CHUNK)]
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        parts = list(pool.imap(chunk, jobs))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    splits = np.repeat(list(SPLITS), list(SPLITS.values()))
    ids = [f"wide-{split}-{i:04d}" for split, size in SPLITS.items() for i in range(size)]
    write(path, columns | {"split": splits, "object_id": np.array(ids)})
    return path


def write(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write columns to HDF5; the file appears only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.h5")
    with h5py.File(part, "w") as target:
        for name, values in columns.items():
            target[name] = values.astype(h5py.string_dtype() if values.dtype.kind == "U" else "f4")
    part.replace(path)


if __name__ == "__main__":
    print(file())
