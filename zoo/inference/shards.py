"""Collections too large for one call: shards of inputs, one file or TFRecord piece each."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from zoo import registry, splits
from zoo.card import Card
from zoo.errors import InputError
from zoo.readers import command, files

FEATURES = "features.json"  # of a prepared dataset, whose shards are TFRecords
RECORDS = ".tfrecord-"


def find(source: Path) -> list[Path]:
    """Shards of a folder in the order of their names, or one file.

    Raises
    ------
    InputError
        If there are none.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise InputError(f"{source} is neither a file nor a folder")
    suffixes = (*files.TABLES, *files.ARRAYS, ".fits.gz")
    prepared = (source / FEATURES).is_file()
    found = [
        path
        for path in sorted(source.iterdir())
        if path.is_file()
        and (RECORDS in path.name if prepared else path.name.lower().endswith(suffixes))
        and not path.name.startswith(("redrock", "."))
    ]
    if not found:
        raise InputError(f"{source} holds no shards: TFRecords of TFDS or {', '.join(suffixes)}")
    return found


def read(shard: Path, name: str, settings: dict[str, Any]) -> tuple[Any, command.Observed]:
    """Inputs of a model from one shard, and the observation behind them.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    card, _ = registry.find_card(name)
    if RECORDS in shard.name:
        return _records(shard, card), None
    return command.inputs(shard, settings, card)


def _records(shard: Path, card: Card) -> dict[str, Any]:
    """Those features of a TFRecord shard that a card reads; noise is drawn where it is not stored.

    Lengths may differ from record to record.
    """
    import tensorflow as tf

    builder = import_module("tensorflow_datasets").builder_from_directory(str(shard.parent))
    try:
        records = list(
            tf.data.TFRecordDataset(str(shard))
            .map(builder.info.features.deserialize_example)
            .as_numpy_iterator()
        )
    except (tf.errors.OpError, ValueError) as error:
        raise InputError(f"{shard} cannot be read: {error}") from error
    if not records:
        raise InputError(f"{shard} holds no records")
    columns = {name: _stacked([record[name] for record in records]) for name in records[0]}
    columns = splits.observed(builder.info.full_name.partition("/")[0], columns)
    return {name: columns[name] for name in card.inputs if name in columns}


def _stacked(rows: list[Any]) -> Any:
    arrays = [np.asarray(row) for row in rows]
    return np.stack(arrays) if len({row.shape for row in arrays}) == 1 else arrays
