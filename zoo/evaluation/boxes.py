"""Statistics of galaxies in periodic boxes besides power spectra: cells, voids, haloes, scatter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike

from zoo.evaluation.arrays import Floats, finite, fraction
from zoo.evaluation.fields import contrast
from zoo.models.galaxies.occupation import members

__all__ = ["Band", "Occupation", "band", "counts_in_cells", "halo_occupation", "members"]
__all__ += ["void_radii"]

EMPTY = -0.8  # mean density contrast inside of a void
SMALLEST = 1.0  # [voxels] radius of a sphere that a grid resolves


@dataclass(frozen=True)
class Occupation:
    """Galaxies per halo in bins of halo mass; NaN where a bin has no halo.

    Attributes
    ----------
    mean, variance : (b,) arrays
        Of the number of galaxies in a halo.
    haloes : (b,) array
        In each bin.
    """

    mean: Floats
    variance: Floats
    haloes: Floats


@dataclass(frozen=True)
class Band:
    """Spread of a statistic over boxes: (b,) arrays of its central interval, median and mean.

    `error` is that of the mean, the standard deviation over sqrt(boxes).
    """

    low: Floats
    median: Floats
    high: Floats
    mean: Floats
    error: Floats


def counts_in_cells(count: ArrayLike, cells: int) -> Floats:
    """Probability (m,) that a cubic cell holds 0, 1, ..., m - 1 galaxies.

    Parameters
    ----------
    count : (n, n, n) array
        Galaxies per voxel, or a draw of them.
    cells : int
        Along a side of the box; it divides n.
    """
    values = _cube("count", count)
    n = len(values)
    if cells < 1 or n % cells:
        raise ValueError(f"cells is {cells}; needed: a divisor of {n}")
    if (values < 0).any() or (values != np.round(values)).any():
        raise ValueError("count has values that are no numbers of galaxies: 0, 1, 2, ...")
    size = n // cells
    total = values.reshape(cells, size, cells, size, cells, size).sum(axis=(1, 3, 5))
    return np.bincount(total.ravel().astype(np.int64)) / cells**3


def void_radii(
    field: ArrayLike, box_size: float, radii: ArrayLike, threshold: float = EMPTY
) -> Floats:
    """Radii (v,) of voids: spheres of little density that do not overlap, largest first.

    From the largest radius down, the field is smoothed with a sphere, and the emptiest voxels
    below the threshold become centres unless their sphere touches one found before (after
    Banerjee & Dalal 2016, JCAP 11, 015).

    Parameters
    ----------
    field : (n, n, n) array
        Density or counts.
    box_size : float
        Side [Mpc/h].
    radii : array
        Radii to try [Mpc/h], from a voxel to half the box.
    threshold : float
        Density contrast of a void.
    """
    delta = contrast(_cube("field", field))
    n = len(delta)
    tried = np.sort(finite("radii", radii, 1))[::-1]
    voxel = box_size / n
    if tried[-1] < SMALLEST * voxel or tried[0] > box_size / 2:
        raise ValueError(f"radii are {tried}; needed: {SMALLEST * voxel:g} to {box_size / 2:g}")
    modes = scipy.fft.rfftn(delta)
    full, half = scipy.fft.fftfreq(n, voxel), scipy.fft.rfftfreq(n, voxel)
    grid = np.meshgrid(full, full, half, indexing="ij", sparse=True)
    k = 2 * np.pi * np.sqrt(sum(axis**2 for axis in grid))
    centres: Floats = np.zeros((0, 3))
    sizes: Floats = np.zeros(0)
    for radius in tried:
        smooth = scipy.fft.irfftn(modes * _sphere(k * radius), s=delta.shape)
        where = np.argwhere(smooth < threshold)
        emptiest = np.argsort(smooth[tuple(where.T)], kind="stable")
        left: Floats = where[emptiest] * np.float64(voxel)
        for centre, size in zip(centres, sizes, strict=True):
            left = left[_distance(left, centre, box_size) >= size + radius]
        while len(left):
            centres, sizes = np.vstack([centres, left[:1]]), np.append(sizes, radius)
            left = left[_distance(left, left[0], box_size) >= 2 * radius]
    return sizes


def halo_occupation(halo_mass: ArrayLike, galaxies: ArrayLike, edges: ArrayLike) -> Occupation:
    """Mean number of galaxies of haloes by mass, N(M), and its variance.

    Parameters
    ----------
    halo_mass : (h,) array
        [Msun/h].
    galaxies : (h,) array
        In each halo, as `members` counts them.
    edges : (b + 1,) array
        Of the bins, in log10 Msun/h.
    """
    log_mass = np.log10(finite("halo_mass", halo_mass, 1))
    number = finite("galaxies", galaxies, 1)
    limits = finite("edges", edges, 1)
    haloes = np.histogram(log_mass, limits)[0].astype(float)
    safe = np.where(haloes > 0, haloes, np.nan)
    mean = np.histogram(log_mass, limits, weights=number)[0] / safe
    square = np.histogram(log_mass, limits, weights=number**2)[0] / safe
    return Occupation(mean, square - mean**2, haloes)


def band(values: ArrayLike, level: float = 0.68) -> Band:
    """Cosmic variance: spread of a statistic (boxes, b) over boxes.

    Parameters
    ----------
    level : float
        Probability inside of the central interval.
    """
    rows = finite("values", values, 2)
    tail = (1 - fraction("level", level)) / 2
    low, median, high = np.quantile(rows, [tail, 0.5, 1 - tail], axis=0)
    spread = rows.std(axis=0, ddof=1) if len(rows) > 1 else np.full(rows.shape[1], np.nan)
    return Band(low, median, high, rows.mean(axis=0), spread / np.sqrt(len(rows)))


def _cube(name: str, field: ArrayLike) -> Floats:
    values = finite(name, field, 3)
    if len(set(values.shape)) != 1:
        raise ValueError(f"{name} has shape {values.shape}; needed: (n, n, n)")
    return values


def _sphere(x: Floats) -> Floats:
    """Fourier transform of a sphere of unit volume, x the wavenumber times its radius."""
    safe = np.where(x > 1e-3, x, 1.0)
    return np.where(x > 1e-3, 3 * (np.sin(safe) - safe * np.cos(safe)) / safe**3, 1.0)


def _distance(position: Floats, centre: Floats, box_size: float) -> Floats:
    apart = position - centre
    apart -= box_size * np.round(apart / box_size)
    return np.asarray(np.linalg.norm(apart, axis=1))
