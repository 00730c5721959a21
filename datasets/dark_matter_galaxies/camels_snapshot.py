"""Dark matter of an N-body snapshot on a grid, read a part at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from zoo_datasets.dark_matter_galaxies.camels_files import (
    MASS,
    attribute,
    box_size,
    dataset,
    fills,
    inside,
    opened,
    whole,
)
from zoo_datasets.errors import DatasetError
from zoo_datasets.simulators.nbody.cosmology import RHO_CRITICAL

ROWS = 2**21  # particles in memory at a time
KIND = 1  # of dark-matter particles
PARTS = ("NumFilesPerSnapshot",)
MATTER = 0.02  # by which the mass of all particles may differ from that of the universe
OMEGA = 1e-3  # by which the header's Omega0 may differ from the table's omega_m


@dataclass(frozen=True)
class Matter:
    """Dark matter on a grid.

    Attributes
    ----------
    counts : (n, n, n) array of uint16
        Particles in each voxel.
    velocity : (n, n, n, 3) array of float16 [km/s]
        Mean peculiar velocity of the particles of a voxel, 0 where there is none.
    box_size : float [Mpc/h]
    """

    counts: NDArray[np.uint16]
    velocity: NDArray[np.float16]
    box_size: float


def dark_matter(paths: list[Path], voxels: int, omega_m: float) -> Matter:
    """Count the particles of a snapshot, in one file or in parts.

    Parameters
    ----------
    voxels : int
        Along a side.
    omega_m : float
        Of the table of parameters, which the header has to repeat.

    Raises
    ------
    DatasetError
        If a part, dataset or attribute is missing, or the particles are not those of an N-body
        run of this cosmology at redshift 0 in a periodic box.
    """
    whole(paths, PARTS)
    counts = np.zeros(voxels**3, np.int64)
    momentum = np.zeros((3, voxels**3))
    highest = np.zeros(3)
    mass = 0.0
    for path in paths:
        with opened(path) as file:
            size = box_size(file)
            expected = int(attribute(file, "NumPart_Total")[KIND])
            _same_cosmology(file, omega_m)
            mass += _mass(file)
            highest = np.maximum(highest, _add(file, size, voxels, counts, momentum))
    where = f"{paths[0]}: PartType{KIND}"
    if counts.sum() != expected:
        raise DatasetError(f"{where} has {counts.sum()} particles, NumPart_Total says {expected}")
    fills(f"{where}/Coordinates", highest, size)
    share = mass / (omega_m * RHO_CRITICAL * size**3)
    if abs(share - 1) > MATTER:
        raise DatasetError(
            f"{where} holds {share:.3f} of the matter of omega_m = {omega_m:g}, allowed: 1; is it "
            "the snapshot of an N-body run (`_DM`), and MassTable in 1e10 Msun/h?"
        )
    full = np.maximum(counts, 1)
    shape = (voxels,) * 3
    velocity = np.stack([(m / full).astype(np.float16) for m in momentum], axis=-1)
    most = np.iinfo(np.uint16).max
    grid = np.minimum(counts, most).astype(np.uint16).reshape(shape)
    return Matter(grid, velocity.reshape(*shape, 3), size)


def _add(
    file: h5py.File,
    size: float,
    voxels: int,
    counts: NDArray[np.int64],
    momentum: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Add the particles of a file to the grids; the largest coordinates (3,) [Mpc/h]."""
    position = dataset(file, f"PartType{KIND}/Coordinates", 3)
    velocity = dataset(file, f"PartType{KIND}/Velocities", 3)
    where = f"{file.filename}: PartType{KIND}"
    if len(position) != len(velocity):
        raise DatasetError(
            f"{where} has {len(position)} Coordinates, but {len(velocity)} Velocities"
        )
    to_peculiar = np.sqrt(float(attribute(file, "Time")))
    highest = np.zeros(3)
    for start in range(0, len(position), ROWS):
        part = slice(start, start + ROWS)
        x = inside(f"{where}/Coordinates", position[part], size)
        highest = np.maximum(highest, x.max(axis=0))
        cell = np.minimum((x * (voxels / size)).astype(np.int64), voxels - 1)
        index = (cell[:, 0] * voxels + cell[:, 1]) * voxels + cell[:, 2]
        counts += np.bincount(index, minlength=voxels**3)
        moving = velocity[part].astype(np.float64) * to_peculiar
        if not np.isfinite(moving).all():
            raise DatasetError(f"{where}/Velocities holds values that are not finite")
        for axis in range(3):
            momentum[axis] += np.bincount(index, moving[:, axis], minlength=voxels**3)
    return highest


def _mass(file: h5py.File) -> float:
    """Mass [Msun/h] of the particles of a file, all alike: by MassTable, or else one by one."""
    each = float(attribute(file, "MassTable")[KIND])
    if each > 0:
        return each * MASS * len(dataset(file, f"PartType{KIND}/Coordinates", 3))
    masses = dataset(file, f"PartType{KIND}/Masses")[:]
    if len(masses) and np.ptp(masses) > 1e-3 * masses.max():
        raise DatasetError(
            f"{file.filename}: PartType{KIND}/Masses run from {masses.min():g} to "
            f"{masses.max():g}, allowed: all equal, for voxels count particles"
        )
    return float(masses.sum(dtype=np.float64)) * MASS


def _same_cosmology(file: h5py.File, omega_m: float) -> None:
    told = float(attribute(file, "Omega0"))
    if abs(told - omega_m) > OMEGA:
        raise DatasetError(
            f"{file.filename}: Omega0 = {told:g}, but the table of parameters says {omega_m:g}: "
            "they are of different simulations"
        )
