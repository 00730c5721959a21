"""Which galaxies an optical survey observes at z < 1.6, drawn one at a time; see `population`.

There is no luminosity function: brightness hardly depends on redshift, so that a model learns no
relation between them but that no galaxy is heavier than `HEAVIEST`.
"""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators.spectra import cosmos, population
from zoo_datasets.simulators.spectra.history import History
from zoo_datasets.simulators.spectra.population import Galaxy, nominal_mass

REDSHIFT = (0.001, 1.6)
BAND = (8400.0, 9700.0)  # A, top hat in which mag_z is measured
BRIGHTEST, FAINTEST = 15.0, 22.8  # AB
HEAVIEST = 11.9  # log10 of the mass formed [Msun]
AGE = (0.2, 13.0)  # Gyr since the first stars, and younger than the universe
TAU = (0.05, 10.0)  # Gyr
QUENCHED, BURSTING = 0.35, 0.15  # shares
QUENCH = (0.25, 8.0)  # Gyr ago
EXPOSURE = (300.0, 6000.0)  # s, under the sky that the noise is known for


def draw(rng: np.random.Generator) -> Galaxy:
    """Draw a galaxy; its `mag_h` is the magnitude in `BAND`, its exposure in seconds."""
    u, g = rng.random(11), rng.standard_normal(8)
    z = REDSHIFT[0] + (REDSHIFT[1] - REDSHIFT[0]) * u[0]
    age = AGE[0] + (min(AGE[1], cosmos.age(z)) - AGE[0]) * u[2]
    quenched, burst = u[3] < QUENCHED, QUENCHED <= u[3] < QUENCHED + BURSTING
    shortest = TAU[0] if quenched else max(TAU[0], age / 5)
    past = History(
        age=age,
        tau=shortest * (TAU[1] / shortest) ** u[4],
        quench_time=min(QUENCH[0] * (QUENCH[1] / QUENCH[0]) ** u[5], 0.8 * age) if quenched else 0,
        quench_tau=0.03 * 10 ** u[6],
        burst_mass=10 ** (-2.5 + 1.8 * u[7]) if burst else 0.0,
        burst_time=0.01 * 10 ** u[8],
    )
    rate = max(past.rate(), population.LEAST_RATE)
    limit = FAINTEST + 2.5 * (nominal_mass(past, z, FAINTEST, BAND) - HEAVIEST)
    bright = float(np.clip(limit, BRIGHTEST, FAINTEST - 0.5))
    mag = bright + (FAINTEST - bright) * float(np.sqrt(u[1]))
    mass = nominal_mass(past, z, mag, BAND)
    active = float(np.clip((np.log10(rate) + 11) / 2, 0, 1))
    gas = float(np.clip(8.75 + 0.3 * (mass - 10) - 0.15 * z + 0.1 * g[0], 7.7, 9.1))
    metals = float(np.clip(0.02 * 10 ** (gas - 8.69 - 0.2 + 0.15 * g[1]), 0.002, 0.008))
    dusty = 0.15 + active * (0.25 + 0.45 * float(np.clip(mass - 9, 0, 2.3)))
    return Galaxy(
        redshift=z,
        mag_h=mag,
        exposure=EXPOSURE[0] * float((EXPOSURE[1] / EXPOSURE[0]) ** u[9]),
        history=past,
        specific_rate=rate,
        quenched=bool(quenched),
        burst=bool(burst),
        a_v=min(dusty * float(np.exp(0.4 * g[2])), 3.5),
        sigma_v=float(np.clip(10 ** (2.05 + 0.27 * (mass - 10) + 0.1 * g[3]), 30, 400)),
        metallicity=metals,
        log_u=float(np.clip(-2.9 + 0.35 * g[4], -4, -2)),
        log_pressure=float(np.clip(6.2 + 0.4 * g[5], 5.4, 7.8)),
        log_oh=gas,
        line_scatter=10 ** (0.2 * g[6] - 0.25),
    )
