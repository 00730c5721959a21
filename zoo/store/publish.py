"""A static mirror: plain files that any web server, bucket or repository of files can serve."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import IO, Any

from zoo.errors import ReleaseError
from zoo.manifest import (
    DATASET_FILE,
    FILE_NAME,
    DatasetManifest,
    parse_dataset,
    read_dataset,
    read_manifest,
)
from zoo.store import catalogue, mirrors, prepared, scan, verify
from zoo.store.download import disk, sync

DATASETS = "datasets/"  # before the path of a dataset on a mirror


def publish(source: Path, to: Path, flat: bool = False) -> list[str]:
    """Lay out releases or prepared datasets as a mirror, or add them to one.

    Parameters
    ----------
    source : Path
        A release folder, a folder of releases, or the version folder of a prepared dataset.
    to : Path
        Folder of the mirror; made if it does not exist.
    flat : bool
        Write all files side by side, for hosts without folders (Zenodo, GitHub releases).

    Returns
    -------
    list of str
        Paths of what was published, as the index names them.

    Raises
    ------
    ReleaseError
        If there is nothing to publish, if a file is not as its manifest says, or if the mirror has
        another release of that name and version: releases never change.
    """
    folders = [source] if _kind(source) else releases_in(source)
    if not folders:
        raise ReleaseError(f"{source} holds no {FILE_NAME}, no releases and no prepared dataset")
    index = to / mirrors.INDEX
    entries = catalogue.parse(index.read_bytes(), str(index)) if index.is_file() else {}
    done = []
    for folder in folders:
        path, manifest, text = _checked(folder)
        entry: dict[str, Any] = {"sha256": hashlib.sha256(text).hexdigest(), "size": len(text)}
        names = list(manifest.files)
        if (folder / verify.SIGNATURE).is_file():
            names.append(verify.SIGNATURE)
            entry["beside"] = verify.pin_files(folder, [folder / verify.SIGNATURE])
        if path in entries and entries[path]["sha256"] != entry["sha256"]:
            raise ReleaseError(
                f"{to} has another {path} already; a release never changes, choose a new version"
            )
        for name in names:
            with verify.opened(folder / name) as file:
                _copy(file, to / _place(f"{path}/{name}", flat))
        _copy(io.BytesIO(text), to / _place(f"{path}/{manifest.file_name}", flat))
        entries[path] = entry
        done.append(path)
    content = {"format": catalogue.FORMAT, "releases": entries}
    index_text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    _copy(io.BytesIO(index_text.encode()), index)  # last: what it names is there
    return done


def releases_in(folder: Path) -> list[Path]:
    """Release folders of a store: `<name>/<version>/` with a manifest."""
    return sorted(path.parent for path in folder.glob(f"[!.]*/[0-9]*/{FILE_NAME}"))


def describe(folder: Path) -> DatasetManifest:
    """Manifest of a prepared dataset: the one it came with, else one made of its files."""
    if (folder / DATASET_FILE).is_file():
        return read_dataset(folder)
    name, version = prepared.identity(folder)
    files = {
        file: entry
        for file, entry in verify.pin(folder, DATASET_FILE).items()
        if not file.startswith((".", "arrays/"))
    }
    text = DatasetManifest(name, version, files).dumps().encode()
    return parse_dataset(text, str(folder))  # the same checks as for one from outside


def _kind(folder: Path) -> str | None:
    files = {FILE_NAME: "release", prepared.INFO: "dataset"}
    return next((kind for file, kind in files.items() if (folder / file).is_file()), None)


def _checked(folder: Path) -> tuple[str, Any, bytes]:
    """Path on the mirror, manifest and its text, of a folder in which everything is right."""
    if _kind(folder) == "dataset":
        manifest = describe(folder)
        verify.verify(folder, manifest)
        prepared.check(folder)
        return f"{DATASETS}{manifest.name}/{manifest.version}", manifest, manifest.dumps().encode()
    release = read_manifest(folder)
    verify.verify(folder, release)
    scan.scan(folder)
    return f"{release.name}/{release.version}", release, (folder / FILE_NAME).read_bytes()


def _place(path: str, flat: bool) -> str:
    return mirrors.flat(path) if flat else path


def _copy(source: IO[bytes], target: Path) -> None:
    """Write a file so that whoever downloads meanwhile gets the old or the new one whole."""
    with disk(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with part.open("xb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        sync(target.parent)
