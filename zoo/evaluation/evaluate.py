"""The table of a model: its metrics on a test split, with the baselines beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo import saving, splits
from zoo.card import Card
from zoo.errors import CardError, DataError
from zoo.evaluation import (
    classes,
    clusters,
    galaxy_boxes,
    galaxy_maps,
    metrics,
    shares,
    spectra,
    voxels,
)
from zoo.evaluation.domain_shift import DomainShift, compare
from zoo.evaluation.files import from_file, predictions_of
from zoo.evaluation.summaries import summaries
from zoo.model import Model, load_model

Table = dict[str, dict[str, float]]
COMPARED = 2000  # records of the training set, about, that a user's data are compared with

# What a card can name, and what each reads beside the output `o` itself: `o_quantiles` and so on,
# else an output of that name.
METRICS: dict[str, tuple[Callable[..., dict[str, float]], tuple[str, ...]]] = {
    "map_errors": (metrics.map_errors, ()),
    "scalar_errors": (metrics.scalar_errors, ()),
    "posterior_errors": (metrics.posterior_errors, ("quantiles",)),
    "cluster_mass_errors": (clusters.cluster_mass_errors, ("quantiles",)),
    "redshift_errors": (spectra.redshift_errors, ("pdf", "grid")),
    "class_errors": (classes.class_errors, ("hii", "pn", "snr", "dig")),
    "share_errors": (shares.share_errors, ("std", "quantiles")),
    "galaxy_errors": (voxels.galaxy_errors, ()),
    "galaxy_map_errors": (galaxy_maps.galaxy_map_errors, ("draws",)),
    "galaxy_box_errors": (
        galaxy_boxes.galaxy_box_errors,
        ("galaxy_probability", "galaxy_central", "galaxy_mask"),
    ),
}


def evaluate(
    name: str | Path,
    version: int | None = None,
    *,
    data: Path | str | None = None,
    predictions: Path | None = None,
    baselines: bool = True,
) -> Table:
    """Recompute the metric table of a release.

    Parameters
    ----------
    name : str or Path
        Model name, or a release folder.
    data : Path or str, optional
        A file with the dataset's features to judge on, or another dataset ("name/config", its test
        split), in place of the test split.
    predictions : Path, optional
        Someone's predictions of the same rows, in the same order, to judge beside ours.
    baselines : bool
        Whether the rows of the baselines are computed too.

    Raises
    ------
    DataError
        If the dataset is not built, or a file lacks the columns.
    """
    model = load_model(name, version)
    test = judged_on(model.card, data)
    table = {model.name: rate(model, test)}
    module = saving.module_of(model.card)
    if predictions is not None:
        given = predictions_of(model.card, predictions, test)
        table[predictions.name] = score(model.card, given, test)
    if baselines and hasattr(module, "baselines"):
        train = splits.split(dataset(model.card), "train")
        for label, other in module.baselines(train).items():
            # Another model of the zoo by name, or a network of this architecture.
            rival = load_model(other) if isinstance(other, str) else model.like(other)
            table[label] = rate(rival, test, model.card)
    return table


def judged_on(card: Card, data: Path | str | None) -> dict[str, Any]:
    """Rows to judge a model on: of a file, of another dataset's test split, or of its own."""
    if data is not None and not splits.is_name(str(data)):
        return from_file(card, Path(data))
    name = dataset(card) if data is None else str(data)
    return splits.observed(name, splits.split(name, "test"))


def text(table: Table) -> str:
    """The table as columns to read, one row per metric."""
    names = list(dict.fromkeys(metric for row in table.values() for metric in row))
    width = max(map(len, names), default=0)
    columns = [max(10, len(label)) for label in table]
    head = "  ".join(label.rjust(w) for label, w in zip(table, columns, strict=True))
    lines = [f"{'':<{width}}  {head}"]
    for name in names:
        values = (f"{row.get(name, float('nan')):.3g}" for row in table.values())
        cells = "  ".join(value.rjust(w) for value, w in zip(values, columns, strict=True))
        lines.append(f"{name:<{width}}  {cells}")
    return "\n".join(lines)


def rate(model: Model, data: dict[str, Any], card: Card | None = None) -> dict[str, float]:
    """Metrics of a model on the rows of a split or file, by its own card or another."""
    given = inputs(model.card, data)
    found = score(card or model.card, model.predict(given, outside="warn"), data, card is not None)
    names = model.card.parameters
    if names and model.has_posterior and all(name in data for name in names):
        log_prob = model.log_prob(given, {name: np.asarray(data[name]) for name in names})
        found["nll"] = float(-np.mean(log_prob))
    return found


def score(
    card: Card, prediction: Any, data: dict[str, np.ndarray], partial: bool = False
) -> dict[str, float]:
    """The metrics that the card names for its outputs.

    With `partial`, outputs that a rival does not have are left out of its row.

    Raises
    ------
    CardError
        If the card names no metric, or one that does not exist.
    DataError
        If the truth is missing or a prediction is not finite.
    """
    if not card.metrics:
        raise CardError(f"{card.name}: the card names no `zoo.metrics` to judge the outputs by")
    out: dict[str, float] = {}
    for output, metric in card.metrics.items():
        if metric not in METRICS:
            raise CardError(f"{card.name}: no metric {metric!r}, allowed: {', '.join(METRICS)}")
        if partial and output not in prediction:
            continue
        if output not in data:
            raise DataError(f"there is no true {output} to judge {card.name} by")
        try:
            pair = np.asarray(prediction[output]), np.asarray(data[output])
            judge, beside = METRICS[metric]
            # the probabilities of classes are outputs by their own names
            named = (prediction.get(f"{output}_{n}", prediction.get(n)) for n in beside)
            found = judge(*pair, *named)
        except ValueError as error:
            raise DataError(f"{output} cannot be judged: {error}") from error
        out |= found if len(card.metrics) == 1 else {f"{output}_{k}": v for k, v in found.items()}
    return out


def inputs(card: Card, data: dict[str, Any]) -> dict[str, Any]:
    """Those features of a split that the model reads; lists of arrays where lengths differ."""
    given = {name: data[name] for name in card.inputs if name in data}
    uneven = {name for name, values in given.items() if hasattr(values, "row_splits")}
    return {n: list(v) if n in uneven else np.asarray(v) for n, v in given.items()}


def dataset(card: Card) -> str:
    """The dataset of a card.

    Raises
    ------
    DataError
        If the model has none.
    """
    if card.dataset is None:
        raise DataError(f"{card.name} is not made from a dataset, so there is no split to judge on")
    return card.dataset


def shift(card: Card, data: dict[str, np.ndarray]) -> DomainShift:
    """Is a user's data like the training set? Judged on `summaries` of the inputs of both.

    Raises
    ------
    DataError
        If there is nothing to compare, or too few objects.
    """
    name = dataset(card)
    train = splits.split(name, "train")
    step = max(1, len(next(iter(train.values()))) // COMPARED)
    seen = splits.observed(name, splits.rows(train, slice(None, None, step)))
    ours, theirs = summaries(card, seen), summaries(card, data)
    names = [n for n in ours if n in theirs and np.ptp(np.concatenate([ours[n], theirs[n]])) > 0]
    try:
        return compare({n: theirs[n] for n in names}, {n: ours[n] for n in names})
    except ValueError as error:
        raise DataError(f"the data cannot be compared with {name}: {error}") from error
