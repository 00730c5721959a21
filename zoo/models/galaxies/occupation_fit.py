"""Maximum likelihood of occupations, given how many galaxies each halo of a simulation has.

Haloes are pooled in narrow bins of mass first: the likelihoods need sums over haloes only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from zoo.models.galaxies.occupation import PowerLaw, Zheng

WIDTH = 0.02  # of the bins of mass [dex]
RARE = 1e-3  # galaxies in a halo where the rule allows none: what a galaxy there costs
TINY = 1e-5  # the same for a central or satellite of the five parameters


@dataclass(frozen=True)
class Sums:
    """Haloes in bins of mass (b,): log10 of the lower edge, mean mass, numbers.

    `haloes` counts all, `empty` those without galaxies, `galaxies` is their sum.
    """

    edge: NDArray
    mass: NDArray
    haloes: NDArray
    empty: NDArray
    galaxies: NDArray


def sums(mass: NDArray, number: NDArray) -> Sums:
    """Pool haloes (h,) of a mass and a number of galaxies.

    Raises
    ------
    ValueError
        If no halo has a galaxy.
    """
    if not np.any(number):
        raise ValueError("no halo of the training boxes has a galaxy")
    bins, index = np.unique(np.floor(np.log10(mass) / WIDTH), return_inverse=True)
    haloes = np.bincount(index)
    return Sums(
        bins * WIDTH,
        np.bincount(index, mass) / haloes,
        haloes,
        np.bincount(index, number == 0),
        np.bincount(index, number),
    )


def power_law(data: Sums) -> dict[str, float]:
    """Fit `PowerLaw` by the Poisson likelihood of all haloes, for every possible Mmin."""
    log_mass = np.log10(data.mass)
    below = -RARE * data.haloes + np.log(RARE) * data.galaxies
    best, found = -np.inf, None
    for first in range(max(len(log_mass) - 2, 1)):
        if not data.galaxies[first:].any():
            break
        x, n, total = log_mass[first:] - 12, data.haloes[first:], data.galaxies[first:]
        offset, slope = _poisson_line(x, n, total)
        log_mean = offset + slope * x
        value = below[:first].sum() + (total * log_mean - n * np.exp(log_mean)).sum()
        if slope > 0 and value > best:
            alpha = slope / np.log(10)
            best = value
            found = PowerLaw(float(data.edge[first]), 12 - offset / slope, alpha)
    if found is None:
        raise ValueError("galaxies become no more with the mass of haloes: no power law fits")
    return asdict(found)


def zheng(data: Sums) -> dict[str, float]:
    """Fit `Zheng` by the likelihood of the numbers of galaxies of all haloes."""
    occupied = data.haloes - data.empty
    satellites = data.galaxies - occupied

    def minus_log(theta: NDArray) -> float:
        central, mean = _zheng(theta).rates(data.mass)
        central, mean = np.clip(central, TINY, 1 - TINY), np.maximum(mean, TINY)
        logs = data.empty * np.log1p(-central) + occupied * (np.log(central) - mean)
        return float(-(logs + satellites * np.log(mean)).sum())

    half = np.argmax(occupied >= data.haloes / 2) if (occupied >= data.haloes / 2).any() else -1
    step = np.log10(data.mass[half])
    best = min(
        (
            minimize(
                minus_log,
                [step, np.log(0.3), step + up, step + 1.1, 0.95],
                method="Nelder-Mead",
                options={"maxiter": 4000, "xatol": 1e-4, "fatol": 1e-3},
            )
            for up in (-1.0, 0.0)
        ),
        key=lambda found: found.fun,
    )
    return {name: float(value) for name, value in asdict(_zheng(best.x)).items()}


def _zheng(theta: NDArray) -> Zheng:
    return Zheng(theta[0], np.exp(theta[1]), theta[2], theta[3], theta[4])


def _poisson_line(x: NDArray, n: NDArray, total: NDArray) -> tuple[float, float]:
    """Offset and slope of ln(mean number) = offset + slope x, of n haloes and their galaxies."""
    design = np.stack([np.ones(len(x)), x])
    theta = np.array([np.log(total.sum() / n.sum()), 0.0])
    for _ in range(100):  # Newton's method: the likelihood is concave
        mean = n * np.exp(np.clip(theta @ design, -30, 30))
        hessian = (design * mean) @ design.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, design @ (total - mean))
        theta += step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-30))
        if np.abs(step).max() < 1e-8:
            break
    return float(theta[0]), float(theta[1])
