"""Real boxes of CAMELS: N-body dark matter and the galaxies of a hydrodynamical twin.

Villaescusa-Navarro et al. (2021, ApJ 915, 71). Where the files lie: see `camels_layout`. Lengths
in the files are comoving kpc/h, masses 1e10 Msun/h, velocities of particles km/s over sqrt(a).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo_datasets.dark_matter_galaxies import camels_layout
from zoo_datasets.dark_matter_galaxies.camels_catalogue import galaxies, haloes, parse
from zoo_datasets.dark_matter_galaxies.camels_snapshot import dark_matter
from zoo_datasets.errors import DatasetError

Box = dict[str, Any]


def boxes(
    manual_dir: str | Path,
    suite: str,
    selection: str = "nstar>=10",
    particles: int = 256,
    sets: Sequence[str] = ("CV",),
) -> dict[str, Iterator[tuple[int | str, Box]]]:
    """Key and example of every box on disk, by split; each is read when it is asked for.

    Parameters
    ----------
    manual_dir : path
        Copy of the tree of CAMELS, or of a part of it: boxes that are not there are left out.
    suite : {"IllustrisTNG", "SIMBA", "Astrid"}
        Whose galaxies.
    selection : str
        Galaxies that count: "subhalo_all", "nstar>=N" (star particles), "mstar>x" (Msun/h).
    particles : int
        Voxels along a side; the N-body runs of CAMELS have 256 particles along a side.
    sets : sequence of {"CV", "LH"}
        CV is split by number into 0-19, 20-22 and 23-26, LH into 0-799, 800-899 and 900-999.

    Raises
    ------
    DatasetError
        If suite, set, selection or grid is unknown, or no box or only half a box is there; while
        reading, naming file and dataset, if a file is not what it should be.
    """
    parse(selection)
    if not isinstance(particles, int) or particles < 1:
        raise DatasetError(f"particles is {particles!r}, allowed: an integer of 1 or more")
    root = Path(manual_dir).expanduser()
    names: dict[str, list[str]] = {}
    table: dict[str, dict[str, float]] = {}
    for group in sets:
        for split, found in camels_layout.available(root, suite, group).items():
            names.setdefault(split, []).extend(found)
        table |= camels_layout.parameters(root, suite, group)

    def examples(each: list[str]) -> Iterator[tuple[int | str, Box]]:
        for name in each:
            if name not in table:
                raise DatasetError(f"the table of parameters of {suite} has no row {name}")
            yield name, box(root, suite, name, table[name], selection, particles)

    return {split: examples(each) for split, each in names.items() if each}


def box(
    root: Path,
    suite: str,
    name: str,
    parameters: dict[str, float],
    selection: str = "nstar>=10",
    particles: int = 256,
) -> Box:
    """One box as an example of `dark_matter_galaxies`.

    Parameters
    ----------
    name : str
        Such as "CV_3".
    parameters : dict
        omega_m, sigma_8, a_sn1, a_agn1, a_sn2 and a_agn2 of the box.
    selection, particles
        As for `boxes`.
    """
    paths = camels_layout.snapshot(root, suite, name)
    matter = dark_matter(paths, particles, parameters["omega_m"])
    position = galaxies(camels_layout.catalogue(root, suite, name), selection, matter.box_size)
    cell = np.minimum((position * (particles / matter.box_size)).astype(np.int64), particles - 1)
    flat = np.ravel_multi_index(tuple(cell.T), (particles,) * 3)
    count = np.bincount(flat, minlength=particles**3).reshape((particles,) * 3)
    halo = haloes(camels_layout.catalogue(root, f"{suite}_DM", name), matter.box_size)
    return {
        "object_id": name,
        "box_size": np.float32(matter.box_size),
        **{key: np.float32(parameters[key]) for key in camels_layout.PARAMETERS},
        "dm_counts": matter.counts,
        "dm_velocity": matter.velocity,
        **halo,
        "galaxy_count": np.minimum(count, np.iinfo(np.uint8).max).astype(np.uint8),
        "galaxy_position": position.astype(np.float32) % np.float32(matter.box_size),
    }
