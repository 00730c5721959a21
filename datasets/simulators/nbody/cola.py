"""COLA: a particle mesh on top of Lagrangian perturbation theory.

Tassev, Zaldarriaga & Eisenstein (2013, JCAP 06, 036): time steps integrate only the residual
between the particle-mesh force and second-order perturbation theory, so that few steps keep large
scales exact. Kick-drift-kick, steps linear in the scale factor, mesh finer than the lattice of the
particles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from zoo_datasets.simulators.nbody import initial, mesh
from zoo_datasets.simulators.nbody.cosmology import Cosmology

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Box:
    """Particles of a periodic box at redshift 0.

    Attributes
    ----------
    position : (p, 3) array [Mpc/h]
        In [0, box_size), in the order of the lattice they started from.
    velocity : (p, 3) array [km/s]
        Peculiar.
    box_size : float [Mpc/h]
    particle_mass : float [Msun/h]
    """

    position: Array
    velocity: Array
    box_size: float
    particle_mass: float


def force(position: Array, box_size: float, cells: int) -> list[Array]:
    """-grad of the inverse Laplacian of the density contrast at the particles, by component."""
    density = mesh.assign(position * np.float32(cells / box_size), cells)
    density *= cells**3 / len(position)
    modes = scipy.fft.rfftn(density, workers=-1)
    del density
    modes /= -(initial.wavenumber(cells, box_size) ** 2)
    modes[0, 0, 0] = 0
    potential = scipy.fft.irfftn(modes, s=(cells,) * 3, workers=-1, overwrite_x=True)
    del modes
    where = position * np.float32(cells / box_size)
    per_length = -np.float32(cells / box_size)
    return [
        mesh.interpolate(mesh.gradient(potential, axis), where) * per_length for axis in range(3)
    ]


def run(
    cosmology: Cosmology,
    box_size: float,
    particles: int,
    rng: np.random.Generator,
    *,
    steps: int = 20,
    finer: int = 2,
    start: float | None = None,
    fixed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Box:
    """Evolve particles^3 from Gaussian initial conditions to redshift 0.

    Parameters
    ----------
    box_size : float
        Side [Mpc/h].
    particles : int
        Along a side.
    steps : int
        Time steps, linear in the scale factor.
    finer : int
        Mesh cells per particle along a side.
    start : float, optional
        Scale factor of the initial conditions; 0.05 unless given, 0.02 from 40 steps on.
    fixed : bool
        Initial modes of fixed amplitude.
    progress : callable, optional
        Gets (steps done, steps).

    Raises
    ------
    ValueError
        If a number is not positive.
    """
    for name, value in {"box_size": box_size, "particles": particles, "steps": steps}.items():
        if not value > 0:
            raise ValueError(f"{name} is {value}, allowed: above 0")
    modes = initial.linear_density(cosmology, box_size, particles, rng, fixed)
    first, second = initial.displacements(modes, box_size)
    del modes
    begin = start if start is not None else (0.02 if steps >= 40 else 0.05)
    a = np.linspace(begin, 1.0, steps + 1)
    d1, d2 = cosmology.growth(a)
    size = np.float32(box_size)
    x = initial.lattice(particles, box_size)
    x += np.float32(d1[0]) * first + np.float32(d2[0]) * second
    x %= size
    p = np.zeros_like(x)  # of the residual motion

    def kick(start: float, stop: float, g1: float, g2: float) -> None:
        factor = np.float32(cosmology.kick(start, stop))
        for axis, pull in enumerate(force(x, box_size, finer * particles)):
            known = np.float32(g1) * first[:, axis] + np.float32(g2 - g1**2) * second[:, axis]
            p[:, axis] += factor * (pull - known)

    half = (a[1:] + a[:-1]) / 2
    kick(a[0], half[0], d1[0], d2[0])
    for i in range(steps):
        x += np.float32(cosmology.drift(a[i], a[i + 1])) * p
        x += np.float32(d1[i + 1] - d1[i]) * first + np.float32(d2[i + 1] - d2[i]) * second
        x %= size
        x[x >= size] = 0  # rounding
        last = half[i + 1] if i + 1 < steps else a[i + 1]
        kick(half[i], last, d1[i + 1], d2[i + 1])
        if progress is not None:
            progress(i + 1, steps)
    slope1, slope2 = cosmology.growth_slope(1.0)
    velocity = np.float32(100) * (p + np.float32(slope1) * first + np.float32(slope2) * second)
    return Box(x, velocity, box_size, cosmology.particle_mass(box_size, particles))
