"""A whole release (or prepared dataset) as a folder that appears by one rename."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from zoo.errors import ReleaseError
from zoo.manifest import Pins
from zoo.store import download, places, verify
from zoo.store.download import disk

SLACK = 2**20  # bytes to leave free
PATIENCE = 600.0  # seconds to wait for another process that fetches the same release
STALE = 3600.0  # seconds after which a partial file belongs to nobody: live ones grow all the time


def fetch(
    store: Path,
    target: Path,
    pins: Pins,
    text: bytes,
    sources: list[str],
    remote: str,
    *,
    beside: dict[str, dict[str, Any]] | None = None,
    check: Callable[[Path], object] = lambda _: None,
) -> Path:
    """Bring a release into a store, if it is not there whole already.

    Parameters
    ----------
    store : Path
        Folder that holds releases; made if it does not exist.
    target : Path
        Where the release appears, inside the store.
    pins : Pins
        Its manifest: every file with hash and size.
    text : bytes
        The manifest as it stands in its file.
    sources : list of str
        Mirrors in order; local stores are `file://` mirrors.
    remote : str
        Path of the release on a mirror.
    beside : dict
        Files that come along though the manifest does not list them, pinned in the same way.
    check : callable
        Judges the assembled folder before it becomes visible.

    Returns
    -------
    Path
        `target`, whole and verified.

    Raises
    ------
    ReleaseError
        If a file cannot be had from any mirror, or the store cannot be written; then nothing of
        the release is visible.
    """
    if whole(target, pins):
        return target
    incoming = _folders(store, target)
    _clean(incoming)
    with _lock(incoming / f"{remote.replace('/', '-')}.lock"):
        if whole(target, pins):
            return target
        files = pins.files | (beside or {})
        _room(store, files, incoming)
        with _progress(pins, files) as bar:
            for name, entry in files.items():
                part = incoming / entry["sha256"]
                if not _good(part, entry):
                    download.to_file(
                        sources, f"{remote}/{name}", part, entry["sha256"], entry["size"], bar
                    )
                else:
                    bar(entry["size"])
        _appear(target, pins, files, text, incoming, check)
        for entry in files.values():  # only now: whoever misses one finds the release
            (incoming / entry["sha256"]).unlink(missing_ok=True)
    return target


def whole(target: Path, pins: Pins) -> bool:
    """Whether a release is there and every file is as pinned."""
    try:
        verify.verify(target, pins)
    except (ReleaseError, OSError):
        return False
    return (target / pins.file_name).is_file()


def _folders(store: Path, target: Path) -> Path:
    """Make the folders; a symbolic link among them would lead our writing elsewhere."""
    incoming = store / places.INCOMING
    with disk(store):
        store.mkdir(mode=0o755, parents=True, exist_ok=True)
        for folder in (incoming, target.parent):
            for path in reversed([folder, *folder.parents]):
                if path != store and path.is_relative_to(store):
                    if path.is_symlink():
                        raise ReleaseError(f"{path} is a symbolic link: remove it")
                    path.mkdir(mode=0o755, exist_ok=True)
        if target.is_symlink():
            raise ReleaseError(f"{target} is a symbolic link: remove it")
        probe = incoming / f".{secrets.token_hex(8)}.part"
        probe.touch()
        probe.unlink()
    return incoming


def _good(part: Path, entry: dict[str, Any]) -> bool:
    """Whether an earlier try left this file whole."""
    try:
        with contextlib.closing(verify.opened(part)) as file:
            return (
                os.fstat(file.fileno()).st_size == entry["size"]
                and verify.digest_of(file) == entry["sha256"]
            )
    except (OSError, ReleaseError):
        return False


def _appear(
    target: Path,
    pins: Pins,
    files: dict[str, dict[str, Any]],
    text: bytes,
    incoming: Path,
    check: Callable[[Path], object],
) -> None:
    """Assemble the release beside the store's others and rename it into place."""
    stage = incoming / f"{secrets.token_hex(8)}.stage"
    try:
        with disk(target.parent):
            stage.mkdir()
            for name, entry in files.items():
                path = stage / name
                path.parent.mkdir(parents=True, exist_ok=True)
                _place(incoming / entry["sha256"], path)
                download.sync(path.parent)
            with (stage / pins.file_name).open("xb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            download.sync(stage)
        verify.verify(stage, pins)
        check(stage)
        with disk(target.parent):
            _rename(stage, target, pins, incoming)
            download.sync(target.parent)
    except FileNotFoundError as error:
        raise ReleaseError(f"{target}: files vanished while it was assembled: {error}") from error
    except ReleaseError:
        if not whole(target, pins):  # another process was faster, and tidied up
            raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _place(part: Path, path: Path) -> None:
    try:
        os.link(part, path, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:  # file systems without hard links
        shutil.copyfile(part, path, follow_symlinks=False)
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _rename(stage: Path, target: Path, pins: Pins, incoming: Path) -> None:
    for _ in range(3):
        try:
            stage.rename(target)
        except OSError:
            if whole(target, pins):
                return
            if not target.exists():
                raise
            aside = incoming / f"{secrets.token_hex(8)}.stage"  # damaged, or not a release
            with contextlib.suppress(FileNotFoundError):
                target.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            return
    raise ReleaseError(f"{target} is in the way and cannot be replaced")


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process work while others wait; go on without where locks do not work."""
    lock = FileLock(path, timeout=PATIENCE)
    try:
        lock.acquire()
    except (Timeout, OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _room(store: Path, files: dict[str, dict[str, Any]], incoming: Path) -> None:
    missing = {entry["sha256"]: entry["size"] for entry in files.values()}
    needed = SLACK + sum(
        size for digest, size in missing.items() if not (incoming / digest).is_file()
    )
    if (free := shutil.disk_usage(store).free) < needed:
        raise ReleaseError(
            f"{store}: the release needs {needed / 1e6:.1f} MB and the disk has {free / 1e6:.1f} "
            "MB free; choose another folder with ZOO_HOME or --into"
        )


def _clean(incoming: Path) -> None:
    """Remove what killed processes left."""
    now = time.time()
    for path in incoming.iterdir():
        with contextlib.suppress(OSError):
            if now - path.lstat().st_mtime > STALE:
                remove(path)


def remove(path: Path) -> None:
    """Delete a file, a link or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextlib.contextmanager
def _progress(pins: Pins, files: dict[str, dict[str, Any]]) -> Iterator[Any]:
    """A bar of bytes on a terminal, and silence elsewhere."""
    from tqdm import tqdm

    total = sum(entry["size"] for entry in files.values())
    with tqdm(
        total=total, unit="B", unit_scale=True, desc=f"{pins.name} {pins.version}", disable=None
    ) as bar:
        yield bar.update
