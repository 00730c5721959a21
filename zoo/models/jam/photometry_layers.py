"""Layers of `jam_photometry` around what it learns."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.models.jam.photometry_check import positions
from zoo.nn import sersic_fit

PIXELS, PIXEL = 64, 0.5  # of photometry and map; [arcsec]
MIDDLE_INDEX = 3.0  # Sersic index of the profile that the photometry is taken relative to


class RelativePhotometry(keras.layers.Layer):
    """ln of the photometry relative to a round Sersic profile of middle index, (batch, 64, 64).

    The known radius and normalisation go out; what is left has hardly a cusp and can be turned.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        x, y = positions(PIXELS, PIXEL)
        self._log_radius = np.log(np.hypot(x, y))

    def call(self, inputs):
        """Subtract ln I of the profile of index 3 and radius r_sersic."""
        n = MIDDLE_INDEX
        radius = ops.cast(self._log_radius, self.compute_dtype)
        log_x = radius - ops.log(inputs["r_sersic"])[:, None, None]
        return ops.log(inputs["photometry"]) + sersic_fit.exponent(n) * (ops.exp(log_x / n) - 1)

    def compute_output_spec(self, inputs):
        """(batch, 64, 64)."""
        return keras.KerasTensor(inputs["photometry"].shape, dtype=self.compute_dtype)


class Parameters(keras.layers.Layer):
    """What the perceptron is told beside the photometry, (batch, 5).

    b = 1 / (1 - beta_z), cos^2 i, axis ratio of the mass as seen and deprojected, ln r_sersic.
    """

    count = 5

    def call(self, inputs):
        """Put them into the terms in which Vrms varies smoothly."""
        cos2 = ops.cos(inputs["inclination"] * (np.pi / 180)) ** 2
        q2 = ops.maximum(inputs["q_mass"] ** 2 - cos2, 0.0) / (1 - cos2)
        b = 1 / (1 - inputs["beta_z"])
        columns = [b, cos2, inputs["q_mass"], ops.sqrt(q2), ops.log(inputs["r_sersic"])]
        return ops.stack(columns, axis=-1)

    def compute_output_spec(self, inputs):
        """(batch, 5)."""
        return keras.KerasTensor((inputs["ml"].shape[0], self.count), dtype=self.compute_dtype)


class AddRow(keras.layers.Layer):
    """One row of zeros more: oneDNN's convolution fails on the empty batch of an idle replica."""

    def call(self, values):
        """Append the row."""
        row = ops.zeros((1, *values.shape[1:]), dtype=values.dtype)
        return ops.concatenate([values, row], axis=0)

    def compute_output_shape(self, input_shape):
        """One row more, where their number is known."""
        rows = input_shape[0]
        return (None if rows is None else rows + 1, *input_shape[1:])


class DropRow(keras.layers.Layer):
    """Without the row that `AddRow` appended."""

    def call(self, values):
        """Leave out the last row."""
        return values[:-1]

    def compute_output_shape(self, input_shape):
        """One row less, where their number is known."""
        rows = input_shape[0]
        return (None if rows is None else rows - 1, *input_shape[1:])


class Spread(keras.layers.Layer):
    """Scores of unit variance times the spread of each principal component."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.spread = self.add_weight((size,), "ones", trainable=False, name="spread")

    def call(self, scores):
        """Amplitudes (batch, modes)."""
        return scores * self.spread


class Pixels(keras.layers.Layer):
    """Pixel centres of the lower half of the map along the galaxy's axes, in r_sersic."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # the map is point-symmetric: the other half is the same one, turned by 180 degrees
        self._x, self._y = (axis[: PIXELS // 2].ravel() for axis in positions(PIXELS, PIXEL))

    def call(self, inputs):
        """Rotate and divide by the radius."""
        angle = (inputs["position_angle"] * (np.pi / 180))[:, None]
        cos, sin, radius = ops.cos(angle), ops.sin(angle), inputs["r_sersic"][:, None]
        x, y = (ops.cast(axis, self.compute_dtype) for axis in (self._x, self._y))
        return {"x": (x * cos + y * sin) / radius, "y": (y * cos - x * sin) / radius}

    def compute_output_spec(self, inputs):
        """(batch, half of the pixels)."""
        shape = (inputs["ml"].shape[0], self._x.size)
        return {name: keras.KerasTensor(shape, dtype=self.compute_dtype) for name in "xy"}


class SecondMoment(keras.layers.Layer):
    """Vrms [km/s] (batch, 64, 64) from the dimensionless ln Vrms of the lower half of the map."""

    def call(self, inputs):
        """Put the scale back."""
        lower = ops.exp(inputs["values"][:, 0]) * ops.sqrt(scale(inputs))[:, None]
        whole = ops.concatenate([lower, lower[:, ::-1]], axis=1)
        return ops.reshape(whole, (-1, PIXELS, PIXELS))

    def compute_output_spec(self, inputs):
        """(batch, 64, 64)."""
        return keras.KerasTensor(inputs["photometry"].shape, dtype=self.compute_dtype)


def scale(inputs):
    """What Vrms^2 is proportional to, (batch,)."""
    return inputs["ml"] * inputs["intensity_e"] * inputs["r_sersic"] * inputs["distance"]
