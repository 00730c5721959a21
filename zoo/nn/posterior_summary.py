"""Mean, standard deviation and quantiles of a one-parameter flow, without drawing."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from scipy.special import ndtri

LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)
REACH, NODES = 5.0, 32  # of the quadrature, in the standard normal variable


class PosteriorSummary(keras.layers.Layer):
    """Summaries of the posterior of a flow with one parameter.

    In one dimension a flow is a monotone function theta(z) of a standard normal z, so a quantile is
    the image of the normal quantile, and a moment is an integral over z, by Gauss-Legendre
    quadrature. Both are exact to rounding and always the same.

    Parameters
    ----------
    flow : ConditionalFlow
        With one parameter; its encoder's inputs are this layer's.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, flow, **kwargs) -> None:
        super().__init__(**kwargs)
        if flow.size != 1:
            raise ValueError(f"the flow has {flow.size} parameters; summaries are for one")
        self.flow = flow
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        density = weights * np.exp(-0.5 * (REACH * nodes) ** 2)
        self.moments = density / density.sum()
        self.nodes = np.concatenate([REACH * nodes, ndtri(LEVELS)])

    def call(self, inputs):
        """Dict of ``name`` and ``name_std`` (batch,) and ``name_quantiles`` (batch, 5)."""
        encoder = self.flow.encoder
        return self.of_context(encoder({n: inputs[n] for n in encoder.input_shapes}))

    def of_context(self, context):
        """The same from the context (batch, width) of the encoder."""
        (name,) = self.flow.parameter_names
        count = len(self.nodes)
        z = ops.convert_to_tensor(self.nodes, dtype=self.compute_dtype)[:, None]
        z = ops.tile(z, (ops.shape(context)[0], 1))
        theta = ops.reshape(self.flow.push(z, context, count), (-1, count))
        weights = ops.convert_to_tensor(self.moments, dtype=self.compute_dtype)
        values, quantiles = theta[:, :NODES], theta[:, NODES:]
        # about a point inside the posterior: float32 keeps its digits
        middle = quantiles[:, 2:3]
        mean = ops.sum(weights * (values - middle), axis=-1, keepdims=True)
        variance = ops.sum(weights * (values - middle - mean) ** 2, axis=-1)
        return {
            name: (middle + mean)[:, 0],
            f"{name}_std": ops.sqrt(variance),
            f"{name}_quantiles": quantiles,
        }

    def compute_output_spec(self, inputs):
        """(batch,), (batch,) and (batch, 5)."""
        batch = next(iter(inputs.values())).shape[0]
        (name,) = self.flow.parameter_names
        shapes = {"": (batch,), "_std": (batch,), "_quantiles": (batch, len(LEVELS))}
        return {name + n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}
