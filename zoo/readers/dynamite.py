"""Integral-field kinematics and MGE of one galaxy in the file layout of DYNAMITE.

A folder holds `mge.ecsv` (I [Lsun/pc2], sigma [arcsec], q), `gauss_hermite_kins.ecsv` (one row per
Voronoi bin; the PSF in its meta data), `aperture.dat` (corner, size, angle and number of pixels)
and `bins.dat` (the bin of each pixel, 0 where unused).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.table import Table

from zoo.errors import InputError
from zoo.readers.ifu import IfuGalaxy, systemic_velocity

__all__ = ["IfuGalaxy", "read"]

MGE, KINEMATICS, APERTURE, BINS = FILES = (
    "mge.ecsv",
    "gauss_hermite_kins.ecsv",
    "aperture.dat",
    "bins.dat",
)


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
