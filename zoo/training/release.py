"""Making a release: SavedModel, weights, golden pair and manifest, visible all at once or not."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np

from zoo import quantities, registry, saving
from zoo.errors import ReleaseError
from zoo.manifest import FILE_NAME, Manifest
from zoo.model import Model
from zoo.store.verify import pin

LIBRARIES = ("zoo-astro", "tensorflow", "keras", "tensorflow-probability", "numpy", "astropy")


def export(
    name: str,
    into: str | Path,
    *,
    model: Any = None,
    version: int | None = None,
    table: Callable[[Path], dict[str, Any]] | None = None,
    **facts: Any,
) -> Path:
    """Write a release of a model into `into/<name>/<version>/`.

    Parameters
    ----------
    name : str
        Model name, with its tag if it has several.
    into : path
        Folder of releases.
    model : keras.Model, optional
        A trained model; without it the newest release, or for an exact model the code, is used.
    version : int, optional
        One more than the newest one in `into` unless given.
    table : callable, optional
        Judges the folder of the finished release; what it returns are the manifest's metrics.
    **facts
        Further fields of the manifest: metrics, training, seed, dataset, config.

    Returns
    -------
    Path
        The release folder.

    Raises
    ------
    ReleaseError
        If that version exists already.
    """
    card, full_name = registry.find_card(name)
    parent = Path(into) / full_name
    have = [int(path.name) for path in parent.glob("*") if path.name.isdigit()]
    number = max(have, default=0) + 1 if version is None else version
    target = parent / str(number)
    if target.exists():
        raise ReleaseError(f"{target} exists; a release never changes, choose another version")
    config = facts.pop("config", {})
    classical = card.kind == "classical"
    if model is None and classical and config:
        pass  # its config is all there is to it
    elif model is None and registry.versions(full_name) and card.kind != "exact":
        newest = registry.find_release(full_name)
        known = ("metrics", "training", "seed")
        facts = {name: getattr(newest.manifest, name) for name in known} | facts
        config = newest.manifest.config
        model = None if classical else saving.rebuild(card, newest.path)
    elif model is None and card.kind == "exact":
        model = saving.rebuild(card, **config)
    elif model is None:
        raise ReleaseError(f"{full_name} has no release to export; train it: zoo train {full_name}")
    parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{number}-", dir=parent))
    try:
        if not classical:
            saving.write(card, model, staged, config)
        manifest = Manifest(
            name=full_name,
            version=number,
            files=pin(staged),
            golden=golden(card, full_name, staged, config),
            config=config,
            libraries={library: installed(library) for library in LIBRARIES},
            commit=commit(),
            **{"dataset": card.dataset, **facts},
        )
        if table is not None:
            (staged / FILE_NAME).write_text(manifest.dumps(), encoding="utf-8")
            manifest = replace(manifest, metrics=table(staged))
        (staged / FILE_NAME).write_text(manifest.dumps(), encoding="utf-8")
        staged.chmod(0o755)
        staged.replace(target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return target


def golden(card: Any, name: str, folder: Path, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Inputs and outputs of the model's own example, from the files just written.

    A module whose example is answered by a large map has a smaller one, `golden`, for the manifest.
    """
    module = saving.module_of(card)
    example = getattr(module, "golden", module.example)()
    unfinished = Manifest(name=name, version=0, files={}, golden={}, config=config)
    prediction = Model(card, name, folder, unfinished, None, "float32").predict(example)
    batch = quantities.read(card, example)
    inputs = {key: np.asarray(column[0]).tolist() for key, column in batch.columns.items()}
    outputs = {key: np.asarray(value).tolist() for key, value in prediction.items()}
    return {"inputs": inputs, "outputs": outputs}


def commit() -> str | None:
    """The commit of the working tree, with `+` if it has changes; None outside a checkout."""
    root = Path(__file__).parents[2]
    try:
        run = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=12"]
        done = subprocess.run(run, capture_output=True, text=True, check=True)  # noqa: S603 (ours)
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
