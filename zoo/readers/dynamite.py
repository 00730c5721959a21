"""Integral-field kinematics and MGE of one galaxy in the file layout of DYNAMITE.

A folder holds `mge.ecsv` (I [Lsun/pc2], sigma [arcsec], q), `gauss_hermite_kins.ecsv` (one row per
Voronoi bin; the PSF in its meta data), `aperture.dat` (corner, size, angle and number of pixels)
and `bins.dat` (the bin of each pixel, 0 where unused).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table
from scipy.spatial import cKDTree

from zoo.errors import InputError

MGE, KINEMATICS, APERTURE, BINS = FILES = (
    "mge.ecsv",
    "gauss_hermite_kins.ecsv",
    "aperture.dat",
    "bins.dat",
)


@dataclass(frozen=True)
class IfuGalaxy:
    """Observed second moments of a galaxy in Voronoi bins, and its light.

    Attributes
    ----------
    x, y : (P,) float [arcsec]
        Pixels that belong to a bin, along the projected major and minor axis.
    bin_index : (P,) int
        Row of the bin tables that each pixel belongs to.
    vrms, error : (B,) float [km/s]
        sqrt((V - v_sys)^2 + sigma^2) of each bin and its formal error.
    v_sys : float [km/s]
    surf, sigma, qobs : (K,) float
        Gaussians of the light [Lsun/pc2, arcsec, -].
    sigmapsf, normpsf : (M,) float
        Gaussians of the PSF [arcsec, fraction].
    pixsize : float [arcsec]
    shape : (rows, columns) of the pixel map, and `flat`, where in it each pixel lies.
    extent : (left, right, bottom, top) [arcsec] of the pixel map on the detector.
    angle : float [deg]
        From the detector's x axis to the major axis, as the file gives it.
    """

    x: np.ndarray
    y: np.ndarray
    bin_index: np.ndarray
    vrms: np.ndarray
    error: np.ndarray
    v_sys: float
    surf: np.ndarray
    sigma: np.ndarray
    qobs: np.ndarray
    sigmapsf: np.ndarray
    normpsf: np.ndarray
    pixsize: float
    shape: tuple[int, int]
    flat: np.ndarray
    extent: tuple[float, float, float, float]
    angle: float

    def inputs(self, inc: float, beta: float, ml: float, distance: float) -> dict[str, object]:
        """Inputs of the JAM models for mass that follows light [deg, -, Msun/Lsun, Mpc]."""
        light = {"surf_lum": self.surf, "sigma_lum": self.sigma, "qobs_lum": self.qobs}
        mass = {"surf_pot": ml * self.surf, "sigma_pot": self.sigma, "qobs_pot": self.qobs}
        psf = {"sigmapsf": self.sigmapsf, "normpsf": self.normpsf, "pixsize": self.pixsize}
        place = {"xbin": self.x, "ybin": self.y, "distance": distance, "inc": inc, "beta": beta}
        return light | mass | psf | place

    def binned(self, vrms: np.ndarray, light: np.ndarray) -> np.ndarray:
        """Second moment of each bin: pixels (P,) averaged with their light, as a spectrum is."""
        total = np.bincount(self.bin_index, light, minlength=len(self.vrms))
        moment = np.bincount(self.bin_index, light * vrms**2, minlength=len(self.vrms))
        return np.sqrt(moment / total)

    def image(self, values: np.ndarray) -> np.ndarray:
        """Bin values (B,) as the pixel map they were measured on, NaN elsewhere."""
        out = np.full(self.shape, np.nan)
        out.flat[self.flat] = values[self.bin_index]
        return out


def read(folder: Path) -> IfuGalaxy:
    """Read a galaxy.

    Raises
    ------
    InputError
        Naming the file that is missing or contradicts another.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} lacks {', '.join(missing)}; a galaxy needs {', '.join(FILES)}")
    mge = _table(folder / MGE, ("I", "sigma", "q"))
    if "PA_twist" in mge.colnames and np.any(np.asarray(mge["PA_twist"])):
        raise InputError(f"{folder / MGE} has twists (PA_twist); JAM is axisymmetric and has none")
    kinematics = _table(folder / KINEMATICS, ("vbin_id", "v", "dv", "sigma", "dsigma"))
    corner, size, angle, count = _aperture(folder / APERTURE)
    ids = _bins(folder / BINS, count)
    edge = size / count
    if not np.isclose(edge[0], edge[1]):
        raise InputError(f"{folder / APERTURE}: pixels of {edge} arcsec are not square")
    index = np.arange(ids.size)
    column, row = index % count[0], index // count[0]  # x runs fastest
    x = corner[0] + edge[0] * (column + 0.5)
    y = corner[1] + edge[1] * (row + 0.5)
    a = np.radians(angle)
    x, y = x * np.cos(a) - y * np.sin(a), x * np.sin(a) + y * np.cos(a)

    rows = {int(name): i for i, name in enumerate(kinematics["vbin_id"])}
    if len(rows) < len(kinematics):
        raise InputError(f"{folder / KINEMATICS} lists a bin twice")
    known = set(ids[ids > 0].tolist())
    if unknown := sorted(known - set(rows)):
        raise InputError(f"{folder / BINS} has bin {unknown[0]}, which {KINEMATICS} does not list")
    if empty := sorted(set(rows) - known):
        raise InputError(
            f"{folder / KINEMATICS} lists bin {empty[0]}, which has no pixel in {BINS}"
        )
    used = ids > 0
    bin_index = np.array([rows[number] for number in ids[used].tolist()])
    x, y = x[used], y[used]
    v, dv, sigma, dsigma = (np.asarray(kinematics[k]) for k in ("v", "dv", "sigma", "dsigma"))
    v_sys = systemic_velocity(x, y, v[bin_index], edge[0])
    vrms = np.hypot(v - v_sys, sigma)
    psf = kinematics.meta.get("PSF", {"sigma": [0.0], "weight": [1.0]})
    return IfuGalaxy(
        x=x,
        y=y,
        bin_index=bin_index,
        vrms=vrms,
        error=np.hypot((v - v_sys) * dv, sigma * dsigma) / vrms,
        v_sys=v_sys,
        surf=np.asarray(mge["I"], dtype=float),
        sigma=np.asarray(mge["sigma"], dtype=float),
        qobs=np.asarray(mge["q"], dtype=float),
        sigmapsf=np.asarray(psf["sigma"], dtype=float),
        normpsf=np.asarray(psf["weight"], dtype=float),
        pixsize=float(edge[0]),
        shape=(int(count[1]), int(count[0])),
        flat=index[used],
        extent=(corner[0], corner[0] + size[0], corner[1], corner[1] + size[1]),
        angle=angle,
    )


def systemic_velocity(x: np.ndarray, y: np.ndarray, v: np.ndarray, pixel: float) -> float:
    """Velocity of the centre: the mean over pairs of pixels on opposite sides of it [km/s].

    An axisymmetric galaxy has V(-x, -y) = -V(x, y) about it, whatever the shape of the field.
    """
    distance, mirror = cKDTree(np.column_stack((x, y))).query(np.column_stack((-x, -y)))
    paired = distance < 0.75 * pixel
    if not paired.any():
        raise InputError("no two pixels lie on opposite sides of the centre: v_sys is unknown")
    return float(np.mean((v + v[mirror])[paired]) / 2)


def _table(path: Path, columns: tuple[str, ...]) -> Table:
    try:
        table = Table.read(path, format="ascii.ecsv")
    except ValueError as error:
        raise InputError(f"{path} cannot be read as ECSV: {error}") from error
    if missing := [name for name in columns if name not in table.colnames]:
        raise InputError(f"{path} lacks the column(s) {', '.join(missing)}")
    for name in columns:
        values: np.ndarray = np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan)
        if not np.all(np.isfinite(values)):
            row = int(np.argmin(np.isfinite(values)))
            raise InputError(f"{path}: {name} in row {row + 1} is missing or not finite")
    return table


def _aperture(path: Path) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    numbers = np.array(_numbers(path))
    if numbers.size != 7:
        raise InputError(f"{path} holds {numbers.size} numbers, expected 7: corner, size, angle, n")
    size, count = numbers[2:4], numbers[5:7]
    if np.any(size <= 0) or np.any(count < 1) or np.any(count % 1):
        raise InputError(
            f"{path}: {size} arcsec in {count} pixels; sizes are positive, counts whole"
        )
    return numbers[:2], size, float(numbers[4]), count.astype(int)


def _bins(path: Path, count: np.ndarray) -> np.ndarray:
    numbers = np.array(_numbers(path))
    announced, ids = numbers[:1], numbers[1:]
    if not np.all(announced == ids.size) or ids.size != count.prod():
        raise InputError(
            f"{path} announces {announced} pixels and holds {ids.size}; "
            f"{APERTURE} has {count.prod()}"
        )
    if np.any(ids % 1) or np.any(ids < 0) or not np.any(ids):
        raise InputError(f"{path}: bins are numbers from 1, or 0 for an unused pixel")
    return ids.astype(int)


def _numbers(path: Path) -> list[float]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        words = [word for line in lines if not line.startswith("#") for word in line.split()]
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    if not np.all(np.isfinite(numbers)):
        raise InputError(f"{path} holds numbers that are not finite")
    return numbers
