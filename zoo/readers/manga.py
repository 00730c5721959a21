"""Stellar kinematics of a MaNGA galaxy: the MAPS file of the Data Analysis Pipeline (DAP).

Layout and use of the extensions: the DAP's data model (`docs/datamodel.rst`, `corrections.rst` and
`gettingstarted.rst` of sdss/mangadap; Westfall et al. 2019, AJ 158, 231).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits

from zoo.conventions import dynamite_angle_from_pa, to_major_axis
from zoo.conventions.checks import number
from zoo.errors import InputError
from zoo.readers import mge
from zoo.readers.ifu import IfuGalaxy, gaussian_psf, second_moments, systemic_velocity

STELLAR_BINS = 1  # channel of BINID: 0 binned spectra, 1 stellar continuum, 2-4 lines and indices
CRITICAL = 1 << 30  # bit of DAPQUAL: critical failure in the DRP or the DAP
PLANES = ("STELLAR_VEL", "STELLAR_SIGMA")
EXTENSIONS = (
    "SPX_SKYCOO",
    "BINID",
    *(plane + part for plane in PLANES for part in ("", "_IVAR", "_MASK")),
    "STELLAR_SIGMACORR",
)


def read(
    path: Path, mge_path: Path, pa: float, fwhm: float, v_sys: float | None = None
) -> IfuGalaxy:
    """Read a MAPS file, of any binning (`SPX`, `VOR10`, `HYB10`).

    A bin is kept where no bit of the masks of velocity and dispersion is set. Dispersions are
    corrected for the instrument by the first channel of STELLAR_SIGMACORR; where that leaves a
    negative square, the bin stays as long as V^2 + sigma^2 is positive, since dropping it would
    bias the low moments.

    Parameters
    ----------
    path : Path
        `manga-[PLATE]-[IFUDESIGN]-MAPS-[DAPTYPE].fits.gz`, or unpacked.
    mge_path : Path
        Table of the light's Gaussians (`zoo.readers.mge`).
    pa : float [deg]
        Photometric position angle, N through E. (The header's ECOOPA is the NASA-Sloan Atlas' one.)
    fwhm : float [arcsec]
        Of the reconstructed PSF, which the headers of the DRP give; 2.5 is typical.
    v_sys : float [km/s], optional
        About the redshift of the file; found from the map's antisymmetry unless given.

    Raises
    ------
    InputError
        Naming the extension that is missing or contradicts another, or that no bin is good.
    """
    maps = _planes(path)
    sky, bins = maps["SPX_SKYCOO"], maps["BINID"][STELLAR_BINS]
    good = bins >= 0
    for name in PLANES:
        good &= (maps[f"{name}_MASK"] == 0) & (maps[f"{name}_IVAR"] > 0) & np.isfinite(maps[name])
    if not good.any():
        raise InputError(f"{path} has no bin with good stellar kinematics (masks, BINID, IVAR)")
    pixsize = float(np.median(np.hypot(*np.diff(sky, axis=2))))

    # Every spaxel of a bin holds the bin's numbers: the first one speaks for it.
    _, first, index = np.unique(bins[good], return_index=True, return_inverse=True)
    x, y = to_major_axis(sky[0][good], sky[1][good], pa, "east")
    v = maps["STELLAR_VEL"][good]
    centre = (
        systemic_velocity(x, y, v, pixsize)
        if v_sys is None
        else float(number("v_sys", v_sys, u.km / u.s))
    )
    observed = maps["STELLAR_SIGMA"][good][first]
    squared = observed**2 - maps["STELLAR_SIGMACORR"][0][good][first] ** 2
    v, dv = v[first] - centre, maps["STELLAR_VEL_IVAR"][good][first] ** -0.5
    dsquared = 2 * observed * maps["STELLAR_SIGMA_IVAR"][good][first] ** -0.5
    real = v**2 + squared > 0
    if not real.any():
        raise InputError(f"{path}: STELLAR_SIGMACORR exceeds STELLAR_SIGMA in every bin")
    kept = real[index]
    vrms, error = second_moments(v[real], dv[real], squared[real], dsquared[real])

    surf, sigma, qobs = mge.read(mge_path)
    sigmapsf, normpsf = gaussian_psf(fwhm)
    half = pixsize / 2 * np.sign(sky[:, -1, -1] - sky[:, 0, 0])
    low, high = sky[:, 0, 0] - half, sky[:, -1, -1] + half
    return IfuGalaxy(
        x=x[kept],
        y=y[kept],
        bin_index=(np.cumsum(real) - 1)[index[kept]],
        vrms=vrms,
        error=error,
        v_sys=centre,
        surf=surf,
        sigma=sigma,
        qobs=qobs,
        sigmapsf=sigmapsf,
        normpsf=normpsf,
        pixsize=pixsize,
        shape=(bins.shape[0], bins.shape[1]),
        flat=np.flatnonzero(good)[kept],
        extent=(float(low[0]), float(high[0]), float(low[1]), float(high[1])),
        angle=float(dynamite_angle_from_pa(pa)),
    )


def _planes(path: Path) -> dict[str, np.ndarray]:
    """The extensions that are needed, in native byte order, checked for shape."""
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    try:
        with fits.open(path) as file:
            missing = [name for name in EXTENSIONS if name not in file]
            if missing:
                raise InputError(f"{path} lacks the extension(s) {', '.join(missing)} of DAP MAPS")
            quality = int(file[0].header.get("DAPQUAL", 0))
            maps = {name: file[name].data for name in EXTENSIONS}
    except OSError as error:
        raise InputError(f"{path} cannot be read as FITS: {error}") from error
    if quality & CRITICAL:
        raise InputError(f"{path}: DAPQUAL is {quality}, whose bit CRITICAL says not to use it")
    spaxels = np.shape(maps["STELLAR_VEL"])
    if len(spaxels) != 2:
        raise InputError(f"{path}: STELLAR_VEL has the shape {spaxels}, allowed: (rows, columns)")
    channels = {"SPX_SKYCOO": 2, "BINID": STELLAR_BINS + 1, "STELLAR_SIGMACORR": 1}
    if np.shape(maps["STELLAR_SIGMACORR"]) == spaxels:  # one channel in releases before MPL-8
        maps["STELLAR_SIGMACORR"] = maps["STELLAR_SIGMACORR"][None]
    for name, data in maps.items():
        shape, least = np.shape(data), channels.get(name)
        if shape[-2:] != spaxels or (least and (len(shape) != 3 or shape[0] < least)):
            raise InputError(f"{path}: {name} has the shape {shape}, beside {spaxels} spaxels")
        integer = name == "BINID" or name.endswith("_MASK")
        maps[name] = data.astype(np.int64 if integer else np.float64)
    return maps
