"""From positions and velocities to what an observer measures."""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators.clusters.parameters import C


def line_of_sight(velocity: np.ndarray, distance: np.ndarray, hubble: float) -> np.ndarray:
    """Observed velocity relative to the cluster [km/s].

    Peculiar velocity and Hubble flow add as relativistic velocities do (Ho et al. 2019).

    Parameters
    ----------
    velocity : (k,)
        Peculiar, along the line of sight, relative to the cluster [km/s].
    distance : (k,)
        Behind the cluster, comoving [Mpc/h].
    hubble : float
        H(z) / (1 + z) [km/s per comoving Mpc/h].
    """
    flow = hubble * distance
    return (velocity + flow) / (1 + velocity * flow / C**2)
