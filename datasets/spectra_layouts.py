"""Layouts of surveys' FITS files with spectra, told apart by their extensions and columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from zoo_datasets.errors import DatasetError
from zoo_datasets.spectra_units import Spectrum, joined, spectrum

Reader = Callable[[Path, fits.HDUList, bool | None], list[Spectrum]]
LOG10 = 6.0  # wavelengths all below it are log10 of Angstrom


def desi(path: Path, hdus: fits.HDUList, air: bool | None) -> list[Spectrum]:
    """Coadd: arms {B,R,Z}_{WAVELENGTH,FLUX,IVAR,MASK}, FIBERMAP; redrock's redshifts beside it.

    Fibres on the sky and on nothing are left out.
    """
    medium(path, air, False)
    fibres = hdus["FIBERMAP"].data
    arms = [hdu.name[0] for hdu in hdus if hdu.name.endswith("_WAVELENGTH")]
    targets = np.flatnonzero([str(kind).strip() == "TGT" for kind in fibres["OBJTYPE"]])
    known = _redrock(path, hdus)
    found = []
    for row in targets:
        parts = []
        for arm in arms:
            flux, ivar = (_float(hdus[f"{arm}_{name}"].data[row]) for name in ("FLUX", "IVAR"))
            if f"{arm}_MASK" in hdus:
                ivar = np.where(hdus[f"{arm}_MASK"].data[row] == 0, ivar, 0)
            parts.append((_float(hdus[f"{arm}_WAVELENGTH"].data), flux, ivar))
        wave, flux, ivar = joined(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        target = int(fibres["TARGETID"][row])
        found.append(
            spectrum(
                f"{path.name}:{target}",
                "DESI",
                wave,
                flux,
                ivar=ivar,
                flux_unit=hdus[f"{arms[0]}_FLUX"].header.get("BUNIT"),
                redshift=known.get(target, np.nan),
            )
        )
    return found


def _redrock(path: Path, hdus: fits.HDUList) -> dict[int, float]:
    """Redshifts by TARGETID, from this file or from redrock's beside it."""
    if "REDSHIFTS" in hdus:
        table = hdus["REDSHIFTS"].data
        return dict(zip(table["TARGETID"].tolist(), table["Z"].tolist(), strict=True))
    beside = path.with_name(path.name.replace("coadd", "redrock", 1))
    if beside == path or not beside.is_file():
        return {}
    with fits.open(beside) as file:
        return _redrock(path, file) if "REDSHIFTS" in file else {}


def sdss(path: Path, hdus: fits.HDUList, air: bool | None) -> list[Spectrum]:
    """`spec-*.fits`: flux, loglam, ivar, and_mask, of which any bit masks a pixel."""
    medium(path, air, False)
    table = _table(hdus, {"flux", "loglam", "ivar"})
    names = {name.lower(): name for name in table.names}
    bad = table[names["and_mask"]] != 0 if "and_mask" in names else None
    redshift = np.nan
    for hdu in hdus:
        if isinstance(hdu, fits.BinTableHDU) and {"Z", "Z_ERR"} <= set(hdu.columns.names):
            redshift = float(hdu.data["Z"][0])
            break
    return [
        spectrum(
            path.name,
            "SDSS",
            10 ** _float(table[names["loglam"]]),
            _float(table[names["flux"]]),
            ivar=_float(table[names["ivar"]]),
            bad=bad,
            flux_unit=hdus[0].header.get("BUNIT", "1e-17 erg / (s cm2 Angstrom)"),
            redshift=redshift,
        )
    ]


def phase3(path: Path, hdus: fits.HDUList, air: bool | None) -> list[Spectrum]:
    """ESO's one-row table (LEGA-C and others): WAVE, FLUX, ERR, QUAL (0 is good).

    The header tells by the content descriptor `em.wl;obs.atmos` that wavelengths are in air.
    """
    table = _table(hdus, {"wave", "flux", "err"})
    header = next(hdu.header for hdu in hdus if getattr(hdu, "columns", None) is table.columns)
    names = {name.upper(): name for name in table.names}
    number = {name: table.names.index(column) + 1 for name, column in names.items()}
    content = str(header.get(f"TUCD{number['WAVE']}", ""))
    air = medium(path, air, "obs.atmos" in content if content else None)
    columns = {name: np.ravel(table[column]) for name, column in names.items()}
    survey = "LEGA-C" if "legac" in path.name.lower() else "ESO"
    return [
        spectrum(
            path.name,
            survey,
            _float(columns["WAVE"]),
            _float(columns["FLUX"]),
            error=_float(columns["ERR"]),
            bad=columns["QUAL"] != 0 if "QUAL" in columns else None,
            wavelength_unit=header.get(f"TUNIT{number['WAVE']}"),
            flux_unit=header.get(f"TUNIT{number['FLUX']}"),
            air=air,
            redshift=float(header.get("Z", np.nan)),
        )
    ]


def moons1d(path: Path, hdus: fits.HDUList, air: bool | None) -> list[Spectrum]:
    """Output of moons1d, one channel or three: images whose card NAME tells what they are."""
    medium(path, air, False)
    parts = []
    unit = None
    for index, hdu in enumerate(hdus):
        name = str(hdu.header.get("NAME", ""))
        if name == "Flux-calib frame" or name.startswith("DATA_"):
            error = hdus[index + 1]
            if not str(error.header.get("NAME", "")).startswith(("ERR_", "Flux error")):
                raise DatasetError(f"{path}: no error follows {name!r}")
            parts.append((_axis(hdu.header, hdu.data.size), _float(hdu.data), _float(error.data)))
            unit = hdu.header.get("TUNIT2")
    wave, flux, error = (np.concatenate(column) for column in zip(*parts, strict=True))
    with np.errstate(divide="ignore"):
        ivar = np.where(error > 0, error**-2.0, 0)
    wave, flux, ivar = joined(wave, flux, ivar)
    redshift = hdus[0].header.get("Z", np.nan)
    return [
        spectrum(
            path.name,
            "moons1d",
            wave,
            flux,
            ivar=ivar,
            flux_unit=unit,
            redshift=float(redshift),
        )
    ]


def image(path: Path, hdus: fits.HDUList, air: bool | None) -> list[Spectrum]:
    """AAOmega and Marz: spectra as rows of the first image, VARIANCE, and a wavelength axis."""
    flux = np.atleast_2d(_float(hdus[0].data))
    variance = np.atleast_2d(_float(hdus["VARIANCE"].data))
    header = hdus[0].header
    if "WAVELENGTH" in hdus:
        wave = np.atleast_2d(_float(hdus["WAVELENGTH"].data))
    else:
        wave = np.atleast_2d(_axis(header, flux.shape[1]))
    if np.nanmax(wave) < LOG10:
        wave = 10**wave
    said = header.get("VACUUM")
    air = medium(path, air, None if said is None else not said)
    many = len(flux) > 1
    return [
        spectrum(
            f"{path.name}:{row + 1}" if many else path.name,
            "AAOmega",
            wave[row % len(wave)],
            flux[row],
            error=np.sqrt(np.where(variance[row] > 0, variance[row], np.nan)),
            flux_unit=header.get("BUNIT"),
            air=air,
        )
        for row in range(len(flux))
    ]


def layout(hdus: fits.HDUList) -> Reader | None:
    """The reader that fits a file; None for a plain table or something else."""
    names = {hdu.name for hdu in hdus}
    if "FIBERMAP" in names and any(name.endswith("_WAVELENGTH") for name in names):
        return desi
    if hdus[0].header.get("INST") == "MOONS_SIM":
        return moons1d
    if hdus[0].data is not None and "VARIANCE" in names:
        return image
    for wanted, reader in (({"flux", "loglam", "ivar"}, sdss), ({"wave", "flux", "err"}, phase3)):
        if _table(hdus, wanted) is not None:
            return reader
    return None


def _table(hdus: fits.HDUList, wanted: set[str]) -> Any:
    """The first table that has columns of these names, in any letter case."""
    for hdu in hdus:
        if isinstance(hdu, fits.BinTableHDU) and wanted <= {n.lower() for n in hdu.columns.names}:
            return hdu.data
    return None


def _axis(header: fits.Header, length: int) -> np.ndarray:
    """Wavelengths of pixels by the FITS keywords of a linear axis."""
    step = header.get("CDELT1", header.get("CD1_1"))
    if step is None or "CRVAL1" not in header:
        raise DatasetError("the wavelength axis has no CRVAL1 and CDELT1")
    wave = header["CRVAL1"] + step * (np.arange(length) + 1 - header.get("CRPIX1", 1))
    return 10**wave if header.get("DC-FLAG", 0) == 1 else wave


def medium(path: Path, declared: bool | None, said: bool | None) -> bool | None:
    """Whether wavelengths are in air, from what the user and the file say."""
    if declared is not None and said is not None and declared != said:
        word = {True: "air", False: "vacuum"}
        raise DatasetError(
            f"{path.name}: wavelengths are in {word[said]} by the file, "
            f"in {word[declared]} by your setting"
        )
    return said if declared is None else declared


def _float(values: Any) -> np.ndarray:
    return np.asarray(values, np.float64)
