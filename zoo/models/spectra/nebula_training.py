"""How nebula classifiers learn: from a labelled source, some also from an unlabelled target.

Three ways. From the source alone: cross-entropy. With the target: beside it a network that tells
the domains apart, behind a gradient reversal (Ganin et al. 2016; Belfiore et al. 2025). Aware of
shares: the same with classes weighted as they seem to be shared in the target, estimated by
expectation and maximisation (Saerens et al. 2002); means and covariances of each class, as
predicted in the target, are drawn to those of the source, and the mean prediction on the target is
held to the estimated shares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import splits
from zoo.models.spectra import nebula_views as views
from zoo.models.spectra.nebula_network import CLASSES, logits
from zoo.nn.domain import GradientReversal, coral, ramp

TINY = 1e-8
ROUNDS = 200  # of expectation and maximisation
TEMPERATURES = np.geomspace(0.25, 8, 141)


@dataclass(frozen=True)
class Lesson:
    """What differs between the ways to learn.

    Attributes
    ----------
    noise : bool
        Whether fresh noise is drawn in every epoch; else the source is noiseless.
    disturbed : bool
        Whether more dust and diffuse gas are drawn too, see `nebula_views.disturbed`.
    target : str or None
        Dataset whose train split is seen without its labels.
    drop : float
        Probability of a line to be left out, in half of the examples.
    reversal : float
        Weight of the loss behind the reversed gradient.
    aware : bool
        Whether domains are aligned with classes weighted by their estimated shares in the target.
    conditional : float
        Weight of the distance of moments of each class between the domains.
    warm : float
        Share of the training before shares are estimated and classes are aligned.
    """

    noise: bool = True
    disturbed: bool = False
    target: str | None = None
    drop: float = 0.15
    reversal: float = 1.0
    aware: bool = False
    conditional: float = 0.0
    warm: float = 0.2


def learn(
    model: keras.Model,
    data: dict[str, Any],
    settings: dict[str, Any],
    lesson: Lesson,
    say: Callable[[str], object] | None = None,
    weights: np.ndarray | None = None,
    target: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Train encoder and head of a nebula network.

    Parameters
    ----------
    data : dict
        Train split of the labelled source.
    settings : dict
        `seed`, `epochs`, `batch_size`, `learning_rate`.
    weights : (3,) array, optional
        Of the classes in the loss.
    target : dict, optional
        Records in place of those of `lesson.target`.

    Returns
    -------
    dict
        Last losses and, where classes are weighted, the estimated `shares` of the target.
    """
    rng = np.random.default_rng(settings["seed"])
    if target is None and lesson.target is not None:
        target = splits.split(lesson.target, "train")
    slots, encoder, head = (model.get_layer(name) for name in ("slots", "encoder", "head"))
    source = _source(data, lesson, rng)
    slots.adapt(source)
    label = np.asarray(data["label"], np.int32)
    size = settings["batch_size"]
    batches = len(label) // size
    steps = settings["epochs"] * batches
    step = Step(encoder, head, lesson, settings["learning_rate"], steps, weights)
    loss: Any = None
    for epoch in range(settings["epochs"]):
        if lesson.noise and epoch:
            source = _source(data, lesson, rng)
        given = [_described(slots, source, rng, lesson.drop), tf.constant(label)]
        order = rng.permutation(len(label))
        if target is not None:
            seen = _described(slots, views.observed(target), rng, lesson.drop)
            other = rng.permutation(len(seen))
            if lesson.aware and epoch >= lesson.warm * settings["epochs"]:
                found = shares(head(encoder(seen)).numpy())
                step.shares.assign(0.5 * step.shares + 0.5 * found.astype(np.float32))
        for i in range(batches):
            step.progress((epoch + i / batches) / settings["epochs"])
            batch = [tf.gather(v, order[i * size : (i + 1) * size]) for v in given]
            if target is not None:
                rows = np.take(other, np.arange(i * size, (i + 1) * size), mode="wrap")
                batch.append(tf.gather(seen, rows))
            loss = step(*batch)
        if say is not None:
            say(f"epoch {epoch + 1}: loss {float(loss):.4f}")
    facts: dict[str, Any] = {"epochs": settings["epochs"], "loss": round(float(loss), 5)}
    if lesson.aware:
        facts["shares"] = [round(float(v), 4) for v in step.shares.numpy()]
    return facts


class Step:
    """One step of the optimiser, traced once.

    Attributes
    ----------
    shares : tf.Variable, (3,)
        Of the classes in the target, as estimated.
    """

    def __init__(self, encoder, head, lesson, rate, steps, weights) -> None:
        self.encoder, self.head, self.lesson = encoder, head, lesson
        self.shares = tf.Variable(np.full(len(CLASSES), 1 / len(CLASSES), np.float32))
        self.late = tf.Variable(0.0)
        self.weights = tf.constant(np.ones(3) if weights is None else weights, tf.float32)
        width = encoder.output_shape[-1]
        self.reversal = GradientReversal(name="reversal")
        self.judge = keras.Sequential(
            [
                keras.Input((width,)),
                self.reversal,
                keras.layers.Dense(32, "relu", name="domain_0"),
                keras.layers.Dense(1, name="domain_1"),
            ],
            name="domain",
        )
        self.learned = encoder.trainable_variables + head.trainable_variables
        if lesson.target is not None:
            self.learned = self.learned + self.judge.trainable_variables
        falling = keras.optimizers.schedules.CosineDecay(rate, steps)
        self.optimizer = keras.optimizers.Adam(falling)
        self.optimizer.build(self.learned)
        self._apply = tf.function(self._step)

    def progress(self, share: float) -> None:
        """Tell how much of the training is over."""
        late = max(0.0, share - self.lesson.warm) / (1 - self.lesson.warm)
        self.reversal.strength.assign(ramp(share))
        self.late.assign(ramp(late))

    def __call__(self, *batch):
        """Loss of a batch: description and label of the source, description of the target."""
        return self._apply(*batch)

    def _step(self, x, label, target=None):
        with tf.GradientTape() as tape:
            hidden = self.encoder(x, training=True)
            found = self.head(hidden, training=True)
            one = tf.nn.sparse_softmax_cross_entropy_with_logits(label, found)
            loss = tf.reduce_mean(one * tf.gather(self.weights, label))
            if target is not None:
                loss += self._between(hidden, label, target)
        slopes = tape.gradient(loss, self.learned)
        self.optimizer.apply_gradients(zip(slopes, self.learned, strict=True))
        return loss

    def _between(self, hidden, label, target):
        """What the domains add to the loss."""
        other = self.encoder(target, training=True)
        which = tf.concat([tf.zeros(len(hidden)), tf.ones(len(other))], 0)
        told = self.judge(tf.concat([hidden, other], 0), training=True)[:, 0]
        domain = tf.nn.sigmoid_cross_entropy_with_logits(which, told)
        if not self.lesson.aware:
            return self.lesson.reversal * tf.reduce_mean(domain)
        relative = self.shares * len(CLASSES)
        weight = tf.concat([tf.gather(relative, label), tf.ones(len(other))], 0)
        p = tf.nn.softmax(self.head(other, training=True) + tf.math.log(relative))
        mean = tf.reduce_mean(p, 0)
        late = tf.reduce_sum(mean * tf.math.log((mean + TINY) / (self.shares + TINY)))
        if self.lesson.conditional:
            member, chance = tf.one_hot(label, len(CLASSES)), tf.stop_gradient(p)
            late += self.lesson.conditional * sum(
                coral(hidden, other, member[:, c], chance[:, c]) for c in range(len(CLASSES))
            )
        return self.lesson.reversal * tf.reduce_mean(weight * domain) + self.late * late


def shares(found: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
    """Shares (3,) of the classes in a sample, from logits (n, 3) learned on equal shares.

    Expectation and maximisation of Saerens et al. (2002, Neural Computation 14, 21).
    """
    p = np.exp(found - found.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    share = np.full(p.shape[1], 1 / p.shape[1])
    for _ in range(rounds):
        q = p * share
        share = (q / q.sum(axis=1, keepdims=True)).mean(axis=0)
    return np.asarray(share)


def calibrate(model: keras.Model, calibration: dict[str, Any]) -> None:
    """Set the temperature that makes the labels of a split most probable."""
    found = logits(model, calibration)
    label = np.asarray(calibration["label"], int)
    losses = [cross_entropy(found / t, label) for t in TEMPERATURES]
    model.get_layer("answers").temperature.assign(TEMPERATURES[int(np.argmin(losses))])


def cross_entropy(found: np.ndarray, label: np.ndarray) -> float:
    """Mean of -ln of the probability of the labels."""
    shifted = found - found.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(label)), label]))


def _source(data: dict[str, Any], lesson: Lesson, rng: np.random.Generator) -> views.View:
    if lesson.disturbed:
        data = views.disturbed(data, rng)
    return views.noisy(data, rng) if lesson.noise else views.clean(data)


def _described(slots: Any, view: views.View, rng: np.random.Generator, drop: float) -> Any:
    """What a network sees of a view, (n, width)."""
    return slots(views.thinned(view, rng, drop) if drop else view)
