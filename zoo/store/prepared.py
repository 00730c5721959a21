"""Prepared TFDS datasets: which one a folder holds, and whether reading it runs foreign code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.errors import ReleaseError
from zoo.manifest import load_json

INFO, FEATURES = "dataset_info.json", "features.json"
# TFDS imports the module of a feature's class by the name that stands in the file.
CLASSES = ("tensorflow_datasets.core.features.", "zoo_datasets.")
_KEYS = {"pythonClassName", "python_class_name", "type", "proto_cls"}


def identity(folder: Path) -> tuple[str, str]:
    """Name ("name" or "name/config") and version of the dataset in a folder.

    Raises
    ------
    ReleaseError
        If it holds no prepared dataset.
    """
    path = folder / INFO
    if not path.is_file():
        raise ReleaseError(f"{folder} is no prepared dataset: it holds no {INFO}")
    facts = load_json(path.read_bytes(), str(path))
    if not isinstance(facts, dict):
        raise ReleaseError(f"{path} holds no facts of a dataset")
    config = f"/{facts['configName']}" if facts.get("configName") else ""
    return f"{facts.get('name')}{config}", str(facts.get("version"))


def check(folder: Path) -> None:
    """Refuse a dataset whose features name classes outside TFDS and the zoo.

    Raises
    ------
    ReleaseError
        Naming the class.
    """
    path = folder / FEATURES
    if not path.is_file():
        raise ReleaseError(f"{folder} is no prepared dataset: it holds no {FEATURES}")
    for name in _classes(load_json(path.read_bytes(), str(path))):
        if not name.startswith(CLASSES):
            raise ReleaseError(f"{path} names the class {name!r}, allowed: those of TFDS")


def _classes(value: Any) -> Iterator[str]:
    """Dotted names under the keys that TFDS imports from, in nested JSON texts too."""
    if isinstance(value, list):
        for part in value:
            yield from _classes(part)
    if not isinstance(value, dict):
        return
    for key, part in value.items():
        if key in _KEYS and isinstance(part, str) and "." in part:
            yield part
        elif key == "json" and isinstance(part, str):
            try:
                yield from _classes(json.loads(part))
            except (ValueError, RecursionError) as error:
                raise ReleaseError(f"{FEATURES} is damaged: {error}") from error
        else:
            yield from _classes(part)
