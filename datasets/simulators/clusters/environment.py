"""Haloes around a cluster: uniform, correlated with it, and with each other.

Haloes follow the mass function. The matter along the line of sight is a lognormal field in cells
of a cylinder, with the variance and correlation of linear theory in these cells: haloes of bias b
are 1 + b delta times as many (superclusters and voids in front and behind). The cluster adds an
excess b_cluster b xi(r): near it placed by distance, in part along filaments, and far away through
the cells.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np

from zoo_datasets.simulators.clusters import infall, tracers
from zoo_datasets.simulators.clusters.halos import LOG_MASSES, RADII, Theory
from zoo_datasets.simulators.clusters.host import Hosts
from zoo_datasets.simulators.clusters.parameters import Parameters

BIN = 5  # entries of LOG_MASSES in one mass bin


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """Haloes around clusters: the cluster of each (k,), log_mass (k,), positions (k, 3), v_z."""

    which: np.ndarray
    log_mass: np.ndarray
    position: np.ndarray
    velocity: np.ndarray


@lru_cache(maxsize=16)
def cell_covariance(radius: float, cell: float, count: int, theory_: Theory) -> np.ndarray:
    """Covariance of the matter density in neighbouring cells of a cylinder (count, count)."""
    rng = np.random.default_rng(0)  # quadrature points, the same for everyone
    n = 4000
    points = []
    for _ in (0, 1):
        rho, phi = radius * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
        points.append(
            np.stack([rho * np.cos(phi), rho * np.sin(phi), cell * rng.random(n)], axis=1)
        )
    one, other = points
    row = []
    for step in range(count):
        apart = one - other + np.array([0, 0, step * cell])
        xi = np.interp(np.linalg.norm(apart, axis=1), RADII, theory_.xi)
        row.append(xi.mean())
    index = np.arange(count)
    return np.array(row)[np.abs(index[:, None] - index)]


def density_field(
    rng: np.random.Generator, n: int, radius: float, theory_: Theory, p: Parameters
) -> np.ndarray:
    """Overdensity of matter in the cells along n lines of sight, (n, cells)."""
    count = round(2 * p.depth / p.cell)
    covariance = np.log1p(cell_covariance(radius, p.cell, count, theory_)) * p.environment**2
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    g = rng.normal(size=(n, count)) @ root.T
    return np.minimum(np.exp(g - 0.5 * np.diag(covariance)), p.density_limit) - 1


def draw(
    rng: np.random.Generator,
    hosts: Hosts,
    log_mass_min: float,
    contamination: np.ndarray,
    theory_: Theory,
    p: Parameters,
) -> Neighbours:
    """Haloes heavier than `log_mass_min` around each cluster.

    Parameters
    ----------
    contamination : (n,)
        Factor of their number.
    """
    reach = p.r_max + 1.3 * float(theory_.radius(np.array(15.0)))  # of haloes that touch the cut
    edges = LOG_MASSES[log_mass_min - 1e-9 < LOG_MASSES][::BIN]
    width = BIN * (LOG_MASSES[1] - LOG_MASSES[0])
    centres = edges + width / 2
    number = np.exp(np.interp(centres, LOG_MASSES, np.log(theory_.density))) * width
    bias = np.interp(centres, LOG_MASSES, theory_.bias)
    bias_host = np.interp(hosts.log_mass, LOG_MASSES, theory_.bias)
    delta = density_field(rng, len(hosts), reach, theory_, p)
    far = _far(rng, number, bias, bias_host, delta, contamination, reach, theory_, p)
    near = _near(rng, hosts, number, bias, bias_host, delta, contamination, reach, theory_, p)
    which, mass_bin = np.concatenate([far[0], near[0]]), np.concatenate([far[1], near[1]])
    position = np.concatenate([far[2], near[2]])
    log_mass = edges[mass_bin] + _within_bin(rng, len(which), width)
    r = np.linalg.norm(position, axis=1)
    # neither halo lies in the other: both are hosts
    largest = np.maximum(hosts.r200[which], theory_.radius(log_mass))
    outside = r > p.virial_radius * largest
    which, log_mass, position, r = (a[outside] for a in (which, log_mass, position, r))
    inwards = infall.speed(hosts, bias_host, which, r, theory_, p)
    stirred = p.stirring * hosts.v200[which] * np.sqrt(hosts.r200[which] / r)
    sigma = np.hypot(p.halo_dispersion, stirred)
    velocity = -inwards * position[:, 2] / r + sigma * rng.normal(size=len(r))
    return Neighbours(which, log_mass, position, velocity)


def _within_bin(rng: np.random.Generator, k: int, width: float) -> np.ndarray:
    """Position inside a mass bin [dex], for a mass function that falls as M^-0.95."""
    u = rng.random(k)
    slope = -0.95 * np.log(10) * width
    return width * np.log1p(u * np.expm1(slope)) / slope


def _far(
    rng: np.random.Generator,
    number: np.ndarray,
    bias: np.ndarray,
    bias_host: np.ndarray,
    delta: np.ndarray,
    contamination: np.ndarray,
    reach: float,
    theory_: Theory,
    p: Parameters,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cluster, mass bin and position of haloes by cell, uniform inside."""
    cells = delta.shape[1]
    starts = -p.depth + p.cell * np.arange(cells)
    # mean excess of each cell beyond the radius inside which the excess is placed by distance
    z = starts[:, None, None] + p.cell * (np.arange(8)[:, None] + 0.5) / 8
    rho = reach * np.sqrt((np.arange(8) + 0.5) / 8)
    r = np.hypot(z, rho)
    xi = np.interp(r, RADII, np.maximum(theory_.xi, 0))
    xi = np.where(r > p.correlated_radius, xi, 0).mean(axis=(1, 2))
    volume = np.pi * reach**2 * p.cell
    # the field multiplies what the mean density and the cluster alone would give
    base = np.maximum(1 + delta[..., None] * bias, 0)
    excess = (1 + delta)[..., None] * (bias_host[:, None] * xi)[..., None] * bias
    mean = (base + excess) * number * volume * contamination[:, None, None]
    counts = rng.poisson(mean)
    index = np.repeat(np.arange(counts.size), counts.ravel())
    which, cell, mass_bin = np.unravel_index(index, counts.shape)
    k = len(index)
    rho, phi = reach * np.sqrt(rng.random(k)), rng.uniform(0, 2 * np.pi, k)
    along = starts[cell] + p.cell * rng.random(k)
    return which, mass_bin, np.stack([rho * np.cos(phi), rho * np.sin(phi), along], axis=1)


def _near(
    rng: np.random.Generator,
    hosts: Hosts,
    number: np.ndarray,
    bias: np.ndarray,
    bias_host: np.ndarray,
    delta: np.ndarray,
    contamination: np.ndarray,
    reach: float,
    theory_: Theory,
    p: Parameters,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cluster, mass bin and position of the correlated haloes inside `correlated_radius`."""
    n = len(hosts)
    r = np.geomspace(RADII[0], p.correlated_radius, 200)
    xi = np.interp(r, RADII, theory_.xi) * p.halo_boost
    shells = 4 * np.pi * r**2 * xi
    cumulative = np.concatenate([[0], np.cumsum(0.5 * (shells[1:] + shells[:-1]) * np.diff(r))])
    inner = np.interp(p.virial_radius * hosts.r200, r, cumulative)
    middle = delta.shape[1] // 2
    local = 1 + delta[:, middle - 1 : middle + 1].mean(axis=1)
    strength = bias_host * (cumulative[-1] - inner) * local * contamination
    counts = rng.poisson(strength[:, None] * number * bias)
    index = np.repeat(np.arange(counts.size), counts.ravel())
    which, mass_bin = np.unravel_index(index, counts.shape)
    k = len(index)
    share = inner[which] + rng.random(k) * (cumulative[-1] - inner[which])
    distance = np.interp(share, cumulative, r)
    axes = tracers.directions(rng, n * p.filaments).reshape(n, p.filaments, 3)
    along = axes[which, rng.integers(0, p.filaments, k)]
    along = along + p.filament_width * rng.normal(size=(k, 3))
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    thread = rng.random(k) < p.filament_share
    unit = np.where(thread[:, None], along, tracers.directions(rng, k))
    position = unit * distance[:, None]
    seen = np.hypot(position[:, 0], position[:, 1]) < reach
    return which[seen], mass_bin[seen], position[seen]
