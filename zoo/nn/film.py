"""Feature-wise linear modulation (Perez et al. 2018): parameters that change features."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class FiLM(keras.layers.Layer):
    """Scale and shift channels by amounts that follow from parameters.

    At the start the layer changes nothing.

    Parameters
    ----------
    hidden : int
        Units of the layer between parameters and amounts.
    """

    def __init__(self, hidden: int = 32, **options: Any) -> None:
        super().__init__(**options)
        self.first = keras.layers.Dense(hidden, "tanh", name="first", dtype=self.dtype_policy)
        self.second: Any = None

    def build(self, features_shape: Any, parameters_shape: Any) -> None:
        """Create the two dense layers."""
        self.first.build(parameters_shape)
        self.second = keras.layers.Dense(
            2 * features_shape[-1],
            kernel_initializer=keras.initializers.RandomNormal(stddev=1e-2, seed=1),
            name="second",
            dtype=self.dtype_policy,
        )
        self.second.build((parameters_shape[0], self.first.units))
        self.built = True

    def call(self, features: Any, parameters: Any) -> Any:
        """Features (batch, ..., channels) modulated by parameters (batch, p)."""
        scale, shift = ops.split(self.second(self.first(parameters)), 2, axis=-1)
        inner = (1,) * (len(features.shape) - 2)
        shape = (-1, *inner, features.shape[-1])
        return features * (1 + ops.reshape(scale, shape)) + ops.reshape(shift, shape)

    def get_config(self) -> dict[str, Any]:
        """What the layer is built with."""
        return super().get_config() | {"hidden": self.first.units}

    def compute_output_shape(self, features_shape: Any, parameters_shape: Any) -> Any:
        """Shape of the features."""
        return features_shape
