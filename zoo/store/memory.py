"""Hashes of unchanged files, remembered so that loading twice does not hash twice.

A hash is taken for known only while size, inode and both time stamps are those of when it was
computed; the change time cannot be set back by a program. Only a cache that belongs to the user
alone has a memory. `zoo verify` never asks it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import time
from pathlib import Path

FILE = ".verified.json"
SETTLED = 2.0  # seconds: a file changed later could change again within one tick of its clock
MOST = 10_000  # entries; older ones go first


class Memory:
    """What is known of files, by absolute path, and of whole releases; see `open_memory`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._changed = False
        self._known: dict[str, list[int | str]] = {}
        if _private(folder) and _private(self._path):
            with contextlib.suppress(OSError, ValueError):
                known = json.loads(self._path.read_text(encoding="utf-8"))
                if isinstance(known, dict):
                    self._known = known

    def recall(self, path: Path, facts: os.stat_result) -> str | None:
        """The hash of a file, if it has not changed since it was learnt."""
        known = self._known.get(str(path.absolute()))
        if isinstance(known, list) and known[:-1] == _facts(facts):
            return str(known[-1])
        return None

    def learn(self, path: Path, facts: os.stat_result, digest: str) -> None:
        """Remember the hash of a file that has settled."""
        if time.time() - max(facts.st_mtime, facts.st_ctime) > SETTLED:
            self._set(str(path.absolute()), [*_facts(facts), digest])

    def passed(self, what: str) -> bool:
        """Whether something (a scan of some files by some rules) is known to have passed."""
        return f"passed:{what}" in self._known

    def note(self, what: str) -> None:
        """Remember that it passed."""
        self._set(f"passed:{what}", [])

    def save(self) -> None:
        """Write what was learnt, if the folder is the user's alone."""
        folder = self._path.parent
        if not self._changed:
            return
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not _private(folder):
            return
        part = folder / f".{secrets.token_hex(8)}.part"
        with contextlib.suppress(OSError):
            kept = dict(list(self._known.items())[-MOST:])
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(kept, file)
            part.replace(self._path)

    def _set(self, key: str, value: list[int | str]) -> None:
        self._known.pop(key, None)
        self._known[key] = value
        self._changed = True


def _facts(facts: os.stat_result) -> list[int | str]:
    return [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev]


def _private(path: Path) -> bool:
    """Whether nobody but the user can have written it."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    others = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return facts.st_uid == os.geteuid() and not others and not stat.S_ISLNK(facts.st_mode)
