"""Where releases are looked for and kept, as the environment says.

Every place is laid out alike, `<name>/<version>/release.json` with the files beside it, whether it
is the package's own folder, a shared store, a cache, a folder of exports or a mirror.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from zoo.errors import ReleaseError, ZooError

INCOMING = ".incoming"  # inside a store: downloads and releases that are not whole yet


def home() -> Path:
    """The store that downloads go to, in `ZOO_HOME`, else in the platform's folder for caches."""
    named = os.environ.get("ZOO_HOME")
    return (Path(named).expanduser() if named else user_cache_path("zoo")) / "releases"


def shared() -> list[Path]:
    """Read-only stores that others installed: the folders of `ZOO_PATH`."""
    named = os.environ.get("ZOO_PATH", "").split(os.pathsep)
    return [Path(part).expanduser() for part in named if part]


def mirrors() -> list[str]:
    """Mirrors of the user's choice: the URLs of `ZOO_MIRROR`, separated by spaces."""
    return os.environ.get("ZOO_MIRROR", "").split()


def offline() -> bool:
    """Whether `ZOO_OFFLINE` forbids the network."""
    return os.environ.get("ZOO_OFFLINE", "").lower() not in ("", "0", "false", "no")


def elsewhere(command: str, folder: str, variable: str, error: ZooError) -> ZooError:
    """The error to raise when something is not here: if offline, what to run on another machine."""
    if not offline():
        return error
    return ReleaseError(
        f"ZOO_OFFLINE forbids the network and no store of this machine has it. On a machine with "
        f"internet run `{command}`, copy {folder} here and set {variable}={folder} ({error})"
    )


def timeout() -> float:
    """Seconds without an answer after which a mirror counts as dead (`ZOO_TIMEOUT`)."""
    try:
        return max(0.1, float(os.environ.get("ZOO_TIMEOUT", "30")))
    except ValueError:
        return 30.0
