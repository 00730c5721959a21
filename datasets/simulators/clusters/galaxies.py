"""Galaxies of clusters and of the haloes around them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from zoo_datasets.simulators.clusters import environment, jeans, luminosity, substructure, tracers
from zoo_datasets.simulators.clusters.halos import LOG_MASSES, Theory, nfw
from zoo_datasets.simulators.clusters.host import Hosts
from zoo_datasets.simulators.clusters.parameters import Parameters
from zoo_datasets.simulators.clusters.projection import line_of_sight


@dataclasses.dataclass
class Galaxies:
    """Galaxies of many clusters, one after the other.

    Attributes
    ----------
    which : (k,) int
        Cluster of each galaxy.
    position : (k, 3)
        Relative to the cluster's centre, comoving Mpc/h.
    velocity : (k,)
        Peculiar, along z, relative to the cluster, km/s.
    magnitude : (k,)
        M_r - 5 log h.
    member : (k,) bool
        Inside the virial radius of the cluster.
    """

    which: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    magnitude: np.ndarray
    member: np.ndarray

    def take(self, index: np.ndarray) -> Galaxies:
        """Galaxies of an index or mask."""
        return Galaxies(*(getattr(self, f.name)[index] for f in dataclasses.fields(self)))


def join(parts: Sequence[Galaxies]) -> Galaxies:
    """Galaxies one after the other."""
    names = [field.name for field in dataclasses.fields(Galaxies)]
    return Galaxies(*(np.concatenate([getattr(part, n) for part in parts]) for n in names))


def own(
    rng: np.random.Generator, hosts: Hosts, limit: np.ndarray, richness: np.ndarray, p: Parameters
) -> Galaxies:
    """Galaxies of the clusters themselves; their centrals unless `satellites_only`.

    Parameters
    ----------
    limit, richness : (n,)
        Faintest M_r; factor of the number of satellites.
    """
    mean = luminosity.mean_satellites(hosts.log_mass, limit, p.alpha) * richness
    mean = mean * _scatter(rng, hosts.c_deviation, p)
    r_max = p.virial_radius if p.satellites_only or p.members_only else p.splashback_radius
    # the halo occupation counts what lies inside the virial radius
    mean = mean * nfw(hosts.c_galaxy * r_max) / nfw(hosts.c_galaxy * p.virial_radius)
    which = np.repeat(np.arange(len(hosts)), rng.poisson(mean))
    phase = tracers.equilibrium(rng, hosts, which, r_max, p)
    position, velocity = substructure.gather(rng, hosts, which, phase, r_max, p)
    r = np.linalg.norm(position, axis=1) / hosts.r200[which]
    member = r < p.virial_radius
    magnitude = luminosity.satellite_magnitudes(rng, limit[which], p.alpha)
    satellites = Galaxies(which, position, velocity[:, 2], magnitude, member)
    if p.satellites_only or p.members_only:
        satellites = satellites.take(member)
    else:  # the number of orbiting galaxies falls off between the two radii
        edge = (r - p.virial_radius) / (p.splashback_radius - p.virial_radius)
        satellites = satellites.take(rng.random(len(r)) > edge)
    if p.satellites_only:
        return satellites
    n = len(hosts)
    central = Galaxies(
        np.arange(n),
        np.zeros((n, 3)),
        np.zeros(n),
        np.minimum(luminosity.central_magnitudes(rng, hosts.log_mass, p.scatter_central), limit),
        np.ones(n, bool),
    )
    return join([central, satellites])


def around(
    rng: np.random.Generator,
    hosts: Hosts,
    limit: np.ndarray,
    richness: np.ndarray,
    theory: Theory,
    p: Parameters,
) -> Galaxies:
    """Galaxies of the haloes around clusters; velocities include the Hubble flow."""
    low, high = np.log(p.wide_contamination)
    contamination = p.contamination * np.exp(rng.uniform(low, high, len(hosts)))
    faintest = float(limit.max())
    lightest = luminosity.minimum_mass(faintest) - (0.0 if p.satellites_only else 0.3)
    halos = environment.draw(rng, hosts, float(lightest), contamination, theory, p)
    limits = limit[halos.which]
    mean = luminosity.mean_satellites(halos.log_mass, limits, p.alpha) * richness[halos.which]
    scatter = _scatter(rng, np.zeros(len(mean)), p)
    of = np.repeat(np.arange(len(mean)), rng.poisson(mean * scatter))
    c = np.interp(halos.log_mass, LOG_MASSES, theory.concentration)[of] * p.concentration_ratio
    r = tracers.radii(rng, c, p.virial_radius)
    offset = tracers.directions(rng, len(of)) * (r * theory.radius(halos.log_mass)[of])[:, None]
    # one profile serves all: the shape of sigma(r) / v200 depends little on concentration
    profile = jeans.profiles(np.array([6.0]), np.array([3.6]), np.array([0.25]))
    sigma = theory.velocity(halos.log_mass)[of] * jeans.at_radius(
        profile, np.zeros(len(of), int), r
    )
    sigma *= p.velocity_bias[0] * 10 ** (p.velocity_bias_slope * (halos.log_mass[of] - 15))
    position = halos.position[of] + offset
    peculiar = halos.velocity[of] + sigma * rng.normal(size=len(of))
    magnitude = luminosity.satellite_magnitudes(rng, limits[of], p.alpha)
    parts = [(halos.which[of], position, peculiar, magnitude, halos.position[of, 2])]
    if not p.satellites_only:
        magnitude = luminosity.central_magnitudes(rng, halos.log_mass, p.scatter_central)
        bright = magnitude < limits
        parts.append(
            (
                halos.which[bright],
                halos.position[bright],
                halos.velocity[bright],
                magnitude[bright],
                halos.position[bright, 2],
            )
        )
    which, position, peculiar, magnitude, flow = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    # a halo is bound: its galaxies share its Hubble flow
    velocity = line_of_sight(peculiar, flow, theory.hubble)
    return Galaxies(which, position, velocity, magnitude, np.zeros(len(which), bool))


def _scatter(rng: np.random.Generator, concentration: np.ndarray, p: Parameters) -> np.ndarray:
    """Lognormal factor of the richness, of mean 1, correlated with concentration [sigma]."""
    rho = p.richness_concentration
    g = rho * concentration + np.sqrt(1 - rho**2) * rng.normal(size=len(concentration))
    s = p.scatter_richness * np.log(10)
    return np.exp(s * g - s**2 / 2)
