"""Prepared datasets from mirrors, in place of building them; see `zoo.releases` for models."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.errors import DataError, ReleaseError
from zoo.manifest import DATASET_FILE, parse_dataset
from zoo.store import catalogue, places, prepared, snapshot
from zoo.store.publish import DATASETS


def fetch(name: str, version: str | None = None, data_dir: str | Path | None = None) -> Path:
    """Fetch a prepared dataset to where TFDS looks for it.

    Parameters
    ----------
    name : str
        "name/config".
    version : str, optional
        Such as "1.0.0"; the newest one on the mirror unless given.
    data_dir : path, optional
        Where TFDS keeps datasets: ``TFDS_DATA_DIR``, else ~/tensorflow_datasets.

    Returns
    -------
    Path
        The folder of the dataset, every file verified.

    Raises
    ------
    DataError
        If the mirrors do not have the dataset.
    ReleaseError
        If no mirror is set, a file cannot be had, or the dataset's features name foreign classes.
    """
    mirrors = places.mirrors()
    root = Path(data_dir or os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
    try:
        return _fetch(name, version, root, mirrors)
    except ReleaseError as error:
        command = f"zoo data fetch {name} --data-dir FOLDER"
        raise places.elsewhere(command, "FOLDER", "TFDS_DATA_DIR", error) from error


def _fetch(name: str, version: str | None, root: Path, mirrors: list[str]) -> Path:
    if not mirrors:
        raise ReleaseError(f"{name}: no mirror is known: set ZOO_MIRROR to its URL")
    entries = catalogue.read(mirrors)
    stem = f"{DATASETS}{name}/"
    have = sorted((p.removeprefix(stem) for p in entries if p.startswith(stem)), key=_order)
    have = [number for number in have if "/" not in number]
    if not have or (version is not None and version not in have):
        there = sorted(p.removeprefix(DATASETS) for p in entries if p.startswith(DATASETS))
        raise DataError(
            f"no mirror has {name}{f' {version}' if version else ''}; there are: "
            f"{', '.join(there) or 'no datasets'}"
        )
    number = have[-1] if version is None else version
    path = f"{stem}{number}"
    text = catalogue.manifest(mirrors, f"{path}/{DATASET_FILE}", entries[path])
    pins = parse_dataset(text, f"{path}/{DATASET_FILE}")
    if (pins.name, pins.version) != (name, number):
        raise ReleaseError(f"the mirror gave {pins.name} {pins.version} for {name} {number}")
    sources = [*mirrors, *pins.mirrors]
    target = root / name / number
    return snapshot.fetch(root, target, pins, text, sources, path, check=prepared.check)


def _order(version: str) -> list[int]:
    return [int(part) if part.isdecimal() else -1 for part in version.split(".")]
