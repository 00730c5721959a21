"""One training loop for every network of the zoo."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo import saving
from zoo.card import Card
from zoo.errors import CardError

CHECKPOINTS = "checkpoints"  # in the folder of a run; its `logs` are for TensorBoard

RECIPE = {  # what a card's `recipe` may say, and what holds where it does not
    "config": {},
    "seed": 1,
    "epochs": 100,
    "batch_size": 128,
    "learning_rate": 1e-3,
    "fine_tune": {},
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
    if unknown := (set(card.recipe) | set(changes)) - set(RECIPE):
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
    for layer in model.layers:
        layer.trainable = layer.trainable and layer.name not in settings["fine_tune"].get("freeze", ())
    if hasattr(module, "adapt"):
        module.adapt(model, data)
    facts: dict[str, Any] = {"examples": len(next(iter(data.values())))}
    if hasattr(module, "learn"):
        facts |= module.learn(model, data, settings, folder=folder and folder / CHECKPOINTS, say=say)
    elif hasattr(module, "lesson"):
        facts |= fit(module.lesson(model, data, validation), settings, folder, say)
    facts["wall_s"] = round(time.perf_counter() - begin[0], 2)
    facts["cpu_s"] = round(time.process_time() - begin[1], 2)
    return Trained(model, settings["config"], settings["seed"], facts)


def fit(
    lesson: tuple[Any, tuple[Any, Any], tuple[Any, Any]],
    settings: dict[str, Any],
    folder: Path | None,
    say: Callable[[str], object] | None,
) -> dict[str, Any]:
    """Learn with Adam, a cosine schedule, backups and the best weights on the validation split."""
    import keras

    student, examples, validation = lesson
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(folder or scratch) / CHECKPOINTS
        place.mkdir(parents=True, exist_ok=True)
        best = place / "best.weights.h5"
        steps = settings["epochs"] * -(-len(examples[1]) // settings["batch_size"])
        schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], steps)
        loss = getattr(student, "zoo_loss", "mse")
        student.compile(keras.optimizers.Adam(schedule), loss=loss)
        callbacks = [
            keras.callbacks.ModelCheckpoint(best, save_best_only=True, save_weights_only=True),
            keras.callbacks.BackupAndRestore(place / "backup"),
        ]
        if folder is not None:
            callbacks.append(keras.callbacks.TensorBoard(folder / "logs"))
        history = student.fit(
            *examples,
            validation_data=validation,
            epochs=settings["epochs"],
            batch_size=settings["batch_size"],
            callbacks=callbacks,
            verbose=0 if say is None else 1,
        )
        student.load_weights(best)
    return {"epochs": settings["epochs"], "validation_loss": min(history.history["val_loss"])}
