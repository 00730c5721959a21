"""Statistics of fields and points in periodic boxes: power spectra and what follows from them.

Fields are meshes (n, n, n), or maps (n, n), of counts or densities; k is in h/Mpc when lengths are
in Mpc/h. Shells of k are one fundamental mode wide unless edges are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike

from zoo.evaluation.arrays import Floats


@dataclass(frozen=True)
class Spectrum:
    """Power spectra in shells of k.

    Attributes
    ----------
    k : (b,) array [h/Mpc]
        Mean over the modes of a shell.
    power : (b,) array
        [(Mpc/h)^3] in three dimensions, [(Mpc/h)^2] in two.
    modes : (b,) array
        Number of modes, both halves of the Fourier space counted.
    """

    k: Floats
    power: Floats
    modes: Floats


def contrast(field: ArrayLike) -> Floats:
    """Density contrast, field / mean - 1.

    Raises
    ------
    ValueError
        If the field is not a square or a cube, or its mean is not positive.
    """
    values = np.asarray(field, np.float64)
    if values.ndim not in (2, 3) or len(set(values.shape)) != 1:
        raise ValueError(f"field has shape {values.shape}; needed: (n, n, n) or (n, n)")
    if not values.mean() > 0:
        raise ValueError(f"field has a mean of {values.mean():g}; needed: above 0")
    return np.asarray(values / values.mean() - 1)


def power_spectrum(
    field: ArrayLike,
    box_size: float,
    other: ArrayLike | None = None,
    *,
    edges: ArrayLike | None = None,
    shot_noise: float = 0.0,
    window: int = 0,
) -> Spectrum:
    """Power spectrum of a field's contrast, or cross spectrum with another's.

    Parameters
    ----------
    box_size : float
        Side [Mpc/h].
    other : array, optional
        Second field of the same shape.
    edges : array, optional
        Of the shells [h/Mpc].
    shot_noise : float
        Subtracted; box_size^3 / N of N points.
    window : int
        Order of the assignment to undo: 0 none, 1 nearest cell, 2 cloud in cell.
    """
    first = contrast(field)
    n, dimensions = len(first), first.ndim
    modes = scipy.fft.rfftn(first)
    second = modes if other is None else scipy.fft.rfftn(contrast(other))
    if second.shape != modes.shape:
        raise ValueError(f"other has another shape than field, {first.shape}")
    full, half = scipy.fft.fftfreq(n, 1 / n), scipy.fft.rfftfreq(n, 1 / n)
    axes = np.meshgrid(*[full] * (dimensions - 1), half, indexing="ij", sparse=True)
    number = np.sqrt(sum(axis**2 for axis in axes))  # in fundamental modes
    product = (modes * second.conj()).real * box_size**dimensions / first.size**2
    if window:
        for axis in axes:
            product = product / np.sinc(axis / n) ** (2 * window)
    weight = np.full(half.shape, 2.0)
    weight[0] = 1
    if n % 2 == 0:
        weight[-1] = 1
    weights = np.broadcast_to(weight, number.shape)
    fundamental = 2 * np.pi / box_size
    if edges is None:
        limits = np.arange(0.5, n // 2 + 1)
    else:
        limits = np.asarray(edges, np.float64) / fundamental
    counts = np.histogram(number, limits, weights=weights)[0]
    safe = np.maximum(counts, 1)
    k = np.histogram(number, limits, weights=weights * number)[0] / safe * fundamental
    power = np.histogram(number, limits, weights=weights * product)[0] / safe - shot_noise
    full_shell = counts > 0
    return Spectrum(k[full_shell], power[full_shell], counts[full_shell])


def cross_correlation(
    first: ArrayLike, second: ArrayLike, box_size: float
) -> tuple[Floats, Floats]:
    """Return k and r(k) = P12 / sqrt(P1 P2), without any subtraction of shot noise."""
    both = power_spectrum(first, box_size, second)
    one, two = power_spectrum(first, box_size), power_spectrum(second, box_size)
    return both.k, both.power / np.sqrt(one.power * two.power)


def transfer(predicted: ArrayLike, true: ArrayLike, box_size: float) -> tuple[Floats, Floats]:
    """Return k and T(k) = sqrt(P_predicted / P_true)."""
    found, truth = power_spectrum(predicted, box_size), power_spectrum(true, box_size)
    return truth.k, np.sqrt(found.power / truth.power)


def equilateral_bispectrum(
    field: ArrayLike, box_size: float, edges: ArrayLike
) -> tuple[Floats, Floats]:
    """Shells' mean k and bispectrum B(k, k, k) [(Mpc/h)^6] by filtered fields (Scoccimarro 2015).

    Parameters
    ----------
    edges : array
        Of the shells [h/Mpc], up to a third of the mesh's sampling frequency.
    """
    delta = contrast(field)
    if delta.ndim != 3:
        raise ValueError(f"field has shape {delta.shape}; needed: (n, n, n)")
    n = len(delta)
    modes = scipy.fft.rfftn(delta)
    full, half = scipy.fft.fftfreq(n, 1 / n), scipy.fft.rfftfreq(n, 1 / n)
    grid = np.meshgrid(full, full, half, indexing="ij", sparse=True)
    k = np.sqrt(sum(axis**2 for axis in grid)) * 2 * np.pi / box_size
    limits = np.asarray(edges, np.float64)
    centre, value = [], []
    for low, high in pairwise(limits):
        shell = (k >= low) & (k < high)
        if not shell.any():
            continue
        filtered = scipy.fft.irfftn(np.where(shell, modes, 0), s=delta.shape)
        triangles = (scipy.fft.irfftn(shell.astype(complex), s=delta.shape) ** 3).sum()
        if triangles <= 0:
            continue
        centre.append(float(k[shell].mean()))
        mean = (filtered**3).sum() / triangles  # over triangles, of modes as they are
        value.append(float(mean * box_size**6 / n**9))
    return np.array(centre), np.array(value)
