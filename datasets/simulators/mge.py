"""Multi-Gaussian expansions (MGE) of axisymmetric galaxies: on the sky and deprojected.

A surface density is a sum of Gaussians with a common centre and position angle,
``surf * exp(-(x**2 + y**2 / qobs**2) / (2 * sigma**2))``, where x runs along the projected major
axis; its deprojection is a sum of oblate Gaussians with the same `sigma` and a smaller axis ratio.

References
----------
Emsellem, Monnet & Bacon 1994, A&A 285, 723; Cappellari 2002, MNRAS 333, 400.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def require(field: str, values: ArrayLike, good: ArrayLike, allowed: str) -> None:
    """Raise a ValueError that names the first value that is not good.

    Parameters
    ----------
    field : str
        What the user calls the values.
    values : (...) array_like
    good : (...) array_like of bool
        Which of the values can be used.
    allowed : str
        What a value must be, to complete "... must be".
    """
    bad = np.argwhere(~np.asarray(good))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        place = f"[{', '.join(map(str, index))}]" if index else ""
        raise ValueError(f"{field}{place} = {np.asarray(values)[index]} must be {allowed}")


def checked(
    surf: ArrayLike, sigma: ArrayLike, qobs: ArrayLike, suffix: str = ""
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return one MGE as three float64 vectors of equal length.

    Parameters
    ----------
    surf : (n,) array_like
        Peak surface density of each Gaussian [Lsun or Msun / pc2]. A negative one is legitimate:
        it hollows out the others.
    sigma : (n,) array_like
        Dispersion along the major axis [arcsec].
    qobs : (n,) array_like
        Projected axis ratio.
    suffix : str
        Ending of the three names in errors, as ``_lum``.

    Returns
    -------
    surf, sigma, qobs : (n,) float64

    Raises
    ------
    ValueError
        Lengths that differ, no Gaussian at all, or a value that no Gaussian can have.
    """
    vectors = [np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (surf, sigma, qobs)]
    names = [f"{name}{suffix}" for name in ("surf", "sigma", "qobs")]
    shapes = {name: vector.shape for name, vector in zip(names, vectors, strict=True)}
    if len(set(shapes.values())) > 1 or vectors[0].ndim != 1 or not vectors[0].size:
        raise ValueError(f"shapes {shapes} must be equal: one value for each Gaussian")
    surf, sigma, qobs = vectors
    require(names[0], surf, np.isfinite(surf), "finite")
    require(names[1], sigma, np.isfinite(sigma) & (sigma > 0), "positive and finite [arcsec]")
    require(names[2], qobs, (qobs > 0) & (qobs <= 1), "in (0, 1]")
    return surf, sigma, qobs


def pc_per_arcsec(distance: float) -> float:
    """Length that spans one arcsecond [pc] at an angular-diameter distance [Mpc]."""
    require("distance", distance, np.isfinite(distance) and distance > 0, "positive [Mpc]")
    return float(distance) * np.pi / 0.648


def surface_density(
    x: ArrayLike, y: ArrayLike, surf: ArrayLike, sigma: ArrayLike, qobs: ArrayLike
) -> np.ndarray:
    """Surface density of an MGE, without a PSF.

    Parameters
    ----------
    x, y : (...) array_like
        Positions along the projected major and minor axis, in the unit of `sigma`; they broadcast
        against each other.
    surf, sigma, qobs : (n,) array_like
        The MGE.

    Returns
    -------
    (...) float64, in the unit of `surf`
    """
    surf, sigma, qobs = checked(surf, sigma, qobs)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    for peak, width, ratio in zip(surf, sigma, qobs, strict=True):
        total += peak * (np.exp(-0.5 * (x / width) ** 2) * np.exp(-0.5 * (y / width / ratio) ** 2))
    return total


def deproject(qobs: ArrayLike, inc: float, field: str = "qobs") -> np.ndarray:
    """Intrinsic axis ratios of oblate Gaussians (Cappellari 2008, eq. 14).

    Parameters
    ----------
    qobs : (n,) array_like
        Projected axis ratios.
    inc : float
        Inclination [deg], 90 is edge-on.
    field : str
        What the user calls `qobs`, for the error.

    Returns
    -------
    (n,) float64

    Raises
    ------
    ValueError
        An inclination outside (0, 90], or a Gaussian flatter than any oblate one seen from there.
    """
    qobs = np.asarray(qobs, dtype=np.float64)
    require("inc", inc, 0 < inc <= 90, "in (0, 90] [deg]")
    cos, sin = np.cos(np.radians(inc)), np.sin(np.radians(inc))
    require(
        field, qobs, qobs > cos, f"greater than cos(inc) = {cos:.6g} to be deprojected at {inc} deg"
    )
    return np.sqrt((qobs - cos) * (qobs + cos)) / sin


def central_density(
    surf: ArrayLike, sigma_pc: ArrayLike, qobs: ArrayLike, qintr: ArrayLike
) -> np.ndarray:
    """Density at the centre of each deprojected Gaussian (Cappellari 2008, eq. 13).

    Parameters
    ----------
    surf : (n,) array_like
        Peak surface density [Lsun or Msun / pc2].
    sigma_pc : (n,) array_like
        Dispersion along the major axis [pc].
    qobs, qintr : (n,) array_like
        Projected and intrinsic axis ratio.

    Returns
    -------
    (n,) float64 [Lsun or Msun / pc3]
    """
    surf, qobs = np.asarray(surf, dtype=np.float64), np.asarray(qobs, dtype=np.float64)
    return surf * qobs / (np.sqrt(2 * np.pi) * np.asarray(sigma_pc) * np.asarray(qintr))


def black_hole(mbh: float, rbh: float, distance: float) -> tuple[float, float, float]:
    """Round Gaussian that stands for a point mass, as JAM has it.

    Its second moments are those of a point mass to 1 % from 2 `rbh` outwards.

    Parameters
    ----------
    mbh : float
        Mass [Msun].
    rbh : float
        Dispersion of the Gaussian [arcsec].
    distance : float
        Angular-diameter distance [Mpc].

    Returns
    -------
    surf [Msun/pc2], sigma [arcsec], qobs : float
    """
    require("mbh", mbh, np.isfinite(mbh) and mbh >= 0, "zero or positive [Msun]")
    require("rbh", rbh, np.isfinite(rbh) and rbh > 0, "positive [arcsec]")
    return mbh / (2 * np.pi * (rbh * pc_per_arcsec(distance)) ** 2), float(rbh), 1.0
