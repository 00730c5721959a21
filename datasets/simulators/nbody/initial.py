"""Gaussian initial conditions and the displacements of Lagrangian perturbation theory.

x = q + D1 psi1 + D2 psi2 with psi1 = -grad phi1, laplacian phi1 = delta (linear, today) and
psi2 = grad phi2, laplacian phi2 = sum over i > j of phi1,ii phi1,jj - phi1,ij^2 (Bouchet et al.
1995, A&A 296, 575). Every simulation of a seed shares its phases, whatever the cosmology.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from zoo_datasets.simulators.nbody.cosmology import Cosmology

Array = NDArray[np.float32]


def wavevectors(n: int, box_size: float) -> tuple[Array, Array, Array]:
    """Wavenumbers [h/Mpc] along the axes of `scipy.fft.rfftn` of a mesh (n, n, n)."""
    full = (2 * np.pi / box_size * n * scipy.fft.fftfreq(n)).astype(np.float32)
    half = (2 * np.pi / box_size * n * scipy.fft.rfftfreq(n)).astype(np.float32)
    return full[:, None, None], full[None, :, None], half[None, None, :]


def wavenumber(n: int, box_size: float) -> Array:
    """Length [h/Mpc] of each wavevector (n, n, n // 2 + 1); the mean has the longest wave's."""
    x, y, z = wavevectors(n, box_size)
    k = np.sqrt(x**2 + y**2 + z**2)
    k[0, 0, 0] = k[0, 0, 1]
    return k


def linear_density(
    cosmology: Cosmology, box_size: float, n: int, rng: np.random.Generator, fixed: bool = False
) -> NDArray[np.complex64]:
    """Fourier modes of the linear density contrast today, on a mesh of n^3.

    Parameters
    ----------
    box_size : float
        Side [Mpc/h].
    fixed : bool
        Whether every mode has its mean amplitude, with random phases (Angulo & Pontzen 2016).
    """
    noise = rng.standard_normal((n, n, n), dtype=np.float32)
    modes = scipy.fft.rfftn(noise, workers=-1)  # mean square n^3
    if fixed:
        modes *= n**1.5 / np.maximum(np.abs(modes), 1e-20)
    k = wavenumber(n, box_size)
    table = np.geomspace(np.pi / box_size, 2 * n * np.pi / box_size, 400)
    power = np.interp(np.log(k), np.log(table), cosmology.linear_power(table))
    modes *= np.sqrt(power * (n / box_size) ** 3).astype(np.float32)
    modes[0, 0, 0] = 0
    return modes.astype(np.complex64)


def displacements(modes: NDArray[np.complex64], box_size: float) -> tuple[Array, Array]:
    """psi1 and psi2 (n^3, 3) [Mpc/h] of the linear density's modes."""
    n = len(modes)
    k = wavevectors(n, box_size)
    square = wavenumber(n, box_size) ** 2
    potential = -modes / square
    potential[0, 0, 0] = 0

    def real(spectrum: NDArray[np.complex64]) -> Array:
        return scipy.fft.irfftn(spectrum, s=(n, n, n), workers=-1).astype(np.float32)

    def second(i: int, j: int) -> Array:
        return real(-k[i] * k[j] * potential)

    first = np.stack([real(-1j * axis * potential).ravel() for axis in k], axis=1)
    xx, yy, zz = (second(i, i) for i in range(3))
    source = xx * yy + xx * zz + yy * zz
    del xx, yy, zz
    for i, j in ((0, 1), (0, 2), (1, 2)):
        source -= second(i, j) ** 2
    other = -scipy.fft.rfftn(source, workers=-1) / square
    other[0, 0, 0] = 0
    return first, np.stack([real(1j * axis * other).ravel() for axis in k], axis=1)


def lattice(n: int, box_size: float) -> Array:
    """Unperturbed positions (n^3, 3) [Mpc/h], in the order of the meshes."""
    axis = np.arange(n, dtype=np.float32) * np.float32(box_size / n)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
