"""Posterior of the gas of an H II region from its emission lines."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from zoo.models.spectra import nebula_sanity
from zoo.models.spectra import nebula_views as views
from zoo.nn.flow_summary import FlowSummary
from zoo.nn.flows import ConditionalFlow, flow_signatures
from zoo.nn.line_slots import WINDOWS
from zoo.nn.lines_encoder import LinesEncoder

check = nebula_sanity.check

BOUNDS = {  # of the posterior: those of the training set
    "log_u": (-4.0, -1.5),
    "log_oh": (7.1, 9.0),
    "log_no": (-2.0, -0.125),
    "ebv": (0.0, 3.0),
}
QUALITY = (20.0, 200.0)  # S/N of H alpha
DROP = 0.3  # of lines, in half of the examples
CLIP = 5.0  # largest norm of a gradient


def example():
    """Lines of an H II region from [O II] to [S III], the weakest not seen."""
    lines = nebula_sanity.example()
    blue = {"OII3727": 180.0, "NeIII3869": 12.0, "OIII4363": 3.0}
    return {
        "line": np.array([*(WINDOWS[name][0] for name in blue), *lines["line"]]),
        "flux": np.array([*blue.values(), *lines["flux"]]),
        "flux_error": np.full(12, 1.0),
        "is_limit": np.array([*(float(flux <= 3) for flux in blue.values()), *lines["is_limit"]]),
    }


def build(dtype="float32", layers=4, hidden=48, encoder=(96, 64)):
    """Build the network.

    Parameters
    ----------
    layers, hidden : int
        Spline layers of the flow, and width of the networks that set them.
    encoder : sequence of int
        Widths of the dense layers that read the lines.
    """
    reader = LinesEncoder(hidden=encoder, name="encoder", dtype=dtype)
    flow = ConditionalFlow(BOUNDS, reader, n_layers=layers, hidden=hidden, name="flow", dtype=dtype)
    inputs = {name: keras.Input((None,), dtype=dtype, name=name) for name in reader.input_shapes}
    outputs = FlowSummary(flow, name="posterior", dtype=dtype)(inputs)
    return keras.Model(inputs, outputs, name="nebula_flow")


def signatures(model):
    """Draws and density of the posterior."""
    return flow_signatures(model.get_layer("posterior").flow)


def learn(model, data, settings, folder=None, say=None):  # noqa: ARG001 (minutes: no checkpoint)
    """Train with noise and absent lines drawn anew in every epoch."""
    flow = model.get_layer("posterior").flow
    rng = np.random.default_rng(settings["seed"])
    theta = np.stack([np.asarray(data[n], np.float32) for n in flow.parameter_names], axis=1)
    theta = np.clip(theta, *_inside(flow))
    flow.adapt(views.noisy(data, rng, QUALITY), theta)
    size = settings["batch_size"]
    batches = len(theta) // size
    steps = settings["epochs"] * batches
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(settings["learning_rate"], steps), clipnorm=CLIP
    )
    learned = flow.trainable_variables
    optimizer.build(learned)

    @tf.function
    def step(x, true):
        with tf.GradientTape() as tape:
            z, log_det = flow.pull(true, flow.encoder.network(x))
            loss = tf.reduce_mean(0.5 * tf.reduce_sum(z**2 + np.log(2 * np.pi), -1) - log_det)
        slopes = tape.gradient(loss, learned)
        optimizer.apply_gradients(zip(slopes, learned, strict=True))
        return loss

    losses = []
    for epoch in range(settings["epochs"]):
        view = views.thinned(views.noisy(data, rng, QUALITY), rng, DROP)
        x, order = flow.encoder.slots(view), rng.permutation(len(theta))
        total = 0.0
        for i in range(batches):
            rows = order[i * size : (i + 1) * size]
            total += step(tf.gather(x, rows), tf.constant(theta[rows]))
        losses.append(round(float(total) / batches, 4))
        if say is not None:
            say(f"epoch {epoch + 1}: loss {losses[-1]}")
    return {"epochs": settings["epochs"], "curve": losses}


def _inside(flow):
    """Bounds (parameters,) moved inwards, so that rounding leaves no value on the edge."""
    low = [BOUNDS[n][0] + 1e-5 for n in flow.parameter_names]
    high = [BOUNDS[n][1] - 1e-5 for n in flow.parameter_names]
    return np.array(low, np.float32), np.array(high, np.float32)
