"""Redshift, mass and star-formation rate from a spectrum: M-TOPnet of Ginolfi et al. (2025)."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.models.spectra import binned, line_list, sanity
from zoo.models.spectra import example as examples
from zoo.models.spectra.mtopnet_answers import CLASSES, FIRST, WIDTH, Answers
from zoo.nn.log_rebin import LogRebin
from zoo.nn.residual_conv import residual
from zoo.nn.spectrum_views import SpectrumViews

check = sanity.check
example = examples.galaxy

SUCCESS = 0.01  # |z - z_true| of a redshift that counts
LOSS_WEIGHTS = {"redshift": 1.0, "line_mask": 10.0, "log_mstar": 1.0, "log_sfr": 1.0}
PROPERTIES = ("log_mstar", "log_sfr")
SLOWEST = 0.02  # of the learning rate, reached in the last epoch: 5e-3 to 1e-4 as published
FAINTEST = 1.0  # ratio of noise to continuum at which a spectrum counts half in the loss


def build(
    dtype="float32",
    start=6470.0,
    stop=18000.0,
    bins=4096,
    filters=(16, 32, 32),
    width=128,
    embedding=100,
    dropout=0.2,
    units="error",
    reach=2,
    weighted=True,
):
    """Build the network.

    Parameters
    ----------
    start, stop : float
        Edges of the logarithmic grid [A].
    bins : int
        Of that grid; 12,217 is the published size.
    filters : sequence of int
        Channels of the first convolution and of the residual blocks.
    width : int
        Of the dense layers on the convolutions.
    embedding : int
        Length of the vector that redshift, mass and star-formation rate are read from.
    dropout : float
        In the branch that finds the lines.
    units : {"error", "rms"}
        What the spectrum without its continuum is divided by.
    reach : int
        Bins on either side of a line's own that count as the line (5 of 12,217).
    weighted : bool
        Whether noisy spectra count less in the loss.
    """
    inputs = {
        name: keras.Input((None,), dtype=dtype, name=name)
        for name in ("flux", "ivar", "wavelength")
    }
    grid = LogRebin(start, stop, bins, name="grid", dtype=dtype)
    student = network(bins, filters, width, embedding, dropout, units, dtype)
    found = student(grid(inputs))
    outputs = Answers(PROPERTIES, name="answers", dtype=dtype)(found)
    model = keras.Model(inputs, outputs, name="mtopnet")
    model.zoo_reach, model.zoo_weighted = reach, weighted
    return model


def network(bins, filters, width, embedding, dropout, units, dtype):
    """What is learned: flux and ivar on the grid -> logits, standardised properties, embedding."""

    def dense(size, name, activation="relu"):
        return keras.layers.Dense(size, activation, name=name, dtype=dtype)

    inputs = {n: keras.Input((bins,), dtype=dtype, name=n) for n in ("flux", "ivar")}
    views = SpectrumViews(bins, units=units, name="views", dtype=dtype)(inputs)
    x = keras.layers.Reshape((bins, 1), name="channel", dtype=dtype)(views["spectrum"])
    x = keras.layers.Conv1D(filters[0], 11, 4, "same", activation="relu", name="conv", dtype=dtype)(
        x
    )
    for index, count in enumerate(filters[1:]):
        x = residual(x, count, 3, 2, f"block_{index}", dtype)
    x = keras.layers.Flatten(name="flat", dtype=dtype)(x)
    lines = dense(width, "lines_0")(x)
    lines = keras.layers.Dropout(dropout, name="lines_dropout", dtype=dtype)(lines)
    lines = dense(128, "lines_1")(lines)
    continuum = dense(32, "continuum_1")(dense(64, "continuum_0")(views["continuum"]))
    joined = [dense(width, "spectrum")(x), lines, continuum]
    shared = keras.layers.Concatenate(name="joined", dtype=dtype)(joined)
    shared = dense(embedding, "embedding")(shared)
    outputs = {
        "redshift": dense(CLASSES, "redshift", None)(dense(width, "redshift_0")(shared)),
        "line_mask": dense(bins, "line_mask", None)(lines),
        "embedding": shared,
    }
    for name in PROPERTIES:
        hidden = dense(32, f"{name}_1")(dense(64, f"{name}_0")(shared))
        outputs[name] = dense(1, name, None)(hidden)
    return keras.Model(inputs, outputs, name="network")


def adapt(model, data):
    """Set the standardisation of mass and star-formation rate."""
    answers = model.get_layer("answers")
    for name, scale in answers.scales.items():
        scale.adapt(np.asarray(data[name], np.float64)[:, None])


def lesson(model, data, validation):
    """Learn from fresh noise in every epoch; the validation split keeps its own."""
    net, grid, scales = (
        model.get_layer("network"),
        model.get_layer("grid"),
        model.get_layer("answers").scales,
    )
    student = keras.Model(net.inputs, {n: net.output[n] for n in LOSS_WEIGHTS}, name="student")
    student.zoo_loss = {
        "redshift": redshift_loss,
        "line_mask": keras.losses.BinaryCrossentropy(from_logits=True),
        "log_mstar": "mse",
        "log_sfr": "mse",
    }
    student.zoo_loss_weights = LOSS_WEIGHTS
    student.zoo_metrics = {"redshift": redshift_accuracy}
    student.zoo_schedule = schedule

    def observations(split, seed):
        flux, root = binned.rebinned(grid, split, noisy=seed is None)
        truth = {n: np.asarray(split[n], np.float32) for n in ("redshift", *scales)}

        def targets(rows):
            true = {n: truth[n][rows][:, None] for n in truth}
            lines = line_list.mask(
                true["redshift"][:, 0], grid.start, grid.step, grid.bins, model.zoo_reach
            )
            standard = {n: np.asarray(scale(true[n])) for n, scale in scales.items()}
            return {"redshift": true["redshift"], "line_mask": lines} | standard

        count = np.ones(len(flux), np.float32)
        weights = quality(flux, root) if model.zoo_weighted and seed is not None else count
        return binned.Observations(flux, root, targets, weights, seed)

    return student, (observations(data, 1),), (observations(validation, None),)


def quality(flux, root):
    """Weights (n,) of mean 1 of spectra, from the ratio of their noise to their light.

    The noise is the error that belongs to the mean ivar, the light the mean flux weighted by ivar.
    A spectrum of ratio q counts as 1 / (1 + (q / `FAINTEST`)^2).
    """
    found = []
    for rows in np.array_split(np.arange(len(flux)), max(1, len(flux) // 500)):
        ivar = np.square(root[rows], dtype=np.float32)
        total = ivar.sum(axis=1)
        light = (ivar * flux[rows]).sum(axis=1) / total
        noise = np.sqrt((ivar > 0).sum(axis=1) / total)
        found.append(1 / (1 + (noise / light / FAINTEST) ** 2))
    weights = np.concatenate(found)
    return (weights / weights.mean()).astype(np.float32)


def classes(redshift):
    """Number of the class that a redshift falls into; the outermost take what is beyond."""
    index = ops.floor((redshift - FIRST) / WIDTH)
    return ops.cast(ops.clip(index, 0, CLASSES - 1), "int32")


def redshift_loss(true, logits):
    """Cross-entropy (batch,) of the classes of redshifts (batch, 1)."""
    return keras.losses.sparse_categorical_crossentropy(classes(true), logits, from_logits=True)


def redshift_accuracy(true, logits):
    """Fraction of redshifts right to 0.01, (batch,) of 0 and 1."""
    found = FIRST + WIDTH * (ops.cast(ops.argmax(logits, axis=-1), true.dtype) + 0.5)
    return ops.cast(ops.abs(found - true[:, 0]) < SUCCESS, "float32")


def schedule(rate, steps):
    """Learning rate that falls linearly, as published."""
    return keras.optimizers.schedules.PolynomialDecay(rate, steps, SLOWEST * rate)


def baselines(data):  # noqa: ARG001 (they need no training data)
    """The scan stands in every table."""
    return {"template_scan": "template_scan.moons"}
