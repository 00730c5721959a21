"""Velocity of emission lines by a matched filter over templates of their ratios."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

C = 299792.458  # km/s
WIDTH, REACH = 1.3, 5  # pixels: sigma of the filter, half its length
AROUND = 40  # pixels on either side whose mean is taken for the continuum
TINY = 1e-20


class LineVelocity(keras.layers.Layer):
    """Find the velocity at which lines in the ratios of one of several templates fit best.

    The spectrum minus a running mean is filtered with a Gaussian; the filtered flux of each line at
    each trial velocity, with its variance, then gives the likelihood ratio of each template of free
    brightness. The best one over templates, at its best velocity, wins; a parabola refines it, to a
    fifth of a pixel.

    Parameters
    ----------
    start, step : float
        Centre of the first pixel and width of the pixels [A].
    bins : int
        Number of pixels.
    lines : (k,) sequence of float
        Wavelengths at rest [A], in the convention of the pixels.
    templates : (k, t) array
        Fluxes of the lines in each template.
    velocity : (low, high, step)
        Trial velocities [km/s].
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        start: float,
        step: float,
        bins: int,
        lines: Any,
        templates: Any,
        velocity: tuple[float, float, float] = (-600.0, 3120.0, 40.0),
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        low, high, self.spacing = velocity
        self.trial = np.arange(low, high + self.spacing / 2, self.spacing)
        self.templates = np.asarray(templates, float)
        place = (np.outer(1 + self.trial / C, lines) - start) / step
        self.inside = ((place >= 0) & (place <= bins - 1)).astype(float)
        place = np.clip(place, 0, bins - 1.001)
        self.first, self.share = place.astype(np.int32), place - np.floor(place)
        offset = np.arange(-REACH, REACH + 1)
        shape = np.exp(-0.5 * (offset / WIDTH) ** 2)
        self.shape_ = shape / shape.sum()

    def call(self, inputs):
        """Dict of ``velocity`` [km/s] and ``significance`` (batch,): root of the likelihood ratio.

        Parameters
        ----------
        inputs : dict
            ``flux`` and ``ivar`` (batch, bins), the latter 0 where there are no data.
        """
        flux, ivar = inputs["flux"], inputs["ivar"]
        dtype = flux.dtype
        present = ops.cast(ivar > 0, dtype)
        rest = (
            flux - _running(flux * present, AROUND) / (_running(present, AROUND) + TINY)
        ) * present
        light = self._filter(rest, self.shape_)
        noise = self._filter(present / ops.maximum(ivar, TINY), self.shape_**2)
        known = noise > 0
        weight = ops.where(known, 1 / ops.where(known, noise, 1.0), 0.0)
        light, weight = self._at(light * weight), self._at(weight)
        templates = ops.convert_to_tensor(self.templates, dtype=dtype)
        along = ops.maximum(ops.matmul(light, templates), 0.0)
        ratio = along**2 / (ops.matmul(weight, templates**2) + TINY)
        best = ops.max(ratio, axis=-1)
        peak = ops.argmax(best, axis=-1)
        last = len(self.trial) - 1
        left, top, right = (
            ops.take_along_axis(best, ops.clip(peak + d, 0, last)[:, None], axis=1)[:, 0]
            for d in (-1, 0, 1)
        )
        bend = 2 * top - left - right
        shift = ops.where(bend > 0, 0.5 * (right - left) / ops.where(bend > 0, bend, 1.0), 0.0)
        inner = ops.cast((peak > 0) & (peak < last), dtype)
        velocity = ops.take(ops.convert_to_tensor(self.trial, dtype=dtype), peak)
        velocity = velocity + self.spacing * ops.clip(shift, -0.5, 0.5) * inner
        return {"velocity": velocity, "significance": ops.sqrt(top)}

    def _filter(self, values, shape):
        kernel = ops.convert_to_tensor(shape[:, None, None], dtype=values.dtype)
        return ops.conv(values[..., None], kernel, padding="same")[..., 0]

    def _at(self, values):
        """Values (batch, trial, lines) at the lines of each trial velocity, 0 outside."""
        share = ops.convert_to_tensor(self.share, dtype=values.dtype)
        near = ops.take(values, self.first, axis=1) * (1 - share)
        near = near + ops.take(values, self.first + 1, axis=1) * share
        return near * ops.convert_to_tensor(self.inside, dtype=values.dtype)

    def compute_output_spec(self, inputs):
        """(batch,) each."""
        shape = inputs["flux"].shape[:1]
        names = ("velocity", "significance")
        return {n: keras.KerasTensor(shape, dtype=self.compute_dtype) for n in names}


def _running(values, half):
    """Sums over 2 half + 1 pixels around each, of the same length."""
    total = ops.pad(ops.cumsum(values, axis=1), [[0, 0], [1, 0]])
    count = values.shape[1]
    upper = np.minimum(np.arange(count) + half + 1, count)
    lower = np.maximum(np.arange(count) - half, 0)
    return ops.take(total, upper, axis=1) - ops.take(total, lower, axis=1)
