"""Surface brightness, surface density and M/L."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units as u

from zoo.conventions.checks import axis_ratio, number

ONE_PC2 = 5 * np.log10(np.degrees(3600) / 10)  # 21.572: 1 pc at 10 pc is 20626 arcsec


def surface_density_from_magnitude(magnitude: Any, sun: Any) -> np.ndarray:
    """Luminosity surface density [Lsun/pc^2] of a surface brightness [mag/arcsec^2].

    S = (64800/pi)^2 10^(0.4 (M_sun - mu)), or log10 S = 0.4 (M_sun + 21.572 - mu).

    Parameters
    ----------
    magnitude : (...) float [mag/arcsec2]
        Corrected for extinction, dimming and K correction.
    sun : float [mag]
        Absolute magnitude of the Sun in the same band and system (Willmer 2018, ApJS 236, 47).
    """
    magnitude = number("magnitude", magnitude, u.mag / u.arcsec**2)
    return 10 ** (0.4 * (number("sun", sun, u.mag) + ONE_PC2 - magnitude))


def magnitude_from_surface_density(density: Any, sun: Any) -> np.ndarray:
    """Surface brightness [mag/arcsec^2] of a surface density [Lsun/pc^2]."""
    density = number("density", density, u.Lsun / u.pc**2, 0, open_low=True)
    return number("sun", sun, u.mag) + ONE_PC2 - 2.5 * np.log10(density)


def peak_from_counts(counts: Any, sigma: Any, qobs: Any) -> np.ndarray:
    """Peak of a Gaussian of mgefit's `mge_fit_sectors`: counts/(2 pi sigma^2 q).

    Parameters
    ----------
    counts : (K,) float
        `sol[0]`, the total of each Gaussian.
    sigma : (K,) float
        `sol[1]` [pixels]; the peak is per pixel.
    qobs : (K,) float
        `sol[2]`.
    """
    sigma = number("sigma", sigma, None, 0, open_low=True)
    return number("counts", counts, None, 0) / (2 * np.pi * sigma**2 * axis_ratio("qobs", qobs))


def arcsec_in_pc(distance: Any) -> np.ndarray:
    """Length [pc] of one arcsec at an angular-diameter distance [Mpc]: D pi / 0.648."""
    return number("distance", distance, u.Mpc, 0, open_low=True) * np.pi / 0.648


def ml_at_distance(ml: Any, distance: Any, other: Any) -> np.ndarray:
    """Dynamical M/L [Msun/Lsun] that the same data give at another distance [Mpc]: ~ 1/D.

    Surface densities do not depend on the distance, lengths are proportional to it.
    """
    ml = number("ml", ml, u.Msun / u.Lsun, 0)
    distance = number("distance", distance, u.Mpc, 0, open_low=True)
    return ml * distance / number("other", other, u.Mpc, 0, open_low=True)
