"""Spectra of any sampling on one grid that is uniform in the logarithm of the wavelength."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


class LogRebin(keras.layers.Layer):
    """Inverse-variance mean of the pixels in each bin of a logarithmic grid.

    Every pixel belongs to the one bin that holds its centre, so that the noise of different bins is
    independent: f_bin = sum(ivar f) / sum(ivar) and ivar_bin = sum(ivar). On this grid a redshift
    is a shift by bins.

    Parameters
    ----------
    start, stop : float
        Edges of the grid [A].
    bins : int
        Number of bins.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self, start: float = 6470.0, stop: float = 18000.0, bins: int = 4096, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < start < stop or bins < 1:
            raise ValueError(
                f"start = {start}, stop = {stop}, bins = {bins}; "
                "needed are 0 < start < stop and one bin or more"
            )
        self.start, self.stop, self.bins = float(start), float(stop), int(bins)
        self.step = float(np.log(stop / start) / bins)

    @property
    def wavelength(self) -> np.ndarray:
        """Centres of the bins (bins,) [A], in the logarithm."""
        return self.start * np.exp(self.step * (np.arange(self.bins) + 0.5))

    def call(self, inputs):
        """Dict of ``flux`` and ``ivar`` (batch, bins); both are 0 where a bin has no pixel.

        Parameters
        ----------
        inputs : dict
            ``flux`` and ``ivar`` (batch, L), ``wavelength`` (batch, L) or, shared, (L,) [A]. A
            pixel is absent where any of them is NaN, where `ivar` is 0, and outside the grid.
        """
        flux, ivar = inputs["flux"], inputs["ivar"]
        wavelength = ops.cast(inputs["wavelength"], flux.dtype)
        # about `start`: single precision then places a pixel to 0.0003 of a bin
        # products: a graph may replace divisions, and pixels near an edge would change bins
        place = ops.log(wavelength * (1 / self.start)) * (1 / self.step)
        place = ops.broadcast_to(place, ops.shape(flux))
        present = (ivar > 0) & (place >= 0) & (place < self.bins) & ops.logical_not(ops.isnan(flux))
        # the last segment of each row takes what is absent
        place = ops.cast(ops.where(present, place, float(self.bins)), "int32")
        rows = ops.shape(flux)[0]
        segment = place + (self.bins + 1) * ops.arange(rows, dtype="int32")[:, None]
        weight = ops.where(present, ivar, 0.0)
        light = ops.where(present, ivar * flux, 0.0)
        weight, light = (self._sums(values, segment, rows) for values in (weight, light))
        full = weight > 0
        flux = ops.where(full, light / ops.where(full, weight, 1.0), 0.0)
        return {"flux": flux, "ivar": weight}

    def _sums(self, values, segment, rows):
        count = rows * (self.bins + 1)
        sums = ops.segment_sum(ops.ravel(values), ops.ravel(segment), count)
        return ops.reshape(sums, (-1, self.bins + 1))[:, : self.bins]

    def compute_output_spec(self, inputs):
        """(batch, bins) each."""
        shape = (inputs["flux"].shape[0], self.bins)
        return {n: keras.KerasTensor(shape, dtype=self.compute_dtype) for n in ("flux", "ivar")}
