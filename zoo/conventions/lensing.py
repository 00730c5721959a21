"""Power-law lenses: slope and Einstein radius of lenstronomy and of GLEE, which SKiNN takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units as u

from zoo.conventions.checks import axis_ratio, number


def gamma_from_glee(glee: Any) -> np.ndarray:
    """Slope gamma of the density rho ~ r^-gamma (lenstronomy) of GLEE's and SKiNN's exponent.

    GLEE's SPEMD is kappa ~ (u^2 + s^2)^-g, hence gamma = 2 g + 1; isothermal is g = 0.5.
    """
    return 2 * number("glee", glee, u.one, 0, 1, open_low=True, open_high=True) + 1


def glee_gamma(gamma: Any) -> np.ndarray:
    """GLEE's exponent g = (gamma - 1)/2 of the slope gamma of the density, in (1, 3)."""
    return (number("gamma", gamma, u.one, 1, 3, open_low=True, open_high=True) - 1) / 2


def lenstronomy_theta_e(glee_theta_e: Any, q: Any, gamma: Any) -> np.ndarray:
    """Einstein radius of lenstronomy's PEMD and EPL of that of GLEE's SPEMD (`scale:` keyword).

    Both write kappa = C (theta_E/u)^(gamma - 1); without a core
    GLEE:        C = (3 - gamma)/(1 + q), u^2 = x^2 + y^2/q^2   (SPEMD page of its manual),
    lenstronomy: C = (3 - gamma)/2,       u^2 = q x^2 + y^2/q   (`LensModel.Profiles.pemd`),
    so that the ratio is sqrt(q) (2/(1 + q))^(1/(gamma - 1)), as in lenstronomy's
    `KinLikelihood.convert_to_nn_params`.

    Parameters
    ----------
    glee_theta_e : (...) float [arcsec]
    q : (...) float
        Axis ratio of the convergence.
    gamma : (...) float
        Slope of the density in three dimensions (not GLEE's exponent).
    """
    theta_e = number("glee_theta_e", glee_theta_e, u.arcsec, 0, open_low=True)
    return theta_e * _scale(q, gamma)


def glee_theta_e(theta_e: Any, q: Any, gamma: Any) -> np.ndarray:
    """Inverse of `lenstronomy_theta_e` [arcsec]."""
    return number("theta_e", theta_e, u.arcsec, 0, open_low=True) / _scale(q, gamma)


def _scale(q: Any, gamma: Any) -> np.ndarray:
    q = axis_ratio("q", q)
    return np.sqrt(q) * (2 / (1 + q)) ** (1 / (2 * glee_gamma(gamma)))
