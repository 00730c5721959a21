"""Posterior of the gas of an H II region that holds for another code than it was learned on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import splits
from zoo.models.spectra import nebula_flow, nebula_flow_training, nebula_gap, nebula_sanity
from zoo.models.spectra import nebula_views as views
from zoo.nn.domain import GradientReversal, ramp

check = nebula_sanity.check
summary = nebula_sanity.summary
example = nebula_flow.example
signatures = nebula_flow.signatures

HII = 0  # label of H II regions
DUST = 0.2  # [mag], scale of E(B-V) of the source
MATCHED = (2500, 400)  # models, and nebulae of the target, that the gap is found from
POPULATION = {"log_u": (-3.9, -2.1), "log_oh": (7.9, 9.1), "ebv": 0.12}


def build(
    dtype="float32",
    target="mappings",
    population=POPULATION,
    least=0.1,
    reversal=0.3,
    encoder=(96, 64, 16),
    **config,
):
    """Build the network.

    Parameters
    ----------
    target : str
        Config of `nebula_lines` from whose train split H II regions are taken, without what is
        known of their gas.
    population : mapping
        What is assumed of them as a whole, see `nebula_gap.shares`.
    least : float
        Scatter [dex] between the codes that is always allowed for.
    reversal : float
        Weight of the network that tells the domains apart by the summaries.
    encoder : sequence of int
        Widths of the layers that read the lines; the last gives the summaries.
    **config
        See `nebula_flow.build`.
    """
    model = nebula_flow.build(dtype, encoder=encoder, **config)
    model.name = "nebula_flow_invariant"
    model.zoo_adaptation = (f"nebula_lines/{target}", dict(population), least, reversal)
    return model


def learn(model, data, settings, folder=None, say=None):  # noqa: ARG001 (minutes: no checkpoint)
    """Find the gap, then learn from the source with the gap in it, summaries aligned."""
    name, population, least, reversal = model.zoo_adaptation
    rng = np.random.default_rng(settings["seed"])
    known = splits.split(name, "train")
    target = splits.rows(known, np.flatnonzero(np.asarray(known["label"]) == HII))
    flow = model.get_layer("posterior").flow
    likely = nebula_gap.shares(nebula_flow_training.true_parameters(flow, data), population, DUST)
    gap, _ = nebula_gap.estimate(*samples(data, target, likely, rng), least)
    width = flow.encoder.network.output_shape[-1]
    alignment = Reversal(target, likely, reversal, width, rng)
    facts = nebula_flow_training.learn(flow, data, settings, say, gap.added, alignment)
    scatter = np.sqrt(np.diag(gap.scatter)).round(3)
    return facts | {"gap_dex": gap.change[0].round(3).tolist(), "scatter_dex": scatter.tolist()}


def samples(
    data: Mapping[str, Any],
    target: Mapping[str, Any],
    likely: np.ndarray,
    rng: np.random.Generator,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Models as probable as they are thought to be, and nebulae, that the gap is found from."""
    models, nebulae = MATCHED
    rows = rng.choice(len(likely), models, p=likely)
    return splits.rows(dict(data), rows), splits.rows(dict(target), slice(nebulae))


class Reversal:
    """Gradient reversal between summaries of source and target (Ganin et al. 2016).

    Parameters
    ----------
    target : mapping
        Lines of the target.
    likely : (n,) array
        Probabilities of the records of the source in the target.
    weight : float
        Of the loss.
    width : int
        Number of the summaries.
    rng : numpy.random.Generator
    """

    def __init__(
        self,
        target: Mapping[str, Any],
        likely: np.ndarray,
        weight: float,
        width: int,
        rng: np.random.Generator,
    ) -> None:
        self.target, self.likely, self.weight, self.rng = target, likely, weight, rng
        self.reversal = GradientReversal(name="reversal")
        self.judge = keras.Sequential(
            [
                keras.Input((width,)),
                self.reversal,
                keras.layers.Dense(64, "relu", name="domain_0"),
                keras.layers.Dense(64, "relu", name="domain_1"),
                keras.layers.Dense(1, name="domain_2"),
            ],
            name="domain",
        )

    @property
    def trainable_variables(self) -> list[Any]:
        """Of the network that tells the domains apart."""
        return list(self.judge.trainable_variables)

    def start(self, share: float, flow: Any) -> tuple[Any, np.ndarray]:
        """Description (m, width) of the target, and records (n,) of the source like it."""
        self.reversal.strength.assign(ramp(share))
        drop = nebula_flow_training.DROP
        view = views.thinned(views.observed(dict(self.target)), self.rng, drop)
        rows = self.rng.choice(len(self.likely), len(self.likely), p=self.likely)
        return flow.encoder.slots(view), rows

    def loss(self, source: Any, target: Any) -> Any:
        """Cross-entropy of the domain of summaries of as many of each."""
        told = self.judge(tf.concat([source, target], 0))[:, 0]
        which = tf.concat([tf.zeros(len(source)), tf.ones(len(target))], 0)
        loss = tf.nn.sigmoid_cross_entropy_with_logits(which, told)
        return self.weight * tf.reduce_mean(loss)
