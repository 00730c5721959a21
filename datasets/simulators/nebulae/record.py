"""One mock nebula: its class, its gas, its twelve lines as observed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.special import gammaincinv, ndtri

from zoo_datasets.simulators.nebulae import grids, mixing, shock
from zoo_datasets.simulators.nebulae.lines import NAMES, WAVELENGTH
from zoo_datasets.simulators.spectra.cloudy import nitrogen

CLASSES = ("hii", "pn", "snr")


@dataclasses.dataclass(frozen=True)
class Population:
    """What is drawn, beside the gas itself.

    Attributes
    ----------
    shares : tuple of float
        Of the classes.
    reddening : float
        Scale of E(B-V) [mag], a gamma distribution of shape 1.5.
    quality : tuple of float
        Range of the ratio of signal to noise of H alpha, uniform in the logarithm.
    diffuse : float
        Largest share of H beta that diffuse gas adds, uniform from 0.
    """

    shares: tuple[float, float, float]
    reddening: float
    quality: tuple[float, float]
    diffuse: float = 0.0


POPULATIONS = {
    "source": Population((1 / 3, 1 / 3, 1 / 3), 0.12, (20, 400)),
    "target": Population((0.70, 0.12, 0.18), 0.26, (15, 150), 0.55),
    "inference": Population((1.0, 0.0, 0.0), 0.2, (20, 200)),
}
INFERENCE = {  # bounds of what `inference` draws uniformly
    "log_u": (-4.0, -1.5),
    "log_oh": (7.1, 9.0),
    "log_no": (-2.0, -0.125),
}
COOLER, RICHER = 0.92, 0.12  # shocks of the target against those of the source


def record(
    rng: np.random.Generator,
    split: str,
    index: int,
    *,
    code: str,
    population: str,
    folder: str = "",
) -> dict[str, Any]:
    """Draw one nebula.

    Parameters
    ----------
    code : {"mappings", "cloudy"}
        Whose models the H II regions and planetary nebulae are.
    population : str
        One of `POPULATIONS`.
    folder : str
        Where the tables of Cloudy lie.
    """
    drawn = POPULATIONS[population]
    u, z = rng.random(24), rng.standard_normal(32)
    label = int(np.searchsorted(np.cumsum(drawn.shares)[:2], u[0], "right"))
    gas = {"log_u": np.nan, "log_oh": np.nan, "log_no": np.nan}
    if label == 2:
        shifted = (COOLER, RICHER) if code == "cloudy" else (1.0, 0.0)
        ratios, gas["log_oh"] = shock.cloud(u[1 : 1 + shock.DRAWS], *shifted)
    elif code == "mappings":
        ratios, found = _mappings(label, u[1:6])
        gas |= found
    else:
        ratios, found = _cloudy(label, u[1:6], population, folder)
        gas |= found
    share = drawn.diffuse * float(u[13])
    ebv = drawn.reddening * float(gammaincinv(1.5, u[14]))
    low, high = np.log(drawn.quality)
    quality = float(np.exp(low + (high - low) * u[15]))
    below = ratios <= grids.SMALLEST if code == "cloudy" and label < 2 else np.zeros(len(NAMES))
    ratios = mixing.diluted(ratios, share, z[:12])
    lines = mixing.seen(ratios, ebv, float(10 ** (1.5 + 3 * u[16])), quality, z[12:24])
    return {
        "object_id": f"{split}-{index:06d}",
        "label": np.uint8(label),
        "line": WAVELENGTH.astype(np.float32),
        **{n: v.astype(np.uint8 if n == "is_limit" else np.float32) for n, v in lines.items()},
        "below_table": below.astype(np.uint8),
        **{n: np.float32(v) for n, v in gas.items()},
        "ebv": np.float32(ebv),
        "dig_fraction": np.float32(share),
        "quality": np.float32(quality),
    }


def _mappings(label: int, u: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Ratios to H beta, and the gas behind them, drawn from five uniform numbers."""
    if label == 0:
        log_u, log_pressure, log_oh = -3.9 + 1.8 * u[0], 4.6 + 2.4 * u[1], 7.9 + 1.2 * u[2]
        ratios = grids.mappings_hii().ratios(log_u, log_pressure, log_oh)
    else:
        log_u, log_pressure, log_oh = -3.2 + 2.2 * u[0], 5.8 + 2.2 * u[1], 8.0 + 1.0 * u[2]
        ratios = grids.mappings_pn().ratios(log_u, log_pressure, log_oh, -2 + 0.5 * u[3])
    return ratios, {"log_u": log_u, "log_oh": log_oh}


def _cloudy(
    label: int, u: np.ndarray, population: str, folder: str
) -> tuple[np.ndarray, dict[str, float]]:
    """Ratios to H beta, and the gas behind them, drawn from five uniform numbers."""
    if population == "inference":
        gas = {n: low + (high - low) * u[i] for i, (n, (low, high)) in enumerate(INFERENCE.items())}
        which = "hii"
    else:
        normal = ndtri(0.001 + 0.998 * u[:3])
        log_oh = float(np.clip(8.55 + 0.2 * normal[1], 7.5, 9.0))
        log_no = nitrogen(log_oh) + 0.12 * normal[2]
        if label == 0:
            log_u, which = float(np.clip(-3.1 + 0.35 * normal[0], -4, -1.75)), "hii"
        else:
            log_u, which = -2.75 + 2 * u[0], "pn_100" if u[3] < 0.5 else "pn_150"
            log_no += 0.5 * u[4]
        gas = {"log_u": log_u, "log_oh": log_oh, "log_no": float(np.clip(log_no, -2, 0))}
    grid = grids.cloudy(folder, which)
    return grid.ratios(gas["log_oh"], gas["log_no"], gas["log_u"]), gas
