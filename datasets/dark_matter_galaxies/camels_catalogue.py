"""Galaxies and haloes of the group catalogues of CAMELS (friends of friends and Subfind)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from zoo_datasets.dark_matter_galaxies.camels_files import (
    KPC,
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
from zoo_datasets.simulators.nbody.haloes import OVERDENSITY

STARS = 4  # kind of particles
PARTS = ("NumFiles", "NumFilesPerSnapshot")
MANY = 100  # objects that fill a box
SELECTIONS = re.compile(r"(?P<all>subhalo_all)|nstar>=(?P<nstar>\d+)|mstar>(?P<mstar>\S+)")

Floats = NDArray[np.float64]
Selection = Callable[[h5py.File], NDArray[np.bool_]]


def parse(selection: str) -> Selection:
    """Function of an open catalogue that tells which of its subhaloes (g,) are selected.

    Parameters
    ----------
    selection : str
        "subhalo_all"; "nstar>=N", at least N particles of the kind of stars, which in IllustrisTNG
        includes those of the wind; "mstar>x", their mass [Msun/h], as a number or "10^9.5".

    Raises
    ------
    DatasetError
        If it is none of these.
    """
    found = SELECTIONS.fullmatch(str(selection).replace(" ", ""))
    if found and found["all"]:
        return lambda file: np.ones(len(dataset(file, "Subhalo/SubhaloPos", 3)), bool)
    if found and found["nstar"]:
        least = int(found["nstar"])
        return lambda file: _stars(file, "SubhaloLenType") >= least
    limit = _number(found["mstar"]) if found else math.nan
    if not 0 <= limit < math.inf:
        raise DatasetError(
            f"selection is {selection!r}, allowed: subhalo_all, nstar>=N with a whole number N, or "
            "mstar>x with x in Msun/h such as 0, 1e9 or 10^9.5"
        )
    return lambda file: _stars(file, "SubhaloMassType") * MASS > limit


def galaxies(paths: list[Path], selection: str, size: float) -> Floats:
    """Positions (g, 3) [Mpc/h] of the selected subhaloes of a hydrodynamical run.

    Parameters
    ----------
    size : float
        Side of the box of the dark matter [Mpc/h].

    Raises
    ------
    DatasetError
        If the catalogue lacks a part, dataset or attribute, or belongs to another box or redshift.
    """
    whole(paths, PARTS)
    chosen = parse(selection)
    found = [np.zeros((0, 3))]
    for path in paths:
        with opened(path) as file:
            _same_box(file, size)
            if not _empty(file, "Subhalo", "Nsubgroups_ThisFile"):
                where = f"{path}: Subhalo/SubhaloPos"
                place = inside(where, dataset(file, "Subhalo/SubhaloPos", 3)[:], size)
                if len(place) >= MANY:
                    fills(where, place.max(axis=0), size)
                found.append(place[chosen(file)])
    return np.concatenate(found)


def haloes(paths: list[Path], size: float) -> dict[str, NDArray[np.float32]]:
    """Haloes by decreasing mass, as the features of an example; none without a catalogue.

    `halo_mass` is that of all friends of friends. Where Subfind found no sphere of 200 times the
    critical density, `halo_radius` is that of a sphere of this density with this mass.
    """
    if paths:
        whole(paths, PARTS)
    mass, radius = [np.zeros(0)], [np.zeros(0)]
    place, motion = [np.zeros((0, 3))], [np.zeros((0, 3))]
    for path in paths:
        with opened(path) as file:
            _same_box(file, size)
            if not _empty(file, "Group", "Ngroups_ThisFile"):
                mass.append(dataset(file, "Group/GroupMass")[:] * float(MASS))
                radius.append(dataset(file, "Group/Group_R_Crit200")[:] * float(KPC))
                where = f"{path}: Group/GroupPos"
                place.append(inside(where, dataset(file, "Group/GroupPos", 3)[:], size))
                a = float(attribute(file, "Time"))
                motion.append(dataset(file, "Group/GroupVel", 3)[:] / a)
    total = np.concatenate(mass).astype(np.float64)
    sphere = (3 * total / (4 * np.pi * OVERDENSITY * RHO_CRITICAL)) ** (1 / 3)
    found = np.concatenate(radius)
    order = np.argsort(-total, kind="stable")
    columns = {
        "halo_mass": total,
        "halo_position": np.concatenate(place),
        "halo_radius": np.where(found > 0, found, sphere),
        "halo_velocity": np.concatenate(motion),
    }
    ordered = {name: values[order].astype(np.float32) for name, values in columns.items()}
    ordered["halo_position"] %= np.float32(size)  # float32 rounds up to the face
    return ordered


def _stars(file: h5py.File, name: str) -> NDArray[np.float64]:
    return np.asarray(dataset(file, f"Subhalo/{name}", least=STARS + 1)[:, STARS], np.float64)


def _number(text: str | None) -> float:
    try:
        if text is not None and text.startswith("10^"):
            return float(10 ** float(text[3:]))
        return math.nan if text is None else float(text)
    except (ValueError, OverflowError):
        return math.nan


def _same_box(file: h5py.File, size: float) -> None:
    own = box_size(file)
    if abs(own - size) > 1e-4 * size:
        raise DatasetError(
            f"{file.filename}: BoxSize = {own / KPC:g} kpc/h, but that of the dark matter is "
            f"{size / KPC:g}"
        )


def _empty(file: h5py.File, group: str, attribute_: str) -> bool:
    """Whether a part says that it holds no objects; it then has no datasets either."""
    told = file["Header"].attrs.get(attribute_)
    return told is not None and int(told) == 0 and not len(file.get(group, ()))
