"""`cluster_msigma`: masses from velocity dispersions by the M-sigma relation, inverted."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.models.clusters import nfw, sanity, split
from zoo.models.clusters.dispersion import clipped, dispersion
from zoo.models.clusters.example import galaxies
from zoo.models.clusters.richness import richness_fit

PIVOT = 15.0
CLUSTERS = 30_000  # of the training split
FITTED = 14.5  # log_mass above which the relation is fitted (Ho et al. 2019)
QUOTED = (13.9, 15.1)  # log_mass of the clusters that the error is fitted to
EVRARD = {"slope": 0.3361, "log_sigma": float(np.log10(1082.9)), "reference": 0.0}

example = galaxies
check = sanity.check


class MSigma:
    """log sigma = log_sigma + slope (log10[M E(z) / E(reference)] - 15), solved for the mass.

    Parameters
    ----------
    slope, log_sigma : float
        Of the relation; sigma in km/s.
    reference : float
        Redshift at which it holds; elsewhere sigma depends on E(z) M, as of haloes in equilibrium.
    sigma_n, sigma_0 : float
        Of the error, sigma_n^2 100 / N + sigma_0^2 [dex].
    clip : bool
        Whether galaxies beyond 2.7 standard deviations are left out.
    """

    def __init__(
        self,
        slope: float,
        log_sigma: float,
        reference: float,
        sigma_n: float = 0.0,
        sigma_0: float = 0.0,
        clip: bool = False,
    ) -> None:
        self.slope, self.log_sigma, self.reference = slope, log_sigma, reference
        self.sigma_n, self.sigma_0, self.clip = sigma_n, sigma_0, clip

    def predict(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`log_mass`, `log_mass_std` (batch,) from `v_los` (batch, N) and `redshift` (batch,)."""
        v = np.asarray(columns["v_los"], float)
        used = clipped(v) if self.clip else v
        with np.errstate(divide="ignore"):  # equal velocities have no answer, as `check` says
            log_sigma = np.log10(dispersion(used))
        growth = np.log10(nfw.expansion(columns["redshift"]) / nfw.expansion(self.reference))
        count = np.maximum((~np.isnan(v)).sum(axis=1), 1)
        return {
            "log_mass": PIVOT + (log_sigma - self.log_sigma) / self.slope - growth,
            "log_mass_std": np.sqrt(self.sigma_n**2 * 100 / count + self.sigma_0**2),
        }


def build(**config: Any) -> MSigma:
    """The estimator from its fitted numbers; see `MSigma`."""
    return MSigma(**config)


def learn(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Fit the relation to massive clusters, and then the error of its inversion.

    Parameters
    ----------
    data : dict
        Features of the training split of `cluster_phase_space`.
    settings : dict
        `config` may say `clip`.
    """
    clip = settings["config"].get("clip", False)
    log_mass = np.asarray(data["log_mass"][:CLUSTERS], float)

    def measured(columns: dict[str, np.ndarray]) -> np.ndarray:
        v = np.asarray(columns["v_los"], float)
        return dispersion(clipped(v) if clip else v)

    sigma = split.over(data, measured, CLUSTERS)
    fitted = log_mass > FITTED
    slope, log_sigma = np.polyfit(log_mass[fitted] - PIVOT, np.log10(sigma[fitted]), 1)
    relation = {"slope": float(slope), "log_sigma": float(log_sigma)}
    relation["reference"] = float(np.mean(data["redshift"]))
    estimator = build(**relation, clip=clip)
    found = split.over(data, lambda columns: estimator.predict(columns)["log_mass"], CLUSTERS)
    rows = (log_mass > QUOTED[0]) & (log_mass < QUOTED[1])
    error = richness_fit(found[rows] - log_mass[rows], data["v_los"][:CLUSTERS].lengths[rows])
    return {name: round(value, 5) for name, value in (relation | error).items()}


def baselines(data: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 (fitted to simulations)
    """The relation of dark matter in simulations (Evrard et al. 2008), all galaxies used."""
    return {"Evrard et al. 2008": EVRARD}
