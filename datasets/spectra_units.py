"""One convention for spectra of all surveys: wavelength in vacuum [A], flux in 1e-17 cgs, ivar."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

import numpy as np
from astropy import units as u

from zoo_datasets.errors import DatasetError
from zoo_datasets.simulators.spectra.air import to_vacuum

FLUX = u.Unit("1e-17 erg / (s cm2 Angstrom)")
SAME = 1e-3  # [A]: pixels of two arms closer than this are one
RANGE = (900.0, 60_000.0)  # [A] of a spectrum from the far ultraviolet to the near infrared
_POWER = re.compile(r"\*\*\(?([-+]?\d+)\)?")


@dataclass(frozen=True)
class Spectrum:
    """A spectrum in the convention of the zoo.

    Attributes
    ----------
    object_id : str
        File and, where it holds several targets, the survey's name of the target.
    survey : str
        Layout of the file.
    wavelength : (L,) float64
        In vacuum, increasing [A].
    flux, ivar : (L,) float64
        [1e-17 erg/s/cm2/A] and its inverse variance, 0 where a pixel is masked; flux is 0 there.
    redshift : float
        That the survey gives, NaN where the file has none.
    assumed : tuple of str
        What the file did not say.
    """

    object_id: str
    survey: str
    wavelength: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    redshift: float = np.nan
    assumed: tuple[str, ...] = ()


def spectrum(
    object_id: str,
    survey: str,
    wavelength: np.ndarray,
    flux: np.ndarray,
    *,
    ivar: np.ndarray | None = None,
    error: np.ndarray | None = None,
    bad: np.ndarray | None = None,
    wavelength_unit: str | u.UnitBase | None = "Angstrom",
    flux_unit: str | u.UnitBase | None = None,
    air: bool | None = False,
    redshift: float = np.nan,
) -> Spectrum:
    """Convert to the convention of the zoo.

    Parameters
    ----------
    object_id, survey, redshift
        As of `Spectrum`.
    wavelength, flux : (L,) array
    ivar, error : (L,) array
        One of them, in the unit of the flux. A pixel is masked where the flux or this is not
        finite, where the error is not positive, and where ivar is 0.
    bad : (L,) bool, optional
        More masked pixels.
    wavelength_unit, flux_unit : str or Unit or None
        None for a flux means 1e-17 erg/s/cm2/A, and is told as assumed.
    air : bool or None
        Whether wavelengths are those in air; None where nobody says: vacuum is assumed.

    Raises
    ------
    DatasetError
        Naming the file, the quantity, its value and what is allowed.
    """
    assumed = []
    lengths = {len(v) for v in (wavelength, flux, ivar, error, bad) if v is not None}
    if len(lengths) != 1 or lengths == {0}:
        raise DatasetError(f"{object_id}: columns of {sorted(lengths)} pixels, allowed: one length")
    wave = _angstrom(object_id, np.asarray(wavelength, float), wavelength_unit)
    if flux_unit is None:
        assumed.append("flux without a unit taken as 1e-17 erg/s/cm2/A")
    if air is None:
        assumed.append("wavelengths taken as vacuum")
    factor = np.ones_like(wave) if flux_unit is None else _factor(object_id, flux_unit, wave)
    light = np.asarray(flux, float) * factor
    weight = _weights(object_id, ivar, error) / factor**2
    masked = ~np.isfinite(light) | ~np.isfinite(weight) | (weight == 0)
    if bad is not None:
        masked |= np.asarray(bad, bool)
    light, weight = np.where(masked, 0, light), np.where(masked, 0, weight)
    if air:
        wave = to_vacuum(wave)
    wave, light, weight = _increasing(object_id, wave, light, weight)
    return Spectrum(object_id, survey, wave, light, weight, float(redshift), tuple(assumed))


def joined(wavelength: np.ndarray, flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, ...]:
    """Arms (L,) each, one after the other, as one spectrum; coinciding pixels are averaged.

    Parameters
    ----------
    wavelength, flux, ivar : (L,) array
        Of all arms.

    Returns
    -------
    tuple of (M,) array
        Sorted by wavelength, with the inverse-variance mean of pixels within `SAME`.
    """
    order = np.argsort(wavelength, kind="stable")
    wave, light, weight = (np.asarray(v, float)[order] for v in (wavelength, flux, ivar))
    weight = np.where(np.isfinite(light), weight, 0)
    first = np.flatnonzero(np.diff(wave, prepend=-np.inf) > SAME)
    total = np.add.reduceat(weight, first)
    sums = np.add.reduceat(np.where(weight > 0, light, 0) * weight, first)
    return wave[first], sums / np.where(total > 0, total, 1), total


def _angstrom(name: str, wave: np.ndarray, unit: str | u.UnitBase | None) -> np.ndarray:
    if unit is None:
        raise DatasetError(f"{name}: wavelength has no unit, allowed: a length, log10 of Angstrom")
    try:
        wave = (wave * _unit(unit)).to_value(u.AA, u.spectral())
    except (u.UnitConversionError, ValueError) as error:
        raise DatasetError(f"{name}: wavelength is in {unit}, allowed: a length") from error
    if not np.isfinite(wave).all():
        raise DatasetError(f"{name}: wavelength holds {wave[~np.isfinite(wave)][0]}")
    if wave.min() < RANGE[0] or wave.max() > RANGE[1]:
        raise DatasetError(
            f"{name}: wavelength is {wave.min():.6g} to {wave.max():.6g} A, allowed: "
            f"{RANGE[0]:g} to {RANGE[1]:g} A; is the unit {unit} wrong?"
        )
    return wave


def _factor(name: str, unit: str | u.UnitBase, wave: np.ndarray) -> np.ndarray:
    """What a flux of 1 in a unit is in ours, at every wavelength."""
    try:
        return (np.ones_like(wave) * _unit(unit)).to_value(FLUX, u.spectral_density(wave * u.AA))
    except (u.UnitConversionError, ValueError) as error:
        raise DatasetError(
            f"{name}: flux is in {unit}, allowed: a flux per wavelength or frequency"
        ) from error


def _unit(text: str | u.UnitBase) -> u.UnitBase:
    """A unit, also as surveys write it: 1E-17 erg/cm^2/s/Ang, 10**(-19).erg.cm**(-2)..."""
    if isinstance(text, u.UnitBase):
        return text
    words = _POWER.sub(r"^\1", text.strip()).replace("^+", "^").lower()
    for old, new in (("angstroms", "Angstrom"), ("angstrom", "Angstrom"), ("ergs", "erg")):
        words = words.replace(old.lower(), new)
    words = re.sub(r"\bang\b|\baa\b|\ba\b", "Angstrom", words)
    words = re.sub(r"(?<=[a-zA-Z)\d])\.(?=[a-zA-Z(])", " ", words)
    words = re.sub(r"^10\^(-?\d+)", r"1e\1", words).replace("1e-", "1e-")
    words = words.replace("AngstromAngstrom", "Angstrom")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            return u.Unit(text.strip())
        except ValueError:
            return u.Unit(words)


def _weights(name: str, ivar: np.ndarray | None, error: np.ndarray | None) -> np.ndarray:
    if (ivar is None) == (error is None):
        raise DatasetError(f"{name}: give either the inverse variance or the error of the flux")
    if error is not None:
        sigma = np.asarray(error, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(sigma > 0, 1 / sigma**2, 0)
    weight = np.asarray(ivar, float)
    if (weight < 0).any():
        raise DatasetError(f"{name}: ivar is {np.nanmin(weight):.6g}, allowed: 0 or more")
    return weight


def _increasing(name: str, *columns: np.ndarray) -> tuple[np.ndarray, ...]:
    step = np.diff(columns[0])
    if (step < 0).all():
        return tuple(column[::-1] for column in columns)  # told by frequency
    if (step <= 0).any():
        pixel = int(np.argmax(step <= 0))
        raise DatasetError(
            f"{name}: wavelength falls from {columns[0][pixel]:.6g} to "
            f"{columns[0][pixel + 1]:.6g} A at pixel {pixel + 1}, allowed: increasing"
        )
    return columns
