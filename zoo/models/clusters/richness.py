"""How the scatter of a mass estimate falls with the number of galaxies."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

BINS = 10


def richness_fit(residual: ArrayLike, richness: ArrayLike) -> dict[str, float]:
    """Fit sigma^2 = sigma_n^2 (100 / N) + sigma_0^2 to the residuals of clusters of N galaxies.

    The variance about the mean is taken in deciles of N. As its error is proportional to itself,
    relative deviations are minimised; both terms are at least zero. This is the error model of
    Kodi Ramanah et al. (2020, 2021): `sigma_n` is what more galaxies would cure, `sigma_0` the
    floor.

    Parameters
    ----------
    residual : (clusters,) array
        log M_predicted - log M_true [dex].
    richness : (clusters,) array
        Galaxies of each, at least 1.

    Returns
    -------
    dict of float
        `sigma_n` and `sigma_0` [dex].

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite, or there are fewer than 20 clusters.
    """
    eps, n = np.asarray(residual, float), np.asarray(richness, float)
    if eps.ndim != 1 or eps.shape != n.shape:
        raise ValueError(f"residual has shape {eps.shape} and richness {n.shape}; must be equal")
    if len(eps) < 2 * BINS:
        raise ValueError(f"there are {len(eps)} clusters, too few for deciles of richness")
    if not np.isfinite(eps).all() or not np.isfinite(n).all() or n.min() < 1:
        raise ValueError("residual has to be finite and richness at least 1")
    order = np.argsort(n, kind="stable")
    deciles = np.array_split(order, BINS)
    variance = np.array([eps[rows].var(ddof=1) for rows in deciles])
    if not variance.min() > 0:
        raise ValueError("in one decile of richness all residuals are equal")
    inverse = np.array([np.mean(100 / n[rows]) for rows in deciles])
    terms = np.stack([inverse, np.ones(BINS)], axis=1) / variance[:, None]
    sigma_n, sigma_0 = np.sqrt(nnls(terms, np.ones(BINS))[0])
    return {"sigma_n": float(sigma_n), "sigma_0": float(sigma_0)}
