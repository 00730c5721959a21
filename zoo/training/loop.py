"""One training loop for every network of the zoo."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo import saving
from zoo.card import Card
from zoo.errors import CardError
from zoo.training.fitting import CHECKPOINTS, fit

RECIPE = {  # what a card's `recipe` may say, and what holds where it does not
    "config": {},
    "seed": 1,
    "epochs": 100,
    "batch_size": 128,
    "learning_rate": 1e-3,
    "fine_tune": {},  # what differs when a release is continued, and `freeze`: names of layers
}


@dataclass(frozen=True)
class Trained:
    """A trained Keras model and the facts of its training for the manifest."""

    model: Any
    config: dict[str, Any]
    seed: int
    facts: dict[str, Any]


def recipe(card: Card, **changes: Any) -> dict[str, Any]:
    """The card's recipe with defaults, and with changes on top.

    Raises
    ------
    CardError
        If a key is unknown.
    """
    special = set(card.recipe.get("fine_tune", {})) - {"freeze"}
    if unknown := (set(card.recipe) | special | set(changes)) - set(RECIPE):
        raise CardError(
            f"{card.name}: recipe has no {', '.join(sorted(unknown))}; it knows {', '.join(RECIPE)}"
        )
    return RECIPE | card.recipe | changes


def train(
    card: Card,
    data: dict[str, np.ndarray],
    validation: dict[str, np.ndarray],
    settings: dict[str, Any],
    *,
    start: Any = None,
    folder: Path | None = None,
    say: Callable[[str], object] | None = None,
) -> Trained:
    """Train the network of a card.

    First the module's `adapt` sets what follows from data directly (standardisation, principal
    components). Then its `lesson(model, data, validation)`, a Keras model with loss, examples and
    validation examples, is learned with `fit`; or its `learn` does what is better for it. A run
    that was killed continues where it stopped if it is given the same folder.

    Parameters
    ----------
    data, validation : dict of (records, ...) arrays
        Splits of the dataset; the best epoch on the validation split is kept.
    settings : dict
        As `recipe` returns it.
    start : keras.Model, optional
        Continue from these weights instead of random ones.
    folder : Path, optional
        Where checkpoints and TensorBoard logs go.
    say : callable, optional
        Gets lines of progress; silent without.
    """
    import keras

    keras.utils.set_random_seed(settings["seed"])
    module = saving.module_of(card)
    begin = time.perf_counter(), time.process_time()
    model = start if start is not None else module.build(**settings["config"])
    if start is not None:
        _freeze(card, model, settings["fine_tune"].get("freeze", []))
    if hasattr(module, "adapt"):
        module.adapt(model, data)
    facts: dict[str, Any] = {"examples": len(next(iter(data.values())))}
    if hasattr(module, "learn"):
        place = None if folder is None else folder / CHECKPOINTS
        facts |= module.learn(model, data, settings, folder=place, say=say)
    elif hasattr(module, "lesson"):
        facts |= fit(module.lesson(model, data, validation), settings, folder, say)
    facts["wall_s"] = round(time.perf_counter() - begin[0], 2)
    facts["cpu_s"] = round(time.process_time() - begin[1], 2)
    return Trained(model, settings["config"], settings["seed"], facts)


def _freeze(card: Card, model: Any, names: list[str]) -> None:
    if unknown := set(names) - {layer.name for layer in model.layers}:
        raise CardError(f"{card.name}: freeze names no layer of the model: {sorted(unknown)}")
    for name in names:
        model.get_layer(name).trainable = False
