"""Windows around lines, moved to rest and put on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from zoo.nn.line_velocity import TINY, C

EDGE = 3  # pixels on either side of a window that tell its continuum
NEAR = 4  # pixels around the reference line that tell its flux
SCALE = 0.02  # of the reference line's flux per pixel: what counts as faint
LEAST = 2.0  # errors that the reference flux is at least


class RestWindows(keras.layers.Layer):
    """Pieces of a spectrum at rest, without continuum, in units of noise and of a reference line.

    Pixels are interpolated linearly to the places of the windows' own pixels at the velocity of the
    spectrum. The mean of a window's edges is subtracted.

    Parameters
    ----------
    start, step : float
        Centre of the first pixel and width of the pixels [A].
    bins : int
        Number of pixels.
    windows : sequence of (low, high)
        At rest [A]; their pixels are as wide as those of the spectrum.
    reference : float
        Wavelength at rest of the line whose flux is the unit [A]; it lies in a window.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        start: float,
        step: float,
        bins: int,
        windows: Sequence[tuple[float, float]],
        reference: float,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.start, self.step, self.bins = float(start), float(step), int(bins)
        pieces = [np.arange(low, high, step) for low, high in windows]
        self.places = np.concatenate(pieces)
        self.owner = np.repeat(np.arange(len(pieces)), [len(p) for p in pieces])
        edge = np.concatenate([np.minimum(i := np.arange(len(p)), i[::-1]) < EDGE for p in pieces])
        same = self.owner[:, None] == self.owner[None, :]
        self.mean = (same & edge[:, None]) / (2.0 * EDGE)  # from pixels to continua
        self.near = (np.abs(self.places - reference) < (NEAR + 0.5) * step).astype(float)

    def call(self, inputs):
        """Dict of ``views`` (batch, pixels, 2) and ``strength`` (batch, 1).

        Parameters
        ----------
        inputs : dict
            ``flux`` and ``ivar`` (batch, bins), the latter 0 where there are no data; ``velocity``
            (batch,) [km/s].

        Returns
        -------
        dict
            The views are asinh of flux over error, and of flux over 0.02 of the reference flux; 0
            where there are no data. ``strength`` is log10 of the reference flux over its error.
        """
        flux, ivar = inputs["flux"], inputs["ivar"]
        dtype = flux.dtype
        stretch = 1 + inputs["velocity"][:, None] / C
        places = ops.convert_to_tensor(self.places, dtype=dtype)
        place = (places * stretch - self.start) * (1 / self.step)
        first = ops.clip(ops.floor(place), 0, self.bins - 2)
        share = ops.clip(place - first, 0.0, 1.0)
        index = ops.cast(first, "int32")
        (f0, f1), (w0, w1) = (
            [ops.take_along_axis(values, index + d, axis=1) for d in (0, 1)]
            for values in (flux, ivar)
        )
        present = (w0 > 0) & (w1 > 0) & (place >= 0) & (place <= self.bins - 1)
        kept = ops.cast(present, dtype)
        variance = (1 - share) ** 2 / ops.maximum(w0, TINY) + share**2 / ops.maximum(w1, TINY)
        variance = ops.where(present, variance, 1.0)
        values = ((1 - share) * f0 + share * f1) * kept
        mean = ops.convert_to_tensor(self.mean, dtype=dtype)
        values = (values - ops.matmul(values, mean)) * kept
        near = ops.convert_to_tensor(self.near, dtype=dtype) * kept
        error = ops.sqrt(ops.sum(near * variance, axis=1, keepdims=True) + TINY)
        light = ops.maximum(ops.sum(near * values, axis=1, keepdims=True), LEAST * error)
        views = [values / ops.sqrt(variance), values / (SCALE * light)]
        return {
            "views": ops.stack([ops.arcsinh(view) for view in views], axis=-1),
            "strength": ops.log10(light / error),
        }

    def compute_output_spec(self, inputs):
        """(batch, pixels, 2) and (batch, 1)."""
        batch = inputs["flux"].shape[0]
        shapes = {"views": (batch, len(self.places), 2), "strength": (batch, 1)}
        return {n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}
