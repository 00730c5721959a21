"""A resumable cache of simulated records, filled in parallel.

TFDS generates a dataset in one go or not at all. Simulations go through this cache instead: a
split is cut into chunks of consecutive records, each chunk is one file that appears complete or
not at all, and a build that was killed continues with the chunks that are missing. Each record has
a random generator of its own, seeded by (dataset, major version, split, index), so that neither
workers nor chunks nor shards change it; configs share seeds, so that record i of two configs
differs by what the configs change and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import io
import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from zoo_datasets.errors import DatasetError

Record = dict[str, Any]

FULL = {errno.ENOSPC, errno.EDQUOT}
LENGTHS = ".lengths"  # rows of each record, beside the concatenated rows of an uneven feature


@dataclass(frozen=True)
class Task:
    """One split to simulate.

    Attributes
    ----------
    function : str
        "module:function", called as function(rng, split, index, **options) -> dict of arrays.
    name, version, config, split : str
        Which dataset the records belong to.
    size : int
        Number of records.
    per_chunk : int
        Records in a chunk: what a kill can cost.
    options : dict
        Keyword arguments of the function, JSON values.
    """

    function: str
    name: str
    version: str
    config: str
    split: str
    size: int
    per_chunk: int = 50
    options: dict[str, Any] = field(default_factory=dict)

    def ranges(self) -> list[tuple[int, int]]:
        """First and last-plus-one record of each chunk."""
        starts = range(0, self.size, self.per_chunk)
        return [(start, min(start + self.per_chunk, self.size)) for start in starts]

    def folder(self) -> Path:
        """Where the chunks lie; other options of the function lie elsewhere."""
        key = json.dumps([self.function, self.options], sort_keys=True)
        digest = hashlib.sha256(key.encode()).hexdigest()[:12]
        return root() / self.name / self.version / self.config / digest / self.split

    def path(self, start: int, stop: int) -> Path:
        """File of one chunk."""
        return self.folder() / f"{start:08d}-{stop:08d}.npz"

    def to_json(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return asdict(self)


def root() -> Path:
    """Folder of all chunks: under ``ZOO_HOME``, else in the user's cache."""
    home = os.environ.get("ZOO_HOME")
    return (Path(home).expanduser() if home else platformdirs.user_cache_path("zoo")) / "chunks"


def rng(task: Task, index: int) -> np.random.Generator:
    """Random generator of one record."""
    # a minor version adds features and a patch rewrites files: neither changes the draws
    key = f"{task.name}:{task.version.split('.')[0]}/{task.split}/{index}"
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little")
    return np.random.default_rng(seed)


def simulate(task: Task, start: int, stop: int) -> list[Record]:
    """Records [start, stop) of a split, computed here and now."""
    module, name = task.function.split(":")
    function = getattr(importlib.import_module(module), name)
    return [function(rng(task, i), task.split, i, **task.options) for i in range(start, stop)]


def make(task: Task, start: int, stop: int) -> None:
    """Simulate one chunk and store it.

    Raises
    ------
    DatasetError
        If the disk is full or refuses to be written; no part of the chunk stays behind.
    """
    write(task.path(start, stop), simulate(task, start, stop))


def missing(task: Task) -> list[tuple[int, int]]:
    """Chunks of a task that are not there yet."""
    return [r for r in task.ranges() if not task.path(*r).exists()]


def read(task: Task) -> Iterator[tuple[int, Record]]:
    """Index and record of a whole split, in order; a missing or damaged chunk is made again."""
    for start, stop in task.ranges():
        path = task.path(start, stop)
        try:
            records = load(path, stop - start)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
            make(task, start, stop)
            records = load(path, stop - start)
        yield from enumerate(records, start)


def clear(tasks: Sequence[Task]) -> None:
    """Remove the chunks of tasks."""
    for task in tasks:
        shutil.rmtree(task.folder(), ignore_errors=True)


def stored_bytes(tasks: Sequence[Task]) -> int:
    """Size of the chunks that are there."""
    return sum(path.stat().st_size for task in tasks for path in task.folder().glob("*.npz"))


def write(path: Path, records: list[Record]) -> None:
    """Store records as one npz file: to a temporary name, then renamed."""
    arrays: dict[str, np.ndarray] = {}
    for name in records[0]:
        values = [np.asarray(record[name]) for record in records]
        if len({value.shape for value in values}) == 1:
            arrays[name] = np.stack(values)
        else:  # sets of members: uneven along the first axis
            arrays[name] = np.concatenate(values)
            arrays[name + LENGTHS] = np.array([len(value) for value in values])
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise refused(error, path.parent) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def load(path: Path, size: int) -> list[Record]:
    """Records of one chunk.

    Raises
    ------
    ValueError, zipfile.BadZipFile, OSError
        If the file is not a chunk of `size` records; zip files carry check sums.
    """
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    columns: dict[str, Sequence[np.ndarray]] = {}
    for name in [name for name in arrays if not name.endswith(LENGTHS)]:
        lengths = arrays.get(name + LENGTHS)
        values = arrays[name]
        columns[name] = (
            list(values) if lengths is None else np.split(values, np.cumsum(lengths)[:-1])
        )
        if len(columns[name]) != size:
            raise ValueError(f"{path}: {name} has {len(columns[name])} records instead of {size}")
    return [{name: column[i] for name, column in columns.items()} for i in range(size)]


def refused(error: OSError, folder: Path) -> DatasetError:
    """Turn an error of the file system into one that tells what to do."""
    if error.errno in FULL or "No space left" in str(error):  # TFDS drops the number
        return DatasetError(
            f"the disk that holds {folder} is full. Nothing half-written was left behind and "
            "finished parts are kept: free some space, or point ZOO_HOME (chunks) and "
            "TFDS_DATA_DIR (datasets) elsewhere, and run the same command again"
        )
    return DatasetError(f"cannot write to {folder}: {error}")
