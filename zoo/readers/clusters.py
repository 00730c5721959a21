"""Galaxies around a cluster: from tables of (R, v) or of sky positions and redshifts.

What comes out is what the cluster models read: projected distance from the centre in comoving
Mpc/h, and velocity in the rest frame of the cluster, v = c (z - z_c) / (1 + z_c), in km/s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from astropy import constants
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.cosmology import FLRW, FlatLambdaCDM
from astropy.stats import biweight_location

from zoo.errors import InputError
from zoo.readers.members import COMOVING, Members

COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3, name="H0 = 70, Om = 0.3")
C = constants.c.to_value(u.km / u.s)
HIGHEST = 5.0  # redshift; what is above is a velocity
CORE = (1.0, 2000.0)  # [Mpc / littleh], [km / s]: galaxies that an unknown centre is made of
STEPS = 20


def from_phase_space(
    r: u.Quantity,
    v: u.Quantity,
    redshift: float | None = None,
    cosmology: FLRW = COSMOLOGY,
    comoving: bool = False,
) -> Members:
    """Galaxies of which the distance from the centre and the velocity are known.

    Parameters
    ----------
    r : Quantity (N,)
        Projected distance: a length, physical unless `comoving`; in units per littleh comoving.
    v : Quantity (N,)
        Velocity relative to the cluster, in its rest frame.
    redshift : float
        Of the cluster; it has to be given.
    cosmology : astropy.cosmology.FLRW
        Of it the Hubble constant counts.
    comoving : bool
        Whether lengths without littleh are comoving.

    Raises
    ------
    InputError
        If a unit does not convert, a value is not finite, or lengths differ.
    """
    if redshift is None:
        raise InputError("R and v also need the redshift of the cluster (--set redshift=0.023)")
    _check_redshift(redshift)
    h = cosmology.h
    if _is(r, COMOVING):
        distance = r.to_value(COMOVING)
    elif _is(r, u.Mpc):
        distance = r.to_value(u.Mpc) * h * (1.0 if comoving else 1 + redshift)
    else:
        raise InputError(f"R is in {_unit(r)}, allowed: a length such as kpc or Mpc / littleh")
    if not _is(v, u.km / u.s):
        raise InputError(f"v is in {_unit(v)}, allowed: a velocity such as km / s")
    return _members(distance, v.to_value(u.km / u.s), redshift, cosmology)


def from_sky(
    ra: Any,
    dec: Any,
    z: Any,
    centre: SkyCoord | None = None,
    redshift: float | None = None,
    cosmology: FLRW = COSMOLOGY,
) -> Members:
    """Galaxies of which positions on the sky and redshifts are known.

    Parameters
    ----------
    ra, dec : (N,) array of float [deg], or of sexagesimal text (hours, degrees)
        Positions.
    z : (N,) array
        Heliocentric redshifts.
    centre : SkyCoord, optional
        Of the cluster. Unless given: the mean position of the galaxies around it (within 1 Mpc/h
        and 2000 km/s), found step by step from the median of all at its redshift.
    redshift : float, optional
        Of the cluster. Unless given: the biweight location of the galaxies around the centre,
        found step by step from the busiest interval of 4000 km/s.
    cosmology : astropy.cosmology.FLRW
        For distances.

    Raises
    ------
    InputError
        If a value is not finite or is a velocity, or there is no galaxy around the centre.
    """
    text = np.asarray(ra).dtype.kind in "US"
    z = np.asarray(z, float)
    if not len(z) or not np.isfinite(z).all() or np.abs(z).max() > HIGHEST:
        worst = z[np.argmax(np.where(np.isfinite(z), np.abs(z), np.inf))] if len(z) else "empty"
        raise InputError(f"z is {worst}, allowed: redshifts up to {HIGHEST:g} (velocities are cz)")
    try:
        sky = SkyCoord(ra, dec, unit=(u.hourangle, u.deg) if text else (u.deg, u.deg))
    except ValueError as error:
        raise InputError(f"ra and dec are no positions: {error}") from error
    if not np.isfinite(sky.ra.deg).all() or not np.isfinite(sky.dec.deg).all():
        raise InputError("ra or dec holds values that are not finite")
    middle, found = _centre(sky, z, centre, redshift, cosmology)
    scale = _scale(found, cosmology)
    east, north = middle.spherical_offsets_to(sky)
    x, y = (_offset(angle, scale) for angle in (east, north))
    distance = middle.separation(sky).radian * scale
    members = _members(distance, _velocity(z, found), found, cosmology)
    return replace(members, x_proj=x, y_proj=y)


def _offset(angle: Any, scale: float) -> np.ndarray:
    return np.asarray(angle.to_value(u.radian) * scale)


def _members(r: Any, v: Any, redshift: float, cosmology: FLRW) -> Members:
    r, v = np.asarray(r, float), np.asarray(v, float)
    if r.ndim != 1 or r.shape != v.shape or not len(r):
        raise InputError(f"R has shape {r.shape} and v {v.shape}; allowed: (N,) both, N above 0")
    for name, values in (("R", r), ("v", v)):
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise InputError(f"{name} in row {row + 1} is {values[row]}, allowed: finite numbers")
    if r.min() < 0:
        raise InputError(f"R is {r.min():g}, allowed: 0 or more")
    return Members(r, v, float(redshift), cosmology, len(r))


def _centre(
    sky: SkyCoord, z: np.ndarray, centre: SkyCoord | None, redshift: float | None, cosmology: FLRW
) -> tuple[SkyCoord, float]:
    """Centre and redshift, those that are not given from the galaxies around them."""
    if redshift is not None:
        _check_redshift(redshift)
    direction = sky.cartesian.xyz.value  # means of angles would break at 0 h
    near = np.abs(_velocity(z, _busiest(z) if redshift is None else redshift)) < CORE[1]
    start = near if near.any() else np.ones(len(z), bool)
    middle = centre if centre is not None else _towards(np.median(direction[:, start], axis=1))
    found = np.nan
    for _ in range(STEPS):
        found = float(biweight_location(z[near])) if redshift is None else float(redshift)
        _check_redshift(found)
        distance = middle.separation(sky).radian * _scale(found, cosmology)
        last, near = near, (distance < CORE[0]) & (np.abs(_velocity(z, found)) < CORE[1])
        if not near.any():
            raise InputError(
                f"no galaxy lies within {CORE[0]:g} Mpc/h and {CORE[1]:g} km/s of RA "
                f"{middle.ra.deg:.4f}, Dec {middle.dec.deg:.4f} deg, z = {found:.5f}; give the "
                "centre and the redshift of the cluster"
            )
        if centre is None:
            middle = _towards(direction[:, near].mean(axis=1))
        if np.array_equal(near, last):
            break
    return middle, found


def _busiest(z: np.ndarray) -> float:
    """The redshift around which most galaxies lie within twice the width of the core."""
    ordered = np.sort(z)
    end = np.searchsorted(ordered, ordered + 2 * CORE[1] / C * (1 + ordered), side="right")
    first = int(np.argmax(end - np.arange(len(z))))
    return float(np.median(ordered[first : end[first]]))


def _towards(vector: np.ndarray) -> SkyCoord:
    point = SkyCoord(*vector, representation_type="cartesian")
    return SkyCoord(point.spherical.lon, point.spherical.lat)


def _scale(redshift: float, cosmology: FLRW) -> float:
    """Comoving Mpc/h of one radian."""
    return float(cosmology.comoving_transverse_distance(redshift).to_value(u.Mpc) * cosmology.h)


def _velocity(z: np.ndarray, redshift: float) -> np.ndarray:
    return C * (z - redshift) / (1 + redshift)


def _check_redshift(redshift: Any) -> None:
    if not np.isscalar(redshift) or not 0 < float(redshift) < HIGHEST:  # type: ignore[arg-type]
        raise InputError(f"the redshift of the cluster is {redshift}, allowed: 0 to {HIGHEST:g}")


def _unit(values: Any) -> str:
    return str(getattr(values, "unit", "")) or "no unit"


def _is(values: Any, unit: u.UnitBase) -> bool:
    return isinstance(values, u.Quantity) and values.unit.is_equivalent(unit)


def settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `read` from settings: `redshift`, `h` or `omega_m`, `ra` and `dec` [deg].

    Raises
    ------
    InputError
        Naming one that is unknown, no number, or lacks its partner.
    """
    known = {"redshift": u.one, "h": u.one, "omega_m": u.one, "ra": u.deg, "dec": u.deg}
    if unknown := sorted(set(values) - set(known)):
        raise InputError(f"--set {unknown[0]}: of a table of galaxies one sets {', '.join(known)}")
    try:
        plain = {n: float(u.Quantity(v, known[n]).value) for n, v in values.items()}
    except (TypeError, u.UnitConversionError) as error:
        raise InputError(f"--set {', '.join(values)}: one number each ({error})") from error
    out: dict[str, Any] = {n: plain[n] for n in ("redshift",) if n in plain}
    if ("ra" in plain) != ("dec" in plain):
        raise InputError("--set ra and --set dec make a centre together")
    if "ra" in plain:
        out["centre"] = SkyCoord(plain["ra"] * u.deg, plain["dec"] * u.deg)
    h, omega_m = plain.get("h", COSMOLOGY.h), plain.get("omega_m", COSMOLOGY.Om0)
    if not 0.2 < h < 2 or not 0 < omega_m <= 1:
        raise InputError(f"h = {h:g}, omega_m = {omega_m:g}; allowed: about 0.7 and 0.3")
    name = f"H0 = {100 * h:g}, Om = {omega_m:g}"
    return out | {"cosmology": FlatLambdaCDM(H0=100 * h, Om0=omega_m, name=name)}
