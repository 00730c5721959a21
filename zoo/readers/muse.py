"""Cubes in the layout of MUSE, read in blocks of spaxels so that memory stays bounded."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io import fits

from zoo.card import Card
from zoo.errors import InputError

INPUTS = ("flux", "ivar", "wavelength")
FLUX = u.Unit("1e-17 erg / (s cm2 Angstrom)")
AXES = {"AWAV": True, "WAVE": False}  # CTYPE3 -> whether wavelengths are those in air
_SQUARED = re.compile(r"\((.*)\)\*\*2")  # astropy reads no unit in brackets to a power
_CELESTIAL = re.compile(
    r"(CTYPE|CUNIT|CRPIX|CRVAL|CDELT)[12]|(CD|PC)[12]_[12]|LONPOLE|LATPOLE|RADESYS|EQUINOX"
)
LAYOUT = "DATA and STAT, each (wavelength, y, x), as the pipeline of MUSE writes them"


@dataclass(frozen=True)
class Block:
    """Some rows of a cube.

    Attributes
    ----------
    rows : slice
        Which of the map.
    filled : (rows, nx) bool
        Spaxels that have data.
    flux, ivar : (n, L) float32
        Of those [1e-17 erg/s/cm2/A], 0 where a pixel is masked.
    """

    rows: slice
    filled: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray


@dataclass(frozen=True)
class Cube:
    """A cube on disk; its data are read by `blocks`.

    Attributes
    ----------
    path : Path
    wavelength : (L,) float64
        In vacuum [A].
    keep : slice
        Pixels along the wavelength that a model reads.
    shape : (ny, nx)
    scale : float
        What a flux of 1 in the file is in 1e-17 erg/s/cm2/A.
    air : bool
        Whether the file's wavelengths are those in air.
    celestial : fits.Header
        The two axes of the sky, for maps.
    """

    path: Path
    wavelength: np.ndarray
    keep: slice
    shape: tuple[int, int]
    scale: float
    air: bool
    celestial: fits.Header

    def blocks(self, spaxels: int = 1000) -> Iterator[Block]:
        """Rows of the map, as many at a time as hold about so many spaxels (one at least)."""
        ny, nx = self.shape
        step = max(1, spaxels // nx)
        with fits.open(self.path, memmap=True) as hdus:
            for start in range(0, ny, step):
                rows = slice(start, min(start + step, ny))
                # sections: only these rows pass through memory
                flux, variance = (
                    np.asarray(hdus[name].section[self.keep, rows, :], np.float32)
                    for name in ("DATA", "STAT")
                )
                yield self._block(rows, flux, variance)

    def _block(self, rows: slice, flux: np.ndarray, variance: np.ndarray) -> Block:
        good = np.isfinite(flux) & np.isfinite(variance) & (variance > 0)
        filled = good.any(axis=0)
        flux = np.where(good, flux * np.float32(self.scale), 0)[:, filled].T
        with np.errstate(divide="ignore"):
            ivar = np.where(good, 1 / variance, 0)[:, filled].T / np.float32(self.scale**2)
        return Block(rows, filled, np.ascontiguousarray(flux), np.ascontiguousarray(ivar))

    @property
    def summary(self) -> str:
        """What was read and what was converted, in one line."""
        ny, nx = self.shape
        wave = self.wavelength
        convention = "air, converted to vacuum" if self.air else "vacuum"
        return (
            f"{self.path.name}: {ny} x {nx} spaxels of {len(wave)} pixels, {wave[0]:.1f} to "
            f"{wave[-1]:.1f} A (file: {convention}), flux times {self.scale:g} is in {FLUX}"
        )


def describes(source: Path, card: Card) -> bool:
    """Whether a source is a cube, and the card reads spectra.

    The answer looks at headers alone.
    """
    if not set(INPUTS) <= set(card.inputs) or not source.is_file():
        return False
    if not source.name.lower().endswith((".fits", ".fits.gz", ".fit", ".fz")):
        return False
    try:
        with fits.open(source, memmap=True) as hdus:
            return any(hdu.is_image and hdu.header.get("NAXIS") == 3 for hdu in hdus)
    except OSError:
        return False  # the reader of files says what is wrong with it


def read(source: Path, card: Card, air: bool | None = None) -> Cube:
    """Open a cube and check that it is what it should be.

    Parameters
    ----------
    source : Path
        FITS, not compressed.
    card : Card
        Whose range of wavelengths is read.
    air : bool, optional
        Whether wavelengths are in air, where CTYPE3 does not say.

    Raises
    ------
    InputError
        Naming the file, what is wrong, and what is allowed.
    """
    if source.suffix.lower() in (".gz", ".fz"):
        raise InputError(f"{source} is compressed, so that no part of it can be read: unpack it")
    with fits.open(source, memmap=True) as hdus:
        names = [hdu.name for hdu in hdus]
        for name in ("DATA", "STAT"):
            if name not in names:
                what = "variance" if name == "STAT" else "flux"
                raise InputError(f"{source} has no extension {name} ({what}); allowed: {LAYOUT}")
        header, stat = hdus["DATA"].header, hdus["STAT"].header
        shape, other = hdus["DATA"].shape, hdus["STAT"].shape
    if len(shape) != 3 or other != shape:
        raise InputError(f"{source}: DATA is {shape} and STAT {other}; allowed: {LAYOUT}")
    scale = _scale(source, header)
    _check_variance(source, header, stat)
    wave, in_air = _wavelength(source, header, air)
    low, high = card.inputs["wavelength"].range or (0.0, np.inf)
    inside = np.flatnonzero((wave >= low) & (wave <= high))
    if len(inside) < 2:
        raise InputError(
            f"{source}: wavelengths are {wave[0]:.6g} to {wave[-1]:.6g} A, "
            f"allowed: some in {low:g} to {high:g} A; is CUNIT3 right?"
        )
    keep = slice(int(inside[0]), int(inside[-1]) + 1)
    return Cube(source, wave[keep], keep, shape[1:], scale, in_air, _celestial(header))


def _unit(source: Path, header: fits.Header, extension: str) -> u.UnitBase:
    text = str(header.get("BUNIT", "")).strip()
    if not text:
        raise InputError(f"{source}: {extension} has no BUNIT; allowed: a flux per wavelength")
    squared = _SQUARED.fullmatch(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", u.UnitsWarning)  # of several slashes
            return u.Unit(squared[1]) ** 2 if squared else u.Unit(text)
    except ValueError as error:
        raise InputError(f"{source}: BUNIT of {extension} is {text!r}, which is no unit") from error


def _scale(source: Path, header: fits.Header) -> float:
    unit = _unit(source, header, "DATA")
    try:
        return float(unit.to(FLUX))
    except u.UnitConversionError as error:
        raise InputError(
            f"{source}: BUNIT of DATA is {unit}, allowed: a flux per wavelength such as "
            "10**(-20)*erg/s/cm**2/Angstrom"
        ) from error


def _check_variance(source: Path, header: fits.Header, stat: fits.Header) -> None:
    flux, variance = _unit(source, header, "DATA"), _unit(source, stat, "STAT")
    if not variance.is_equivalent(flux**2) or not np.isclose(variance.to(flux**2), 1):
        raise InputError(
            f"{source}: BUNIT of STAT is {variance}, allowed: the square of that of DATA, {flux}; "
            "is it an error in place of a variance?"
        )


def _wavelength(source: Path, header: fits.Header, air: bool | None) -> tuple[np.ndarray, bool]:
    """Wavelengths in vacuum [A] of all pixels, and whether the file's are in air."""
    kind = str(header.get("CTYPE3", "")).strip().upper()
    step = header.get("CD3_3", header.get("CDELT3"))
    missing = [name for name in ("CRVAL3", "CRPIX3") if name not in header]
    if missing or step is None:
        raise InputError(
            f"{source}: DATA has no {(missing or ['CD3_3'])[0]}, allowed: a linear axis"
        )
    if kind not in AXES and air is None:
        raise InputError(
            f"{source}: CTYPE3 is {kind!r}, allowed: AWAV (air), WAVE (vacuum); "
            "else --set air=1 or 0"
        )
    in_air = AXES[kind] if kind in AXES else bool(air)
    if air is not None and air != in_air:
        raise InputError(f"{source}: CTYPE3 is {kind}, which contradicts air={int(air)}")
    text = str(header.get("CUNIT3", "")).strip() or "unknown"
    try:
        factor = u.Unit(text).to(u.AA)
    except (ValueError, u.UnitConversionError) as error:
        raise InputError(f"{source}: CUNIT3 is {text}, allowed: a length") from error
    pixel = np.arange(header["NAXIS3"]) + 1 - header["CRPIX3"]
    wave = factor * (header["CRVAL3"] + step * pixel)
    if step <= 0 or not 900 < wave[0] < wave[-1] < 60_000:
        raise InputError(
            f"{source}: wavelengths run from {wave[0]:.6g} to {wave[-1]:.6g} A, allowed: "
            f"increasing, within 900 to 60000 A; is CUNIT3 = {text} right?"
        )
    if in_air:
        wave = import_module("zoo_datasets.simulators.spectra.air").to_vacuum(wave)
    return np.asarray(wave, float), in_air


def _celestial(header: fits.Header) -> fits.Header:
    """Keywords of the two axes of the sky; none if the cube has none."""
    return fits.Header([card for card in header.cards if _CELESTIAL.fullmatch(card.keyword)])


def settings(values: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `read` from settings: `air`, 1 or 0."""
    from zoo.readers import spectra

    return spectra.settings(values)
