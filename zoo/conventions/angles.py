"""Angles of a galaxy on the sky, and of the sky on the galaxy.

`pa` is the astronomical position angle of the major axis: from North through East [deg], modulo
180. Frames differ in where their +x points while +y is North: an image shown with North up has
`x_axis="west"` (East is left); offsets in right ascension, as in lenstronomy's sky coordinates and
MaNGA's SPX_SKYCOO, have `x_axis="east"`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units as u

from zoo.conventions.checks import number, one_of
from zoo.errors import InputError

X_AXES = ("west", "east")


def pa_from_x_angle(angle: Any, x_axis: str = "west") -> np.ndarray:
    """Position angle [deg, 0 to 180] of an angle [deg] counted from +x towards +y (North)."""
    angle = number("angle", angle, u.deg)
    west = one_of("x_axis", x_axis, X_AXES) == "west"
    return np.mod(angle - 90 if west else 90 - angle, 180)


def x_angle_from_pa(pa: Any, x_axis: str = "west") -> np.ndarray:
    """Angle [deg, 0 to 180] of the major axis from +x towards +y (North)."""
    pa = number("pa", pa, u.deg)
    west = one_of("x_axis", x_axis, X_AXES) == "west"
    return np.mod(pa + 90 if west else 90 - pa, 180)


def pa_from_find_galaxy_theta(theta: Any) -> np.ndarray:
    """Position angle [deg] of mgefit's `find_galaxy(...).theta`, for an image with North up.

    theta is clockwise from the image's +x (columns, to the right), so that pa = 270 - theta:
    docstring of mgefit 6.2.6, whose sign we measured with a Gaussian of known orientation
    (a comment in its source says counter-clockwise). `find_galaxy(...).pa` is this number.
    """
    return np.mod(270 - number("theta", theta, u.deg), 180)


def find_galaxy_theta_from_pa(pa: Any) -> np.ndarray:
    """Inverse of `pa_from_find_galaxy_theta` [deg], modulo 180."""
    return np.mod(270 - number("pa", pa, u.deg), 180)


def pa_from_lenstronomy_phi(phi: Any) -> np.ndarray:
    """Position angle [deg] of lenstronomy's phi [rad], where x is the offset in right ascension.

    So lenstronomy reads COOLEST files (`Util.coolest_read_util`). Coordinates of another frame:
    `pa_from_x_angle`.
    """
    return pa_from_x_angle(np.degrees(number("phi", phi, u.rad)), "east")


def lenstronomy_phi_from_pa(pa: Any) -> np.ndarray:
    """Angle phi [rad, 0 to pi] from +right ascension towards North."""
    return np.radians(x_angle_from_pa(pa, "east"))


def pa_from_dynamite_angle(angle: Any) -> np.ndarray:
    """Position angle [deg] of the angle in DYNAMITE's `aperture.dat`.

    Counter-clockwise from the major axis to the x axis of the data (to the West): 90 - pa in
    `data_prep/generate_kin_input.py`, with pa as PaFit finds it.
    """
    return np.mod(90 - number("angle", angle, u.deg), 180)


def dynamite_angle_from_pa(pa: Any) -> np.ndarray:
    """Angle of DYNAMITE's `aperture.dat` [deg, -90 to 90)."""
    return np.mod(180 - number("pa", pa, u.deg), 180) - 90


def to_major_axis(x: Any, y: Any, pa: Any, x_axis: str = "west") -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along the projected major and minor axis, as jampy and our models take them.

    Parameters
    ----------
    x, y : (...) float
        From the galaxy's centre; +y is North.
    pa : float [deg]
    x_axis : {"west", "east"}
        Where +x points.

    Returns
    -------
    x, y : (...) float
        In the unit of the input. +x points to `pa`, +y to `pa` + 90; as seen on the sky with East
        to the left of North, that frame is right-handed.
    """
    east = number("x", x, None) * (1 if one_of("x_axis", x_axis, X_AXES) == "east" else -1)
    north, angle = number("y", y, None), np.radians(number("pa", pa, u.deg))
    sin, cos = np.sin(angle), np.cos(angle)
    return east * sin + north * cos, east * cos - north * sin


def dynamite_viewing_angles(inc: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """DYNAMITE's (theta, psi, phi) [deg] of an oblate axisymmetric galaxy seen at `inc` [deg].

    theta is the angle between the line of sight and the short axis, so the inclination; psi = 90
    turns the projected short axis to the image's minor axis; phi, about the short axis, means
    nothing for an axisymmetric body and is 0. The limit of `triax_pqu2tpp` (DYNAMITE,
    `physical_system.py`; van den Bosch et al. 2008, MNRAS 385, 647) for p -> 1, u -> 1.
    """
    theta = number("inc", inc, u.deg, 0, 90)
    return theta, np.full_like(theta, 90), np.zeros_like(theta)


def inclination_from_viewing_angles(theta: Any, psi: Any = 90.0) -> np.ndarray:
    """Inclination [deg] of DYNAMITE's viewing angles, if the body is oblate and axisymmetric.

    Raises
    ------
    InputError
        If psi is not 90 deg (to 0.1): the galaxy is triaxial, or its axes are twisted.
    """
    theta, psi = number("theta", theta, u.deg, 0, 180), number("psi", psi, u.deg)
    if np.any(np.abs(psi - 90) > 0.1):
        raise InputError(
            f"psi is {psi.flat[np.argmax(np.abs(psi - 90))]:g} deg, "
            "allowed: 90 deg, which is what an oblate axisymmetric galaxy has"
        )
    return np.minimum(theta, 180 - theta)
