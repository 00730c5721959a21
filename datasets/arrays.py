"""The fast path to a prepared dataset: one memory-mapped array per feature.

TFDS spends 50 microseconds and more to decode a record; small models train faster than that. The
arrays lie inside the folder of the prepared dataset, so that they go when it is built again.
"""

from __future__ import annotations

import dataclasses
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import building
from zoo_datasets.errors import DatasetError

ROWS = ".row_splits"


@dataclasses.dataclass(frozen=True, eq=False)
class Uneven(Sequence[np.ndarray]):
    """Feature whose length differs from record to record: a sequence of arrays.

    `uneven[3]` is the array of one record; a slice or an index array gives another `Uneven`, in
    memory.

    Attributes
    ----------
    values : (total, ...) array
        All records, one after the other.
    row_splits : (records + 1,) array of int
        Record i is values[row_splits[i]:row_splits[i + 1]].
    """

    values: np.ndarray
    row_splits: np.ndarray

    def __len__(self) -> int:
        """Number of records."""
        return len(self.row_splits) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Length of each record, (records,)."""
        return np.diff(self.row_splits)

    def __getitem__(self, index: Any) -> Any:
        """Array of one record, or some of the records."""
        if isinstance(index, int | np.integer):
            record = range(len(self))[index]
            return self.values[self.row_splits[record] : self.row_splits[record + 1]]
        chosen = np.arange(len(self))[index]
        lengths = self.lengths[chosen]
        splits = np.concatenate([[0], np.cumsum(lengths)])
        shift = np.repeat(self.row_splits[chosen] - splits[:-1], lengths)
        return Uneven(self.values[np.arange(splits[-1]) + shift], splits)

    def padded(self, length: int | None = None, fill: float = np.nan) -> np.ndarray:
        """Records (records, length, ...) as float32, padded with `fill`, cut to `length`.

        Without `length` the longest record decides.
        """
        lengths = self.lengths
        length = int(lengths.max(initial=0)) if length is None else length
        out = np.full((len(self), length, *self.values.shape[1:]), fill, np.float32)
        kept = np.arange(length) < lengths[:, None]
        shown = np.arange(len(self.values)) - np.repeat(self.row_splits[:-1], lengths) < length
        out[kept] = self.values[shown]
        return out


def arrays(
    name: str, split: str, data_dir: str | Path | None = None, into: str | Path | None = None
) -> dict[str, np.ndarray | Uneven]:
    """Features of one split, in the order of the dataset; written at the first call.

    Parameters
    ----------
    name : str
        "name/config" of a prepared dataset.
    split : str
        "train", "validation", ...
    data_dir : path, optional
        Where TFDS keeps datasets.
    into : path, optional
        Folder for the arrays, where the dataset's own cannot be written.

    Returns
    -------
    dict
        Feature -> memory-mapped array (records, ...), read-only, or `Uneven`.

    Raises
    ------
    DatasetError
        If the dataset is not built, the split does not exist or the disk is full.
    """
    folder = export(name, split, data_dir, into)
    return load(folder)


def export(
    name: str, split: str, data_dir: str | Path | None = None, into: str | Path | None = None
) -> Path:
    """Write the arrays of one split, if they are not there yet, and return their folder."""
    builder = building.builder(name, data_dir)
    if not builder.is_prepared():
        raise DatasetError(f"{name} is not built: run `zoo data build {name}`")
    if split not in builder.info.splits:
        raise DatasetError(f"{name} has no split {split!r}, only {', '.join(builder.info.splits)}")
    folder = Path(into or Path(builder.data_dir) / "arrays") / split
    if folder.is_dir():
        return folder
    stage = folder.with_name(f".{split}.{uuid.uuid4().hex}")
    try:
        with building.file_errors(folder):
            stage.mkdir(parents=True)
            _write(builder, split, stage)
            stage.replace(folder)
    except DatasetError:
        if folder.is_dir():  # somebody else was faster
            return folder
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return folder


def load(folder: Path) -> dict[str, np.ndarray | Uneven]:
    """Memory-map what `export` wrote."""
    out: dict[str, np.ndarray | Uneven] = {}
    for path in sorted(folder.glob("*.npy")):
        if path.stem.endswith(ROWS):
            continue
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        rows = path.with_name(f"{path.stem}{ROWS}.npy")
        out[path.stem] = Uneven(values, np.load(rows)) if rows.exists() else values
    return out


def _write(builder: tfds.core.DatasetBuilder, split: str, folder: Path) -> None:
    size = builder.info.splits[split].num_examples
    filled: dict[str, Any] = {}
    pieces: dict[str, list[np.ndarray]] = {}
    data = builder.as_dataset(split=split, shuffle_files=False)
    for i, example in enumerate(tfds.as_numpy(data)):
        for name, value in _flat(example):
            # text in TFDS is bytes of any length
            array = np.asarray(value.decode() if isinstance(value, bytes) else value)
            feature = builder.info.features
            for part in name.split("."):
                feature = feature[part]
            if array.dtype.kind in "UO" or None in feature.shape:
                pieces.setdefault(name, []).append(array)
                continue
            if name not in filled:
                filled[name] = np.lib.format.open_memmap(
                    folder / f"{name}.npy", "w+", array.dtype, (size, *array.shape)
                )
            filled[name][i] = array
    for array in filled.values():
        array.flush()
    for name, values in pieces.items():
        if values[0].ndim:
            lengths = [0, *(len(value) for value in values)]
            np.save(folder / f"{name}{ROWS}.npy", np.cumsum(lengths))
            np.save(folder / f"{name}.npy", np.concatenate(values), allow_pickle=False)
        else:
            np.save(folder / f"{name}.npy", np.array(values, dtype="U"), allow_pickle=False)


def _flat(example: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Features of nested dictionaries, named "outer.inner"."""
    out: list[tuple[str, Any]] = []
    for name, value in example.items():
        if isinstance(value, dict):
            out += _flat(value, f"{prefix}{name}.")
        else:
            out.append((prefix + name, value))
    return out
