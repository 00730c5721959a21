"""An image turned to the axes of its galaxy and folded into one quadrant."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

TAPS = np.arange(-1, 3)  # pixels that cubic convolution reads along each axis


class AlignedQuadrant(keras.layers.Layer):
    """Mean of an image's four reflections in the galaxy's axes: (batch, n, n) -> (batch, n/2, n/2).

    Element [j, i] of the answer is i + 1/2 pixels along the major and j + 1/2 along the minor axis
    from the centre. The image is interpolated by cubic convolution (Keys 1981, IEEE Trans. ASSP 29,
    1153), which is exact where pixels fall on pixels. Beyond the largest circle through pixel
    centres the answer is 0: what lies there depends on the orientation.

    Parameters
    ----------
    size : int
        Pixels n along a side; even, the galaxy's centre is where the middle four meet.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        steps = np.arange(size // 2) + 0.5
        along, across = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="xy"))
        self._inside = np.hypot(along, across) <= (size - 1) / 2
        self._along = np.concatenate([along, along])
        self._across = np.concatenate([across, -across])

    def call(self, inputs):
        """Turn and fold {"image": (batch, n, n), "position_angle": (batch,) [deg]}.

        The position angle is counter-clockwise from the second axis of the image, x.
        """
        image = inputs["image"]
        image = (image + image[:, ::-1, ::-1]) / 2  # with this, two of the four reflections suffice
        angle = (inputs["position_angle"] * (np.pi / 180))[:, None]
        cos, sin = ops.cos(angle), ops.sin(angle)
        along, across = (ops.cast(v, image.dtype) for v in (self._along, self._across))
        values = self.sample(image, along * cos - across * sin, along * sin + across * cos)
        half = self.size // 2
        mean = ops.mean(ops.reshape(values, (-1, 2, half * half)), axis=1)
        return ops.reshape(mean * ops.cast(self._inside, mean.dtype), (-1, half, half))

    def sample(self, image, x, y):
        """Values (batch, points) of images at offsets from the centre [pixels]."""
        centre = (self.size - 1) / 2
        flat = ops.reshape(image, (-1, self.size**2))
        columns, across = self._taps(x + centre)
        rows, along = self._taps(y + centre)
        found = 0
        for j in range(len(TAPS)):
            for i in range(len(TAPS)):
                value = ops.take_along_axis(flat, rows[j] * self.size + columns[i], axis=1)
                found = found + along[j] * across[i] * value
        return found

    def _taps(self, position):
        """Pixel numbers and weights of each tap along one axis."""
        first = ops.floor(position)
        t = position - first
        weights = (
            t * (t * (1 - t / 2) - 0.5),
            t * t * (1.5 * t - 2.5) + 1,
            t * (t * (2 - 1.5 * t) + 0.5),
            t * t * (t / 2 - 0.5),
        )
        pixels = [ops.clip(ops.cast(first, "int32") + tap, 0, self.size - 1) for tap in TAPS]
        return pixels, weights

    def compute_output_spec(self, inputs):
        """(batch, n/2, n/2)."""
        half = self.size // 2
        shape = (inputs["image"].shape[0], half, half)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
