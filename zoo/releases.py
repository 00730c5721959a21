"""Releases brought here: search path, mirrors, and what is checked before anything is loaded."""

from __future__ import annotations

import hashlib
import json
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from zoo import registry
from zoo.errors import ReleaseError, UnknownModelError, ZooError
from zoo.manifest import FILE_NAME, Manifest, parse
from zoo.registry import Release
from zoo.store import catalogue, ops, places, scan, snapshot, verify
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
    store = None if into is None else Path(into)
    names = registry.list_models(pattern)
    if not names or names == [pattern]:
        return [_fetch(registry.find_card(pattern)[1], version, store).path]
    found = []
    for name in names:
        with suppress(UnknownModelError):  # models that are not released yet
            found.append(_fetch(name, version, store).path)
    if not found:
        raise UnknownModelError(f"none of {', '.join(names)} has a release here or on a mirror")
    return found


def obtain(name: str, version: int | None = None) -> Release:
    """A release of a model (full name), from this machine if it is here, else from a mirror."""
    try:
        release = registry.find_release(name, version)
    except UnknownModelError as error:
        if not places.mirrors():
            raise _elsewhere(_command(name, version), error) from error
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


class _Wanted(NamedTuple):
    """A release to fetch: its manifest, the text of that, and files beside those it lists."""

    manifest: Manifest
    text: bytes
    beside: dict[str, dict[str, Any]]


def _fetch(name: str, version: int | None, into: Path | None) -> Release:
    """One release, from other stores or mirrors; `name` is a full name."""
    wanted = _wanted(name, version)
    number = wanted.manifest.version
    if into is None:
        with suppress(UnknownModelError, ReleaseError):
            here = registry.find_release(name, number)
            verify.verify(here.path, here.manifest, links=here.bundled)
            return here
    store = places.home() if into is None else into
    target = store / name / str(number)
    local = [place.absolute().as_uri() for place in registry.stores()
             if place != store and (place / name / str(number)).is_dir()]  # fmt: skip
    sources = local + _sources(wanted.manifest)
    try:
        snapshot.fetch(
            store, target, wanted.manifest, wanted.text, sources, f"{name}/{number}",
            beside=wanted.beside,
        )  # fmt: skip
    except ReleaseError as error:
        raise _elsewhere(_command(name, number), error) from error
    return Release(target, wanted.manifest)


def _wanted(name: str, version: int | None) -> _Wanted:
    """What to fetch by: the package's own manifest, else one of this machine, else a mirror's."""
    mirrors = places.mirrors()
    try:
        release = registry.find_release(name, version)
    except UnknownModelError as error:
        if not mirrors:
            unknown = UnknownModelError(
                f"{error}, and no mirror is known: set ZOO_MIRROR to its URL"
            )
            raise _elsewhere(_command(name, version), unknown) from error
        return _from_mirror(name, version, mirrors)
    except ReleaseError:  # what is here is damaged
        if not mirrors:
            raise
        return _from_mirror(name, version, mirrors)
    text = (release.path / FILE_NAME).read_bytes()
    signature = release.path / verify.SIGNATURE
    beside = verify.pin_files(release.path, [signature]) if signature.is_file() else {}
    return _Wanted(release.manifest, text, beside)


def _from_mirror(name: str, version: int | None, mirrors: list[str]) -> _Wanted:
    try:
        entries = catalogue.read(mirrors)
    except ReleaseError as error:
        raise _elsewhere(_command(name, version), error) from error
    have = sorted(int(n) for p in entries if (n := p.removeprefix(f"{name}/")).isdecimal())
    if not have or (version is not None and version not in have):
        wanted = "a release" if version is None else f"version {version}"
        raise UnknownModelError(
            f"{name} has not got {wanted} here or on {' '.join(mirrors)}; versions there: "
            f"{', '.join(map(str, have)) or 'none'}"
        )
    number = have[-1] if version is None else version
    entry = entries[f"{name}/{number}"]
    text = catalogue.manifest(mirrors, f"{name}/{number}/{FILE_NAME}", entry)
    manifest = parse(text, f"{name}/{number}/{FILE_NAME} of {' '.join(mirrors)}")
    if (manifest.name, manifest.version) != (name, number):
        raise ReleaseError(
            f"the mirror gave {manifest.name} {manifest.version} for {name} {number}"
        )
    return _Wanted(manifest, text, entry.get("beside", {}))


def _sources(manifest: Manifest) -> list[str]:
    return [*places.mirrors(), *manifest.mirrors]


def _command(name: str, version: int | None) -> str:
    return f"zoo fetch {name}" + ("" if version is None else f" --version {version}")


def _elsewhere(command: str, error: ZooError) -> ZooError:
    return places.elsewhere(f"{command} --into STORE", "STORE", "ZOO_PATH", error)
