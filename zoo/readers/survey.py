"""One galaxy from whatever a survey gives: a DYNAMITE folder, a MaNGA MAPS file, or a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astropy.io import fits

from zoo.errors import InputError
from zoo.readers import dynamite, manga, tables
from zoo.readers.ifu import IfuGalaxy


def read(source: Path, mge: Path | None = None, **facts: Any) -> IfuGalaxy:
    """Read kinematics and photometry, with the reader that fits the source.

    Parameters
    ----------
    source : Path
        Folder in the layout of DYNAMITE, which holds everything; else a MaNGA MAPS file or a table
        of CALIFA, ATLAS3D or plain columns, which need `mge` and facts.
    mge : Path, optional
        Table of the light's Gaussians.
    **facts
        `pa` [deg], `fwhm` [arcsec], for tables `pixsize` [arcsec] and `x_axis`, and `v_sys` [km/s];
        None where unknown.

    Raises
    ------
    InputError
        Naming what is missing, or what the source has no use for.
    """
    given = {name: value for name, value in facts.items() if value is not None}
    if source.is_dir():
        if extra := [*(["mge"] if mge else []), *given]:
            raise InputError(f"{source} is a folder and holds its own {', '.join(extra)}")
        return dynamite.read(source)
    if not source.is_file():
        raise InputError(f"{source} is neither a folder nor a file")
    maps = _is_maps(source)
    needed = {"pa", "fwhm"} if maps else {"pa", "fwhm", "pixsize"}
    missing = sorted(needed - set(given))
    if mge is None or missing:
        names = [*(["mge"] if mge is None else []), *missing]
        raise InputError(f"{source} also needs {', '.join('--' + n for n in names)}")
    if maps:
        if extra := sorted({"pixsize", "x_axis"} & set(given)):
            raise InputError(f"{source} is a MAPS file, which says its own {', '.join(extra)}")
        return manga.read(source, mge, **given)
    return tables.read(source, mge, **given)


def _is_maps(path: Path) -> bool:
    """Whether it is a FITS file of maps; an unreadable one is left to the reader of tables."""
    try:
        with fits.open(path) as file:
            return "STELLAR_VEL" in file
    except (OSError, ValueError):
        return False
