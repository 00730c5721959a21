"""Which kinds of ionised gas a MUSE spectrum shows: class, and share of H alpha of each."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops
from scipy.optimize import minimize_scalar

from zoo import splits
from zoo.models.spectra import nebula_windows, sanity
from zoo.models.spectra.nebula_windows import CLASSES
from zoo.nn.residual_conv import residual
from zoo.nn.share_posterior import SharePosterior

check = sanity.check
example = nebula_windows.example

DATASET = "nebula_spectra"
QUALITY = (5.0, 200.0)  # S/N of H alpha that is drawn in training, uniform in the logarithm


def build(dtype="float32", filters=(16, 32, 32), width=96, nodes=21, dropout=0.2):
    """Build the network.

    Parameters
    ----------
    filters : sequence of int
        Channels of the first convolution and of the residual blocks, each at half the length.
    width : int
        Of the dense layer on the convolutions.
    nodes : int
        Values between 0 and 1 whose probability the posterior of a share tells.
    dropout : float
        Between the convolutions and the dense layer.
    """
    inputs = {
        name: keras.Input((None,), dtype=dtype, name=name)
        for name in ("flux", "ivar", "wavelength")
    }
    seen = nebula_windows.grid(dtype)(inputs)
    found = nebula_windows.velocity(dtype)(seen)
    windows = nebula_windows.windows(dtype)(seen | {"velocity": found["velocity"]})
    learned = network(windows["views"].shape[1], filters, width, nodes, dropout, dtype)(windows)
    outputs = ClassAnswers(name="answers", dtype=dtype)(learned["label"])
    outputs |= SharePosterior(CLASSES, nodes, name="shares", dtype=dtype)(learned["shares"])
    outputs |= found | {"embedding": learned["embedding"]}
    return keras.Model(inputs, outputs, name="nebula_spectra")


def network(pixels, filters, width, nodes, dropout, dtype):
    """What is learned: windows at rest -> logits of classes and of shares, embedding."""
    views = keras.Input((pixels, 2), dtype=dtype, name="views")
    strength = keras.Input((1,), dtype=dtype, name="strength")
    x = keras.layers.Conv1D(filters[0], 7, 2, "same", activation="relu", name="conv", dtype=dtype)(
        views
    )
    for index, count in enumerate(filters[1:]):
        x = residual(x, count, 5, 2, f"block_{index}", dtype)
    x = keras.layers.Flatten(name="flat", dtype=dtype)(x)
    x = keras.layers.Dropout(dropout, name="dropout", dtype=dtype)(x)
    x = keras.layers.Concatenate(name="joined", dtype=dtype)([x, strength])
    x = keras.layers.Dense(width, "relu", name="dense_0", dtype=dtype)(x)
    x = keras.layers.Dense(width, "relu", name="embedding", dtype=dtype)(x)
    shares = keras.layers.Dense(len(CLASSES) * nodes, name="share_logits", dtype=dtype)(x)
    outputs = {
        "label": keras.layers.Dense(len(CLASSES), name="label_logits", dtype=dtype)(x),
        "shares": keras.layers.Reshape((len(CLASSES), nodes), name="cells", dtype=dtype)(shares),
        "embedding": x,
    }
    return keras.Model({"views": views, "strength": strength}, outputs, name="network")


class ClassAnswers(keras.layers.Layer):
    """Calibrated probabilities of classes, and the most probable one."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.temperature = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="temperature"
        )
        self.built = True

    def call(self, logits):
        """`label` (batch,), and the probability `label_<class>` (batch,) of each class."""
        p = ops.softmax(logits / ops.cast(self.temperature, logits.dtype), axis=-1)
        named = {f"label_{name}": p[:, i] for i, name in enumerate(CLASSES)}
        return {"label": ops.cast(ops.argmax(p, axis=-1), logits.dtype)} | named

    def compute_output_spec(self, logits):
        """(batch,) each."""
        names = ("label", *(f"label_{name}" for name in CLASSES))
        shape = (logits.shape[0],)
        return {n: keras.KerasTensor(shape, dtype=self.compute_dtype) for n in names}


class Sightings(keras.utils.PyDataset):
    """Batches of (windows, targets) for Keras' `fit`, with fresh noise and S/N in every epoch.

    Parameters
    ----------
    model : keras.Model
        Whose velocity scan and windows are used.
    data : dict
        Records of the dataset.
    seed : int or None
        Of noise, S/N and order; None takes the noise that models are judged on, in order.

    Attributes
    ----------
    batch_size : int
        To be set by who learns.
    """

    batch_size = 256

    def __init__(self, model, data, seed=None) -> None:
        super().__init__()
        self.data, self.seed, self.epoch = data, seed, 0
        self.front = front(model)
        self.kept: dict[int, Any] = {}
        self.order = np.arange(len(data["label"]))
        truth = np.stack([np.asarray(data[name]) for name in CLASSES], axis=-1)
        self.label = np.asarray(data["label"], np.int32)
        self.shares = model.get_layer("shares").targets(truth)

    def __len__(self) -> int:
        """Batches of an epoch."""
        return math.ceil(len(self.order) / self.batch_size)

    def begin(self, epoch: int) -> None:
        """Draw the order of an epoch; its noise follows from its number, so that a run resumes."""
        self.epoch = epoch
        if self.seed is not None:
            self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.order))

    def __getitem__(self, index):
        """One batch."""
        rows = np.sort(self.order[index * self.batch_size : (index + 1) * self.batch_size])
        targets = {"label": self.label[rows], "shares": self.shares[rows]}
        if self.seed is None:
            if index not in self.kept:
                self.kept[index] = self._windows(rows, {}, 0)
            return self.kept[index], targets
        rng = np.random.default_rng([self.seed, self.epoch, index])
        low, high = np.log(QUALITY)
        quality = {"quality": np.exp(rng.uniform(low, high, len(rows)))}
        return self._windows(rows, quality, self.epoch + 1), targets

    def _windows(self, rows, changes, draw):
        part = splits.observed(DATASET, splits.rows(self.data, rows) | changes, draw)
        return {n: np.asarray(v) for n, v in self.front(part["flux"], part["ivar"]).items()}


def front(model):
    """Compiled function from flux and ivar (b, 3681) of the dataset to what the network reads.

    The pixels of the dataset are the bins of the grid, one to one.
    """
    import tensorflow as tf

    scan, windows = model.get_layer("velocity_scan"), model.get_layer("windows")

    @tf.function(reduce_retracing=True)
    def cut(flux, ivar):
        seen = {"flux": tf.cast(flux, tf.float32), "ivar": tf.cast(ivar, tf.float32)}
        return windows(seen | {"velocity": scan(seen)["velocity"]})

    return lambda flux, ivar: cut(tf.constant(flux), tf.constant(ivar))


def lesson(model, data, validation):
    """Learn classes and shares from fresh noise; the validation split keeps its own."""
    net = model.get_layer("network")
    student = keras.Model(
        net.inputs, {n: net.output[n] for n in ("label", "shares")}, name="student"
    )
    student.zoo_loss = {
        "label": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "shares": keras.losses.CategoricalCrossentropy(from_logits=True),
    }
    student.zoo_metrics = {"label": "accuracy"}
    return student, (Sightings(model, data, 1),), (Sightings(model, validation),)


def calibrate(model, calibration):
    """Set the two temperatures that make a split most probable."""
    given = Sightings(model, calibration)
    net = model.get_layer("network")
    found = [(net(x, training=False), y) for x, y in (given[i] for i in range(len(given)))]
    label, shares = (
        np.concatenate([np.asarray(x[name], float) for x, _ in found])
        for name in ("label", "shares")
    )
    one_hot = np.eye(len(CLASSES))[given.label]
    for layer, logits, target in (("answers", label, one_hot), ("shares", shares, given.shares)):
        model.get_layer(layer).temperature.assign(best_temperature(logits, target))


def best_temperature(logits, target):
    """Number that logits (n, ..., k) are divided by to make targets of that shape most probable."""

    def loss(log_temperature):
        scaled = logits / np.exp(log_temperature)
        top = scaled.max(axis=-1, keepdims=True)
        log_sum = top + np.log(np.exp(scaled - top).sum(axis=-1, keepdims=True))
        return float(np.mean(np.sum(target * (log_sum - scaled), axis=-1)))

    return float(np.exp(minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded").x))


def baselines(data):  # noqa: ARG001 (published demarcations)
    """Line-ratio diagrams on lines fitted in the same spectra."""
    return {"nebula_spectra_bpt": "nebula_spectra_bpt"}
