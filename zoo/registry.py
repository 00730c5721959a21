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
from zoo.errors import UnknownModelError
from zoo.manifest import FILE_NAME, Manifest, read_manifest


@dataclass(frozen=True)
class Release:
    """One released version of a model: its folder and its manifest."""

    path: Path
    manifest: Manifest


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
        if name in card.names:
            return card, name
        if name == base:
            return card, card.names[0]
    names = list_models()
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    raise UnknownModelError(
        f"There is no model {name!r} in the zoo.{hint} Accepted: a name or name.tag from "
        f"zoo.list_models() ({', '.join(names)}), or the path of a release folder that holds "
        f"a {FILE_NAME}."
    )


def versions(name: str) -> list[int]:
    """Released versions that are on this machine, oldest first."""
    folder = _bundled() / name
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())


def find_release(name: str, version: int | None = None) -> Release:
    """The newest release of a model, or the given version of it.

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
    path = _bundled() / name / str(have[-1] if version is None else version)
    return Release(path, read_manifest(path))


def _bundled() -> Path:
    return Path(str(files("zoo_saved_models")))


def _natural(text: str) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", text)
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts]
