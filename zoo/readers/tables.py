"""Stellar kinematics as a table: ATLAS3D, CALIFA, or plain columns.

Layouts, told apart by their columns (positions in arcsec, velocities in km/s):

- plain: x, y, v, dv, sigma, dsigma, one row per bin;
- atlas3d: XS, YS (generators of the Voronoi bins), VPXF, EVPXF, SPXF, ESPXF, one row per bin;
- califa: BIN_ID, X, Y, VPXF, DVPXF, SPXF, DSPXF, one row per spaxel, BIN_ID from 1
  (Falcon-Barroso et al. 2017, A&A 597, A48).

The column names of the two surveys are those that DYNAMITE's `data_prep/generate_kin_input.py`
reads from their published files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import Table

from zoo.conventions import dynamite_angle_from_pa, to_major_axis
from zoo.conventions.checks import number
from zoo.errors import InputError
from zoo.readers import mge
from zoo.readers.ifu import IfuGalaxy, gaussian_psf, second_moments, systemic_velocity

FORMATS = {".ecsv": "ascii.ecsv", ".csv": "ascii.csv", ".fits": "fits", ".gz": "fits"}


@dataclass(frozen=True)
class Layout:
    """Names of the columns: x, y, v, dv, sigma, dsigma, and the bin of a spaxel if any."""

    columns: tuple[str, str, str, str, str, str]
    bin: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that the layout needs."""
        return (*self.columns, self.bin) if self.bin else self.columns


LAYOUTS = {
    "plain": Layout(("x", "y", "v", "dv", "sigma", "dsigma")),
    "atlas3d": Layout(("XS", "YS", "VPXF", "EVPXF", "SPXF", "ESPXF")),
    "califa": Layout(("X", "Y", "VPXF", "DVPXF", "SPXF", "DSPXF"), "BIN_ID"),
}


def read(
    path: Path,
    mge_path: Path,
    pa: float,
    fwhm: float,
    pixsize: float,
    x_axis: str = "west",
    v_sys: float | None = None,
) -> IfuGalaxy:
    """Read a table of kinematics.

    Where a row is a bin, its pixels are unknown: the model is evaluated at the bin's position,
    over one pixel. That is exact for unbinned data and approximate for the wide outer bins.

    Parameters
    ----------
    path, mge_path : Path
        Kinematics, and the light's Gaussians (`zoo.readers.mge`).
    pa : float [deg]
        Position angle of the major axis, N through E.
    fwhm : float [arcsec]
        Of the PSF.
    pixsize : float [arcsec]
        0.8 for SAURON, 1 for CALIFA's cubes.
    x_axis : {"west", "east"}
        Where +x points; +y is North.
    v_sys : float [km/s], optional
        Systemic velocity; found from the antisymmetry of the map unless given.

    Raises
    ------
    InputError
        Naming the file, the column, the row and what is allowed.
    """
    pixel = float(number("pixsize", pixsize, u.arcsec, 0, open_low=True))
    table = _table(path)
    layout = _layout(table, path)
    columns = {name: _numbers(table, name, path) for name in layout.names}
    if layout.bin:
        used = columns[layout.bin] > 0
        if not used.any():
            raise InputError(f"{path}: {layout.bin} has no bin, allowed: numbers from 1")
        columns = {name: values[used] for name, values in columns.items()}
        _, first, index = np.unique(columns[layout.bin], return_index=True, return_inverse=True)
    else:
        first = index = np.arange(len(table))
    right, up, v, dv, sigma, dsigma = (columns[name] for name in layout.columns)
    for name, values in zip(layout.columns[3:], (dv, sigma, dsigma), strict=True):
        if np.any(values <= 0):
            row = int(np.argmax(values <= 0))
            raise InputError(f"{path}: {name} is {values[row]:g} km/s, allowed: above 0")
    x, y = to_major_axis(right, up, pa, x_axis)
    centre = (
        systemic_velocity(x, y, v, pixel)
        if v_sys is None
        else float(number("v_sys", v_sys, u.km / u.s))
    )
    v, dv, sigma, dsigma = (part[first] for part in (v - centre, dv, sigma, dsigma))
    vrms, error = second_moments(v, dv, sigma**2, 2 * sigma * dsigma)
    surf, sigma_mge, qobs = mge.read(mge_path)
    sigmapsf, normpsf = gaussian_psf(fwhm)
    shape, flat, extent = _grid(right, up, pixel)
    return IfuGalaxy(
        x=x,
        y=y,
        bin_index=index,
        vrms=vrms,
        error=error,
        v_sys=centre,
        surf=surf,
        sigma=sigma_mge,
        qobs=qobs,
        sigmapsf=sigmapsf,
        normpsf=normpsf,
        pixsize=pixel,
        shape=shape,
        flat=flat,
        extent=extent,
        angle=float(dynamite_angle_from_pa(pa)),
    )


def _grid(
    x: np.ndarray, y: np.ndarray, pixel: float
) -> tuple[tuple[int, int], np.ndarray, tuple[float, float, float, float]]:
    """Shape, flat index and extent [arcsec] of the map that the positions lie on."""
    left, bottom = x.min() - pixel / 2, y.min() - pixel / 2
    column = ((x - left) / pixel).astype(int)
    row = ((y - bottom) / pixel).astype(int)
    shape = (int(row.max()) + 1, int(column.max()) + 1)
    right, top = left + pixel * shape[1], bottom + pixel * shape[0]
    return shape, row * shape[1] + column, (float(left), float(right), float(bottom), float(top))


def _table(path: Path) -> Table:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path}: the format is {suffix or 'unknown'!r}, allowed: {list(FORMATS)}")
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    try:
        table = Table.read(path, format=FORMATS[suffix])
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as {suffix}: {error}") from error
    if len(table) == 0:
        raise InputError(f"{path} has no rows")
    return table


def _layout(table: Table, path: Path) -> Layout:
    for layout in LAYOUTS.values():
        if set(layout.names) <= set(table.colnames):
            return layout
    wanted = "; ".join(f"{name}: {', '.join(each.names)}" for name, each in LAYOUTS.items())
    raise InputError(f"{path} has the columns {', '.join(table.colnames)}, allowed: {wanted}")


def _numbers(table: Table, name: str, path: Path) -> np.ndarray:
    try:
        values: np.ndarray = np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {name} holds what is no number ({error})") from error
    if values.ndim != 1:
        raise InputError(f"{path}: {name} has the shape {values.shape}, allowed: one per row")
    if not np.all(np.isfinite(values)):
        row = int(np.argmin(np.isfinite(values)))
        raise InputError(f"{path}: {name} in row {row + 1} is missing or not finite")
    return values
