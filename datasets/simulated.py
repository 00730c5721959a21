"""What every simulated dataset's builder does with the chunk cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow_datasets as tfds

from zoo_datasets import chunks, workers


def tasks(
    builder: tfds.core.DatasetBuilder, function: str, options: dict[str, Any] | None = None
) -> list[chunks.Task]:
    """Return the simulations behind each split of a builder.

    Parameters
    ----------
    builder : DatasetBuilder
        Whose config has `sizes` (records of each split) and `per_chunk`.
    function : str
        "module:function" of one record, see `chunks.Task`.
    options : dict, optional
        Keyword arguments of the function.
    """
    config = builder.builder_config
    return [
        chunks.Task(
            function=function,
            name=builder.name,
            version=str(builder.version),
            config=config.name,
            split=split,
            size=size,
            per_chunk=config.per_chunk,
            options=options or {},
        )
        for split, size in config.sizes.items()
    ]


def splits(
    simulations: Sequence[chunks.Task],
) -> dict[str, Iterator[tuple[int, chunks.Record]]]:
    """Split generators for TFDS; what the cache lacks is simulated first, in parallel."""
    workers.fill(simulations)
    return {task.split: chunks.read(task) for task in simulations}
