"""Continue a release on new simulations, and say what that cost on the old ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo import registry, saving, splits
from zoo.errors import DataError
from zoo.evaluation.evaluate import dataset, from_file, rate
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
    settings = loop.recipe(card, **changes)
    settings |= {key: value for key, value in settings["fine_tune"].items() if key in loop.RECIPE}
    settings["config"] = start.manifest.config
    parts = divide(from_file(card, data))
    original = dataset(card)
    old_test = splits.split(original, "test")
    examples, validation = parts["train"], parts["validation"]
    if rehearse:
        old = splits.split(original, "train")
        examples = {n: np.concatenate([examples[n], old[n]]) for n in examples if n in old}
        before_valid = splits.split(original, "validation")
        validation = {n: np.concatenate([validation[n], before_valid[n]]) for n in examples}
    table = {
        "before, new data": rate(start, parts["test"]),
        "before, original test split": rate(start, old_test),
    }
    model = saving.rebuild(card, start.path)
    trained = loop.train(card, examples, validation, settings, start=model, say=say)

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


def divide(columns: dict[str, np.ndarray], seed: int = 1) -> dict[str, dict[str, np.ndarray]]:
    """Splits of a user's columns, by their `split` or at random by `object_id`.

    Raises
    ------
    DataError
        If a split is empty; the message gives the counts.
    """
    columns = dict(columns)
    rows = len(next(iter(columns.values())))
    names = columns.pop("split", None)
    objects = columns.pop("object_id", np.arange(rows))
    if names is None:
        found, which = np.unique(np.asarray(objects), return_inverse=True)
        place = np.random.default_rng(seed).permutation(len(found))[which] / len(found)
        edges = np.cumsum(list(SHARES.values()))[:-1]
        names = np.array(list(SHARES))[np.searchsorted(edges, place, side="right")]
    names = np.array([n.decode() if isinstance(n, bytes) else str(n) for n in np.asarray(names)])
    counts = {split: int(np.count_nonzero(names == split)) for split in SHARES}
    if not all(counts.values()):
        raise DataError(f"every split needs rows: {counts} of {rows}")
    return {s: {n: np.asarray(v)[names == s] for n, v in columns.items()} for s in SHARES}
