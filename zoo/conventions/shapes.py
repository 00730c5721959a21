"""Radii along the major axis or averaged, ellipticities, and deprojection of axis ratios."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units as u

from zoo.conventions.checks import axis_ratio, number
from zoo.errors import InputError

LARGEST_E = 0.9999  # where lenstronomy's ellipticity2phi_q clips |e|


def axis_ratio_from_eps(eps: Any) -> np.ndarray:
    """Axis ratio q = b/a of the ellipticity eps = 1 - b/a that mgefit's `find_galaxy` gives."""
    return 1 - number("eps", eps, u.one, 0, 1, open_high=True)


def eps_from_axis_ratio(q: Any) -> np.ndarray:
    """Ellipticity eps = 1 - b/a, as mgefit's `find_galaxy` and the DAP's ECOOELL define it."""
    return 1 - axis_ratio("q", q)


def e1e2_from_q_phi(q: Any, phi: Any) -> tuple[np.ndarray, np.ndarray]:
    """Ellipticity components of lenstronomy (`Util.param_util.phi_q2_ellipticity`).

    Parameters
    ----------
    q : (...) float
        Axis ratio b/a.
    phi : (...) float [rad]
        Of the major axis, counter-clockwise from +x.

    Returns
    -------
    e1, e2 : (...) float
        (1 - q)/(1 + q) times cos(2 phi) and sin(2 phi): the third flattening, not 1 - q.
    """
    q, phi = axis_ratio("q", q), number("phi", phi, u.rad)
    size = (1 - q) / (1 + q)
    return size * np.cos(2 * phi), size * np.sin(2 * phi)


def q_phi_from_e1e2(e1: Any, e2: Any) -> tuple[np.ndarray, np.ndarray]:
    """Axis ratio and angle [rad, in (-pi/2, pi/2]] of lenstronomy's ellipticity components.

    lenstronomy (`Util.param_util.ellipticity2phi_q`) silently clips the size of (e1, e2) at
    0.9999; here a larger one is an error, because no ellipse has it.

    Raises
    ------
    InputError
        If e1^2 + e2^2 exceeds 0.9999^2.
    """
    e1, e2 = number("e1", e1, u.one, -1, 1), number("e2", e2, u.one, -1, 1)
    size = np.hypot(e1, e2)
    if np.any(size > LARGEST_E):
        raise InputError(
            f"sqrt(e1^2 + e2^2) is {np.max(size):g}, allowed: up to {LARGEST_E} (q = 5e-5)"
        )
    return (1 - size) / (1 + size), np.arctan2(e2, e1) / 2


def product_average_radius(major: Any, q: Any) -> np.ndarray:
    """Radius sqrt(a b) = a sqrt(q) of an ellipse with semi-major axis a, in the unit of a.

    lenstronomy's elliptical profiles measure R_sersic and theta_E so (unless
    `sersic_major_axis=True`), and circularised effective radii of surveys are this; jampy, mgefit,
    DYNAMITE and our Sersic emulators measure along the major axis.
    """
    return number("major", major, None, 0) * np.sqrt(axis_ratio("q", q))


def major_axis_radius(average: Any, q: Any) -> np.ndarray:
    """Semi-major axis of an ellipse whose product-average radius is sqrt(a b), in its unit."""
    return number("average", average, None, 0) / np.sqrt(axis_ratio("q", q))


def intrinsic_axis_ratio(qobs: Any, inc: Any) -> np.ndarray:
    """Intrinsic axis ratio of an oblate body seen at an inclination.

    q^2 = (q'^2 - cos^2 i)/sin^2 i for q' > cos i, as jampy has it (Cappellari 2008).

    Parameters
    ----------
    qobs : (...) float
        Projected axis ratio.
    inc : (...) float [deg]
        90 edge-on.
    """
    qobs = axis_ratio("qobs", qobs)
    inc = number("inc", inc, u.deg, 0, 90, open_low=True)
    cos = np.cos(np.radians(inc))
    squared = (qobs**2 - cos**2) / np.sin(np.radians(inc)) ** 2
    if np.any(squared <= 0):
        qobs, inc = (part[squared <= 0].flat[0] for part in np.broadcast_arrays(qobs, inc))
        raise InputError(
            f"qobs is {qobs:g} at inc = {inc:g} deg, "
            f"allowed: more than cos(inc) = {np.cos(np.radians(inc)):.4f}"
        )
    return np.sqrt(squared)


def observed_axis_ratio(q: Any, inc: Any) -> np.ndarray:
    """Projected axis ratio sqrt(q^2 sin^2 i + cos^2 i) of an oblate body [inc in deg]."""
    q, inc = axis_ratio("q", q), np.radians(number("inc", inc, u.deg, 0, 90))
    return np.hypot(q * np.sin(inc), np.cos(inc))


def inclination(qobs: Any, q: Any) -> np.ndarray:
    """Inclination [deg] at which an oblate body of axis ratio q is seen with qobs.

    jampy advises to sample q of the flattest Gaussian instead of the inclination; this is the
    way back. A sphere (q = 1) has none.
    """
    qobs, q = axis_ratio("qobs", qobs), number("q", q, u.one, 0, 1, open_low=True, open_high=True)
    if np.any(qobs < q):
        raise InputError(f"qobs is {np.min(qobs):g}, allowed: at least q = {np.max(q):g}")
    return np.degrees(np.arccos(np.sqrt((qobs**2 - q**2) / (1 - q**2))))
