"""Whether the files of a release are those that its manifest pins."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zoo.errors import ReleaseError
from zoo.manifest import FILE_NAME, Manifest


def digest(path: Path) -> str:
    """SHA-256 of a file as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pin(folder: Path) -> dict[str, dict[str, str | int]]:
    """Hash and size of every file in a release folder but its manifest."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"sha256": digest(path), "size": path.stat().st_size}
        for path in paths
        if path.name != FILE_NAME
    }


def verify(folder: Path, manifest: Manifest) -> None:
    """Compare a release folder with its manifest.

    Raises
    ------
    ReleaseError
        Naming the first file that is missing, has another size or another hash.
    """
    for name, entry in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise ReleaseError(f"{manifest.name} {manifest.version}: {path} is missing")
        size = path.stat().st_size
        if size != entry["size"]:
            raise ReleaseError(
                f"{manifest.name} {manifest.version}: {path} has {size} bytes, "
                f"expected {entry['size']}: it is truncated or altered"
            )
        if (found := digest(path)) != entry["sha256"]:
            raise ReleaseError(
                f"{manifest.name} {manifest.version}: {path} has sha256 {found}, "
                f"expected {entry['sha256']}: it was altered"
            )
