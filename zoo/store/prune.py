"""Making room in the user's own store."""

from __future__ import annotations

import time
from pathlib import Path

from zoo.store import places, snapshot
from zoo.store.download import disk
from zoo.store.memory import FILE
from zoo.store.publish import releases_in


def prune(store: Path, everything: bool = False) -> list[tuple[Path, int]]:
    """Remove leftovers of killed downloads, and all but the newest version of each model.

    Parameters
    ----------
    store : Path
        The user's cache; nothing outside it is touched.
    everything : bool
        Remove the newest versions too.

    Returns
    -------
    list of (Path, int)
        What was removed, with its bytes.

    Raises
    ------
    ReleaseError
        If something cannot be removed.
    """
    incoming, now = store / places.INCOMING, time.time()
    old = [path for path in (incoming.iterdir() if incoming.is_dir() else ())
           if everything or now - path.lstat().st_mtime > snapshot.STALE]  # fmt: skip
    newest: dict[Path, Path] = {}
    for folder in releases_in(store):
        best = newest.get(folder.parent)
        if best is None or int(folder.name) > int(best.name):
            newest[folder.parent] = folder
    old += [f for f in releases_in(store) if everything or newest[f.parent] != f]
    removed = []
    with disk(store):
        for path in old:
            removed.append((path, _size(path)))
            snapshot.remove(path)
        (store / FILE).unlink(missing_ok=True)
    return removed


def _size(path: Path) -> int:
    parts = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(part.lstat().st_size for part in parts if not part.is_dir())
