"""Records of the dataset `desi_spectra`."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_datasets.simulators.spectra import desi, low_redshift, population, spectrum
from zoo_datasets.simulators.spectra.population import Galaxy
from zoo_datasets.simulators.spectra.record import (
    SPLITS,
    nebular,
    properties,
    rest_frame,
    stellar,
)

TEMPLATES = 20251104  # templates are other galaxies than the observed ones of the same split
TEMPLATE_BLUR = 36.0  # km/s of the instrument, with which templates are blurred as well


def record(
    rng: np.random.Generator, split: str, index: int, library: str = "bpass"
) -> dict[str, Any]:
    """Galaxy `index` of a split and its noiseless spectrum; see `record.record`."""
    galaxy = low_redshift.draw(rng)
    shown, gas = stellar(library), nebular("mappings")
    emitted = spectrum.light(galaxy, shown, gas)
    flux = spectrum.observed(galaxy, emitted, shown, gas, desi)
    formed = _formed(galaxy, flux)
    alpha = emitted.lines[gas.name == "Halpha"][0] * (1 + galaxy.redshift)
    alpha *= population.per_luminosity(galaxy.redshift) * formed / 1e-17
    return {
        "object_id": np.array(f"{split}-{index:06d}"),
        "galaxy_id": np.int64(SPLITS.index(split) * 10_000_000 + index),
        "flux_true": (flux * (formed / 1e-17)).astype(np.float16),
        **_properties(galaxy, emitted.surviving, formed),
        "flux_halpha": np.float32(alpha),
        "exposure": np.float32(galaxy.exposure),
        "noise_seed": np.int64(rng.integers(2**62)),
    }


def template(rng: np.random.Generator, split: str, index: int) -> dict[str, Any]:
    """Galaxy `index` of the template library and its spectrum in the rest frame."""
    rng = np.random.default_rng([TEMPLATES, int(rng.integers(2**62))])
    galaxy = low_redshift.draw(rng)
    shown, gas = stellar("bpass"), nebular("mappings")
    emitted = spectrum.light(galaxy, shown, gas)
    formed = _formed(galaxy, spectrum.observed(galaxy, emitted, shown, gas, desi))
    return {
        "object_id": np.array(f"template-{split}-{index:06d}"),
        "galaxy_id": np.int64((10 + SPLITS.index(split)) * 10_000_000 + index),
        "rest_flux": rest_frame(galaxy, emitted, shown, gas, TEMPLATE_BLUR),
        **_properties(galaxy, emitted.surviving, formed),
    }


def _formed(galaxy: Galaxy, flux: np.ndarray) -> float:
    """Mass formed [Msun] that gives the galaxy's magnitude."""
    seen = spectrum.magnitude(flux, desi.wavelength(), low_redshift.BAND)
    return float(10 ** (0.4 * (seen - galaxy.mag_h)))


def _properties(galaxy: Galaxy, surviving: float, formed: float) -> dict[str, Any]:
    found = properties(galaxy, surviving, formed)
    return {("mag_z" if name == "mag_h" else name): value for name, value in found.items()}
