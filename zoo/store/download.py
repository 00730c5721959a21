"""One file from whichever mirror has it, verified before it becomes visible."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from zoo.errors import ReleaseError
from zoo.store import mirrors, places, remote
from zoo.store.remote import FailureError

ROUNDS = 3  # tries of each mirror that may answer later
FIRST_WAIT = 1.0  # seconds; doubled each round, with a random part so that clients spread
_Result = TypeVar("_Result")


def to_file(
    sources: list[str],
    path: str,
    target: Path,
    sha256: str,
    size: int,
    advance: Callable[[int], Any] = lambda _: None,
) -> None:
    """Download a pinned file.

    Parameters
    ----------
    sources : list of str
        Mirrors in order; see `zoo.store.mirrors.url`.
    path : str
        Of the file on a mirror.
    target : Path
        Where it appears, whole and verified or not at all; its folder exists.
    sha256, size : str, int
        What the manifest pins.
    advance : callable
        Told the bytes as they come (negative when a try is thrown away).

    Raises
    ------
    ReleaseError
        If no mirror gave it, with the reason of each; or if the disk is full or read-only.
    """

    def attempt(session: Any, address: str) -> None:
        done = 0
        part = target.with_name(f"{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with disk(target.parent), os.fdopen(os.open(part, flags, 0o644), "wb") as file:
                digest = hashlib.sha256()
                for chunk in remote.stream(session, address, size, size):
                    digest.update(chunk)
                    file.write(chunk)
                    done += len(chunk)
                    advance(len(chunk))
                if digest.hexdigest() != sha256:
                    raise FailureError(  # noqa: TRY301 (it ends this attempt)
                        f"has sha256 {digest.hexdigest()}, expected {sha256}"
                    )
                file.flush()
                os.fsync(file.fileno())
            with disk(target.parent):
                part.replace(target)
                sync(target.parent)
        except BaseException:
            advance(-done)
            raise
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    first(sources, path, attempt)


def to_memory(sources: list[str], path: str, limit: int) -> tuple[bytes, str]:
    """A small file that nothing pins, and the mirror that gave it."""

    def attempt(session: Any, address: str) -> bytes:
        return b"".join(remote.stream(session, address, limit))

    return first(sources, path, attempt)


def first(
    sources: list[str], path: str, attempt: Callable[[Any, str], _Result]
) -> tuple[_Result, str]:
    """What `attempt` returns for the first mirror with which it succeeds, and that mirror."""
    left = {source: mirrors.url(source, path) for source in dict.fromkeys(sources)}
    if places.offline():
        left = {source: url for source, url in left.items() if url.startswith("file:")}
    why: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        online = any(not url.startswith("file:") for url in left.values())
        session = stack.enter_context(remote.session()) if online else None
        for round_ in range(ROUNDS):
            wait = 0.0
            for source, address in list(left.items()):
                try:
                    return attempt(session, address), source
                except FailureError as error:
                    why[address] = str(error)
                    wait = max(wait, error.wait)
                    if not error.again:
                        del left[source]
            if not left or round_ == ROUNDS - 1:
                break
            pause = FIRST_WAIT * 2**round_ * random.uniform(0.5, 1)  # noqa: S311 (no secret)
            time.sleep(max(pause, wait))
    reasons = "; ".join(f"{address} {reason}" for address, reason in why.items())
    raise ReleaseError(f"{path} could not be fetched: {reasons or 'there is no mirror to ask'}")


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses into one clear error."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ReleaseError(f"{folder}: the disk is full ({error.strerror})") from error
        raise ReleaseError(
            f"{folder} cannot be written ({error.strerror or error}): set ZOO_HOME to a folder "
            "that you may write, or ZOO_PATH to a store that somebody prepared with `zoo fetch`"
        ) from error


def sync(folder: Path) -> None:
    """Make the entries of a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems cannot; the files themselves are safe
        pass
    finally:
        os.close(descriptor)
