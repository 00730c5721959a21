"""What the diffusion model learns from: maps turned, shifted and noised anew in every epoch."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.nn.diffusion.variational import TERMS

REPEAT = 2  # times that a validation map is noised
THICK = 5.0  # [Mpc/h] of a slab


class Noised(keras.utils.PyDataset):
    """Batches of (inputs, targets) for Keras' `fit`; everything random is an input.

    Boxes are periodic and have no axes of their own: maps are shifted by any number of cells,
    mirrored and transposed. Times of a batch are evenly spread after one random shift (Kingma et
    al. 2021, section 5).

    Parameters
    ----------
    matter, galaxies : (maps, n, ...) array
        Particles and galaxies.
    parameters : dict of (maps,) arrays
    seed : int or None
        None takes every map as it is, `REPEAT` times, always with the same noise.

    Attributes
    ----------
    batch_size : int
        To be set by who learns.
    """

    batch_size = 4

    def __init__(
        self,
        matter: np.ndarray,
        galaxies: np.ndarray,
        parameters: dict[str, np.ndarray],
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.maps = np.stack([matter, galaxies], axis=1).astype(np.float32)
        self.parameters, self.seed, self.epoch = parameters, seed, 0
        rows = np.arange(len(matter))
        self.order = np.tile(rows, REPEAT) if seed is None else rows

    def __len__(self) -> int:
        """Batches of an epoch."""
        return math.ceil(len(self.order) / self.batch_size)

    def begin(self, epoch: int) -> None:
        """Draw the order of an epoch; its noise follows from its number, so that a run resumes."""
        self.epoch = epoch
        if self.seed is not None:
            rng = np.random.default_rng([self.seed, epoch])
            self.order = rng.permutation(len(self.maps))

    def __getitem__(self, number: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Inputs of the student, and targets that nobody reads."""
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        seeds = (0, 0, number) if self.seed is None else (self.seed, self.epoch + 1, number)
        rng = np.random.default_rng(seeds)
        maps = self.maps[rows]
        if self.seed is not None:
            maps = np.stack([moved(one, rng) for one in maps])
        time = (rng.uniform() + np.arange(len(rows)) / len(rows)) % 1
        inputs = {
            "matter": maps[:, 0],
            "galaxies": maps[:, 1],
            "time": rng.permutation(time).astype(np.float32),
            "noise": rng.standard_normal(maps[:, 1].shape, np.float32),
        }
        inputs |= {n: np.asarray(v[rows], np.float32) for n, v in self.parameters.items()}
        return inputs, np.zeros((len(rows), len(TERMS)), np.float32)


def moved(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fields (c, n, ...) of one periodic cell, shifted, mirrored and transposed alike."""
    axes = np.arange(1, maps.ndim)
    maps = np.roll(maps, rng.integers(0, maps.shape[1:]), axis=tuple(axes))
    maps = np.flip(maps, axis=tuple(axes[rng.random(len(axes)) < 0.5]))
    return maps.transpose(0, *rng.permutation(axes))


def slabs(boxes: dict[str, Any], parameters: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Maps of boxes as `dark_matter_galaxies/*_2d` has them: `THICK` along each axis.

    Parameters
    ----------
    boxes : dict
        `dm_counts`, `galaxy_count` (boxes, n, n, n), `box_size` (boxes,) and parameters.
    parameters : tuple of str
    """
    out: dict[str, list[Any]] = {name: [] for name in ("dm_map", "galaxy_map", *parameters)}
    for row, size in enumerate(boxes["box_size"]):
        fields = [np.asarray(boxes[name][row]) for name in ("dm_counts", "galaxy_count")]
        side = len(fields[0])
        edges = np.round(np.arange(round(float(size) / THICK) + 1) * side * THICK / float(size))
        for axis in range(3):
            for low, high in pairwise(edges.astype(int)):
                for name, field in zip(("dm_map", "galaxy_map"), fields, strict=True):
                    piece = field.take(range(low, high), axis)
                    out[name].append(piece.sum(axis, dtype=np.int64))
                for name in parameters:
                    out[name].append(boxes[name][row])
    return {name: np.stack(values) for name, values in out.items()}


class Losses(keras.layers.Layer):
    """The three losses of a diffusion model on noised maps.

    Parameters
    ----------
    views : Views
    diffusion : VariationalDiffusion
    **kwargs
        Of `keras.layers.Layer`.
    """

    def __init__(self, views: Any, diffusion: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.views, self.diffusion = views, diffusion
        self.supports_jit = False  # XLA on a CPU compiles for half a minute and computes no faster

    def call(self, inputs: Any, training: bool = False) -> Any:
        """(batch, 3) [bits per cell]."""
        given = {
            "x": self.views.data(inputs["galaxies"])[..., None],
            "condition": self.views(inputs["matter"])[..., None],
            "noise": inputs["noise"][..., None],
            "time": inputs["time"],
        }
        if self.diffusion.guess is not None:
            given["chances"] = self.diffusion.guess.chances(given["condition"][..., 0])
        if self.views.parameters:
            given["parameters"] = self.views.conditions(inputs)
        return self.diffusion(given, training=training)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(batch, 3)."""
        return (input_shape["time"][0], len(TERMS))


def student(views: Any, diffusion: Any) -> keras.Model:
    """Build the model that Keras' `fit` trains: its output is the loss, term by term."""
    cells = (None,) * (len(diffusion.cells) - 2)
    shapes = {"matter": cells, "galaxies": cells, "noise": cells, "time": ()}
    shapes |= dict.fromkeys(views.parameters, ())
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    model = keras.Model(inputs, Losses(views, diffusion, name="losses")(inputs), name="student")
    model.zoo_loss = total
    model.zoo_metrics = [_term(i) for i in range(len(TERMS))]
    return model


def total(_: Any, terms: Any) -> Any:
    """The sum of the three."""
    return ops.sum(terms, axis=-1)


def _term(number: int) -> Any:
    def one(_: Any, terms: Any) -> Any:
        return terms[:, number]

    one.__name__ = TERMS[number]
    return one
