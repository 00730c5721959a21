"""A mock cube in the layout of MUSE: nebulae on diffuse gas, for `bench_nebula_spectra.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from zoo_datasets.simulators.muse import gas, instrument, record
from zoo_datasets.simulators.muse.gas import CLASSES

SEED = 20
VELOCITY, DIFFUSE_LAG = 600.0, -15.0  # km/s
NOISE = 3.0  # error of a pixel near H alpha [1e-20 erg/s/cm2/A]
DIFFUSE = 150.0  # H alpha of the diffuse gas where it is brightest [1e-20 erg/s/cm2]
NEBULAE = (  # class, x, y and radius in units of the side, H alpha at the centre over DIFFUSE
    ("hii", 0.22, 0.26, 0.10, 12.0),
    ("hii", 0.72, 0.70, 0.14, 6.0),
    ("hii", 0.45, 0.50, 0.05, 15.0),
    ("pn", 0.80, 0.22, 0.025, 8.0),
    ("pn", 0.14, 0.62, 0.025, 5.0),
    ("snr", 0.40, 0.82, 0.09, 4.0),
    ("snr", 0.58, 0.14, 0.06, 5.0),
)
UNIT = "10**(-20)*erg/s/cm**2/Angstrom"


def write(path: Path, side: int) -> dict[str, np.ndarray]:
    """Write a cube and return what is true: shares, `label` and `quality` (side, side).

    A corner has no data, as cubes have. Remnants are shells, the others Gaussians.
    """
    rng = np.random.default_rng(SEED)
    y, x = np.indices((side, side)) / side
    light = {name: np.zeros((side, side)) for name in CLASSES}
    flux = np.zeros((instrument.PIXELS, side, side), np.float32)
    texture = 0.6 + 0.4 * np.sin(7 * x + 1) * np.cos(9 * y)
    pieces = [("dig", DIFFUSE * texture, VELOCITY + DIFFUSE_LAG)]
    for name, x_0, y_0, radius, bright in NEBULAE:
        distance = np.hypot(x - x_0, y - y_0) / radius
        shape = np.exp(-0.5 * ((distance - 1) / 0.35) ** 2 if name == "snr" else -(distance**2))
        pieces.append((name, DIFFUSE * bright * shape, VELOCITY + rng.normal(0, 20)))
    signal = np.zeros((side, side))
    for name, image, velocity in pieces:
        ratios, dispersion = gas.component(name, rng.random(gas.DRAWS))
        one = np.zeros(instrument.PIXELS)
        record.add(one, record.WAVELENGTH, ratios, velocity, dispersion)
        flux += (one[:, None, None] * image).astype(np.float32)
        light[name] += image
        alone = np.zeros(instrument.PIXELS)
        record.add(alone, record.WAVELENGTH[record.HALPHA :][:1], np.ones(1), velocity, dispersion)
        signal += image * np.sqrt(np.sum((alone / instrument.noise_shape()) ** 2))
    flux += 0.02 * DIFFUSE  # what is left of the stars
    error = (NOISE * instrument.noise_shape()).astype(np.float32)[:, None, None]
    flux += error * rng.standard_normal(flux.shape, np.float32)
    flux[:, : side // 12, : side // 12] = np.nan
    _save(path, flux, np.broadcast_to(error**2, flux.shape))
    total = sum(light.values())
    truth: dict[str, Any] = {name: image / total for name, image in light.items()}
    truth["label"] = np.argmax([light[name] for name in CLASSES], axis=0)
    truth["quality"] = np.where(np.isfinite(flux[0]), signal / NOISE, 0)
    return truth


def _save(path: Path, flux: np.ndarray, variance: np.ndarray) -> None:
    words = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "AWAV",
        "CUNIT1": "deg", "CUNIT2": "deg", "CUNIT3": "Angstrom",
        "CRPIX1": 1.0, "CRPIX2": 1.0, "CRPIX3": 1.0,
        "CRVAL1": 23.46, "CRVAL2": 30.66, "CRVAL3": instrument.START,
        "CD1_1": -5.5555e-5, "CD2_2": 5.5555e-5, "CD1_2": 0.0, "CD2_1": 0.0,
        "CD3_3": instrument.STEP, "CD1_3": 0.0, "CD2_3": 0.0, "CD3_1": 0.0, "CD3_2": 0.0,
    }  # fmt: skip
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for name, values, unit in (("DATA", flux, UNIT), ("STAT", variance, f"({UNIT})**2")):
        hdu = fits.ImageHDU(np.asarray(values, np.float32), fits.Header(words), name=name)
        hdu.header["BUNIT"] = unit
        hdus.append(hdu)
    hdus.writeto(path)
