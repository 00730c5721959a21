"""The Gaussians of a galaxy's light from its image, by Cappellari's mgefit where it is installed.

mgefit (Cappellari 2002, MNRAS 333, 400) has a licence of its own and is not among our
requirements; this module finds the galaxy, averages sectors and fits with it, and converts what it
returns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS

from zoo.conventions import peak_from_counts, surface_density_from_magnitude
from zoo.conventions.checks import number
from zoo.errors import InputError

SMALLEST = 32  # pixels on a side: below, mgefit has too few isophotes to follow


def mge_from_image(
    path: Path,
    zeropoint: float,
    sun: float,
    *,
    scale: float | None = None,
    fwhm: float = 0.0,
    sky: float = 0.0,
    extinction: float = 0.0,
    minlevel: float = 0.0,
) -> QTable:
    """Gaussians of the largest object in an image.

    Parameters
    ----------
    path : Path
        FITS file whose first image is two-dimensional. Pixels that are not finite are left out.
    zeropoint : float [mag]
        Magnitude of one count in the image.
    sun : float [mag]
        Absolute magnitude of the Sun in the band.
    scale : float [arcsec]
        Of a pixel; from the image's celestial WCS unless given.
    fwhm : float [arcsec]
        Of a Gaussian PSF, from which the fit is deconvolved.
    sky, minlevel : float [counts]
        Level to subtract, and the one (after subtraction) below which pixels are ignored.
    extinction : float [mag]
        In the band, towards the galaxy.

    Returns
    -------
    QTable
        surf [Lsun/pc2], sigma [arcsec] and qobs of each Gaussian; in `meta` pa [deg, N through E;
        North up and East left where there is no WCS], eps and scale.

    Raises
    ------
    InputError
        If mgefit is not installed, or the file or an argument cannot be used.
    """
    mgefit = _mgefit()
    image, header = _image(path)
    pixel, matrix = _geometry(header, scale, path)
    sigmapsf = number("fwhm", fwhm, u.arcsec, 0) / np.sqrt(8 * np.log(2)) / pixel
    bad = ~np.isfinite(image)
    image = np.where(bad, 0, image - number("sky", sky, None))
    if not np.any(image > 0):
        raise InputError(f"{path}: no pixel is brighter than sky = {sky}")
    galaxy = mgefit.find_galaxy(image, quiet=True)
    sectors = mgefit.sectors_photometry(
        image, galaxy.eps, galaxy.theta, galaxy.xpeak, galaxy.ypeak,
        badpixels=bad, minlevel=float(number("minlevel", minlevel, None, 0)),
    )  # fmt: skip
    counts, sigma, qobs = mgefit.fit_sectors(
        sectors.radius, sectors.angle, sectors.counts, galaxy.eps,
        sigmapsf=float(sigmapsf), quiet=True,
    ).sol  # fmt: skip
    peak = peak_from_counts(counts, sigma, qobs) / pixel**2
    magnitude = number("zeropoint", zeropoint, u.mag) - 2.5 * np.log10(peak)
    magnitude = magnitude - number("extinction", extinction, u.mag, 0)
    table = QTable()
    table["surf"] = surface_density_from_magnitude(magnitude, sun) * u.Lsun / u.pc**2
    table["sigma"] = sigma * pixel * u.arcsec
    table["qobs"] = qobs
    # theta is clockwise from the image's +x: see zoo.conventions.pa_from_find_galaxy_theta
    angle = np.radians(-galaxy.theta)
    east, north = matrix @ [np.cos(angle), np.sin(angle)]
    pa = float(np.mod(np.degrees(np.arctan2(east, north)), 180))
    table.meta |= {"pa": pa, "eps": float(galaxy.eps), "scale": pixel, "image": path.name}
    return table


def _mgefit() -> Any:
    try:
        import mgefit
    except ImportError as error:
        raise InputError("an MGE of an image needs mgefit: pip install mgefit") from error
    return mgefit


def _image(path: Path) -> tuple[np.ndarray, fits.Header]:
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    try:
        with fits.open(path) as file:
            found = [
                hdu for hdu in file if getattr(hdu, "is_image", False) and hdu.data is not None
            ]
            if not found:
                raise InputError(f"{path} holds no image")
            data, header = np.asarray(found[0].data, dtype=float), found[0].header
    except OSError as error:
        raise InputError(f"{path} cannot be read as FITS: {error}") from error
    if data.ndim != 2 or min(data.shape) < SMALLEST:
        raise InputError(
            f"{path}: the image has the shape {data.shape}, "
            f"allowed: (rows, columns), at least {SMALLEST} each"
        )
    return data, header


def _geometry(header: fits.Header, scale: float | None, path: Path) -> tuple[float, np.ndarray]:
    """Side of a pixel [arcsec], and the matrix from pixels to offsets to the East and North."""
    wcs = WCS(header, naxis=2)
    matrix = wcs.pixel_scale_matrix * 3600 if wcs.has_celestial else np.diag([-1.0, 1.0])
    if scale is not None:
        return float(number("scale", scale, u.arcsec, 0, open_low=True)), matrix
    if not wcs.has_celestial:
        raise InputError(f"{path} has no celestial WCS: give scale, in arcsec per pixel")
    return float(np.sqrt(abs(np.linalg.det(matrix)))), matrix
