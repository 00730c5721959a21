"""Which models there are: names, tags, versions and releases. No TensorFlow here.

Discovery is a glob over the cards, so adding a model edits no list.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from zoo import card as cards
from zoo.card import Card
from zoo.errors import ReleaseError, UnknownModelError
from zoo.manifest import FILE_NAME, Manifest, read_manifest
from zoo.store import places

_VERSION = re.compile(r"^[1-9][0-9]{0,8}\Z")


@dataclass(frozen=True)
class Release:
    """One released version of a model: its folder, its manifest, and whether the package has it."""

    path: Path
    manifest: Manifest
    bundled: bool = False


@cache
def all_cards() -> dict[str, Card]:
    """Every card of the package by model name, in natural order of the names."""
    root = Path(str(files("zoo"))) / "models"
    paths = sorted(root.glob("*/*.md"), key=lambda path: _natural(path.stem))
    return {path.stem: cards.read_card(path) for path in paths}


def list_models(pattern: str = "*") -> list[str]:
    """Names (`name` or `name.tag`) that match a shell pattern, in natural order."""
    names = [name for card in all_cards().values() for name in card.names]
    return [name for name in names if fnmatch.fnmatchcase(name, pattern)]


def find_card(name: str) -> tuple[Card, str]:
    """The card of a model and the full name, with the default tag where none was given.

    Raises
    ------
    UnknownModelError
        With the closest names and the forms that are accepted.
    """
    base = name.partition(".")[0]
    card = all_cards().get(base)
    if card is not None:
        full = card.names[0] if name == base else name
        if full in card.names:
            return card.variants.get(full.partition(".")[2], card), full
    names = list_models()
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    raise UnknownModelError(
        f"There is no model {name!r} in the zoo.{hint} Accepted: a name or name.tag from "
        f"zoo.list_models() ({', '.join(names)}), or the path of a release folder that holds "
        f"a {FILE_NAME}."
    )


def versions(name: str) -> list[int]:
    """Released versions that this machine knows of, oldest first."""
    found = set()
    for place in stores():
        folder = place / name
        if folder.is_dir():
            found |= {int(path.name) for path in folder.iterdir() if _VERSION.match(path.name)}
    return sorted(found)


def find_release(name: str, version: int | None = None) -> Release:
    """The newest release of a model, or the given version of it, on this machine.

    A copy with all its files is preferred; where there is none, the release has a manifest only
    and `zoo.releases` can fetch it.

    Raises
    ------
    UnknownModelError
        If there is no such version; the message lists those that exist.
    ReleaseError
        If the manifest cannot be read.
    """
    have = versions(name)
    if not have or (version is not None and version not in have):
        wanted = "a released version" if version is None else f"version {version!r}"
        listed = ", ".join(map(str, have)) or "none"
        raise UnknownModelError(f"{name} has not got {wanted}; versions here: {listed}")
    number = have[-1] if version is None else version
    pinned = pinned_manifest(name, number)
    own = _bundled() / name / str(number)
    for place in stores():
        path = place / name / str(number)
        if path == own and pinned is not None:
            manifest = pinned
        elif not (path / FILE_NAME).is_file():
            continue
        else:
            manifest = pinned or _named(path, name, number)
        if complete(path, manifest):
            return Release(path, manifest, bundled=path == own)
    if pinned is not None:
        return Release(own, pinned, bundled=True)
    return Release(path := _first(name, number), _named(path, name, number))


def stores() -> list[Path]:
    """Folders of releases in the order of search: shared ones, the user's cache, the package's."""
    return [*places.shared(), places.home(), _bundled()]


def pinned_manifest(name: str, version: int) -> Manifest | None:
    """The manifest that came with the package, which no store and no mirror overrides."""
    folder = _bundled() / name / str(version)
    return read_manifest(folder) if (folder / FILE_NAME).is_file() else None


def complete(folder: Path, manifest: Manifest) -> bool:
    """Whether every file is there with its size; hashes are for `zoo.store.verify`."""
    try:
        return all((folder / n).stat().st_size == e["size"] for n, e in manifest.files.items())
    except OSError:
        return False


def _first(name: str, version: int) -> Path:
    return next(p for place in stores() if (p := place / name / str(version)).is_dir())


def _named(folder: Path, name: str, version: int) -> Manifest:
    """Manifest of a store, which has to be of what its folder says."""
    manifest = read_manifest(folder)
    if (manifest.name, manifest.version) != (name, version):
        raise ReleaseError(
            f"{folder / FILE_NAME} is of {manifest.name} {manifest.version}, "
            f"not of {name} {version}"
        )
    return manifest


def _bundled() -> Path:
    return Path(str(files("zoo_saved_models")))


def _natural(text: str) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", text)
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts]
