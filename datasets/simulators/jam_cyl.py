"""Jeans anisotropic modelling with a cylindrically aligned velocity ellipsoid (JAM_cyl).

Projected second moment of an axisymmetric galaxy whose light and mass are multi-Gaussian
expansions, at any positions or on a grid, in the names and units of jampy (Cappellari 2008,
MNRAS 390, 71). The integral behind it is in `jam_cyl_terms`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zoo_datasets.simulators.jam_cyl_terms import Light, deproject_galaxy, terms
from zoo_datasets.simulators.mge import require, surface_density

BLOCK = 2**18  # exponentials evaluated at once: 2 MB, which stays in the processor's cache


def _rms(moment: np.ndarray, light: Light, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Root of the projected second moment over the surface density, at positions (...)."""
    surface = surface_density(x, y, light.surf, light.sigma, light.qobs)
    if not np.all(surface > 0):
        dark = tuple(np.argwhere(~(surface > 0))[0])
        where = ", ".join(f"{v[dark]:g}" for v in np.broadcast_arrays(x, y))
        raise ValueError(
            f"at (x, y) = ({where}) arcsec the surface density of the light is {surface[dark]:g}: "
            "it must be positive, or there is nothing that could have a velocity"
        )
    return np.sqrt(np.maximum(moment, 0) / surface)


def _position(field: str, values: ArrayLike) -> np.ndarray:
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    require(field, array, np.isfinite(array), "finite [arcsec]")
    return array


def vrms(
    surf_lum: ArrayLike,
    sigma_lum: ArrayLike,
    qobs_lum: ArrayLike,
    surf_pot: ArrayLike,
    sigma_pot: ArrayLike,
    qobs_pot: ArrayLike,
    inc: float,
    mbh: float,
    distance: float,
    xbin: ArrayLike,
    ybin: ArrayLike,
    *,
    beta: ArrayLike = 0.0,
    rbh: float = 0.01,
    nodes: int = 64,
) -> np.ndarray:
    """Root mean square line-of-sight velocity of one galaxy at any positions, without a PSF.

    Parameters
    ----------
    surf_lum, sigma_lum, qobs_lum : (k,) array_like
        MGE of the tracer: peak surface density [Lsun/pc2], dispersion along the major axis
        [arcsec], projected axis ratio.
    surf_pot, sigma_pot, qobs_pot : (j,) array_like
        MGE of the mass, its peak surface density in Msun/pc2.
    inc : float
        Inclination [deg], 90 is edge-on.
    mbh : float
        Mass of the central black hole [Msun].
    distance : float
        Angular-diameter distance [Mpc].
    xbin, ybin : (n,) array_like
        Positions along the projected major and minor axis [arcsec].
    beta : float or (k,) array_like
        Anisotropy 1 - (sigma_z / sigma_R)**2, one for all or one for each Gaussian of the light.
    rbh : float
        Dispersion of the Gaussian that stands for the black hole [arcsec].
    nodes : int
        Nodes of the quadrature; the black hole has half as many again.

    Returns
    -------
    (n,) float64 [km/s]
        0 where the Jeans equations give a negative second moment, as JAM has it.

    Raises
    ------
    ValueError
        A value that is not finite, has the wrong sign or shape, a Gaussian that cannot be
        deprojected, or a position without light; the message names field and value.
    """
    lum, pot = (surf_lum, sigma_lum, qobs_lum), (surf_pot, sigma_pot, qobs_pot)
    galaxy = deproject_galaxy(lum, pot, inc, mbh, distance, beta, rbh, nodes)
    x, y = _position("xbin", xbin), _position("ybin", ybin)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"xbin {x.shape} and ybin {y.shape} must be vectors of equal length")
    x2, y2 = x**2, y**2
    moment = np.zeros_like(x)
    for term in terms(galaxy):
        step = max(1, BLOCK // term.a.size)
        for start in range(0, x.size, step):
            here = slice(start, start + step)
            gauss = np.exp(-(np.outer(term.a, x2[here]) + np.outer(term.c, y2[here])))
            moment[here] += term.f0 @ gauss + x2[here] * (term.f1 @ gauss)
    return _rms(moment, galaxy.light, x, y)


def vrms_grid(
    surf_lum: ArrayLike,
    sigma_lum: ArrayLike,
    qobs_lum: ArrayLike,
    surf_pot: ArrayLike,
    sigma_pot: ArrayLike,
    qobs_pot: ArrayLike,
    inc: float,
    mbh: float,
    distance: float,
    x: ArrayLike,
    y: ArrayLike,
    *,
    beta: ArrayLike = 0.0,
    rbh: float = 0.01,
    nodes: int = 64,
) -> np.ndarray:
    """Like `vrms`, on the grid of every x with every y.

    Each term is a function of x times a function of y, so that the sum over the terms is a matrix
    product, many times faster than `vrms` on the same positions.

    Parameters
    ----------
    x : (nx,) array_like
        Positions along the projected major axis [arcsec]. A map is symmetric in x and in y: give
        only the absolute values that differ.
    y : (ny,) array_like
        Positions along the projected minor axis [arcsec].

    Other parameters and errors are those of `vrms`.

    Returns
    -------
    (ny, nx) float64 [km/s]
    """
    lum, pot = (surf_lum, sigma_lum, qobs_lum), (surf_pot, sigma_pot, qobs_pot)
    galaxy = deproject_galaxy(lum, pot, inc, mbh, distance, beta, rbh, nodes)
    x, y = _position("x", x), _position("y", y)
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError(f"x {x.shape} and y {y.shape} must be vectors, the axes of a grid")
    x2, y2 = x[:, None] ** 2, y[:, None] ** 2
    moment = np.zeros((y.size, x.size))
    for term in terms(galaxy):
        along_x = np.exp(-x2 * term.a) * (term.f0 + term.f1 * x2)
        moment += np.exp(-y2 * term.c) @ along_x.T
    return _rms(moment, galaxy.light, x, y[:, None])
