"""A block of mock clusters: hosts, their galaxies, their surroundings, and what is observed."""

from __future__ import annotations

import dataclasses

import numpy as np

from zoo_datasets.simulators.clusters import galaxies as populate
from zoo_datasets.simulators.clusters import host, observer
from zoo_datasets.simulators.clusters.halos import theory
from zoo_datasets.simulators.clusters.parameters import Parameters

TRIES = 200
PER_CLUSTER = ("log_mass", "r200", "concentration", "distance", "redshift")


@dataclasses.dataclass
class Catalogue:
    """Clusters as observed; `row_splits` (n + 1,) tells whose galaxies are whose.

    Attributes
    ----------
    log_mass, r200, concentration, distance, redshift : (n,)
    row_splits : (n + 1,) int
    x, y, v, magnitude, member : (galaxies,)
    """

    log_mass: np.ndarray
    r200: np.ndarray
    concentration: np.ndarray
    distance: np.ndarray
    redshift: np.ndarray
    row_splits: np.ndarray
    x: np.ndarray
    y: np.ndarray
    v: np.ndarray
    magnitude: np.ndarray
    member: np.ndarray

    @property
    def richness(self) -> np.ndarray:
        """Galaxies of each cluster."""
        return np.diff(self.row_splits)


def clusters(rng: np.random.Generator, log_mass: np.ndarray, p: Parameters) -> Catalogue:
    """Clusters of given masses, each with at least `min_galaxies`.

    A cluster with fewer is drawn again at the same mass, so that the masses stay as they are.

    Raises
    ------
    ValueError
        If a mass never has so many.
    """
    parts, places = [], []
    todo = np.arange(len(log_mass))
    for _ in range(TRIES):
        # several tries of the few that are left in late rounds cost no more than one
        tried = np.tile(todo, max(1, min(8, 128 // len(todo))))
        drawn = _once(rng, log_mass[tried], p)
        good = np.flatnonzero(drawn.richness >= p.min_galaxies)
        found, first = np.unique(tried[good], return_index=True)
        parts.append(pick(drawn, good[first]))
        places.append(found)
        todo = np.setdiff1d(todo, found)
        if not len(todo):
            return pick(join(parts), np.argsort(np.concatenate(places)))
    raise ValueError(
        f"no cluster of log mass {log_mass[todo[0]]:.2f} in {TRIES} tries has {p.min_galaxies} "
        f"galaxies within R < {p.r_max:g} Mpc/h"
    )


def _once(rng: np.random.Generator, log_mass: np.ndarray, p: Parameters) -> Catalogue:
    """Clusters as they come, some with too few galaxies."""
    cosmos = theory(p.redshift)
    hosts = host.draw(rng, log_mass, cosmos, p)
    seen = observer.place(rng, len(hosts), cosmos, p)
    richness = 10 ** (p.wide_richness * rng.normal(size=len(hosts)))
    galaxies = populate.own(rng, hosts, seen.limit, richness, p)
    if not p.members_only:
        around = populate.around(rng, hosts, seen.limit, richness, cosmos, p)
        galaxies = populate.join([galaxies, around])
    galaxies = observer.observe(rng, galaxies, hosts, p)
    counts = np.bincount(galaxies.which, minlength=len(hosts))
    return Catalogue(
        log_mass=log_mass,
        r200=hosts.r200,
        concentration=hosts.c,
        distance=seen.distance,
        redshift=seen.redshift,
        row_splits=np.concatenate([[0], np.cumsum(counts)]),
        x=galaxies.position[:, 0],
        y=galaxies.position[:, 1],
        v=galaxies.velocity,
        magnitude=galaxies.magnitude,
        member=galaxies.member,
    )


def pick(catalogue: Catalogue, index: np.ndarray) -> Catalogue:
    """Some clusters of a catalogue, in the order of an index."""
    starts, counts = catalogue.row_splits[index], catalogue.richness[index]
    splits = np.concatenate([[0], np.cumsum(counts)])
    rows = np.arange(splits[-1]) + np.repeat(starts - splits[:-1], counts)
    values = {}
    for field in dataclasses.fields(Catalogue):
        if field.name == "row_splits":
            continue
        column = getattr(catalogue, field.name)
        values[field.name] = column[index] if field.name in PER_CLUSTER else column[rows]
    return Catalogue(**values, row_splits=splits)


def join(catalogues: list[Catalogue]) -> Catalogue:
    """Catalogues one after the other."""
    values = {
        field.name: np.concatenate([getattr(c, field.name) for c in catalogues])
        for field in dataclasses.fields(Catalogue)
        if field.name != "row_splits"
    }
    counts = np.concatenate([c.richness for c in catalogues])
    return Catalogue(**values, row_splits=np.concatenate([[0], np.cumsum(counts)]))
