"""Maps of particles, of galaxies and parameters in the units that diffusion works in."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

PARAMETERS = {  # centre and width of what conditions; the strengths of feedback by their logarithm
    "omega_m": (0.3, 0.1),
    "sigma_8": (0.8, 0.1),
    "a_sn1": (0.0, math.log(2)),
    "a_agn1": (0.0, math.log(2)),
    "a_sn2": (0.0, math.log(2) / 2),
    "a_agn2": (0.0, math.log(2) / 2),
}


class Views(keras.layers.Layer):
    """Standardised ln(1 + count) of particles and galaxies, set by `adapt`.

    Parameters
    ----------
    parameters : sequence of str
        Names of `PARAMETERS`, in the order of the network's input.
    **kwargs
        Of `keras.layers.Layer`.
    """

    def __init__(self, parameters: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.parameters = tuple(parameters)
        if unknown := set(self.parameters) - set(PARAMETERS):
            raise ValueError(
                f"parameters has {', '.join(sorted(unknown))}; allowed: {', '.join(PARAMETERS)}"
            )

    def build(self, input_shape: Any) -> None:
        """Create the constants: mean and spread of the particles, spread of the galaxies."""
        self.scales = self.add_weight(
            shape=(3,), initializer="ones", trainable=False, name="scales"
        )

    def adapt(self, matter: np.ndarray, galaxies: np.ndarray) -> None:
        """Set the constants from maps (maps, n, ...) of the training set."""
        log = np.log1p(np.asarray(matter, np.float64))
        spread = np.log1p(np.asarray(galaxies, np.float64)).std()
        self.scales.assign(np.array([log.mean(), log.std(), spread], np.float32))

    def call(self, matter: Any) -> Any:
        """Particles (...) to the map that conditions."""
        return (ops.log1p(matter) - self.scales[0]) / self.scales[1]

    def data(self, galaxies: Any) -> Any:
        """Numbers of galaxies (...) to what is diffused; 0 stays 0."""
        return ops.log1p(galaxies) / self.scales[2]

    def number(self, x: Any) -> Any:
        """The whole number of galaxies that x stands for."""
        return ops.maximum(ops.round(self.plain(x)), 0.0)

    def plain(self, x: Any) -> Any:
        """The number that x stands for, not rounded."""
        return ops.expm1(x * self.scales[2])

    def occupied(self, x: Any, noise: float) -> Any:
        """Probability that x stands for a galaxy or more, x known to `noise`."""
        edge = math.log(1.5) / self.scales[2]
        return 0.5 * ops.erfc((edge - x) / (noise * math.sqrt(2)))

    def conditions(self, given: Any) -> Any:
        """Parameters by name (batch,) to (batch, parameters)."""
        columns = []
        for name in self.parameters:
            centre, width = PARAMETERS[name]
            value = ops.log(given[name]) if name.startswith("a_") else given[name]
            columns.append((value - centre) / width)
        return ops.stack(columns, axis=-1)
