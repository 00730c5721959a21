"""A toy of shocked gas: two zones of one temperature each.

No grid of shock models may be passed on, so this class stands in for supernova remnants. Lines of
low ionisation come from recombining gas of 8,000 to 15,000 K, those of higher ionisation from hot
gas behind the shock, 16,000 to 40,000 K, of which a little shines a lot. The shares of ions are
drawn, not computed: no shock velocity, no magnetic field, no precursor.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from zoo_datasets.simulators.nebulae.grids import TABLES, Grid
from zoo_datasets.simulators.nebulae.lines import HBETA, NAMES
from zoo_datasets.simulators.spectra.cloudy import nitrogen

DRAWS = 11  # uniform numbers that a cloud takes
SULPHUR, NEON = -1.57, -0.73  # log S/O, Ne/O of the Sun (Asplund et al. 2009: 7.12, 7.93, 8.69)
HOT = np.isin(NAMES, ("NeIII3869", "OIII4363", "OIII5007"))
MIXED = np.isin(NAMES, ("SIII6312", "SIII9069"))
LOW = {name: NAMES.index(name) for name in ("OII3727", "NII5755", "NII6584", "SII6725", "OII7325")}


@lru_cache(maxsize=1)
def emissivity() -> Grid:
    """log10 of emissivities [erg cm^3 / s] against log10 of temperature [K], density [cm^-3]."""
    with np.load(TABLES / "emissivity.npz") as file:
        axes = (file["log_temperature"].astype(float), file["log_density"].astype(float))
        return Grid(axes, file["log_emissivity"].astype(float))


def cloud(u: np.ndarray, cooler: float = 1.0, richer: float = 0.0) -> tuple[np.ndarray, float]:
    """Lines of a cloud.

    Parameters
    ----------
    u : (11,) array
        Uniform random numbers.
    cooler : float
        Factor on all temperatures.
    richer : float
        Added to 12 + log O/H.

    Returns
    -------
    ratios : (12,) array
        Fluxes over that of H beta.
    log_oh : float
    """
    log_oh = 8.2 + 0.6 * u[0] + richer
    low, high = cooler * (8e3 + 7e3 * u[1]), cooler * 1.6e4 * 2.5 ** u[2]
    density = 10 ** (1.3 + 2 * u[3])
    oxygen = 10 ** (log_oh - 12)
    nitrogen_ = oxygen * 10 ** (nitrogen(log_oh) + 0.4 * (u[4] - 0.5))
    sulphur = oxygen * 10 ** (SULPHUR + 0.2 * (u[5] - 0.5))
    singly, s_singly = 0.35 + 0.5 * u[6], 0.35 + 0.4 * u[7]  # of O and N, and of S
    hot = 10 ** (-2.3 + 1.2 * u[8])  # O++ of the hot gas over all O, per H+ of the cool gas
    abundance = np.ones(len(NAMES))
    for name, index in LOW.items():
        abundance[index] = {"O": oxygen * singly, "N": nitrogen_ * singly}.get(
            name[0], sulphur * s_singly
        )
    abundance[HOT] = oxygen * hot
    abundance[NAMES.index("NeIII3869")] *= 10 ** (NEON + 0.2 * (u[9] - 0.5))
    abundance[MIXED] = sulphur * (1 - s_singly) * (0.3 + 0.5 * u[10])
    table, log_n = emissivity(), np.log10(density)
    cool = table.ratios(np.log10(low), log_n)
    warm = table.ratios(np.log10(np.sqrt(low * high)), log_n)
    hottest = table.ratios(np.log10(high), log_n)
    power = np.where(HOT, hottest, np.where(MIXED, warm, cool)) * abundance
    return power / power[HBETA], log_oh
