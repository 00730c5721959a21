"""Toy galaxies on dark-matter haloes: `toy_tng` and `toy_simba`.

**A toy.** Haloes come from gravity; who lives in them is a parametric rule whose numbers are fitted
to galaxy power spectra of CAMELS (`benchmarks/bench_toy_suites.py`), or assumed where all subhaloes
are meant, whose spectra are not public. No gas, no feedback on matter.

Centrals: P = [1 + erf((log M - log Mc) / (sqrt(2) s))] / 2, with log Mc shifted by assembly bias
(a_b times the standardised overdensity within 2 Mpc/h at fixed mass); a Gaussian offset from the
halo's centre stands for what baryons and another code displace.
Satellites, of haloes that have a central: Poisson((M / M1)^alpha) on a Navarro-Frenk-White profile
(after Zheng et al. 2005, ApJ 633, 791).
In other boxes than the fiducial ones log Mc changes by k_sn ln A_SN1 and log M1 by l_sn ln A_SN1
(supernovae leave light haloes without a galaxy), log Mc by k_s8 ln(sigma_8 / 0.8) (where haloes
form earlier, those of one mass have made more stars), and log M1 by l_om ln(omega_m / 0.3) (CAMELS
keeps omega_b, so that the same baryons are shared among more dark matter).
"""

from __future__ import annotations

import hashlib
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
OMEGA_M, SIGMA_8 = 0.3, 0.8  # of the fiducial boxes


@dataclass(frozen=True)
class Suite:
    """Parameters of a toy suite; masses in log10 Msun/h.

    Attributes
    ----------
    log_mc, s : float
        Halo mass at which half have a central, and width of the step [dex].
    log_m1, alpha : float
        Halo mass that has one satellite, and slope of their number.
    fc : float
        Concentration of satellites over that of the halo.
    a_b : float
        Assembly bias [dex].
    offset : float
        Gaussian offset of centrals, per axis, in halo radii.
    k_sn, k_s8 : float
        Shifts of log_mc per unit of ln A_SN1 and of ln sigma_8 [dex].
    l_sn, l_om : float
        Shifts of log_m1 per unit of ln A_SN1 and of ln omega_m [dex].
    displaced : float
        Gaussian distance, per axis, by which a halo with its galaxies lies elsewhere than in the
        N-body run [Mpc/h].
    """

    log_mc: float
    s: float
    log_m1: float
    alpha: float
    fc: float
    a_b: float
    offset: float
    k_sn: float
    k_s8: float
    l_sn: float
    l_om: float
    displaced: float = 0.0

    def at(self, a_sn1: float, omega_m: float = OMEGA_M, sigma_8: float = SIGMA_8) -> Suite:
        """The suite in a box of this feedback, relative to the fiducial, and cosmology."""
        centrals = self.k_sn * np.log(a_sn1) + self.k_s8 * np.log(sigma_8 / SIGMA_8)
        satellites = self.l_sn * np.log(a_sn1) + self.l_om * np.log(omega_m / OMEGA_M)
        return replace(
            self,
            log_mc=float(self.log_mc + centrals),
            log_m1=float(self.log_m1 + satellites),
        )


# of more than twenty star particles: fitted
SUITES = {
    "toy_tng": Suite(
        11.064, 0.159, 12.427, 1.136, 0.867, -0.148, 0.05, 0.354, -0.470, 0.208, 0.463
    ),
    "toy_simba": Suite(
        10.871, 0.434, 12.298, 1.068, 0.523, -0.135, 0.08, 0.295, -0.790, 0.229, 0.508
    ),
}
# every subhalo, with stars or without: assumed, but for log_mc, which gives the number of voxels
# with a subhalo that Sether & Giusarma (2024) have, and for the displacement: without it counting
# particles would find galaxies five times as well as their networks do. Neither feedback nor
# cosmology changes the rule
DISPLACED = 0.033  # [Mpc/h]
SUBHALOES = {
    "toy_tng": Suite(9.44, 0.30, 10.59, 0.95, 0.67, -0.06, 0.10, 0, 0, 0, 0, DISPLACED),
    "toy_simba": Suite(9.59, 0.30, 10.93, 0.90, 0.60, -0.02, 0.08, 0, 0, 0, 0, DISPLACED),
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


def central_probability(suite: Suite, mass: Floats, environment: Floats) -> Floats:
    """Probability (h,) of a central in haloes of a mass [Msun/h] and standardised overdensity."""
    threshold = suite.log_mc + suite.a_b * environment
    return np.asarray((1 + erf((np.log10(mass) - threshold) / (np.sqrt(2) * suite.s))) / 2)


def mean_satellites(suite: Suite, mass: Floats) -> Floats:
    """Mean number (h,) of satellites of haloes that have a central."""
    return np.asarray((mass / 10**suite.log_m1) ** suite.alpha)


def moved(haloes: Haloes, suite: Suite, box_size: float) -> Haloes:
    """The haloes where a hydrodynamical run has them: a property of the box, not of the dice."""
    seed = hashlib.sha256(haloes.position.astype(np.float32).tobytes()).digest()[:16]
    rng = np.random.default_rng(int.from_bytes(seed, "little"))
    shift = suite.displaced * rng.standard_normal(haloes.position.shape)
    return replace(haloes, position=(haloes.position + shift) % box_size)


def paint(
    haloes: Haloes,
    environment: Floats,
    suite: Suite,
    box_size: float,
    rng: np.random.Generator,
) -> Galaxies:
    """Draw the galaxies of a box.

    Parameters
    ----------
    environment : (h,) array
        As `surroundings` returns it.
    suite : Suite
        As `Suite.at` returns it for the box.
    """
    chance = central_probability(suite, haloes.mass, environment)
    occupied = np.flatnonzero(rng.random(len(chance)) < chance)
    shift = rng.standard_normal((len(occupied), 3)) * suite.offset
    centre = haloes.position[occupied] + shift * haloes.radius[occupied, None]
    number = rng.poisson(mean_satellites(suite, haloes.mass[occupied]))
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
