"""What shines along a line of sight: line ratios of four kinds of ionised gas."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from zoo_datasets.simulators.muse import lines
from zoo_datasets.simulators.muse.lines import HALPHA, INDEX, NAMES
from zoo_datasets.simulators.nebulae import lines as nebular
from zoo_datasets.simulators.nebulae import shock
from zoo_datasets.simulators.nebulae.grids import Grid

CLASSES = ("hii", "pn", "snr", "dig")
DRAWS = 16  # uniform numbers that a component takes
HELIUM = 0.09  # He/H by number
OI_PAIR = 1 / 3.1  # [O I] 6364 over 6300 (Storey & Zeippen 2000)

# One-dimensional velocity dispersion of the gas [km/s], uniform in the logarithm
DISPERSION = {"hii": (10.0, 35.0), "pn": (12.0, 30.0), "snr": (25.0, 200.0), "dig": (25.0, 60.0)}
# Scatter of the velocity of a component about that of the line of sight [km/s]
SCATTER = {"hii": 10.0, "pn": 50.0, "snr": 30.0, "dig": 20.0}


def component(name: str, u: np.ndarray) -> tuple[np.ndarray, float]:
    """Lines of a component and their width.

    Parameters
    ----------
    name : str
        One of `CLASSES`.
    u : (16,) array
        Uniform random numbers.

    Returns
    -------
    ratios : (35,) array
        Fluxes over that of H alpha, before dust.
    dispersion : float
        [km/s]
    """
    low, high = DISPERSION[name]
    ratios = MAKERS[name](u[:15])
    return ratios / ratios[HALPHA], float(low * (high / low) ** u[15])


def region(u: np.ndarray) -> np.ndarray:
    """H II region of MAPPINGS, the population of `nebula_lines`."""
    return lines.soft().ratios(-3.9 + 1.8 * u[0], 4.6 + 2.4 * u[1], 7.9 + 1.2 * u[2])


def planetary(u: np.ndarray) -> np.ndarray:
    """Cloud of MAPPINGS in a hard field that stands for a planetary nebula, as `nebula_lines`."""
    return lines.hard().ratios(
        -3.2 + 2.2 * u[0], 5.8 + 2.2 * u[1], 8.0 + 1.0 * u[2], -2 + 0.5 * u[3]
    )


def diffuse(u: np.ndarray) -> np.ndarray:
    """Diffuse ionised gas: thin gas of low ionisation, lit by stars and a harder field.

    The share of H alpha due to the hard field is 5 to 40 %.
    """
    log_oh = 8.3 + 0.7 * u[0]
    leaked = lines.soft().ratios(-4 + 0.6 * u[1], 4.2 + 0.8 * u[2], log_oh)
    harder = lines.hard().ratios(-4 + 0.8 * u[3], 4.6 + 0.8 * u[4], log_oh, -2 + 0.5 * u[5])
    share = 0.05 + 0.35 * u[6]
    return (1 - share) * leaked / leaked[HALPHA] + share * harder / harder[HALPHA]


def shocked(u: np.ndarray) -> np.ndarray:
    """Toy of a supernova remnant: the clouds of `nebula_lines` with their weaker lines.

    Densities and temperatures are those of `shock.cloud`; the shares of neutral oxygen, nitrogen
    and of ionised helium are drawn. There are no Ar IV lines.
    """
    strong, log_oh = shock.cloud(u)
    seen = dict(zip(nebular.NAMES, strong, strict=True))
    table = emissivity()
    low, log_n = np.log10(8e3 + 7e3 * u[1]), 1.3 + 2 * u[3]
    cool = dict(zip(lines.table()["emitted"], table.ratios(low, log_n), strict=True))
    beta = shock.emissivity().ratios(low, log_n)[nebular.HBETA]
    out = np.zeros(len(NAMES))

    def put(name: str, value: float) -> None:
        out[INDEX[name]] = value

    for name in ("Hbeta", "OIII5007", "NII5755", "SIII6312", "Halpha", "SIII9069"):
        put(name, seen[name])
    put("NII6583", seen["NII6584"])
    for total, parts in (("SII6725", ("SII6716", "SII6731")), ("OII7325", ("OII7320", "OII7330"))):
        for part in parts:
            put(part, seen[total] * cool[part] / sum(cool[p] for p in parts))
    # Neutral oxygen lives in the cool end of the recombination zone.
    singly = 0.35 + 0.5 * u[6]
    neutral = (1 - singly) * (0.3 + 0.7 * u[11]) * 10 ** (log_oh - 12)
    put("OI6300", neutral * cool["OI6300"] / beta)
    put("OI6364", OI_PAIR * out[INDEX["OI6300"]])
    for name in ("NI5198", "NI5200"):
        put(name, 0.1 * neutral * (0.3 + 0.7 * u[12]) * cool[name] / beta)
    helium = HELIUM * (0.3 + 0.6 * u[13]) / beta
    for name in ("HeI5876", "HeI5016", "HeI6678", "HeI7065"):
        put(name, helium * cool[name])
    put("HeII4686", 0.1 * u[14])
    put("HeII6560", 0.14 * out[INDEX["HeII4686"]])
    with np.errstate(divide="ignore"):
        return np.asarray(10 ** lines.complete(np.log10(out[: len(lines.GRID)])))


@lru_cache(maxsize=1)
def emissivity() -> Grid:
    """log10 of emissivities [erg cm^3 / s] against log10 of temperature [K], density [cm^-3]."""
    given = lines.table()
    axes = tuple(given[name].astype(float) for name in ("log_temperature", "log_density"))
    return Grid(axes, given["log_emissivity"].astype(float))


MAKERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hii": region,
    "pn": planetary,
    "snr": shocked,
    "dig": diffuse,
}
