"""Continue a release on new simulations, and say what that cost on the old ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo import registry, saving, splits
from zoo.errors import DataError
from zoo.evaluation.evaluate import dataset, rate
from zoo.evaluation.files import OBJECT, SPLIT, from_file, text
from zoo.model import load_model
from zoo.training import loop
from zoo.training.release import export

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}  # of a file without a column `split`


def fine_tune(
    name: str | Path,
    data: Path,
    into: str | Path,
    *,
    rehearse: bool = True,
    say: Callable[[str], object] | None = None,
    **changes: Any,
) -> tuple[Path, dict[str, dict[str, float]]]:
    """Fine-tune a release and judge it before and after, on new and on original test data.

    Parameters
    ----------
    name : str or Path
        Model name or release folder to start from.
    data : Path
        HDF5, npz, FITS or ECSV with the dataset's features; optional columns `split` and
        `object_id`, by which it is divided (rows of one object stay together).
    into : path
        Folder of releases.
    rehearse : bool
        Train on the original training split too, against forgetting.
    **changes
        Entries of the card's recipe to change, on top of its `fine_tune`.

    Returns
    -------
    (Path, dict)
        The release folder, and the rows "before, new data", ... of the manifest's metrics.

    Raises
    ------
    DataError
        If the file lacks columns, or one of its splits is empty.
    """
    start = load_model(name)
    card, full_name = registry.find_card(start.name)
    settings = loop.recipe(card)
    special = {key: value for key, value in settings["fine_tune"].items() if key != "freeze"}
    settings = loop.recipe(card, **special | changes) | {"config": start.manifest.config}
    parts = divide(from_file(card, data))
    original = dataset(card)
    old_test = splits.split(original, "test")
    examples, validation = parts["train"], parts["validation"]
    if rehearse:
        old = splits.split(original, "train")
        old_validation = splits.split(original, "validation")
        examples, validation = _joined(examples, old), _joined(validation, old_validation)
    table = {
        "before, new data": rate(start, parts["test"]),
        "before, original test split": rate(start, old_test),
    }
    model = saving.rebuild(card, start.path)
    trained = loop.train(
        card, Columns(data, examples), Columns(data, validation), settings, start=model, say=say
    )

    def judge(folder: Path) -> dict[str, dict[str, float]]:
        tuned = load_model(folder)
        table["after, new data"] = rate(tuned, parts["test"])
        table["after, original test split"] = rate(tuned, old_test)
        return table

    facts = trained.facts | {"new_examples": len(next(iter(parts["train"].values())))}
    facts["started_from"] = f"{start.name} version {start.manifest.version}"
    folder = export(
        full_name,
        into,
        model=trained.model,
        table=judge,
        config=trained.config,
        seed=trained.seed,
        training=facts,
    )
    return folder, table


class Columns(dict[str, np.ndarray]):
    """Columns of a file; training that reads one which the file lacks is the user's error."""

    def __init__(self, path: Path, columns: dict[str, np.ndarray]) -> None:
        super().__init__(columns)
        self.path = path

    def __missing__(self, name: str) -> np.ndarray:
        raise DataError(f"{self.path} lacks {name}, which the training reads")


def divide(columns: dict[str, np.ndarray], seed: int = 1) -> dict[str, dict[str, np.ndarray]]:
    """Splits of a user's columns, by their `split` or at random by `object_id`.

    Raises
    ------
    DataError
        If a split has another name, is empty (the message gives the counts), or shares an object
        with another split.
    """
    columns = dict(columns)
    rows = len(next(iter(columns.values())))
    names = columns.pop(SPLIT, None)
    objects = text(columns.pop(OBJECT, np.arange(rows)))
    found, which = np.unique(objects, return_inverse=True)
    if names is None:
        place = np.random.default_rng(seed).permutation(len(found))[which] / len(found)
        edges = np.cumsum(list(SHARES.values()))[:-1]
        names = np.array(list(SHARES))[np.searchsorted(edges, place, side="right")]
    names = text(names)
    allowed = (*SHARES, "calibration")  # the latter is for posteriors; nothing here reads it
    if wrong := sorted(set(names) - set(allowed)):
        raise DataError(f"split = {str(wrong[0])!r}, allowed: {', '.join(allowed)}")
    of = dict(zip(objects, names, strict=True))
    for key, name in zip(objects, names, strict=True):
        if of[key] != name:
            raise DataError(f"object_id = {str(key)!r} is in {name} and in {of[key]}")
    counts = {split: int(np.count_nonzero(names == split)) for split in SHARES}
    if not all(counts.values()):
        raise DataError(f"every split needs rows: {counts} of {rows}")
    return {s: {n: np.asarray(v)[names == s] for n, v in columns.items()} for s in SHARES}


def _joined(new: dict[str, np.ndarray], old: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([new[name], old[name]]) for name in new if name in old}
