"""Rebuild a release from its dataset with one call."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from zoo import registry, saving, splits
from zoo.errors import InputError
from zoo.evaluation.evaluate import dataset, evaluate
from zoo.training import loop
from zoo.training.fitting import CHECKPOINTS
from zoo.training.release import export


def train(
    name: str,
    into: str | Path,
    *,
    limit: int | None = None,
    say: Callable[[str], object] | None = None,
    workdir: Path | None = None,
    **changes: Any,
) -> Path:
    """Train a model by its card's recipe and write a release with its metric table.

    Parameters
    ----------
    name : str
        Model name.
    into : path
        Folder of releases.
    limit : int, optional
        Train on the first so many records only, for learning curves.
    say : callable, optional
        Gets lines of progress.
    workdir : Path, optional
        Checkpoints and logs; a killed run continues from there. In the user's cache unless given.
    **changes
        Entries of the recipe to change.

    Returns
    -------
    Path
        The release folder.
    """
    card, full_name = registry.find_card(name)
    settings = loop.recipe(card, **changes)
    train_split = splits.rows(splits.split(dataset(card), "train"), slice(limit))
    validation = splits.rows(splits.split(dataset(card), "validation"), slice(None))
    records = len(next(iter(train_split.values())))
    if limit is not None and limit > records:
        raise InputError(f"limit is {limit}, allowed: up to {records}")
    # Another recipe is another run: it must not continue from this one's checkpoint.
    key = json.dumps([card.dataset, settings, limit], sort_keys=True)
    run = hashlib.sha256(key.encode()).hexdigest()[:12]
    place = workdir or _home() / "training" / full_name / run
    spare = {}
    if hasattr(saving.module_of(card), "calibrate"):
        spare["calibration"] = splits.split(dataset(card), "calibration")
    trained = loop.train(card, train_split, validation, settings, folder=place, say=say, **spare)
    folder = release(full_name, into, trained)
    shutil.rmtree(place / CHECKPOINTS, ignore_errors=True)
    return folder


def release(name: str, into: str | Path, trained: loop.Trained, **facts: Any) -> Path:
    """Export a trained model, evaluate what was written, and record the table in its manifest."""
    made = {"model": trained.model, "config": trained.config, "seed": trained.seed}
    made |= {"training": trained.facts} | facts
    return export(name, into, table=evaluate, **made)


def _home() -> Path:
    home = os.environ.get("ZOO_HOME")
    return Path(home).expanduser() if home else user_cache_path("zoo")
