"""Class of a nebula from its lines, adapted to observations with other shares of the classes."""

from __future__ import annotations

import numpy as np

from zoo.models.spectra import nebula_network, nebula_sanity, nebula_training

check = nebula_sanity.check
summary = nebula_sanity.summary
example = nebula_sanity.example
calibrate = nebula_training.calibrate


def build(
    dtype="float32",
    target="cloudy",
    reversal=1.0,
    conditional=1.0,
    disturbed=True,
    prior="equal",
    **config,
):
    """Build the network.

    Parameters
    ----------
    target : str
        Config of `nebula_lines` whose train split it sees without labels.
    reversal, conditional : float
        Weights of the parts of the loss, see `nebula_training.Lesson`.
    disturbed : bool
        Whether the source is shown with more dust and with diffuse gas.
    prior : {"equal", "target"}
        Whether probabilities hold for equal shares of the classes, or for those estimated in the
        target.
    **config
        See `nebula_network.network`.
    """
    if prior not in ("target", "equal"):
        raise ValueError(f"prior is {prior!r}, allowed: 'target', 'equal'")
    model = nebula_network.network("nebula_shift", dtype, **config)
    model.zoo_lesson = nebula_training.Lesson(
        target=f"nebula_lines/{target}",
        reversal=reversal,
        aware=True,
        conditional=conditional,
        disturbed=disturbed,
    )
    model.zoo_prior = prior
    return model


def learn(model, data, settings, folder=None, say=None):  # noqa: ARG001 (seconds: no checkpoint)
    """Train on the labelled source and the unlabelled target."""
    facts = nebula_training.learn(model, data, settings, model.zoo_lesson, say)
    if model.zoo_prior == "target":
        model.get_layer("answers").log_prior.assign(np.log(3 * np.array(facts["shares"])))
    return facts


def baselines(data):  # noqa: ARG001 (released models)
    """Adapted without regard to shares; not adapted; line-ratio diagrams."""
    return {
        "nebula_dann": "nebula_dann",
        "nebula_nn": "nebula_nn.noise",
        "nebula_bpt": "nebula_bpt",
    }
