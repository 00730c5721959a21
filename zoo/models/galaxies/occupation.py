"""Halo occupation: how many galaxies a halo has by its mass, and where they are.

Masses are in Msun/h, lengths in comoving Mpc/h, boxes are periodic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from scipy.special import erf

Floats = NDArray[np.float64]
LARGEST = 12.0  # of the natural logarithm of a mean number, so that searches do not overflow


@dataclass(frozen=True)
class PowerLaw:
    """Three parameters: Poisson numbers of mean (M / M1)^alpha above Mmin, at the halo's centre.

    Attributes
    ----------
    log_mmin, log_m1 : float
        log10 of masses.
    alpha : float
    """

    log_mmin: float
    log_m1: float
    alpha: float
    spread: ClassVar[bool] = False  # whether galaxies that are no centrals follow a profile

    def expected(self, mass: Floats) -> tuple[Floats, Floats]:
        """Probability of a central, none here, and mean number of other galaxies (h,)."""
        log_mean = np.log(10) * self.alpha * (np.log10(mass) - self.log_m1)
        mean = np.exp(np.minimum(log_mean, LARGEST))
        return np.zeros(len(mass)), np.where(np.log10(mass) > self.log_mmin, mean, 0.0)

    def draw(self, mass: Floats, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Whether there is a central, and the number of other galaxies (h,)."""
        return np.zeros(len(mass), bool), rng.poisson(self.expected(mass)[1])


@dataclass(frozen=True)
class Zheng:
    """Five parameters (Zheng et al. 2005, ApJ 633, 791; 2007, ApJ 667, 760).

    A central with probability [1 + erf((log M - log Mmin) / sigma)] / 2; a halo that has one also
    has a Poisson number of satellites of mean ((M - M0) / M1)^alpha, on its density profile.

    Attributes
    ----------
    log_mmin, log_m0, log_m1 : float
        log10 of masses.
    sigma : float
        Width of the step [dex].
    alpha : float
    """

    log_mmin: float
    sigma: float
    log_m0: float
    log_m1: float
    alpha: float
    spread: ClassVar[bool] = True

    def rates(self, mass: Floats) -> tuple[Floats, Floats]:
        """Probability of a central, and mean number of satellites of haloes with one (h,)."""
        central = (1 + erf((np.log10(mass) - self.log_mmin) / self.sigma)) / 2
        excess = np.maximum(mass - 10**self.log_m0, 0) / 10**self.log_m1
        with np.errstate(divide="ignore"):
            log_mean = self.alpha * np.log(excess)
        return np.asarray(central), np.exp(np.minimum(log_mean, LARGEST))

    def expected(self, mass: Floats) -> tuple[Floats, Floats]:
        """Probability of a central, and mean number of satellites of any halo (h,)."""
        central, satellites = self.rates(mass)
        return central, central * satellites

    def draw(self, mass: Floats, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Whether there is a central, and the number of satellites (h,)."""
        chance, satellites = self.rates(mass)
        central = rng.random(len(mass)) < chance
        return central, rng.poisson(satellites) * central


RULES = {"power_law": PowerLaw, "zheng": Zheng}


def members(
    galaxy_position: ArrayLike,
    halo_position: ArrayLike,
    halo_mass: ArrayLike,
    halo_radius: ArrayLike,
    box_size: float,
    reach: float = 1.0,
    strays: float = 0.0,
) -> NDArray[np.int64]:
    """Number of galaxies (h,) in each halo of a periodic box.

    A galaxy belongs to the most massive halo that it lies in, or else to the nearest.

    Parameters
    ----------
    galaxy_position : (g, 3) array [Mpc/h]
    halo_position : (h, 3) array [Mpc/h]
    halo_mass, halo_radius : (h,) arrays
    box_size : float
        Side [Mpc/h].
    reach : float
        Extent of a halo in its radii.
    strays : float
        Distance up to which a galaxy outside of all haloes belongs to the nearest [Mpc/h].

    Raises
    ------
    ValueError
        If positions, masses and radii are not of the same haloes.
    """
    where, centres = (
        np.asarray(x, np.float64).reshape(-1, 3) % box_size
        for x in (galaxy_position, halo_position)
    )
    size = reach * np.asarray(halo_radius, np.float64)
    order = np.argsort(-np.asarray(halo_mass), kind="stable")
    if not len(centres) == len(size) == len(order):
        raise ValueError(
            f"haloes have {len(centres)} positions, {len(order)} masses and {len(size)} radii"
        )
    found = np.zeros(len(order), np.int64)
    if not len(where) or not len(order):
        return found
    inside = cKDTree(where, boxsize=box_size).query_ball_point(centres[order], size[order])
    free = np.ones(len(where), bool)
    for halo, near in zip(order, inside, strict=True):
        own = np.asarray(near, np.int64)
        found[halo] = free[own].sum()
        free[own] = False
    if strays > 0 and free.any():
        away, nearest = cKDTree(centres, boxsize=box_size).query(where[free])
        found += np.bincount(nearest[away < strays], minlength=len(order))
    return found
