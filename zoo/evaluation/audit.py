"""`zoo verify`: everything that can be checked about releases, each time from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.errors import ReleaseError, ZooError
from zoo.manifest import DATASET_FILE, FILE_NAME, Manifest, read_dataset, read_manifest
from zoo.store import prepared, publish, rebuild, scan, signing
from zoo.store.verify import problems

WEIGHTS = "model.weights.h5"


def targets(what: str | None = None, version: int | None = None) -> list[Path]:
    """Folders to check: of a name, a pattern, a release, a store, a prepared dataset, or of all.

    Raises
    ------
    UnknownModelError
        If it is none of them.
    """
    if what is not None and (folder := Path(what)).is_dir():
        if any((folder / name).is_file() for name in (FILE_NAME, DATASET_FILE)):
            return [folder]
        if found := publish.releases_in(folder):
            return found
        if not registry.list_models(what):
            return [folder]
    names = [name for name in registry.list_models(what or "*") if registry.versions(name)]
    if not names and what is not None:
        names = [registry.find_card(what)[1]]
    return [registry.find_release(name, version).path for name in names]


def reports(
    folders: list[Path], key: Path | None = None, golden: bool = True, trust: bool = False
) -> list[dict[str, Any]]:
    """Check folders one by one.

    Parameters
    ----------
    folders : list of Path
        From `targets`.
    key : Path, optional
        Public key with which each must be signed.
    golden : bool
        Whether golden outputs are recomputed, which loads the models.
    trust : bool
        Recompute them even where the scan refuses the graph.

    Returns
    -------
    list of dict
        `name`, `version`, `folder`, what `passed`, and `problems`, a line each.
    """
    return [_report(folder, key, golden, trust) for folder in folders]


def _report(folder: Path, key: Path | None, golden: bool, trust: bool) -> dict[str, Any]:
    report: dict[str, Any] = {"name": folder.name, "version": "", "folder": str(folder)}
    report |= {"passed": [], "problems": []}
    try:
        pins, bundled = _pins(folder)
    except ReleaseError as error:
        return report | {"problems": [str(error)]}
    report |= {"name": pins.name, "version": pins.version}
    for label, check in _checks(folder, pins, bundled, key):
        try:
            found = list(check() or ())
        except ZooError as error:
            found = [str(error)]
        report["problems"] += found
        report["passed"] += [] if found else [label]
    unsafe = report["problems"] and not trust
    if golden and isinstance(pins, Manifest) and not unsafe:
        from zoo.evaluation.golden import compare
        from zoo.model import load_model

        try:
            worst = compare(load_model(folder, trust=trust))
            report["passed"].insert(1, f"golden output within {worst:.1e}")
        except ZooError as error:
            report["problems"].append(str(error))
        except (KeyError, TypeError, ValueError) as error:
            report["problems"].append(f"the golden pair does not fit the model: {error}")
    return report


def _pins(folder: Path) -> tuple[Any, bool]:
    """The manifest that decides, and whether the folder is the package's own.

    A release that came with the package is judged by the package's manifest wherever it lies.
    """
    if (folder / DATASET_FILE).is_file():
        return read_dataset(folder), False
    own = read_manifest(folder)
    pinned = registry.pinned_manifest(own.name, own.version)
    stores = [store.absolute() for store in registry.stores()]
    in_store = folder.absolute().parents[1] in stores
    same = folder.absolute().parents[1] == stores[-1]
    return (pinned if pinned is not None and in_store else own), same


def _checks(folder: Path, pins: Any, bundled: bool, key: Path | None) -> Iterator[Any]:
    """What to say when it passes, and the check: problems that it lists, or an error."""
    yield "files as in the manifest", lambda: problems(folder, pins, links=bundled)
    if isinstance(pins, Manifest):
        yield "graph scanned", lambda: scan.scan(folder)
        if (folder / WEIGHTS).is_file():
            yield "weights scanned", lambda: rebuild.check_weights(folder / WEIGHTS)
    else:
        yield "features scanned", lambda: prepared.check(folder)
    if key is not None:
        yield f"signed by {key.name}", lambda: signing.check(folder, key)
