"""A spectrum as its continuum and what is left without it, each normalised."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

UNITS = ("error", "rms")
TINY = 1e-20


class SpectrumViews(keras.layers.Layer):
    """Continuum at a few nodes, and the spectrum minus the continuum.

    The continuum is an inverse-variance mean in blocks of bins, smoothed by a Gaussian of one block
    and linear between their middles. Bins in strong sky lines, known by an inverse variance far
    below the mean of their block, are set to zero, and so are bins without data. Both views go
    through asinh, so that no line is too strong for a network.

    Parameters
    ----------
    bins : int
        Length of the spectrum.
    nodes : int
        Blocks of the continuum; the last one may be shorter.
    sky : float
        Inverse variance, as a fraction of the block's mean, below which a bin is zero.
    units : {"error", "rms"}
        What the spectrum is divided by: the error of each bin, or its own root mean square.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        bins: int = 4096,
        nodes: int = 64,
        sky: float = 0.1,
        units: str = "error",
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not 2 <= nodes <= bins:
            raise ValueError(f"nodes = {nodes}; allowed: 2 to the number of bins, {bins}")
        if units not in UNITS:
            raise ValueError(f"units = {units!r}; allowed: {', '.join(UNITS)}")
        self.bins, self.nodes, self.sky, self.units = bins, nodes, sky, units
        self.block = -(-bins // nodes)
        apart = np.subtract.outer(np.arange(nodes), np.arange(nodes))
        # The wide term bridges gaps between the arms of a spectrograph.
        self.smooth = np.exp(-0.5 * apart**2) + 1e-4 * np.exp(-0.5 * (apart / 8.0) ** 2)
        place = np.clip((np.arange(bins) + 0.5) / self.block - 0.5, 0, nodes - 1)
        self.between = np.maximum(1 - np.abs(place - np.arange(nodes)[:, None]), 0)

    def call(self, inputs):
        """Dict of ``spectrum`` (batch, bins), ``continuum`` (batch, nodes + 2) and ``noise``.

        Parameters
        ----------
        inputs : dict
            ``flux`` and ``ivar`` (batch, bins), the latter 0 where there are no data.

        Returns
        -------
        dict
            The last two numbers of ``continuum`` are log10 of its root mean square and of the
            typical error; ``noise`` (batch,) is the ratio of the two.
        """
        flux, ivar = inputs["flux"], inputs["ivar"]
        dtype = flux.dtype
        weight, light = self._means(ivar), self._means(ivar * flux)
        smooth = ops.convert_to_tensor(self.smooth, dtype=dtype)
        nodes = ops.matmul(light, smooth) / (ops.matmul(weight, smooth) + TINY)
        between = ops.convert_to_tensor(self.between, dtype=dtype)
        rest = flux - ops.matmul(nodes, between)
        typical = ops.repeat(weight, self.block, axis=-1)[:, : self.bins]
        good = ivar > self.sky * typical
        kept = ops.cast(good, dtype)
        total = ops.sum(weight, axis=-1, keepdims=True) + TINY
        level = ops.sqrt(ops.sum(weight * nodes**2, axis=-1, keepdims=True) / total) + TINY
        # of the kept bins: those without data would make the error look large
        share = ops.sum(kept, axis=-1, keepdims=True) + 1.0
        error = ops.sqrt(share / (ops.sum(kept * ivar, axis=-1, keepdims=True) + TINY))
        if self.units == "error":
            rest = rest * ops.sqrt(ivar)
        else:
            rms = ops.sqrt(ops.sum(kept * rest**2, axis=-1, keepdims=True) / share)
            rest = rest / (rms + TINY)
        facts = [ops.arcsinh(nodes / level), ops.log10(level), ops.log10(error)]
        return {
            "spectrum": ops.arcsinh(rest) * kept,
            "continuum": ops.concatenate(facts, axis=-1),
            "noise": (error / level)[:, 0],
        }

    def _means(self, values):
        """Of each block, (batch, nodes)."""
        values = ops.pad(values, [[0, 0], [0, self.block * self.nodes - self.bins]])
        return ops.mean(ops.reshape(values, (-1, self.nodes, self.block)), axis=-1)

    def compute_output_spec(self, inputs):
        """Shapes as `call` says."""
        batch, dtype = inputs["flux"].shape[0], self.compute_dtype
        shapes: dict[str, tuple] = {"spectrum": (batch, self.bins), "noise": (batch,)}
        shapes["continuum"] = (batch, self.nodes + 2)
        return {name: keras.KerasTensor(shape, dtype=dtype) for name, shape in shapes.items()}
