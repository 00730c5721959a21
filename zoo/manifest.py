"""Manifests: the facts about a release, or a prepared dataset, that the program writes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from zoo.errors import ReleaseError

FILE_NAME = "release.json"
DATASET_FILE = "dataset.json"
FORMAT = 1  # raise it, and keep reading the older ones, whenever the layout of a release changes
LARGEST = 2**24  # bytes of a manifest
_DIGEST = re.compile(r"^[0-9a-f]{64}\Z")
_SEGMENT = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}\Z")
_NAME = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)?\Z")
_DATASET = re.compile(r"^[a-z][a-z0-9_]*(/[A-Za-z0-9_]+)?\Z")
_VERSION = re.compile(r"^\d+\.\d+\.\d+\Z")
# What a release or dataset may hold. Nothing here is run, unpacked or unpickled when it is read.
SUFFIXES = {
    "", ".csv", ".ecsv", ".fits", ".h5", ".hdf5", ".index", ".json", ".md", ".npy", ".npz", ".pb",
    ".txt", ".tsv", ".bib", ".yaml",
}  # fmt: skip
_SHARD = re.compile(r"(\.data|\.tfrecord|\.array_record|\.riegeli)-\d{5}-of-\d{5}\Z")


class Pins(Protocol):
    """What download and verification need to know of a manifest."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def version(self) -> int | str: ...  # noqa: D102

    @property
    def files(self) -> dict[str, dict[str, Any]]: ...  # noqa: D102

    @property
    def file_name(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Manifest:
    """What `release.json` holds.

    Attributes
    ----------
    files : dict
        Relative path -> `{"sha256": hex digest, "size": bytes}` for every file of the release.
    metrics : dict
        Row -> {metric: value}; baselines are rows beside the model's own.
    golden : dict
        `{"inputs": {name: value}, "outputs": {name: value}}` of one small prediction.
    mirrors : list of str
        https URLs that serve it, after those of `ZOO_MIRROR`; written only where there are any.
    """

    file_name: ClassVar[str] = FILE_NAME

    name: str
    version: int
    files: dict[str, dict[str, Any]]
    golden: dict[str, dict[str, Any]]
    format: int = FORMAT
    dataset: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    commit: str | None = None
    mirrors: list[str] = field(default_factory=list)

    def dumps(self) -> str:
        """The manifest as text, in a stable order and layout."""
        return _dumps(self)


@dataclass(frozen=True)
class DatasetManifest:
    """What `dataset.json` holds: the files of one prepared dataset, `name/config` and version."""

    file_name: ClassVar[str] = DATASET_FILE

    name: str
    version: str
    files: dict[str, dict[str, Any]]
    format: int = FORMAT
    mirrors: list[str] = field(default_factory=list)

    def dumps(self) -> str:
        """The manifest as text, in a stable order and layout."""
        return _dumps(self)


def _dumps(manifest: Any) -> str:
    content = asdict(manifest)
    if not content["mirrors"]:
        del content["mirrors"]
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read and check `release.json` of a release folder.

    Raises
    ------
    ReleaseError
        If the file is missing, truncated, from a newer zoo, or names files outside the folder.
    """
    path = folder / FILE_NAME
    return parse(_read(path), str(path))


def read_dataset(folder: Path) -> DatasetManifest:
    """Read and check `dataset.json` of a prepared dataset; raises as `read_manifest`."""
    path = folder / DATASET_FILE
    return parse_dataset(_read(path), str(path))


def _read(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise ReleaseError(f"{path} has {size} bytes, allowed: {LARGEST}")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ReleaseError(f"{path.parent} is no release: it holds no {path.name}") from error


def parse(text: bytes, where: str) -> Manifest:
    """A manifest from its text; `where` it came from is for messages."""
    manifest: Manifest = _parse(Manifest, text, where)
    kinds = {"name": str, "version": int, "files": dict, "golden": dict, "config": dict}
    kinds |= {"metrics": dict, "training": dict, "libraries": dict, "mirrors": list}
    _check_kinds(manifest, kinds, where)
    if not _NAME.match(manifest.name):
        raise ReleaseError(f"{where}: name is {manifest.name!r}, allowed: name or name.tag")
    if manifest.version < 1:
        raise ReleaseError(f"{where}: version is {manifest.version}, allowed: 1, 2, ...")
    for side in ("inputs", "outputs"):
        if not isinstance(manifest.golden.get(side), dict):
            raise ReleaseError(f"{where}: golden has no mapping {side!r}")
    _check_files(manifest.files, FILE_NAME, where)
    _check_mirrors(manifest.mirrors, where)
    return manifest


def parse_dataset(text: bytes, where: str) -> DatasetManifest:
    """A dataset's manifest from its text."""
    manifest: DatasetManifest = _parse(DatasetManifest, text, where)
    _check_kinds(manifest, {"name": str, "version": str, "files": dict, "mirrors": list}, where)
    if not _DATASET.match(manifest.name):
        raise ReleaseError(f"{where}: name is {manifest.name!r}, allowed: name or name/config")
    if not _VERSION.match(manifest.version):
        raise ReleaseError(f"{where}: version is {manifest.version!r}, allowed: such as '1.0.0'")
    _check_files(manifest.files, DATASET_FILE, where)
    _check_mirrors(manifest.mirrors, where)
    return manifest


def load_json(text: bytes, where: str) -> Any:
    """JSON of which no two readers can think differently.

    Raises
    ------
    ReleaseError
        If it is damaged, nested too deeply, or gives a key twice.
    """
    try:
        return json.loads(
            text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise ReleaseError(f"{where} is truncated or damaged: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _parse(kind: Any, text: bytes, where: str) -> Any:
    content = load_json(text, where)
    if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
        raise ReleaseError(f"{where} has format {content['format']!r}; this zoo reads {FORMAT}")
    try:
        if not isinstance(content, Mapping):
            raise TypeError(f"it is a {type(content).__name__}")  # noqa: TRY301
        return kind(**content)
    except TypeError as error:
        raise ReleaseError(f"{where} does not have the fields of a manifest: {error}") from error


def _check_kinds(manifest: Any, kinds: dict[str, type], where: str) -> None:
    for key, kind in kinds.items():
        value = getattr(manifest, key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ReleaseError(f"{where}: {key} is {value!r}, not a {kind.__name__}")


def _check_files(files: dict[str, Any], own: str, where: str) -> None:
    """Refuse paths that mean something else to some file system, and kinds that can act."""
    seen: dict[str, str] = {}
    for name, entry in files.items():
        parts = name.split("/")
        if not all(_SEGMENT.match(part) for part in parts) or len(parts) > 4 or ".." in parts:
            raise ReleaseError(f"{where} lists {name!r}, which is not inside the release")
        if name == own:
            raise ReleaseError(f"{where} lists {name!r}, which is itself")
        if Path(name).suffix.lower() not in SUFFIXES and not _SHARD.search(name):
            raise ReleaseError(f"{where} lists {name!r}; files of this kind are not allowed")
        for depth in range(1, len(parts) + 1):
            key = "/".join(parts[:depth])
            end = "" if depth == len(parts) else "/"
            if seen.setdefault(key.casefold(), key + end) != key + end:
                raise ReleaseError(
                    f"{where} lists {name!r} beside {seen[key.casefold()]!r}, which some file "
                    "systems cannot tell apart"
                )
        pinned = entry if isinstance(entry, dict) else {}
        size = pinned.get("size")
        good = isinstance(size, int) and not isinstance(size, bool) and size >= 0
        if not (isinstance(pinned.get("sha256"), str) and _DIGEST.match(pinned["sha256"]) and good):
            raise ReleaseError(f"{where}: {name!r} needs a sha256 of 64 hex digits and a size")


def _check_mirrors(mirrors: list[Any], where: str) -> None:
    for mirror in mirrors:
        if not (isinstance(mirror, str) and mirror.startswith("https://")):
            raise ReleaseError(f"{where}: mirror {mirror!r} is not an https:// URL")
