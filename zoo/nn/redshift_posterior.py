"""From a likelihood at shifts of a logarithmic grid to a redshift and its posterior."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

NEAR = 0.01  # in redshift: a success is published as abs(dz) < 0.01


class RedshiftPosterior(keras.layers.Layer):
    """Posterior of the redshift under a flat prior, and numbers that summarise it.

    The redshift is that around which an interval of +-0.01 holds most of the posterior, refined
    to the highest point inside by a parabola through three shifts.

    Parameters
    ----------
    redshift : (shifts,) array
        Increasing, uniform in ln(1 + z).
    low, width, count
        Lower edge of the first bin of the tabulated posterior, width and number of bins.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, redshift, low: float, width: float, count: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.redshift = np.asarray(redshift, float)
        self.low, self.width, self.count = float(low), float(width), int(count)
        self.step = float(np.log1p(self.redshift[-1]) - np.log1p(self.redshift[0]))
        self.step /= len(self.redshift) - 1
        # the cell of each shift, and where bins and windows cut the running sum over cells
        cells = np.append(self.redshift, np.nan)
        cells = (1 + cells) * np.exp(-self.step / 2) - 1
        cells[-1] = (1 + self.redshift[-1]) * np.exp(self.step / 2) - 1
        self.cells = cells
        self.bins = self._cuts(self.low + self.width * np.arange(self.count + 1))
        self.middles = self.low + self.width * (np.arange(self.count) + 0.5)
        self.before = self._cuts(self.redshift - NEAR)
        self.after = self._cuts(self.redshift + NEAR)

    def _cuts(self, redshift):
        """Number of whole cells below each redshift, and the share of the next one."""
        place = np.interp(redshift, self.cells, np.arange(len(self.cells)))
        whole = np.minimum(place.astype(int), len(self.redshift) - 1)
        return whole, place - whole

    def call(self, log_likelihood):
        """Dict of outputs from the natural logarithm of the likelihood (batch, shifts).

        ``redshift``, ``redshift_std``, ``confidence`` (posterior within 0.01 of the redshift) and
        ``delta_chi2`` (to the best redshift outside that interval), each (batch,), and
        ``redshift_pdf`` (batch, count), the probability of each bin, with ``redshift_grid``, the
        middles of the bins.
        """
        log_cell = np.log1p(self.redshift)
        posterior = ops.softmax(log_likelihood + ops.cast(log_cell, log_likelihood.dtype), axis=-1)
        # rows of shifts: one is taken as a whole, for all spectra
        running = ops.transpose(ops.cumsum(ops.pad(posterior, [[0, 0], [1, 0]]), axis=-1))
        pdf = self._at(running, self.bins)
        pdf = ops.transpose(pdf[1:] - pdf[:-1])
        window = ops.transpose(self._at(running, self.after) - self._at(running, self.before))
        z = ops.convert_to_tensor(self.redshift, dtype=log_likelihood.dtype)
        middle = ops.take(z, ops.argmax(window, axis=-1))[:, None]
        inside = ops.abs(z - middle) < NEAR
        peak = ops.argmax(ops.where(inside, log_likelihood, -np.inf), axis=-1)
        best = ops.take(z, peak)[:, None]
        near = ops.abs(z - best) < NEAR
        other = ops.max(ops.where(near, -np.inf, log_likelihood), axis=-1)
        at_peak, offset = self._parabola(log_likelihood, peak)
        # about the peak: single precision then keeps the digits of a narrow posterior
        away = z - best
        mean = ops.sum(posterior * away, axis=-1, keepdims=True)
        cell = (1 + z) * (self.step / np.sqrt(12))
        variance = ops.sum(posterior * ((away - mean) ** 2 + cell**2), axis=-1)
        return {
            "redshift": (1 + best[:, 0]) * ops.exp(self.step * offset) - 1,
            "redshift_std": ops.sqrt(variance),
            "redshift_pdf": pdf / ops.sum(pdf, axis=-1, keepdims=True),
            "redshift_grid": ops.zeros_like(pdf) + ops.cast(self.middles, pdf.dtype),
            "delta_chi2": 2 * (at_peak - other),
            "confidence": ops.take_along_axis(window, peak[:, None], axis=-1)[:, 0],
        }

    def _at(self, running, cuts):
        whole, share = cuts
        share = ops.cast(share, running.dtype)[:, None]
        below, above = (ops.take(running, whole + step, axis=0) for step in (0, 1))
        return below + share * (above - below)

    def _parabola(self, values, peak):
        """Value at the peak, and its distance in shifts from the top of the parabola around it."""
        last = len(self.redshift) - 1
        at = [
            ops.take_along_axis(values, ops.clip(peak + d, 0, last)[:, None], axis=-1)[:, 0]
            for d in (-1, 0, 1)
        ]
        bend = at[0] - 2 * at[1] + at[2]
        known = (bend < 0) & (peak > 0) & (peak < last)
        offset = ops.where(known, (at[0] - at[2]) / (2 * ops.where(known, bend, -1.0)), 0.0)
        return at[1], ops.clip(offset, -0.5, 0.5)

    def compute_output_spec(self, log_likelihood):
        """(batch,) or (batch, count)."""
        batch = log_likelihood.shape[0]
        one, many = (batch,), (batch, self.count)
        shapes = {"redshift": one, "redshift_std": one, "redshift_pdf": many}
        shapes |= {"redshift_grid": many, "delta_chi2": one, "confidence": one}
        return {n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}
