"""The network of every nebula classifier: slots for lines, an encoder, a head for classes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.nn.line_slots import LineSlots

CLASSES = ("hii", "pn", "snr")
INPUTS = ("line", "flux", "flux_error", "is_limit")
MUSE = (
    "Hbeta",
    "OIII5007",
    "NII5755",
    "SIII6312",
    "Halpha",
    "NII6584",
    "SII6725",
    "OII7325",
    "SIII9069",
)


class ClassAnswers(keras.layers.Layer):
    """Calibrated probabilities of classes, and the most probable one.

    Probabilities are softmax(logits / temperature + log_prior). Until they are set, the temperature
    is 1 and the prior leaves things as they are.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.temperature = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="temperature"
        )
        self.log_prior = self.add_weight(
            shape=(len(CLASSES),), initializer="zeros", trainable=False, name="log_prior"
        )
        self.built = True

    def call(self, logits: Any) -> dict[str, Any]:
        """`label` (batch,), and the probability (batch,) of each class by name."""
        scaled = logits / ops.cast(self.temperature, logits.dtype)
        p = ops.softmax(scaled + ops.cast(self.log_prior, logits.dtype), axis=-1)
        named = {name: p[:, i] for i, name in enumerate(CLASSES)}
        return {"label": ops.cast(ops.argmax(p, axis=-1), logits.dtype)} | named

    def compute_output_spec(self, logits: Any) -> dict[str, Any]:
        """(batch,) each."""
        shape = (logits.shape[0],)
        return {n: keras.KerasTensor(shape, dtype=self.compute_dtype) for n in ("label", *CLASSES)}


def network(
    name: str,
    dtype: str = "float32",
    lines: Any = MUSE,
    encoder: Any = (64, 32),
    head: int = 32,
    limits: bool = True,
) -> keras.Model:
    """Build the network.

    Parameters
    ----------
    lines : sequence of str
        Those that it looks at, names of `zoo.nn.line_slots.WINDOWS`.
    encoder : sequence of int
        Widths of the layers whose last is aligned between domains.
    head : int
        Width of the hidden layer between encoder and classes.
    limits : bool
        Whether upper limits are told apart from measured fluxes.
    """
    inputs = {key: keras.Input((None,), dtype=dtype, name=key) for key in INPUTS}
    slots = LineSlots(lines, limits=limits, name="slots", dtype=dtype)
    student = keras.Sequential(
        [
            keras.Input((slots.width,), dtype=dtype),
            *(
                keras.layers.Dense(n, "relu", name=f"encoder_{i}", dtype=dtype)
                for i, n in enumerate(encoder)
            ),
        ],
        name="encoder",
    )
    classes = keras.Sequential(
        [
            keras.Input((encoder[-1],), dtype=dtype),
            keras.layers.Dense(head, "relu", name="head_0", dtype=dtype),
            keras.layers.Dense(len(CLASSES), name="head_1", dtype=dtype),
        ],
        name="head",
    )
    outputs = ClassAnswers(name="answers", dtype=dtype)(classes(student(slots(inputs))))
    return keras.Model(inputs, outputs, name=name)


def logits(model: keras.Model, data: dict[str, Any]) -> np.ndarray:
    """What the head says (n, 3) of the observed lines of a split."""
    x = model.get_layer("slots")({key: np.asarray(data[key], np.float32) for key in INPUTS})
    return np.asarray(model.get_layer("head")(model.get_layer("encoder")(x)))


def embedding(model: keras.Model, data: dict[str, Any]) -> np.ndarray:
    """What the encoder makes (n, width) of the observed lines of a split."""
    x = model.get_layer("slots")({key: np.asarray(data[key], np.float32) for key in INPUTS})
    return np.asarray(model.get_layer("encoder")(x))
