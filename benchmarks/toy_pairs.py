"""Boxes of ours with the same initial phases and another cosmology, to measure responses.

Most of the scatter of P(k) between boxes of 25 Mpc/h is that of their phases; it drops out of the
difference of two boxes that share them. 96^3 particles resolve the haloes of the galaxies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zoo_datasets import chunks
from zoo_datasets.simulators.nbody import cola, galaxies, haloes
from zoo_datasets.simulators.nbody.cosmology import Cosmology

POINTS = {"omega_m": (0.2, 0.4), "sigma_8": (0.7, 0.9)}
PARTICLES, BOX_SIZE, PHASES = 96, 25.0, 6


def simulated(name: str, value: float, phases: int) -> dict[str, Any]:
    """Haloes of one box, from the cache where they are there."""
    path = folder() / f"{name}_{value:g}_{phases}.npz"
    if path.is_file():
        with np.load(path) as archive:
            return dict(archive)
    cosmology = Cosmology(**{name: value})
    rng = np.random.default_rng((11, phases))
    box = cola.run(cosmology, BOX_SIZE, PARTICLES, rng, steps=20)
    found = haloes.find(box)
    record = {
        "box_size": BOX_SIZE,
        "omega_m": cosmology.omega_m,
        "sigma_8": cosmology.sigma_8,
        "a_sn1": 1.0,
        "halo_mass": found.mass,
        "halo_position": found.position,
        "halo_radius": found.radius,
        "halo_velocity": found.velocity,
        "halo_surroundings": galaxies.surroundings(box, found),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **record)
    return record


def folder() -> Path:
    """Where the boxes are kept."""
    return chunks.root() / "toy_pairs" / f"{PARTICLES}"


def pairs() -> dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Boxes at the lower and upper value of each parameter, for every set of phases."""
    return {
        name: [
            (simulated(name, low, phases), simulated(name, high, phases))
            for phases in range(PHASES)
        ]
        for name, (low, high) in POINTS.items()
    }


if __name__ == "__main__":
    pairs()
