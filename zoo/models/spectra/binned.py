"""Spectra of a dataset on the logarithmic grid, with noise drawn afresh in every epoch."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from scipy import sparse

from zoo import splits

DATASET = "moons_spectra"
CHUNK = 500


class Bins:
    """`zoo.nn.log_rebin.LogRebin` in NumPy, for many spectra of one sampling.

    Parameters
    ----------
    grid : LogRebin
    wavelength : (L,) array
        Of the pixels [A].
    """

    def __init__(self, grid: Any, wavelength: np.ndarray) -> None:
        place = np.floor(np.log(np.asarray(wavelength, float) / grid.start) / grid.step)
        inside = np.flatnonzero((place >= 0) & (place < grid.bins))
        ones = np.ones(len(inside), np.float32)
        shape = (grid.bins, len(wavelength))
        self.sums = sparse.csr_array((ones, (place[inside].astype(int), inside)), shape)

    def __call__(self, flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Flux and inverse variance (n, bins) float32, from those of pixels (n, L)."""
        weight = (self.sums @ ivar.T).T
        light = (self.sums @ (flux * ivar).T).T
        return light / np.where(weight > 0, weight, 1), weight


def rebinned(grid: Any, data: dict[str, Any], noisy: bool) -> tuple[np.ndarray, np.ndarray]:
    """Flux and the reciprocal of its error (n, bins), both float16, of records of the dataset.

    Parameters
    ----------
    grid : LogRebin
    data : dict
        Records of `moons_spectra`.
    noisy : bool
        With the noise that models are judged on (draw 0), or without any.
    """
    count = len(data["redshift"])
    flux, root = (np.empty((count, grid.bins), np.float16) for _ in range(2))
    bins = None
    for start in range(0, count, CHUNK):
        rows = slice(start, min(start + CHUNK, count))
        part = splits.observed(DATASET, splits.rows(data, rows))
        bins = bins or Bins(grid, part["wavelength"])
        light = part["flux"] if noisy else np.asarray(part["flux_true"], np.float32)
        flux[rows], ivar = bins(light, part["ivar"])
        root[rows] = np.sqrt(ivar)
    return flux, root


class Observations(keras.utils.PyDataset):
    """Batches of (inputs, targets, weights) for Keras' `fit`.

    The noise of bins is independent and Gaussian, so that drawing it here is the same as drawing
    it for the pixels and binning them, at a third of the numbers.

    Parameters
    ----------
    flux, root : (n, bins) array
        As from `rebinned`.
    targets : callable
        Row numbers (b,) -> dict of arrays.
    weights : (n,) array
        Of the examples in the loss.
    seed : int or None
        Of noise and order; None takes the spectra as they are, in their order.

    Attributes
    ----------
    batch_size : int
        To be set by who learns.
    """

    batch_size = 256

    def __init__(
        self,
        flux: np.ndarray,
        root: np.ndarray,
        targets: Any,
        weights: np.ndarray,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.flux, self.root, self.targets, self.weights = flux, root, targets, weights
        self.seed, self.epoch = seed, 0
        self.order = np.arange(len(flux))

    def __len__(self) -> int:
        """Batches of an epoch."""
        return math.ceil(len(self.flux) / self.batch_size)

    def begin(self, epoch: int) -> None:
        """Draw the order of an epoch; its noise follows from its number, so that a run resumes."""
        self.epoch = epoch
        if self.seed is not None:
            self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.flux))

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], dict[str, Any], np.ndarray]:
        """One batch."""
        rows = np.sort(self.order[index * self.batch_size : (index + 1) * self.batch_size])
        flux, root = (values[rows].astype(np.float32) for values in (self.flux, self.root))
        if self.seed is not None:
            rng = np.random.Generator(np.random.SFC64([self.seed, self.epoch, index]))
            noise = rng.standard_normal(flux.shape, np.float32)
            flux += noise / np.where(root > 0, root, np.inf)
        return {"flux": flux, "ivar": root**2}, self.targets(rows), self.weights[rows]
