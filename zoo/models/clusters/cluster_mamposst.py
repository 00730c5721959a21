"""`cluster_mamposst`: masses from the likelihood of galaxies in projected phase space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.models.clusters import intrinsic, rivals, sanity, split
from zoo.models.clusters.example import galaxies
from zoo.models.clusters.grid_posterior import LEVELS, GridPosterior
from zoo.models.clusters.mamposst import (
    LOG_MASS,
    Assumptions,
    Likelihood,
    interloper_density,
    peak,
)

CLUSTERS = 4000  # of the training split that the intrinsic scatter is fitted to
NONE = (0.0, 0.0, -20.0, 0.0)  # no intrinsic scatter

example = galaxies
check = sanity.check


class Mamposst:
    """The likelihood on a grid of masses, and the posterior of the true mass.

    Parameters
    ----------
    prior : (float, float)
        Ends of log_mass, uniform between.
    relation : four floats
        Between true and dynamical mass, see `intrinsic`.
    **assumptions
        See `Assumptions`.
    """

    def __init__(
        self, prior: Sequence[float], relation: Sequence[float] = NONE, **assumptions: Any
    ) -> None:
        self.edges = intrinsic.cells(*prior)
        self.relation = relation
        self.likelihood = Likelihood(Assumptions(**assumptions))

    def predict(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs of the card from `r_proj`, `v_los` (batch, N) and `redshift` (batch,)."""
        logs = self.log_likelihood(columns)
        posterior = self._posterior(logs)
        mean, std = posterior.moments()
        return {
            "log_mass": mean,
            "log_mass_std": std,
            "log_mass_quantiles": posterior.inverse(LEVELS),
            "log_mass_ml": peak(logs),
        }

    def sample(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Draws (batch, n) of `log_mass`; columns hold `seed` (batch, 2) and `n` (batch,) too."""
        posterior = self._posterior(self.log_likelihood(columns))
        return {"log_mass": posterior.draws(columns["seed"], int(columns["n"].max(initial=0)))}

    def log_prob(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Log of the posterior density (batch,) per dex at `theta` (batch, 1)."""
        posterior = self._posterior(self.log_likelihood(columns))
        return {"log_prob": posterior.log_prob(np.asarray(columns["theta"], float)[:, 0])}

    def log_likelihood(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Of the dynamical mass (batch, len(LOG_MASS)), up to a constant."""
        out = np.zeros((len(columns["v_los"]), len(LOG_MASS)))
        for row, r, v, z in zip(
            out, columns["r_proj"], columns["v_los"], columns["redshift"], strict=True
        ):
            present = ~np.isnan(v)
            if present.any():
                row[:] = self.likelihood(r[present].astype(float), v[present].astype(float), z)
        return out

    def _posterior(self, logs: np.ndarray) -> GridPosterior:
        return GridPosterior(
            self.edges, intrinsic.weights(logs, LOG_MASS, self.relation, self.edges)
        )


def build(**config: Any) -> Mamposst:
    """The estimator from its assumptions and fitted numbers; see `Mamposst`."""
    return Mamposst(**config)


def learn(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Fit what a user of the method would take from simulations.

    That is the relation of concentration and mass, the velocities of interlopers, and the relation
    of true and dynamical mass.

    Parameters
    ----------
    data : dict
        Features of the training split of `cluster_phase_space`.
    settings : dict
        `config` holds the prior, the cylinder, and the assumptions about galaxies.
    """
    config = settings["config"]
    log_mass = np.asarray(data["log_mass"], float)
    log_c = np.log10(np.asarray(data["concentration"], float))
    known = np.isfinite(log_c)
    slope, middle = np.polyfit(log_mass[known] - 14.5, log_c[known], 1)
    deviation = log_c[known] - middle - slope * (log_mass[known] - 14.5)
    found: dict[str, Any] = {
        "concentration": [round(float(middle), 4), round(float(slope), 4)],
        "scatter": round(float(deviation.std()), 4),
        "background": _background(data, config["depth"]),
    }
    estimator = build(**config, **found)
    logs = split.over(data, estimator.log_likelihood, CLUSTERS)
    found["relation"] = intrinsic.fit(logs, LOG_MASS, log_mass[:CLUSTERS], estimator.edges)
    return found


def _background(data: dict[str, Any], depth: float) -> list[float]:
    """Dispersion and share of the constant of interlopers; empty where all are members.

    Maximum likelihood on a grid, of the velocities of up to 200,000 galaxies that are no members.
    """
    v = np.asarray(data["v_los"].values)[np.asarray(data["is_member"].values) == 0][:200_000]
    if not len(v):
        return []
    counts, edges = np.histogram(np.abs(v), np.linspace(0, depth, 111))
    middle = (edges[1:] + edges[:-1]) / 2
    pairs = [(s, q) for s in np.arange(400.0, 1500.0, 10) for q in np.arange(0.01, 0.99, 0.01)]
    fits = [counts @ np.log(interloper_density(middle, s, q, depth)) for s, q in pairs]
    sigma, share = pairs[int(np.argmax(fits))]
    return [float(sigma), round(float(share), 2)]


def baselines(data: dict[str, Any]) -> dict[str, str]:
    """The other classical estimator of every table."""
    return {"M-sigma": rivals.baselines(data)["M-sigma"]}
