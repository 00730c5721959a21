"""The index of a mirror: which releases and datasets it has, with the hash of each manifest."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from zoo.errors import ReleaseError
from zoo.manifest import LARGEST, load_json
from zoo.store import download
from zoo.store.mirrors import INDEX
from zoo.store.verify import SIGNATURE

FORMAT = 1


def read(mirrors: list[str]) -> dict[str, dict[str, Any]]:
    """Entries of the first mirror that answers: path of a release -> sha256 and size.

    Raises
    ------
    ReleaseError
        If no mirror answers with an index.
    """
    text, mirror = download.to_memory(mirrors, INDEX, LARGEST)
    return parse(text, f"{INDEX} of {mirror}")


def parse(text: bytes, where: str) -> dict[str, dict[str, Any]]:
    """Check the text of an index."""
    content = load_json(text, where)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ReleaseError(f"{where} is no index of format {FORMAT}")
    entries = content.get("releases")
    if not isinstance(entries, dict):
        raise ReleaseError(f"{where} lists no releases")
    for path, entry in entries.items():
        _check(entry, f"{where}: {path!r}")
        beside = entry.get("beside", {})
        if not isinstance(beside, dict) or not set(beside) <= {SIGNATURE}:
            raise ReleaseError(f"{where}: {path!r} has {beside!r} beside it")
        for name, pinned in beside.items():
            _check(pinned, f"{where}: {path!r}, {name}")
    return entries


def _check(entry: Any, where: str) -> None:
    size = entry.get("size") if isinstance(entry, dict) else None
    good = isinstance(size, int) and not isinstance(size, bool) and 0 < size <= LARGEST
    if not (good and re.fullmatch("[0-9a-f]{64}", str(entry.get("sha256")))):
        raise ReleaseError(f"{where} needs a sha256 and a size up to {LARGEST}")


def manifest(mirrors: list[str], path: str, entry: dict[str, Any]) -> bytes:
    """The manifest that an index names.

    Raises
    ------
    ReleaseError
        If no mirror has it as the index says.
    """
    text, mirror = download.to_memory(mirrors, path, entry["size"])
    if (found := hashlib.sha256(text).hexdigest()) != entry["sha256"]:
        raise ReleaseError(
            f"{path} of {mirror} has sha256 {found}, its index says {entry['sha256']}"
        )
    return text
