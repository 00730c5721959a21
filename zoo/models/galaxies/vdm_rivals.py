"""What a diffusion model has to beat: no galaxies, a threshold on density, dice by density."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from scipy.optimize import isotonic_regression

BINS = 60  # of density, fuller towards low ones
FEWEST = 100  # pixels above the last edge
MOST = 40  # galaxies in a pixel
SEED = 3


class Rival(keras.layers.Layer):
    """Numbers of galaxies from the particles of the same pixel, and nothing else.

    Parameters
    ----------
    density, number : (b,) arrays
        Expected number of galaxies at ln(1 + particles), linear between.
    threshold : float or None
        Of ln(1 + particles), above which there is one galaxy in every draw; dice if None.
    draws : int
    **kwargs
        Of `keras.layers.Layer`.
    """

    def __init__(
        self,
        density: np.ndarray,
        number: np.ndarray,
        threshold: float | None,
        draws: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.density, self.number = np.asarray(density), np.asarray(number)
        self.threshold, self.draws = threshold, draws

    def call(self, inputs: Any) -> dict[str, Any]:
        """Outputs of the card, from `dm_map` (batch, n, n)."""
        log = ops.log1p(inputs["dm_map"])
        shape = (ops.shape(log)[0], self.draws, *ops.shape(log)[1:])
        if self.threshold is not None:
            one = ops.cast(log > self.threshold, log.dtype)
            drawn = ops.broadcast_to(one[:, None], shape)
        else:
            rate = self._rate(log)[:, None]
            dice = keras.random.uniform(shape[1:], dtype="float32", seed=SEED)[None]
            chance = ops.exp(-rate)
            below, drawn = chance, ops.zeros(shape, dtype=log.dtype)
            for count in range(1, MOST):  # inverse of the Poisson distribution
                drawn = drawn + ops.cast(ops.cast(dice, log.dtype) > below, log.dtype)
                chance = chance * rate / count
                below = below + chance
        return {
            "galaxy_map": ops.mean(drawn, axis=1),
            "galaxy_map_std": ops.std(drawn, axis=1),
            "galaxy_probability": ops.mean(ops.cast(drawn > 0, log.dtype), axis=1),
            "galaxy_map_draws": drawn,
        }

    def compute_output_spec(self, inputs: Any) -> dict[str, Any]:
        """Shapes of the answers."""
        batch, *cells = inputs["dm_map"].shape
        names = ("galaxy_map", "galaxy_map_std", "galaxy_probability")
        shapes = dict.fromkeys(names, (batch, *cells))
        shapes["galaxy_map_draws"] = (batch, self.draws, *cells)
        return {n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}

    def _rate(self, log: Any) -> Any:
        """Straight lines between the bins, as a sum of hinges."""
        slope = np.diff(self.number) / np.diff(self.density)
        bends = np.diff(slope, prepend=0.0, append=0.0)
        rate = self.number[0] + 0 * log
        for place, bend in zip(self.density, bends, strict=True):
            rate = rate + float(bend) * ops.relu(log - float(place))
        return ops.maximum(rate, 0.0)


def rivals(data: dict[str, Any], parameters: tuple[str, ...], draws: int) -> dict[str, Any]:
    """Keras models with the inputs and outputs of the diffusion model.

    Parameters
    ----------
    data : dict
        Maps of the training set.
    parameters : tuple of str
        Inputs that they have and do not use.
    draws : int
    """
    log = np.log1p(np.asarray(data["dm_map"], np.float64)).ravel()
    galaxies = np.asarray(data["galaxy_map"], np.float64).ravel()
    edges = np.unique(np.quantile(log, 1 - np.geomspace(1, FEWEST / len(log), BINS)[1:]))
    which = np.searchsorted(edges, log, side="right")
    full = np.bincount(which)
    there = full > 0
    density = (np.bincount(which, log)[there] / full[there]).astype(float)
    mean = np.bincount(which, galaxies)[there] / full[there]
    number = isotonic_regression(mean, weights=full[there]).x
    edge = float(np.quantile(log, 1 - np.mean(galaxies > 0)))  # as many pixels as are occupied
    rows = {"all zero": np.inf, "density threshold": edge, "dice by density": None}
    return {label: _model(density, number, at, parameters, draws) for label, at in rows.items()}


def _model(
    density: np.ndarray, number: np.ndarray, at: float | None, parameters: Any, draws: int
) -> keras.Model:
    inputs = {"dm_map": keras.Input((None, None), name="dm_map")}
    inputs |= {name: keras.Input((), name=name) for name in ("box_size", *parameters)}
    return keras.Model(inputs, Rival(density, number, at, draws, name="rival")(inputs))
