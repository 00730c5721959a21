"""Toy galaxies on dark-matter haloes: `toy_tng` and `toy_simba`.

**A toy.** Haloes come from gravity; who lives in them is a parametric rule whose numbers are fitted
to galaxy power spectra of CAMELS (`benchmarks/bench_toy_suites.py`). No gas, no feedback on matter.

Centrals: P = [1 + erf((log M - log Mc) / (sqrt(2) s))] / 2, with log Mc shifted by supernova
feedback (k_sn ln A_SN1) and by assembly bias (a_b times the standardised overdensity within 2 Mpc/h
at fixed mass); a Gaussian offset from the halo's centre stands for what baryons and another code
displace.
Satellites, of haloes that have a central: Poisson((M / (m1 Mc))^alpha) on a Navarro-Frenk-White
profile (after Zheng et al. 2005, ApJ 633, 791).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import erf, lambertw

from zoo_datasets.simulators.nbody import initial, mesh
from zoo_datasets.simulators.nbody.cola import Box
from zoo_datasets.simulators.nbody.haloes import Haloes

Floats = NDArray[np.float64]

SURROUNDINGS = 2.0  # [Mpc/h] radius of the sphere that assembly bias looks at
MASS_BINS = 20  # of equal numbers of haloes, in which overdensities are standardised
CONCENTRATION, PIVOT, SLOPE, SPREAD = 9.0, 2e12, -0.13, 0.1  # c(M), its scatter [dex]
STARS = 10  # star particles of the cut that `log_mc` belongs to


@dataclass(frozen=True)
class Suite:
    """Parameters of a toy suite; masses in log10 Msun/h.

    Attributes
    ----------
    log_mc, s : float
        Halo mass at which half have a central, for galaxies with ten star particles or more, and
        width of the step [dex].
    m1, alpha : float
        Halo mass of one satellite in units of Mc, and slope of their number.
    fc : float
        Concentration of satellites over that of the halo.
    a_b : float
        Assembly bias [dex].
    offset : float
        Gaussian offset of centrals, per axis, in halo radii.
    k_sn : float
        Shift of log_mc per unit of ln A_SN1 [dex].
    log_mc_all : float
        `log_mc` of all subhaloes, with stars or without.
    per_star : float
        Shift of log_mc per dex of the least number of star particles [dex].
    """

    log_mc: float
    s: float
    m1: float
    alpha: float
    fc: float
    a_b: float
    offset: float
    k_sn: float
    log_mc_all: float
    per_star: float = 0.5

    def selected(self, stars: int | None) -> Suite:
        """The suite of galaxies with at least so many star particles; of all subhaloes if None."""
        if stars is None:
            return replace(self, log_mc=self.log_mc_all)
        return replace(self, log_mc=self.log_mc + self.per_star * np.log10(stars / STARS))


SUITES = {
    "toy_tng": Suite(11.0, 0.20, 14.0, 0.95, 1.0, -0.06, 0.05, 0.18, 9.5),
    "toy_simba": Suite(11.15, 0.30, 22.0, 0.90, 0.6, -0.02, 0.08, 0.20, 9.65),
}


@dataclass(frozen=True)
class Galaxies:
    """Painted galaxies.

    Attributes
    ----------
    position : (g, 3) array [Mpc/h]
    halo : (g,) array of int
        Row of the halo.
    central : (g,) array of bool
    """

    position: Floats
    halo: NDArray[np.int64]
    central: NDArray[np.bool_]


def surroundings(box: Box, haloes: Haloes, cells: int = 64) -> Floats:
    """Overdensity (h,) around haloes within 2 Mpc/h, standardised among haloes of like mass."""
    scale = np.float32(cells / box.box_size)
    modes = scipy.fft.rfftn(mesh.assign(box.position * scale, cells))
    kr = SURROUNDINGS * initial.wavenumber(cells, box.box_size)
    window = 3 * (np.sin(kr) - kr * np.cos(kr)) / kr**3  # a sphere
    window[0, 0, 0] = 1
    smooth = scipy.fft.irfftn(modes * window, s=(cells,) * 3).astype(np.float32)
    found = mesh.interpolate(smooth, haloes.position.astype(np.float32) * scale)
    out = np.zeros(len(found))
    for rows in np.array_split(np.argsort(haloes.mass, kind="stable"), MASS_BINS):
        if len(rows) > 1 and (spread := found[rows].std()) > 0:
            out[rows] = (found[rows] - found[rows].mean()) / spread
    return out


def central_probability(
    suite: Suite, mass: Floats, environment: Floats, a_sn1: float = 1.0
) -> Floats:
    """Probability (h,) of a central in haloes of a mass [Msun/h] and standardised overdensity."""
    threshold = suite.log_mc + suite.k_sn * np.log(a_sn1) + suite.a_b * environment
    return np.asarray((1 + erf((np.log10(mass) - threshold) / (np.sqrt(2) * suite.s))) / 2)


def mean_satellites(suite: Suite, mass: Floats, a_sn1: float = 1.0) -> Floats:
    """Mean number (h,) of satellites of haloes that have a central."""
    mc = 10 ** (suite.log_mc + suite.k_sn * np.log(a_sn1))
    return np.asarray((mass / (suite.m1 * mc)) ** suite.alpha)


def paint(
    haloes: Haloes,
    environment: Floats,
    suite: Suite,
    box_size: float,
    rng: np.random.Generator,
    a_sn1: float = 1.0,
) -> Galaxies:
    """Draw the galaxies of a box.

    Parameters
    ----------
    environment : (h,) array
        As `surroundings` returns it.
    a_sn1 : float
        Supernova feedback relative to the fiducial, as in CAMELS.
    """
    chance = central_probability(suite, haloes.mass, environment, a_sn1)
    occupied = np.flatnonzero(rng.random(len(chance)) < chance)
    shift = rng.standard_normal((len(occupied), 3)) * suite.offset
    centre = haloes.position[occupied] + shift * haloes.radius[occupied, None]
    number = rng.poisson(mean_satellites(suite, haloes.mass[occupied], a_sn1))
    host = np.repeat(occupied, number)
    around = _nfw(suite, haloes.mass[host], rng) * haloes.radius[host, None]
    position = np.concatenate([centre, haloes.position[host] + around]) % box_size
    kind = np.arange(len(position)) < len(occupied)
    return Galaxies(position, np.concatenate([occupied, host]), kind)


def _nfw(suite: Suite, mass: Floats, rng: np.random.Generator) -> Floats:
    """Positions (g, 3) in halo radii: the inverse of NFW's mass by Robotham & Howlett (2018)."""
    scatter = 10 ** (SPREAD * rng.standard_normal(len(mass)))
    c = suite.fc * CONCENTRATION * (mass / PIVOT) ** SLOPE * scatter
    inside = rng.random(len(mass)) * (np.log1p(c) - c / (1 + c))
    radius = (-1 / np.real(lambertw(-np.exp(-1 - inside))) - 1) / c
    direction = rng.standard_normal((len(mass), 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.asarray(radius[:, None] * direction)
