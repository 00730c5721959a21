"""How flows of nebulae learn: noise and absent lines drawn anew in every epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from zoo.models.spectra import nebula_views as views

QUALITY = (20.0, 200.0)  # S/N of H alpha
DROP = 0.3  # of lines, in half of the examples
CLIP = 5.0  # largest norm of a gradient
EDGE = 1e-5  # from the bounds, so that rounding leaves no value on them


class Alignment(Protocol):
    """What is added to the loss so that summaries of two domains look alike."""

    @property
    def trainable_variables(self) -> list[Any]:
        """Learned beside the flow."""

    def start(self, share: float, flow: Any) -> tuple[Any, np.ndarray]:
        """Before an epoch: description (m, width) of the target, and records (n,) of the source."""

    def loss(self, source: Any, target: Any) -> Any:
        """Penalty, from summaries of a batch of both."""


def true_parameters(flow: Any, data: dict[str, Any]) -> np.ndarray:
    """What is behind the lines (n, parameters), inside the bounds of the flow."""
    theta = np.stack([np.asarray(data[n], np.float32) for n in flow.parameter_names], axis=1)
    low, high = np.array(flow.support.bounds, float).T
    return np.clip(theta, low + EDGE, high - EDGE).astype(np.float32)


def learn(
    flow: Any,
    data: dict[str, Any],
    settings: dict[str, Any],
    say: Callable[[str], object] | None = None,
    changed: Callable[[dict[str, Any], np.random.Generator], dict[str, Any]] | None = None,
    alignment: Alignment | None = None,
) -> dict[str, Any]:
    """Train a flow behind a `LinesEncoder` by maximum likelihood.

    Parameters
    ----------
    data : dict
        Train split with `flux_true` and the parameters.
    settings : dict
        `seed`, `epochs`, `batch_size`, `learning_rate`.
    changed : callable, optional
        Gives records with another `flux_true`, anew in every epoch.
    alignment : Alignment, optional
        Of summaries with those of a target.

    Returns
    -------
    dict
        `epochs`, and the `curve` of mean losses.
    """
    rng = np.random.default_rng(settings["seed"])

    def view() -> views.View:
        return views.noisy(data if changed is None else changed(data, rng), rng, QUALITY)

    theta = true_parameters(flow, data)
    flow.adapt(view(), theta)
    size = settings["batch_size"]
    batches = len(theta) // size
    steps = settings["epochs"] * batches
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(settings["learning_rate"], steps), clipnorm=CLIP
    )
    learned = flow.trainable_variables + (alignment.trainable_variables if alignment else [])
    optimizer.build(learned)

    @tf.function
    def step(x, true, *other):
        with tf.GradientTape() as tape:
            context = flow.encoder.network(x)
            z, log_det = flow.pull(true, context)
            loss = tf.reduce_mean(0.5 * tf.reduce_sum(z**2 + np.log(2 * np.pi), -1) - log_det)
            whole = loss
            if alignment is not None:
                whole += alignment.loss(*(flow.encoder.network(one) for one in other))
        slopes = tape.gradient(whole, learned)
        optimizer.apply_gradients(zip(slopes, learned, strict=True))
        return loss

    losses = []
    for epoch in range(settings["epochs"]):
        x = flow.encoder.slots(views.thinned(view(), rng, DROP))
        order = rng.permutation(len(theta))
        if alignment is not None:
            seen, like = alignment.start(epoch / settings["epochs"], flow)
            turn = rng.permutation(len(seen))
        total = 0.0
        for i in range(batches):
            rows = order[i * size : (i + 1) * size]
            batch = [tf.gather(x, rows), tf.constant(theta[rows])]
            if alignment is not None:
                part = np.arange(i * size, (i + 1) * size)
                others = np.take(turn, part, mode="wrap")
                batch += [tf.gather(x, like[part]), tf.gather(seen, others)]
            total += step(*batch)
        losses.append(round(float(total) / batches, 4))
        if say is not None:
            say(f"epoch {epoch + 1}: loss {losses[-1]}")
    return {"epochs": settings["epochs"], "curve": losses}
