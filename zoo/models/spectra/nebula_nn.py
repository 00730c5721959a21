"""Class of a nebula from its lines, learned on models alone."""

from __future__ import annotations

from zoo.models.spectra import nebula_network, nebula_sanity, nebula_training

check = nebula_sanity.check
summary = nebula_sanity.summary
example = nebula_sanity.example
calibrate = nebula_training.calibrate


def build(dtype="float32", noise=True, **config):
    """Build the network.

    Parameters
    ----------
    noise : bool
        Whether it learns from noisy lines, fresh in every epoch, or from noiseless ones.
    **config
        See `nebula_network.network`.
    """
    model = nebula_network.network("nebula_nn", dtype, **config)
    model.zoo_lesson = nebula_training.Lesson(noise=noise)
    return model


def learn(model, data, settings, folder=None, say=None):  # noqa: ARG001 (seconds: no checkpoint)
    """Train on the labelled source."""
    return nebula_training.learn(model, data, settings, model.zoo_lesson, say)


def baselines(data):  # noqa: ARG001 (published demarcations)
    """Line-ratio diagrams."""
    return {"nebula_bpt": "nebula_bpt"}
