"""From the mass a spherical model finds to the true one: what triaxial, clumpy haloes add.

The likelihood of a dynamical model is one of the mass that a sphere in equilibrium would have. That
mass scatters about the true one: log M_dynamical follows Student's t distribution about

    log M + offset + slope (log M - 14.5)   of width   scatter exp(growth (log M - 14.5)),

four numbers that are fitted to clusters of known mass. Without them posteriors are too narrow. Its
four degrees of freedom leave room for the few clusters that are mergers or seen through a group.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import minimize

PIVOT = 14.5
CELL = 0.01  # [dex], of the posterior
DEEPEST = -60.0  # of log L, below its maximum
FREEDOM = 4.0
START = (0.0, 0.0, np.log(0.12), 0.0)


def cells(low: float, high: float) -> np.ndarray:
    """Edges of the cells of log M between the ends of the prior, which is uniform."""
    return np.linspace(low, high, round((high - low) / CELL) + 1)


def weights(
    log_likelihood: np.ndarray, grid: np.ndarray, relation: Sequence[float], edges: np.ndarray
) -> np.ndarray:
    """Posterior (objects, cells) of the true mass, not normalised.

    Parameters
    ----------
    log_likelihood : (objects, masses) array
        Of the dynamical mass on `grid`, (masses,).
    relation : four floats
        Offset, slope, logarithm of the scatter, growth.
    edges : (cells + 1,) array
        As `cells` returns them.
    """
    fine, likelihood = refined(log_likelihood, grid)
    return likelihood @ _kernel(fine, (edges[1:] + edges[:-1]) / 2, relation)


def refined(log_likelihood: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grid in steps of `CELL`, and exp of the likelihood on it relative to its maximum."""
    fine = np.linspace(grid[0], grid[-1], round((grid[-1] - grid[0]) / CELL) + 1)
    depth = np.maximum(log_likelihood - log_likelihood.max(axis=1, keepdims=True), DEEPEST)
    # no overshoot where masses are all but excluded
    return fine, np.exp(PchipInterpolator(grid, depth, axis=1)(fine))


def _kernel(dynamical: np.ndarray, true: np.ndarray, relation: Sequence[float]) -> np.ndarray:
    """Density of the dynamical mass at each true one, (dynamical, true)."""
    offset, slope, log_scatter, growth = relation
    sigma = np.exp(log_scatter + growth * (true - PIVOT))
    # narrower than the steps of the grid it would be lost between them
    sigma = np.maximum(sigma, CELL / 2)
    z = (dynamical[:, None] - true - offset - slope * (true - PIVOT)) / sigma
    return (1 + z**2 / FREEDOM) ** (-(FREEDOM + 1) / 2) / sigma


def fit(
    log_likelihood: np.ndarray, grid: np.ndarray, log_mass: np.ndarray, edges: np.ndarray
) -> list[float]:
    """The four numbers under which the true masses are most probable.

    Parameters
    ----------
    log_likelihood : (objects, masses) array
        On `grid`, (masses,).
    log_mass : (objects,) array
        True masses, inside the edges.
    edges : (cells + 1,) array
    """
    middle = (edges[1:] + edges[:-1]) / 2
    fine, likelihood = refined(log_likelihood, grid)
    own = np.clip(np.searchsorted(edges, log_mass) - 1, 0, len(middle) - 1)
    rows = np.arange(len(log_mass))

    def loss(relation: Sequence[float]) -> float:
        posterior = likelihood @ _kernel(fine, middle, relation)
        return float(-np.mean(np.log(posterior[rows, own] / posterior.sum(axis=1) + 1e-12)))

    found = minimize(loss, START, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-5})
    return [round(float(value), 4) for value in found.x]
