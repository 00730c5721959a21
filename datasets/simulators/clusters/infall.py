"""Mean motion of the surroundings towards a cluster."""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators.clusters.halos import RADII, Theory, nfw
from zoo_datasets.simulators.clusters.host import Hosts
from zoo_datasets.simulators.clusters.parameters import Parameters


def speed(
    hosts: Hosts, bias: np.ndarray, which: np.ndarray, r: np.ndarray, theory: Theory, p: Parameters
) -> np.ndarray:
    """Mean infall speed [km/s] at comoving distance r of clusters `which`, both (k,).

    Yahil's (1985) approximation v = f H r delta / 3 (1 + delta)^-1/4, delta the overdensity
    inside r: the halo and the correlated matter around it. Capped at `infall_cap` times the
    circular velocity v200 (r200 / r)^1/2.

    Parameters
    ----------
    bias : (n,)
        Of the clusters' haloes.
    """
    volume = 4 / 3 * np.pi * r**3
    shells = 4 * np.pi * RADII**2 * theory.xi_linear
    steps = 0.5 * (shells[1:] + shells[:-1]) * np.diff(RADII)
    excess = np.interp(r, RADII, np.concatenate([[0.0], np.cumsum(steps)]))
    x = np.minimum(r / hosts.r200[which], 2.0)  # the halo's own profile ends there
    c = hosts.c[which]
    halo = 10.0 ** hosts.log_mass[which] * nfw(c * x) / nfw(c) / theory.rho_mean
    delta = (halo + bias[which] * excess) / volume
    infall = theory.growth_rate * theory.hubble * r * delta / 3 / (1 + delta) ** 0.25
    cap = p.infall_cap * hosts.v200[which]
    return np.minimum(infall, cap)
