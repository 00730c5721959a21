"""Mass of a cluster from the density of its galaxies in (R, v), by a convolutional network."""

from __future__ import annotations

from zoo.models.clusters import example as examples
from zoo.models.clusters import ho_network, rivals, sanity

check = sanity.check
lesson = ho_network.lesson
example = examples.galaxies
baselines = rivals.baselines


def build(dtype="float32", r_max=1.6, v_max=2200.0, log_mass=(13.5, 15.35)):
    """Build CNN_2D of Ho et al. (2019), 30,323 parameters.

    Parameters
    ----------
    r_max : float [Mpc / littleh]
        Extent of the map in projected radius.
    v_max : float [km / s]
        Half its extent in velocity.
    log_mass : (float, float)
        What is scaled to [0, 1] for training.
    """
    cells = ho_network.CELLS
    axes = {"v_los": (-v_max, v_max, cells), "r_proj": (0.0, r_max, cells)}
    return ho_network.build("cluster_cnn2d", axes, ((24, 5), (10, 3)), 4, log_mass, dtype)
