"""Releases brought here: search path, mirrors, and what is checked before anything is loaded."""

from __future__ import annotations

import hashlib
import json
import shlex
import warnings
from pathlib import Path

from zoo import registry
from zoo.errors import ReleaseError, UnknownModelError
from zoo.manifest import FILE_NAME, LARGEST, Manifest, parse
from zoo.registry import Release
from zoo.store import catalogue, download, ops, places, scan, snapshot, verify
from zoo.store.memory import Memory


def fetch(pattern: str, version: int | None = None, into: str | Path | None = None) -> list[Path]:
    """Bring releases to this machine, or into a folder for another one.

    Parameters
    ----------
    pattern : str
        A model name, or a shell pattern such as 'jam_*'.
    version : int, optional
        The newest one unless given.
    into : path, optional
        Store to fill, for instance for a cluster without internet, where it goes on `ZOO_PATH`;
        otherwise the user's cache, for what is not here already.

    Returns
    -------
    list of Path
        The release folders, every file verified.

    Raises
    ------
    UnknownModelError
        If no model has such a name, or no release such a version.
    ReleaseError
        If a file cannot be had from any mirror, or the store cannot be written.
    """
    names = registry.list_models(pattern) or [registry.find_card(pattern)[1]]
    return [_fetch(name, version, None if into is None else Path(into)).path for name in names]


def obtain(name: str, version: int | None = None) -> Release:
    """A release of a model (full name), from this machine if it is here, else from a mirror."""
    try:
        release = registry.find_release(name, version)
    except UnknownModelError:
        if not places.mirrors():
            raise
    else:
        if registry.complete(release.path, release.manifest) or not _sources(release.manifest):
            return release
    return _fetch(name, version, None)


def admit(release: Release, trust: bool = False) -> None:
    """Check a release before it is loaded: hashes always, and ops if it is not the package's own.

    Parameters
    ----------
    release : Release
        Folder and manifest.
    trust : bool
        Load it even if the scan would refuse it.

    Raises
    ------
    ReleaseError
        If files are missing, altered or not in the manifest, or the SavedModel could do more than
        compute.
    """
    path, manifest = release.path, release.manifest
    if release.bundled:
        verify.verify(path, manifest, links=True)
        return
    memory = Memory(places.home())
    verify.verify(path, manifest, memory)
    if trust:
        warnings.warn(
            f"{manifest.name} {manifest.version}: {path} was loaded without a scan, because "
            "trust=True says so; a SavedModel can do what any program can",
            stacklevel=3,
        )
    elif not memory.passed(key := _scanned(manifest)):
        try:
            scan.scan(path)
        except ReleaseError as error:
            raise ReleaseError(f"{error} (trust=True would load it all the same)") from error
        memory.note(key)
    memory.save()


def _scanned(manifest: Manifest) -> str:
    """What a verdict holds for: these files under these rules."""
    facts = [manifest.files, sorted(ops.ALLOWED), scan.RULES]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _fetch(name: str, version: int | None, into: Path | None) -> Release:
    """One release, from other stores or mirrors; `name` is a full name."""
    manifest, text = _manifest(name, version)
    number = manifest.version
    if into is None:
        try:
            here = registry.find_release(name, number)
            verify.verify(here.path, here.manifest, links=here.bundled)
        except (UnknownModelError, ReleaseError):
            pass
        else:
            return here
    store = places.home() if into is None else into
    target = store / name / str(number)
    local = [place.absolute().as_uri() for place in registry.stores()
             if place != store and (place / name / str(number)).is_dir()]  # fmt: skip
    sources = local + _sources(manifest)
    if places.offline() and not sources:
        raise _offline(name, number)
    try:
        snapshot.fetch(store, target, manifest, text, sources, f"{name}/{number}")
    except ReleaseError as error:
        if places.offline():
            raise _offline(name, number) from error
        raise
    return Release(target, manifest)


def _manifest(name: str, version: int | None) -> tuple[Manifest, bytes]:
    """The manifest to fetch by: the package's own, else one of this machine, else a mirror's."""
    try:
        release = registry.find_release(name, version)
    except UnknownModelError as error:
        mirrors = places.mirrors()
        if not mirrors:
            raise UnknownModelError(
                f"{error}, and no mirror is known: set ZOO_MIRROR to its URL"
            ) from error
        return _from_mirror(name, version, mirrors)
    return release.manifest, (release.path / FILE_NAME).read_bytes()


def _from_mirror(name: str, version: int | None, mirrors: list[str]) -> tuple[Manifest, bytes]:
    if places.offline() and not any(mirror.startswith("file:") for mirror in mirrors):
        raise _offline(name, version)
    entries = catalogue.read(mirrors)
    have = sorted(int(n) for p in entries if (n := p.removeprefix(f"{name}/")).isdecimal())
    if not have or (version is not None and version not in have):
        wanted = "a release" if version is None else f"version {version}"
        raise UnknownModelError(
            f"{name} has not got {wanted} here or on {' '.join(mirrors)}; versions there: "
            f"{', '.join(map(str, have)) or 'none'}"
        )
    number = have[-1] if version is None else version
    text = catalogue.manifest(mirrors, f"{name}/{number}/{FILE_NAME}", entries[f"{name}/{number}"])
    manifest = parse(text, f"{name}/{number}/{FILE_NAME}")
    if (manifest.name, manifest.version) != (name, number):
        raise ReleaseError(f"the mirror gave {manifest.name} {manifest.version} for {name} {number}")
    return manifest, text


def _sources(manifest: Manifest) -> list[str]:
    return [*places.mirrors(), *manifest.mirrors]


def _offline(name: str, version: int | None) -> ReleaseError:
    command = f"zoo fetch {shlex.quote(name)}" + (f" --version {version}" if version else "")
    return ReleaseError(
        f"{name}{f' {version}' if version else ''} is not on this machine and ZOO_OFFLINE forbids "
        f"the network. On a machine with internet run `{command} --into STORE`, copy STORE here "
        "and set ZOO_PATH=STORE"
    )
