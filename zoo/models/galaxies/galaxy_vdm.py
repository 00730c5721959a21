"""`galaxy_vdm`: maps of galaxies drawn from maps of dark matter by variational diffusion."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from zoo import splits
from zoo.models.galaxies import vdm_rivals, vdm_training
from zoo.models.galaxies.vdm_draws import GalaxyDraws
from zoo.models.galaxies.vdm_views import Views
from zoo.nn.diffusion.pixel_guess import NUMBERS, PixelGuess
from zoo.nn.diffusion.schedules import schedule as noise_schedule
from zoo.nn.diffusion.unet import unet
from zoo.nn.diffusion.variational import VariationalDiffusion
from zoo.ranges import Violation, flag

NAMES = {2: ("dm_map", "galaxy_map"), 3: ("dm_counts", "galaxy_count")}
PIXEL = (0.15, 0.25)  # [Mpc/h] side of a pixel: the training set has 25/128
MEAN = (8.0, 80.0)  # particles above a pixel; slabs of the training set have 10 to 71
DRAWS = 8  # that are predicted
VARIED = "dark_matter_galaxies/toy_tng_varied"


def example():
    """A little map with three clumps."""
    side, i, j = 32, *np.indices((32, 32))
    matter = 12 + (7 * i + 11 * j) % 5 * 3.0
    for row, column, top in ((9, 7, 900), (20, 18, 260), (5, 25, 120)):
        matter += np.round(top * np.exp(-((i - row) ** 2 + (j - column) ** 2) / 3))
    known = {"box_size": side * 25 / 128, "omega_m": 0.31, "sigma_8": 0.82, "a_sn1": 1.1}
    return {"dm_map": matter, **known}


def build(
    dtype="float32",
    dimensions=2,
    embedding=48,
    blocks=4,
    patch=1,
    dropout=0.1,
    schedule="learned_linear",
    noise=(-13.3, 13.3),
    data_noise=1e-3,
    parameters=("omega_m", "sigma_8", "a_sn1"),
    guess=False,
    draws=DRAWS,
    steps=250,
):
    """Build the model; without arguments, in the published size.

    Parameters
    ----------
    dimensions : int
        2 for maps, 3 for boxes.
    embedding, blocks, patch, dropout
        Of the denoiser, see `zoo.nn.diffusion.unet.unet`.
    schedule : {"fixed_linear", "learned_linear", "monotone"}
    noise : two floats
        Gamma at t = 0 and t = 1.
    data_noise : float
        Of the reconstruction, in units of the spread of ln(1 + number).
    parameters : sequence of str
        What conditions beside the map.
    guess : bool
        Whether the network starts from what independent pixels say, see `PixelGuess`.
    draws, steps : int
        Of what is predicted.
    """
    matter, galaxies = NAMES[dimensions]
    views = Views(parameters, name="views", dtype=dtype)
    start = PixelGuess(name="guess", dtype=dtype) if guess else None
    denoiser = unet(
        dimensions, embedding, blocks, len(parameters), dropout, patch, 1 + guess, dtype
    )
    low, high = noise
    made = noise_schedule(schedule, low, high, dtype)
    diffusion = VariationalDiffusion(
        denoiser, made, data_noise, start, name="diffusion", dtype=dtype
    )
    views.build(None)
    if start is not None:
        start.build(None)
    cells = (None,) * dimensions
    inputs = {matter: keras.Input(cells, dtype=dtype, name=matter)}
    inputs |= {n: keras.Input((), dtype=dtype, name=n) for n in ("box_size", *parameters)}
    multiple = patch * 2**blocks
    layer = GalaxyDraws(
        views, diffusion, matter, galaxies, multiple, draws, steps, name="draws", dtype=dtype
    )
    return keras.Model(inputs, layer(inputs), name="galaxy_vdm")


def signatures(model):
    """Draws with seeds of one's own: `draws`, {galaxy_map: (batch, n, ...)}."""
    layer = model.get_layer(index=-1)
    if not isinstance(layer, GalaxyDraws):
        return {}  # a rival
    specs = {t.name: tf.TensorSpec(t.shape, t.dtype, name=t.name) for t in model.inputs}
    specs["seed"] = tf.TensorSpec((None, 2), tf.int32, name="seed")
    specs["n"] = tf.TensorSpec((None,), tf.int32, name="n")

    def draws(given):
        # n comes per row, as a signature has no scalars; of no rows, no draws
        number = tf.reduce_max(tf.concat([given["n"], [0]], axis=0))
        return {layer.galaxies: _drawn(layer, given, given["seed"], number, layer.steps)}

    return {"draws": (draws, specs)}


def draw(model, columns, n, seed=0, steps=None):
    """Draw maps of galaxies.

    Parameters
    ----------
    model : keras.Model
        `load_model("galaxy_vdm").keras_model`.
    columns : dict
        Inputs of the card, as batches.
    n : int
        Draws of each map; the first k do not depend on n.
    seed : int
    steps : int, optional
        Of each draw, those of the model unless given.

    Returns
    -------
    (batch, n, side, side) array
        Numbers of galaxies.
    """
    layer = model.get_layer("draws")
    given = {k: tf.constant(np.asarray(v), layer.compute_dtype) for k, v in columns.items()}
    count = len(columns[layer.matter])
    seeds = np.stack([np.full(count, seed), np.arange(count)], axis=-1).astype(np.int32)
    taken = layer.steps if steps is None else steps
    run = tf.function(lambda given, seeds: _drawn(layer, given, seeds, n, taken))
    return np.asarray(run(given, tf.constant(seeds)))


def _drawn(layer, given, seeds, n, steps):
    def noise(row, side):
        shape = (n, steps + 1, *(side,) * layer.dimensions, 1)
        return tf.random.stateless_normal(shape, seeds[row])

    return layer.views.number(layer.drawn(given, n, steps, noise))


def check(columns):
    """Find maps that are not like those of the training set.

    Parameters
    ----------
    columns : dict of (batch, ...) arrays
        NaN pads smaller maps.

    Returns
    -------
    list of Violation
    """
    found: list[Violation] = []
    maps, size = columns["dm_map"], np.asarray(columns["box_size"], float)
    if not len(size):
        return found
    side = (~np.isnan(maps[:, :, 0])).sum(axis=1)
    pixel = size / np.maximum(side, 1)
    mean = np.asarray(np.nanmean(maps, axis=(1, 2), dtype=np.float64))
    nothing = mean <= 0
    flag(found, "mean of dm_map", nothing, mean, "more than 0: there is no matter", True)
    other = (pixel < PIXEL[0]) | (pixel > PIXEL[1])
    allowed = f"{PIXEL[0]} to {PIXEL[1]}; the training set has 0.195: is box_size in Mpc/h?"
    flag(found, "side of a pixel, box_size / n [Mpc/h]", other, pixel, allowed)
    thick = ~nothing & ((mean < MEAN[0]) | (mean > MEAN[1]))
    allowed = f"{MEAN[0]:g} to {MEAN[1]:g}: slabs of 5 Mpc/h, one particle per cell of 25/128 Mpc/h"
    flag(found, "particles per pixel, mean of dm_map", thick, mean, allowed)
    return found


def adapt(model, data):
    """Set the standard units from maps of the training set."""
    matter, galaxies = NAMES[model.get_layer("draws").dimensions]
    layer = model.get_layer("draws")
    layer.views.adapt(data[matter], data[galaxies])
    if (guess := layer.diffusion.guess) is not None:
        density = np.log1p(np.asarray(data[matter], np.float32))
        scale = np.asarray(layer.views.scales)
        density = (density - scale[0]) / scale[1]
        value = np.asarray(layer.views.data(NUMBERS.astype(np.float32)))
        guess.adapt(density, np.asarray(data[galaxies]), value)


def lesson(model, data, validation):
    """Learn from maps shifted, mirrored and noised anew in every epoch.

    Maps of the card's dataset have one cosmology; slabs of the boxes of `VARIED` join them, so that
    parameters mean something.
    """
    layer = model.get_layer("draws")
    names = (*NAMES[layer.dimensions], *layer.views.parameters)
    train = {n: np.asarray(data[n]) for n in names}
    if layer.dimensions == 2:
        other = vdm_training.slabs(splits.split(VARIED, "train"), layer.views.parameters)
        train = {n: np.concatenate([train[n], other[n]]) for n in names}

    def noised(part, seed):
        known = {n: np.asarray(part[n]) for n in layer.views.parameters}
        matter, galaxies = (np.asarray(part[n]) for n in names[:2])
        return vdm_training.Noised(matter, galaxies, known, seed)

    learner = vdm_training.student(layer.views, layer.diffusion)
    return learner, (noised(train, 1),), (noised(validation, None),)


def baselines(data):
    """No galaxies at all, a threshold on density, and dice by density."""
    return vdm_rivals.rivals(data, ("omega_m", "sigma_8", "a_sn1"), DRAWS)
