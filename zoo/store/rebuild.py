"""Whether `config.json` and `model.weights.h5` are plain numbers, before Keras sees them.

The module that builds a model comes from its card, so a configuration chooses no code; still it is
plain words and numbers only. HDF5 can refer to other files, and declare far more than it holds.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.errors import ReleaseError
from zoo.manifest import LARGEST, load_json

LARGEST_NUMBER = 10**6  # of anything a network counts: units, layers, modes
DEPTH = 8
_WORD = re.compile(r"^[\w.+\- ]{0,128}\Z", re.ASCII)
_CODE = {"class_name", "module", "registered_name", "build_config", "compile_config", "fn"}


def read_config(path: Path, build: Callable[..., Any]) -> dict[str, Any]:
    """Arguments of a model module's `build`, from a file; see `check_config`."""
    if (size := path.stat().st_size) > LARGEST:
        raise ReleaseError(f"{path} has {size} bytes, allowed: {LARGEST}")
    config = load_json(path.read_bytes(), str(path))
    if not isinstance(config, dict):
        raise ReleaseError(f"{path} is a {type(config).__name__}, not a mapping")
    return check_config(config, build, str(path))


def check_config(config: dict[str, Any], build: Callable[..., Any], where: str) -> dict[str, Any]:
    """Return a configuration that is arguments of `build`, plain words and numbers.

    Raises
    ------
    ReleaseError
        Naming the entry that is not.
    """
    parameters = inspect.signature(build).parameters.values()
    names = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD and p.name != "dtype"]
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for name, value in config.items():
        if name == "dtype" or not (anything or name in names):
            known = ", ".join(names) or "nothing"
            raise ReleaseError(f"{where}: {name!r} is no argument of the model, allowed: {known}")
        _plain(value, f"{where}: {name}", DEPTH)
    return config


def _plain(value: Any, where: str, depth: int) -> None:
    if depth == 0:
        raise ReleaseError(f"{where} is nested too deeply")
    if isinstance(value, dict):
        for key, part in value.items():
            if key in _CODE or not _WORD.match(key):
                raise ReleaseError(f"{where} has a key {key!r}: a configuration names no code")
            _plain(part, f"{where}.{key}", depth - 1)
    elif isinstance(value, list):
        for part in value:
            _plain(part, where, depth - 1)
    elif isinstance(value, str):
        if not _WORD.match(value) or value.lower() == "lambda" or ".." in value:
            raise ReleaseError(f"{where} is {value[:60]!r}, allowed: plain words and numbers")
    elif isinstance(value, (int, float)) and not abs(value) <= LARGEST_NUMBER:
        raise ReleaseError(f"{where} is {value!r}, allowed: up to {LARGEST_NUMBER}")


def check_weights(path: Path) -> None:
    """Refuse an HDF5 file that is more than arrays of numbers lying in it.

    Raises
    ------
    ReleaseError
        Naming the object and what it is.
    """
    import h5py

    size = path.stat().st_size
    total = 0
    try:
        with h5py.File(path, "r") as file:
            todo = [file["/"]]
            seen = set()
            while todo:
                group = todo.pop()
                for name in group:
                    where = f"{path}: {group.name.rstrip('/')}/{name}"
                    link = group.get(name, getlink=True)
                    if not isinstance(link, h5py.HardLink):
                        raise ReleaseError(f"{where} is a {type(link).__name__}, not in this file")
                    entry = group[name]
                    if isinstance(entry, h5py.Group):
                        key = h5py.h5o.get_info(entry.id).addr
                        if key in seen:
                            raise ReleaseError(f"{where} is a group that stands twice")
                        seen.add(key)
                        todo.append(entry)
                    elif isinstance(entry, h5py.Dataset):
                        total += _bytes(entry, where)
                        if total > size:
                            raise ReleaseError(f"{where} declares more than the file holds")
                    else:
                        raise ReleaseError(f"{where} is neither a group nor an array")
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise ReleaseError(f"{path} cannot be read: {error}") from error


def _bytes(array: Any, where: str) -> int:
    """Size in memory of an array, which has to be numbers stored plainly."""
    plan = array.id.get_create_plist()
    if plan.get_external_count() or array.is_virtual:
        raise ReleaseError(f"{where} lies in another file")
    if plan.get_nfilters():
        raise ReleaseError(f"{where} is compressed, which weights of the zoo never are")
    if array.dtype.kind not in "fiub" or array.dtype.hasobject:
        raise ReleaseError(f"{where} is of type {array.dtype}, not numbers")
    return math.prod(array.shape) * array.dtype.itemsize
