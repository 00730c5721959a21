"""Emission lines in any order and number, as one row of numbers for a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

# Centre [A, air] and half width of the window in which labels count as the line; the fluxes of
# doublets, given as two lines or as one, are added.
WINDOWS = {
    "OII3727": (3727.4, 5.0),
    "NeIII3869": (3868.8, 3.0),
    "OIII4363": (4363.2, 3.0),
    "Hbeta": (4861.3, 3.0),
    "OIII5007": (5006.8, 3.0),
    "NII5755": (5754.6, 3.0),
    "SIII6312": (6312.1, 3.0),
    "Halpha": (6562.8, 3.0),
    "NII6584": (6583.5, 3.0),
    "SII6725": (6723.6, 11.0),
    "OII7325": (7325.0, 10.0),
    "SIII9069": (9068.6, 4.0),
}
INPUTS = ("line", "flux", "flux_error", "is_limit")
CASE_B = 2.86  # H alpha over H beta


class LineSlots(keras.layers.Layer):
    """Sort lines into slots and describe each by four numbers, whatever the flux scale.

    Of a line: log10 of its flux over the reference if it was measured, log10 of its upper limit
    over the reference if it was not seen, and two flags which of them holds; zeros stand where
    there is nothing. The reference is H alpha, else 2.86 H beta, else the brightest line.
    With ``errors``, a fifth number is log10 of the error over the reference of either.

    Parameters
    ----------
    lines : sequence of str
        Names from `WINDOWS`. Other lines are not looked at.
    errors : bool
        Whether errors are part of the description.
    limits : bool
        Whether upper limits are told apart; without, their values count as measured.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        lines: Any = tuple(WINDOWS),
        errors: bool = False,
        limits: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lines, self.errors, self.limits = tuple(lines), errors, limits
        self.centre = np.array([WINDOWS[name][0] for name in self.lines], "float32")
        self.half = np.array([WINDOWS[name][1] for name in self.lines], "float32")
        shape = (len(self.lines),)

        def fixed(name: str, value: str) -> Any:
            return self.add_weight(shape=shape, initializer=value, trainable=False, name=name)

        self.mean, self.scale = fixed("mean", "zeros"), fixed("scale", "ones")
        self.built = True

    @property
    def width(self) -> int:
        """Length of the description."""
        return len(self.lines) * (5 if self.errors else 4)

    def adapt(self, inputs: Mapping[str, Any]) -> None:
        """Set mean and scale of the logarithms of measured fluxes, from (batch, N) arrays."""
        log_flux, *_, measured, _ = (ops.convert_to_numpy(v) for v in self.slots(inputs))
        count = np.maximum(measured.sum(axis=0), 1)
        mean = (log_flux * measured).sum(axis=0) / count
        spread = np.sqrt((measured * (log_flux - mean) ** 2).sum(axis=0) / count)
        self.mean.assign(mean)
        # lines that are the reference, or were never measured, do not vary
        self.scale.assign(np.where(spread > 1e-3, spread, 1.0))

    def slots(self, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
        """Log flux and log error over the reference, measured, limit: (batch, lines) each."""
        inputs = {n: ops.cast(inputs[n], self.compute_dtype) for n in INPUTS}
        line = inputs["line"]
        centre, half = (ops.cast(v, line.dtype) for v in (self.centre, self.half))
        hit = ops.abs(line[..., None] - centre) < half  # NaN, absent, is no hit

        def total(values: Any) -> Any:
            return ops.sum(ops.where(hit, values[..., None], 0.0), axis=1)

        flux, variance = total(inputs["flux"]), total(ops.square(inputs["flux_error"]))
        present = ops.cast(ops.any(hit, axis=1), flux.dtype)
        limit = ops.cast(total(inputs["is_limit"]) > 0, flux.dtype) * present
        if not self.limits:
            limit = ops.zeros_like(limit)
        measured = present - limit
        reference = self._reference(flux, measured)
        tiny = 1e-6
        log_flux = ops.log10(ops.maximum(flux / reference, tiny))
        log_error = ops.log10(ops.maximum(ops.sqrt(variance) / reference, tiny))
        return log_flux, log_error, measured, limit

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Description (batch, width) of `line`, `flux`, `flux_error`, `is_limit` (batch, N)."""
        log_flux, log_error, measured, limit = self.slots(inputs)
        x = (log_flux - ops.cast(self.mean, log_flux.dtype)) / ops.cast(self.scale, log_flux.dtype)
        parts = [x * measured, x * limit, measured, limit]
        if self.errors:
            parts.append((log_error + 2) * (measured + limit))
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(batch, width)."""
        return (next(iter(input_shape.values()))[0], self.width)

    def _reference(self, flux: Any, measured: Any) -> Any:
        """Flux (batch, 1) that the others are divided by."""
        seen = flux * measured
        best = ops.max(ops.where(measured > 0, seen, flux), axis=-1, keepdims=True)
        for name, factor in (("Hbeta", CASE_B), ("Halpha", 1.0)):
            if name in self.lines:
                one = seen[:, self.lines.index(name)][:, None]
                best = ops.where(one > 0, factor * one, best)
        return ops.where(best > 0, best, ops.ones_like(best))
