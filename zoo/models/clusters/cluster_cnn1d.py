"""Mass of a cluster from the distribution of its velocities, by a convolutional network."""

from __future__ import annotations

from zoo.models.clusters import example as examples
from zoo.models.clusters import ho_network, rivals, sanity

check = sanity.check
lesson = ho_network.lesson
example = examples.galaxies
baselines = rivals.baselines


def build(dtype="float32", v_max=2200.0, log_mass=(13.5, 15.35)):
    """Build CNN_1D of Ho et al. (2019), 24,024 parameters.

    Parameters
    ----------
    v_max : float [km / s]
        Half the extent in velocity.
    log_mass : (float, float)
        What is scaled to [0, 1] for training.
    """
    axes = {"v_los": (-v_max, v_max, ho_network.CELLS)}
    return ho_network.build("cluster_cnn1d", axes, ((10, 5), (5, 3)), 2, log_mass, dtype)
