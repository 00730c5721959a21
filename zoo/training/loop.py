"""One training loop for every network of the zoo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo import saving
from zoo.card import Card
from zoo.errors import CardError
from zoo.training.fitting import CHECKPOINTS, fit
from zoo.training.spent import Spent

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
    calibration: dict[str, np.ndarray] | None = None,
    folder: Path | None = None,
    say: Callable[[str], object] | None = None,
) -> Trained:
    """Train the network of a card, or find the numbers of a classical model.

    First the module's `adapt` sets what follows from data directly (standardisation, principal
    components). Then its `lesson(model, data, validation)`, a Keras model with loss, examples and
    validation examples, is learned with `fit`; or its `learn` does what is better for it. A run
    that was killed continues where it stopped if it is given the same folder. A posterior is then
    recalibrated by the module's `calibrate(model, calibration)`. Of a classical model
    `learn(data, settings)` returns the config that it is built with.

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
    calibration : dict, optional
        A split that nothing else has seen.
    say : callable, optional
        Gets lines of progress; silent without.
    """
    module = saving.module_of(card)
    place = None if folder is None else folder / CHECKPOINTS
    config, facts = settings["config"], {"examples": len(next(iter(data.values())))}
    with Spent(place) as spent:
        if card.kind == "classical":
            config = config | module.learn(data, settings)
            return Trained(None, config, settings["seed"], facts | spent.total())
        import keras

        keras.utils.set_random_seed(settings["seed"])
        model = start if start is not None else module.build(**config)
        if start is not None:
            _freeze(card, model, settings["fine_tune"].get("freeze", []))
        if hasattr(module, "adapt"):
            module.adapt(model, data)
        if hasattr(module, "learn"):
            facts |= module.learn(model, data, settings, folder=place, say=say)
        elif hasattr(module, "lesson"):
            facts |= fit(module.lesson(model, data, validation), settings, folder, say)
        if hasattr(module, "calibrate") and calibration is not None:
            module.calibrate(model, calibration)
        return Trained(model, config, settings["seed"], facts | spent.total())


def _freeze(card: Card, model: Any, names: list[str]) -> None:
    if unknown := set(names) - {layer.name for layer in model.layers}:
        raise CardError(f"{card.name}: freeze names no layer of the model: {sorted(unknown)}")
    for name in names:
        model.get_layer(name).trainable = False
