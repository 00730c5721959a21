"""Boxes of the toy suites: gravity is simulated once, galaxies are painted on reading."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo_datasets import chunks, workers
from zoo_datasets.dark_matter_galaxies import slabs
from zoo_datasets.simulators.nbody import record

GRAVITY = "zoo_datasets.simulators.nbody.record:gravity"


def tasks(name: str, version: str, config: Any) -> list[chunks.Task]:
    """Return the N-body runs of a config; configs of one resolution share them."""
    kind = "varied" if config.varied else "fiducial"
    return [
        chunks.Task(
            function=GRAVITY,
            name=name,
            version=version.partition(".")[0] + ".0.0",
            config=f"gravity_{config.particles}_{kind}",
            split=split,
            size=size,
            per_chunk=1,
            options={"particles": config.particles, "varied": config.varied},
        )
        for split, size in config.sizes.items()
    ]


def splits(
    simulations: list[chunks.Task], config: Any
) -> dict[str, Iterator[tuple[int | str, chunks.Record]]]:
    """Split generators for TFDS; what the cache lacks is simulated first."""
    workers.fill(simulations)
    return {task.split: _examples(task, config) for task in simulations}


def _examples(task: chunks.Task, config: Any) -> Iterator[tuple[int | str, chunks.Record]]:
    prefix = "LH" if config.varied else "CV"
    names = list(config.sizes)
    begin = sum(config.sizes[name] for name in names[: names.index(task.split)])
    for index, box in chunks.read(task):
        key = f"{config.suite}/{config.everything}/{task.split}/{index}"
        seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little")
        painted = record.painted(box, config.suite, config.everything, np.random.default_rng(seed))
        painted["object_id"] = f"{prefix}_{begin + index}"
        if not config.slabs:
            yield index, painted
            continue
        for number, piece in enumerate(slabs.of_box(painted)):
            yield index * slabs.PER_BOX + number, piece
