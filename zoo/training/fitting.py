"""Learning with Keras' `fit` so that a killed run continues and the best epoch is kept."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.errors import DataError

CHECKPOINTS = "checkpoints"  # in the folder of a run; its `logs` are for TensorBoard


def fit(
    lesson: tuple[Any, tuple[Any, Any], tuple[Any, Any]],
    settings: dict[str, Any],
    folder: Path | None,
    say: Callable[[str], object] | None,
) -> dict[str, Any]:
    """Learn with Adam, a cosine schedule, backups and the best weights on the validation split.

    A lesson is (student, examples, validation examples), the examples (inputs, targets) arrays or
    one `keras.utils.PyDataset`, whose `batch_size` is set and whose `begin(epoch)` is called before
    every epoch. A student may have `zoo_loss`, `zoo_loss_weights` and `zoo_metrics` as Keras takes
    them, and `zoo_schedule(learning_rate, steps)` in place of the cosine. What its metrics were on
    the validation split after each epoch is then the `curve` of the facts.

    Raises
    ------
    DataError
        If the loss on the validation split was never finite.
    """
    import keras

    student, examples, validation = lesson
    if drawn := len(examples) == 1:  # a PyDataset draws its batches
        for source in (*examples, *validation):
            source.batch_size = settings["batch_size"]
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(folder or scratch) / CHECKPOINTS
        place.mkdir(parents=True, exist_ok=True)
        best = Best(place)
        batches = len(examples[0]) if drawn else -(-len(examples[1]) // settings["batch_size"])
        falling = getattr(student, "zoo_schedule", keras.optimizers.schedules.CosineDecay)
        student.compile(
            keras.optimizers.Adam(falling(settings["learning_rate"], settings["epochs"] * batches)),
            loss=getattr(student, "zoo_loss", "mse"),
            loss_weights=getattr(student, "zoo_loss_weights", None),
            metrics=getattr(student, "zoo_metrics", None),
        )
        curve = Curve(place) if hasattr(student, "zoo_metrics") else None
        callbacks = [
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: best.keep(student, epoch, logs["val_loss"])
            ),
            # Two copies: a kill while one is written leaves the other.
            keras.callbacks.BackupAndRestore(place / "backup", double_checkpoint=True),
        ]
        if curve is not None:
            callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=curve.keep))
        if drawn:
            begin = keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, _: examples[0].begin(epoch)
            )
            callbacks.append(begin)
        if folder is not None:
            callbacks.append(keras.callbacks.TensorBoard(folder / "logs"))
        student.fit(
            *examples,
            validation_data=validation[0] if drawn else validation,
            epochs=settings["epochs"],
            batch_size=None if drawn else settings["batch_size"],
            callbacks=callbacks,
            verbose=0 if say is None else 1,
        )
        if best.epoch is None:
            raise DataError("training diverged: the loss on the validation split is not finite")
        student.load_weights(best.weights)
    return {
        "epochs": settings["epochs"],
        "best_epoch": best.epoch,
        "validation_loss": best.loss,
        **({} if curve is None else {"curve": curve.values}),
    }


class Best:
    """The best weights so far, in a folder, so that a run that continues knows them too.

    Keras' own checkpoints forget the loss that they were kept for, and a continued run would
    replace them by worse ones.
    """

    def __init__(self, folder: Path) -> None:
        self.weights, self._facts = folder / "best.weights.h5", folder / "best.json"
        self.epoch: int | None = None
        self.loss = float("inf")
        if self._facts.is_file():
            facts = json.loads(self._facts.read_text(encoding="utf-8"))
            self.epoch, self.loss = facts["epoch"], facts["loss"]

    def keep(self, student: Any, epoch: int, loss: float) -> None:
        """Keep the weights if the loss is lower than ever; every file appears complete."""
        if not loss < self.loss:
            return
        self.epoch, self.loss = epoch + 1, float(loss)
        part = self.weights.with_name("part.weights.h5")
        student.save_weights(part)
        part.replace(self.weights)
        part = self._facts.with_name("part.json")
        part.write_text(json.dumps({"epoch": self.epoch, "loss": self.loss}), encoding="utf-8")
        part.replace(self._facts)


class Curve:
    """Metrics on the validation split after each epoch, in a folder as `Best` is.

    Attributes
    ----------
    values : dict of list
        Metric -> one number per epoch.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "curve.json"
        self.values: dict[str, list[float]] = {}
        if self._file.is_file():
            self.values = json.loads(self._file.read_text(encoding="utf-8"))

    def keep(self, epoch: int, logs: dict[str, float]) -> None:
        """Add an epoch; one that is done again after a kill is replaced."""
        for name, value in logs.items():
            if name.startswith("val_"):
                before = self.values.get(name.removeprefix("val_"), [])[:epoch]
                self.values[name.removeprefix("val_")] = [*before, round(float(value), 5)]
        part = self._file.with_name("part.json")
        part.write_text(json.dumps(self.values), encoding="utf-8")
        part.replace(self._file)
