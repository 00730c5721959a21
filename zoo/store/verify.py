"""Whether the files of a release are those that its manifest pins."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from zoo.errors import ReleaseError
from zoo.manifest import DATASET_FILE, FILE_NAME, Pins

SIGNATURE = "model.sig"  # of the whole folder, see `zoo.store.signing`
CHUNK = 2**20


class Memory(Protocol):
    """What remembers hashes of unchanged files; see `zoo.store.memory`."""

    def recall(self, path: Path, facts: os.stat_result) -> str | None: ...  # noqa: D102

    def learn(self, path: Path, facts: os.stat_result, digest: str) -> None: ...  # noqa: D102


def digest(path: Path) -> str:
    """SHA-256 of a file as hex digits."""
    with path.open("rb") as file:
        return digest_of(file)


def digest_of(file: IO[bytes]) -> str:
    """SHA-256 of an open file as hex digits."""
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # reads only


def pin(folder: Path, manifest: str = FILE_NAME) -> dict[str, dict[str, str | int]]:
    """Hash and size of every file in a folder but its manifest and signature."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return pin_files(folder, [path for path in paths if path.name not in (manifest, SIGNATURE)])


def pin_files(folder: Path, paths: list[Path]) -> dict[str, dict[str, str | int]]:
    """Hash and size of some files of a folder, by their relative path."""
    return {
        path.relative_to(folder).as_posix(): {"sha256": digest(path), "size": path.stat().st_size}
        for path in paths
    }


def verify(folder: Path, pins: Pins, memory: Memory | None = None, links: bool = False) -> None:
    """Compare a folder with its manifest.

    Parameters
    ----------
    folder : Path
        Of a release or a prepared dataset.
    pins : Pins
        Its manifest.
    memory : Memory, optional
        Spares hashing what has not changed since it was last hashed.
    links : bool
        Whether symbolic links may stand for files, as in some installations of packages.

    Raises
    ------
    ReleaseError
        Naming the first file that is missing, has another size or another hash, is a link, or that
        the manifest does not list.
    """
    for problem in problems(folder, pins, memory, links):
        raise ReleaseError(f"{pins.name} {pins.version}: {problem}")


def problems(
    folder: Path, pins: Pins, memory: Memory | None = None, links: bool = False
) -> Iterator[str]:
    """All that `verify` objects to, a line each."""
    found = set()
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root, name)
            inner = path.relative_to(folder).as_posix()
            if path.is_symlink() and not links:
                yield f"{path} is a symbolic link; a release holds plain files"
            elif name in folders:
                continue
            elif inner not in pins.files and not _ours(inner, pins):
                yield f"{path} is not in the manifest: remove it"
            else:
                found.add(inner)
    for name, entry in pins.files.items():
        path = folder / name
        if name not in found:
            if links or not path.is_symlink():
                yield f"{path} is missing"
            continue
        with opened(path, links) as file:
            facts = os.fstat(file.fileno())
            if facts.st_size != entry["size"]:
                yield (
                    f"{path} has {facts.st_size} bytes, expected {entry['size']}: it is truncated "
                    "or altered"
                )
                continue
            known = memory.recall(path, facts) if memory else None
            hashed = known or digest_of(file)
        if hashed != entry["sha256"]:
            yield f"{path} has sha256 {hashed}, expected {entry['sha256']}: it was altered"
        elif memory and known is None:
            memory.learn(path, facts, hashed)


def opened(path: Path, links: bool = False) -> IO[bytes]:
    """Open a plain file, not a link, a pipe or a device.

    Raises
    ------
    ReleaseError
        If it is none.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW)
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ReleaseError(f"{path} is not a plain file")
    return file


def _ours(inner: str, pins: Pins) -> bool:
    """Whether a file that no manifest lists belongs there all the same."""
    arrays = pins.file_name == DATASET_FILE and inner.startswith("arrays/")  # written when used
    hidden = inner.rpartition("/")[2].startswith(".")
    return arrays or hidden or inner in (pins.file_name, SIGNATURE)
