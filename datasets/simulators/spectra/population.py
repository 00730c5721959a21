"""Which galaxies are observed: the mock's population, drawn one galaxy at a time.

Relations are simple fits to what is known at 1 < z < 2.6, with scatter: they make the mock
plausible, not a model of galaxy evolution.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from zoo_datasets.simulators.spectra import cosmos, grids, stars
from zoo_datasets.simulators.spectra.history import History

REDSHIFT = (0.9, 2.6)
MAG_BRIGHT, MAG_RANGE = 21.0, 4.2  # AB, H band; 21 + 4.2 sqrt(u), faint-weighted, to 25.2
AGE = (0.2, 6.0)  # Gyr since the first stars, and younger than the universe
TAU = (0.05, 10.0)  # Gyr
QUENCHED, BURSTING = 0.25, 0.20  # shares
EXPOSURES = (2.0, 4.0, 8.0)  # h
AIRMASS, SEEING = 1.2, 0.8
LEAST_RATE = 1e-13  # 1/yr, specific star-formation rate that stands for none
BAND = (15000.0, 17900.0)  # A, top hat in which mag_h is measured
AB = 48.6


@dataclasses.dataclass(frozen=True)
class Galaxy:
    """One galaxy before its light is computed.

    Attributes
    ----------
    redshift, mag_h, exposure : float
        Redshift; AB magnitude in `BAND`; exposure [h].
    history : History
        Star-formation history.
    specific_rate : float
        Star-formation rate of the last 100 Myr over the mass formed [1/yr].
    quenched, burst : bool
        Whether quenching or a burst was drawn.
    a_v, sigma_v : float
        Attenuation of starlight in V [mag]; velocity dispersion of stars and gas [km/s].
    metallicity, log_u, log_pressure, log_oh : float
        Mass fraction of metals in stars; ionisation parameter, log10 of P/k [K/cm3] and
        12 + log O/H of the gas.
    line_scatter : float
        Factor on all lines: ionising photons that escape, dust and the relation's scatter.
    """

    redshift: float
    mag_h: float
    exposure: float
    history: History
    specific_rate: float
    quenched: bool
    burst: bool
    a_v: float
    sigma_v: float
    metallicity: float
    log_u: float
    log_pressure: float
    log_oh: float
    line_scatter: float


def draw(rng: np.random.Generator) -> Galaxy:
    """Draw a galaxy; it takes the same random numbers whatever library makes its spectrum."""
    u, g = rng.random(11), rng.standard_normal(8)
    z = REDSHIFT[0] + (REDSHIFT[1] - REDSHIFT[0]) * u[0]
    mag = MAG_BRIGHT + MAG_RANGE * float(np.sqrt(u[1]))
    age = AGE[0] + (min(AGE[1], cosmos.age(z)) - AGE[0]) * u[2]
    quenched, burst = u[3] < QUENCHED, QUENCHED <= u[3] < QUENCHED + BURSTING
    # whoever is not quenched still forms stars: tau is not short against the age
    shortest = TAU[0] if quenched else max(TAU[0], age / 5)
    past = History(
        age=age,
        tau=shortest * (TAU[1] / shortest) ** u[4],
        quench_time=min(0.25 + 1.5 * u[5], 0.8 * age) if quenched else 0.0,
        quench_tau=0.03 * 10 ** u[6],
        burst_mass=10 ** (-2.5 + 1.8 * u[7]) if burst else 0.0,
        burst_time=0.01 * 10 ** u[8],
    )
    rate = max(past.rate(), LEAST_RATE)
    mass = nominal_mass(past, z, mag)
    active = float(np.clip((np.log10(rate) + 11) / 2, 0, 1))
    gas = float(np.clip(8.65 + 0.3 * (mass - 10) - 0.1 * (z - 1.5) + 0.1 * g[0], 7.7, 9.1))
    metals = float(np.clip(0.02 * 10 ** (gas - 8.69 - 0.35 + 0.1 * g[1]), 0.002, 0.008))
    dusty = 0.15 + active * (0.25 + 0.45 * float(np.clip(mass - 9, 0, 2.3)))
    return Galaxy(
        redshift=z,
        mag_h=mag,
        exposure=EXPOSURES[int(3 * u[9])],
        history=past,
        specific_rate=rate,
        quenched=bool(quenched),
        burst=bool(burst),
        a_v=min(dusty * float(np.exp(0.4 * g[2])), 3.5),
        sigma_v=float(np.clip(10 ** (2.05 + 0.27 * (mass - 10) + 0.1 * g[3]), 40, 400)),
        metallicity=metals,
        log_u=float(np.clip(-2.7 + 0.35 * g[4], -4, -2)),
        log_pressure=float(np.clip(6.6 + 0.3 * g[5], 5.4, 7.8)),
        log_oh=gas,
        line_scatter=10 ** (0.1 * g[6] - 0.25),
    )


def nominal_mass(past: History, z: float, mag: float, band: tuple[float, float] = BAND) -> float:
    """log10 of the mass formed [Msun] that gives `mag` without dust, by the shipped library.

    Dust, metallicity and velocity dispersion are drawn around it, so that they are the same
    whatever library makes the spectrum.
    """
    library = stars.bpass()
    bins = band_bins(z, band)
    weights = library.mixture(past.weights(library.log_age), 0.004)
    light = float(np.mean(library.luminosity(weights, bins)))
    return float(np.log10(band_flux(mag, band) / (light * per_luminosity(z))))


def band_bins(z: float, band: tuple[float, float] = BAND) -> slice:
    """Every 16th bin of the rest grid inside the band."""
    low, high = np.searchsorted(grids.rest(), np.array(band) / (1 + z))
    return slice(int(low), int(high), 16)


def band_flux(mag: float, band: tuple[float, float] = BAND) -> float:
    """Flux [erg/s/cm2/A] of a magnitude at the middle of the band."""
    middle = float(np.sqrt(band[0] * band[1]))
    return 10 ** (-0.4 * (mag + AB)) * grids.C * 1e13 / middle**2


def per_luminosity(z: float) -> float:
    """Observed erg/s/cm2/A of an emitted Lsun/A."""
    distance = cosmos.luminosity_distance(z) * cosmos.CM
    return 3.828e33 / (4 * np.pi * distance**2 * (1 + z))
