"""Gaussian kernel density of a set of points on a grid, exact, by matrix products."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops


class GaussianKDE(keras.layers.Layer):
    """Density of ragged sets of points on a regular grid in one, two or three dimensions.

    Each point is a product of one-dimensional Gaussians, so the density on the grid is a product
    of the matrices K_D[n, g] = exp(-(g - x_n)^2 / (2 s_D^2)), one for each dimension D. The width
    s_D = factor_D std_D follows the set's own standard deviation (N - 1): the kernel of
    `scipy.stats.gaussian_kde` with the scalar bandwidth `factor` and the covariance's diagonal
    (Ho et al. 2019 use 0.25 in 2D, Kodi Ramanah et al. 2021 0.175 in 3D, with the full covariance).

    A point is absent where any of its coordinates is NaN. A set of fewer than two points has no
    width, and neither has one whose coordinates are all equal: the width is then `factor` times
    the axis' length / sqrt(12), that of a uniform distribution. An empty set has a map of zeros.
    Gradients go to the coordinates, through the widths as well.

    Parameters
    ----------
    axes : mapping of str to (float, float, int)
        Input name -> (low, high, cells) in physical units. Densities are at the centres of the
        cells, in the order of the axes.
    factor : float or mapping of str to float
        Kernel width in standard deviations of the set.
    normalize : bool
        Whether a map sums to 1 over the grid, as in the published networks; else it is the density
        per unit of the axes, which integrates to 1 over all space.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, axes, factor=0.25, normalize=True, **kwargs):
        super().__init__(**kwargs)
        if not 1 <= len(axes) <= 3:
            raise ValueError(f"axes: one to three are possible, got {len(axes)}: {list(axes)}")
        for name, (low, high, cells) in axes.items():
            if not (low < high and cells >= 2):
                raise ValueError(
                    f"axes: {name} = ({low}, {high}, {cells}) wants low < high and 2 or more cells"
                )
        self.axes = {name: tuple(axis) for name, axis in axes.items()}
        factors = factor if isinstance(factor, dict) else dict.fromkeys(axes, factor)
        if set(factors) != set(axes) or min(factors.values()) <= 0:
            raise ValueError(f"factor: want a positive number for each of {list(axes)}: {factor}")
        self.factors = {name: float(factors[name]) for name in axes}
        self.normalize = normalize

    @property
    def grid_shape(self):
        """Cells along each axis."""
        return tuple(cells for _, _, cells in self.axes.values())

    def centres(self, name):
        """Centres of the cells of one axis, in physical units."""
        low, high, cells = self.axes[name]
        return low + (np.arange(cells) + 0.5) * (high - low) / cells

    def call(self, inputs):
        """Maps (batch, cells of the first axis, ...) of sets {name: (batch, points)}."""
        coordinates = {name: ops.cast(inputs[name], self.compute_dtype) for name in self.axes}
        absent = sum(ops.cast(ops.isnan(x), "int32") for x in coordinates.values()) > 0
        present = ops.cast(ops.logical_not(absent), self.compute_dtype)
        count = ops.sum(present, axis=1, keepdims=True)
        kernels = [
            self._kernel(name, ops.where(absent, ops.zeros_like(x), x), present, count)
            for name, x in coordinates.items()
        ]
        # absent points: all their kernels are finite, and one factor of zero removes them
        kernels[0] = kernels[0] * (present / ops.maximum(count, 1))[..., None]
        maps = self._product(kernels)
        if not self.normalize:
            return maps
        total = ops.sum(maps, axis=tuple(range(1, 1 + len(kernels))), keepdims=True)
        return maps / ops.where(total > 0, total, ops.ones_like(total))

    def _kernel(self, name, x, present, count):
        """Kernels (batch, points, cells) of one axis, as densities."""
        low, high, _ = self.axes[name]
        x = x - 0.5 * (low + high)  # keeps float32 accurate where an axis is far from zero
        mean = ops.sum(x * present, axis=1, keepdims=True) / ops.maximum(count, 1)
        square = ops.sum((x - mean) ** 2 * present, axis=1, keepdims=True)
        variance = square / ops.maximum(count - 1, 1)
        least = (1e-6 * (high - low)) ** 2
        uniform = (high - low) ** 2 / 12
        spread = variance > least
        # both branches are finite, also in their gradient
        variance = ops.where(spread, variance, ops.ones_like(variance) * uniform)
        width = self.factors[name] * ops.sqrt(variance)
        grid = ops.convert_to_tensor(self.centres(name) - 0.5 * (low + high), dtype=x.dtype)
        scaled = (grid - x[..., None]) / width[..., None]
        return ops.exp(-0.5 * scaled * scaled) / (width[..., None] * math.sqrt(2 * math.pi))

    def _product(self, kernels):
        """Sum over points of the product of kernels, as batched matrix products."""
        if len(kernels) == 1:
            return ops.sum(kernels[0], axis=1)
        first = kernels[0]
        if len(kernels) == 3:
            pairs = first[..., :, None] * kernels[1][..., None, :]
            first = ops.reshape(pairs, (*_leading(pairs), self.grid_shape[0] * self.grid_shape[1]))
        maps = ops.matmul(ops.transpose(first, (0, 2, 1)), kernels[-1])
        return ops.reshape(maps, (-1, *self.grid_shape)) if len(kernels) == 3 else maps

    def compute_output_spec(self, inputs):
        """(batch, cells of the first axis, ...)."""
        batch = inputs[next(iter(self.axes))].shape[0]
        return keras.KerasTensor((batch, *self.grid_shape), dtype=self.compute_dtype)

    def get_config(self):
        """Arguments of the constructor."""
        return super().get_config() | {
            "axes": self.axes,
            "factor": self.factors,
            "normalize": self.normalize,
        }


def _leading(x):
    shape = ops.shape(x)
    return shape[0], shape[1]
