"""Mass posterior of a cluster from the density of its galaxies in projected phase space."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from zoo.models.clusters import example as examples
from zoo.models.clusters import maps, rivals, sanity
from zoo.nn.flows import flow_signatures
from zoo.nn.phase_space import PhaseSpaceEncoder
from zoo.nn.posterior_summary import PosteriorSummary
from zoo.nn.recalibration import RecalibratedFlow

check = sanity.check
baselines = rivals.baselines
example = examples.galaxies


def build(
    dtype="float32",
    r_max=1.6,
    v_max=2200.0,
    log_mass=(13.5, 15.35),
    richness=False,
    filters=(16, 32, 48),
    width=96,
    layers=2,
    hidden=64,
):
    """Build the network.

    Parameters
    ----------
    r_max, v_max : float
        Cylinder that the galaxies were taken from, [Mpc / littleh, comoving] and [km / s].
    log_mass : (float, float)
        Bounds of the posterior: those of the training set.
    richness : bool
        Whether the number of galaxies is seen beside the map, which is normalised.
    filters, width
        Channels of the convolutions and length of the context, see `PhaseSpaceEncoder`.
    layers, hidden : int
        Rational-quadratic splines of the flow, and width of the networks that set them.
    """
    encoder = PhaseSpaceEncoder(
        r_max,
        v_max,
        filters=filters,
        width=width,
        richness=richness,
        name="encoder",
        dtype=dtype,
    )
    flow = RecalibratedFlow(
        {"log_mass": tuple(log_mass)},
        encoder,
        n_layers=layers,
        hidden=hidden,
        depth=1,
        name="flow",
        dtype=dtype,
    )
    inputs = {name: keras.Input((None,), dtype=dtype, name=name) for name in encoder.input_shapes}
    outputs = PosteriorSummary(flow, name="posterior", dtype=dtype)(inputs)
    return keras.Model(inputs, outputs, name="cluster_flow")


def signatures(model):
    """Draws and density of the posterior."""
    return flow_signatures(model.get_layer("posterior").flow)


class Student(keras.Model):
    """The log-density (batch,) of true masses, from maps and numbers of galaxies."""

    def __init__(self, flow, **kwargs) -> None:
        super().__init__(**kwargs)
        self.flow = flow
        self.zoo_loss = lambda _, log_prob: -log_prob
        self.built = True  # the flow has its weights

    def call(self, inputs):
        """As the flow's own, with maps in place of galaxies."""
        context = _context(self.flow, inputs)
        z, log_det = self.flow.pull(inputs["log_mass"][:, None], context)
        return log_det - 0.5 * (z[:, 0] ** 2 + np.log(2 * np.pi))


def _context(flow, inputs):
    # maps come as multiples of the mean, see `maps.of_clusters`
    density = tf.cast(inputs["map"], tf.float32)
    density = density / np.prod(density.shape[1:])
    return flow.encoder.encode(density, inputs["richness"])


def adapt(model, data):
    """Set the standardisation of masses and richness."""
    flow = model.get_layer("posterior").flow
    flow.encoder.adapt_counts(maps.lengths(data))
    line, _ = flow.support.to_line(tf.constant(np.asarray(data["log_mass"])[:, None], tf.float32))
    flow.standardize.adapt(line.numpy())


def lesson(model, data, validation):
    """Learn the flow from maps that are computed once."""
    flow = model.get_layer("posterior").flow
    student = Student(flow, name="student")
    examples, judges = (_examples(flow, split) for split in (data, validation))
    return student, examples, judges


def calibrate(model, calibration):
    """Make the ranks of the true masses uniform on a split that the flow has not seen."""
    flow = model.get_layer("posterior").flow
    given, _ = _examples(flow, calibration)
    batches = tf.data.Dataset.from_tensor_slices(given).batch(512)
    z = [flow.base(part["log_mass"][:, None], _context(flow, part)).numpy() for part in batches]
    flow.recalibration.adapt(np.concatenate(z))


def _examples(flow, data):
    truth = np.asarray(data["log_mass"], np.float32)
    given = {
        "map": maps.of_clusters(flow.encoder.maps, data),
        "richness": maps.lengths(data).astype(np.float32),
        "log_mass": truth,
    }
    return given, truth
