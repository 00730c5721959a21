"""Posterior of the gas of an H II region from its emission lines."""

from __future__ import annotations

import keras
import numpy as np

from zoo.models.spectra import nebula_flow_training, nebula_sanity
from zoo.nn.flow_summary import FlowSummary
from zoo.nn.flows import ConditionalFlow, flow_signatures
from zoo.nn.line_slots import WINDOWS
from zoo.nn.lines_encoder import LinesEncoder

check = nebula_sanity.check
summary = nebula_sanity.summary

BOUNDS = {  # of the posterior: those of the training set
    "log_u": (-4.0, -1.5),
    "log_oh": (7.1, 9.0),
    "log_no": (-2.0, -0.125),
    "ebv": (0.0, 3.0),
}


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
    return nebula_flow_training.learn(model.get_layer("posterior").flow, data, settings, say)
