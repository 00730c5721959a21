"""What the mocks are compared with: the mass-dispersion relation and the share of interlopers."""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators.clusters.mock import Catalogue

# Ho et al. 2019, first version, tests at 10^14 to 10^15 Msun/h
PUBLISHED = {
    "pure": {"slope": 0.3658, "sigma_15": 1087.0, "std": 0.183, "width": 0.354},
    "contaminated": {"slope": 0.2412, "sigma_15": 1002.0, "std": 0.369, "width": 0.684},
}
MASS_BINS = np.array([13.75, 14.15, 14.55, 14.95])  # centres of 0.4 dex
INTERLOPERS = (0.47, 0.35, 0.22, 0.13)


def dispersions(catalogue: Catalogue) -> np.ndarray:
    """Standard deviation of the velocities of each cluster [km/s], with N - 1."""
    n, starts = catalogue.richness, catalogue.row_splits[:-1]
    mean = np.add.reduceat(catalogue.v, starts) / n
    square = np.add.reduceat((catalogue.v - np.repeat(mean, n)) ** 2, starts)
    return np.sqrt(square / (n - 1))


def mass_dispersion(log_mass: np.ndarray, sigma: np.ndarray) -> dict[str, float]:
    """The relation and its use as an estimator, by the protocol of Ho et al. (2019).

    log sigma = slope (log M - 15) + log sigma_15 is fitted above 10^14.5 and inverted; residuals
    log M_predicted - log M [dex] are taken between 10^14 and 10^15.
    """
    fit = log_mass > 14.5
    slope, log_sigma = np.polyfit(log_mass[fit] - 15, np.log10(sigma[fit]), 1)
    residual = (np.log10(sigma) - log_sigma) / slope + 15 - log_mass
    residual = residual[(log_mass > 14) & (log_mass < 15)]
    p16, p50, p84 = np.percentile(residual, [16, 50, 84])
    return {
        "slope": float(slope),
        "sigma_15": float(10**log_sigma),
        "std": float(residual.std()),
        "width": float(p84 - p16),
        "mean": float(residual.mean()),
        "median": float(p50),
    }


def interloper_share(catalogue: Catalogue) -> np.ndarray:
    """Mean share of galaxies that are no members, in `MASS_BINS`."""
    members = np.add.reduceat(catalogue.member.astype(float), catalogue.row_splits[:-1])
    share = 1 - members / catalogue.richness
    near = np.abs(catalogue.log_mass - MASS_BINS[:, None]) < 0.2
    return np.array([share[row].mean() for row in near])
