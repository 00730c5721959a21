"""Class of a nebula from its lines, learned on models and adapted to observations."""

from __future__ import annotations

from zoo.models.spectra import nebula_network, nebula_sanity, nebula_training

check = nebula_sanity.check
summary = nebula_sanity.summary
example = nebula_sanity.example
calibrate = nebula_training.calibrate


def build(dtype="float32", noise=True, target="cloudy", reversal=1.0, **config):
    """Build the network.

    Parameters
    ----------
    noise : bool
        Whether it learns from noisy lines, fresh in every epoch, or from noiseless ones.
    target : str
        Config of `nebula_lines` whose train split it sees without labels.
    reversal : float
        Weight of the network that tells the domains apart.
    **config
        See `nebula_network.network`.
    """
    model = nebula_network.network("nebula_dann", dtype, **config)
    model.zoo_lesson = nebula_training.Lesson(
        noise=noise, target=f"nebula_lines/{target}", reversal=reversal
    )
    return model


def learn(model, data, settings, folder=None, say=None):  # noqa: ARG001 (seconds: no checkpoint)
    """Train on the labelled source and the unlabelled target."""
    return nebula_training.learn(model, data, settings, model.zoo_lesson, say)


def baselines(data):  # noqa: ARG001 (released models)
    """The same without the target, and line-ratio diagrams."""
    return {"nebula_nn": "nebula_nn.noise", "nebula_bpt": "nebula_bpt"}
