"""One box of `dark_matter_galaxies`: gravity once, galaxies of a suite painted on what it made."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_datasets.simulators.nbody import cola, galaxies, haloes, mesh
from zoo_datasets.simulators.nbody.cosmology import Cosmology

BOX_SIZE = 25.0  # [Mpc/h]
FEEDBACK = ("a_sn1", "a_agn1", "a_sn2", "a_agn2")  # of CAMELS; only the first moves the toys
VARIED = {"omega_m": (0.1, 0.5), "sigma_8": (0.6, 1.0)}  # uniform, and
A_SN1 = (0.25, 4.0)  # uniform in the logarithm: the Latin hypercube of CAMELS
Record = dict[str, Any]


def gravity(
    rng: np.random.Generator,
    split: str,  # noqa: ARG001 (every record function gets it)
    index: int,  # noqa: ARG001
    particles: int,
    steps: int = 20,
    varied: bool = False,
) -> Record:
    """Dark matter on the grid and haloes of one box, with its parameters.

    Parameters
    ----------
    particles : int
        Along a side; the grid has as many voxels.
    varied : bool
        Whether omega_m, sigma_8 and a_sn1 are drawn; else they are CAMELS' fiducial ones.
    """
    drawn = {name: rng.uniform(*limits) for name, limits in VARIED.items()} if varied else {}
    feedback = dict.fromkeys(FEEDBACK, 1.0)
    if varied:
        feedback["a_sn1"] = float(np.exp(rng.uniform(*np.log(A_SN1))))
    cosmology = Cosmology(**drawn)
    box = cola.run(cosmology, BOX_SIZE, particles, rng, steps=steps)
    found = haloes.find(box)
    counts, velocity = on_grid(box, particles)
    return {
        "box_size": np.float32(BOX_SIZE),
        "omega_m": np.float32(cosmology.omega_m),
        "sigma_8": np.float32(cosmology.sigma_8),
        **{name: np.float32(value) for name, value in feedback.items()},
        "dm_counts": counts,
        "dm_velocity": velocity,
        "halo_mass": found.mass.astype(np.float32),
        "halo_position": found.position.astype(np.float32),
        "halo_radius": found.radius.astype(np.float32),
        "halo_velocity": found.velocity.astype(np.float32),
        "halo_surroundings": galaxies.surroundings(box, found).astype(np.float32),
    }


def on_grid(box: cola.Box, voxels: int) -> tuple[np.ndarray, np.ndarray]:
    """Particles in each voxel (n, n, n), and their mean velocity (n, n, n, 3) [km/s]."""
    scale = np.float32(voxels / box.box_size)
    cell = np.minimum((box.position * scale).astype(np.int64), voxels - 1)
    index = (cell[:, 0] * voxels + cell[:, 1]) * voxels + cell[:, 2]
    counts = np.bincount(index, minlength=voxels**3)
    shape = (voxels, voxels, voxels)
    full = np.maximum(counts, 1)
    velocity = [
        (np.bincount(index, box.velocity[:, d], minlength=voxels**3) / full).astype(np.float16)
        for d in range(3)
    ]
    most = np.iinfo(np.uint16).max
    grid = np.minimum(counts, most).astype(np.uint16).reshape(shape)
    return grid, np.stack(velocity, axis=-1).reshape(*shape, 3)


def drawn(
    record: Record, suite: str, everything: bool, rng: np.random.Generator
) -> galaxies.Galaxies:
    """Galaxies of a toy suite in a box, or all its subhaloes."""
    found = haloes.Haloes(
        mass=record["halo_mass"].astype(float),
        position=record["halo_position"].astype(float),
        velocity=record["halo_velocity"],
        radius=record["halo_radius"].astype(float),
        particles=np.zeros(len(record["halo_mass"]), np.int64),
    )
    suites = galaxies.SUBHALOES if everything else galaxies.SUITES
    here = suites[suite].at(*(float(record[name]) for name in ("a_sn1", "omega_m", "sigma_8")))
    environment, box_size = record["halo_surroundings"].astype(float), float(record["box_size"])
    return galaxies.paint(galaxies.moved(found, here, box_size), environment, here, box_size, rng)


def painted(record: Record, suite: str, everything: bool, rng: np.random.Generator) -> Record:
    """The box with galaxies of a toy suite, or with all its subhaloes."""
    box_size, voxels = float(record["box_size"]), len(record["dm_counts"])
    place = drawn(record, suite, everything, rng).position
    cells = (place * (voxels / box_size)).astype(np.float32)
    count = np.minimum(mesh.nearest(cells, voxels), np.iinfo(np.uint8).max)
    rest = {name: value for name, value in record.items() if name != "halo_surroundings"}
    position = place.astype(np.float32) % np.float32(box_size)
    return rest | {"galaxy_position": position, "galaxy_count": count.astype(np.uint8)}
