"""Mean, standard deviation and quantiles of a flow with several parameters, without chance."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from scipy.special import ndtri
from scipy.stats import qmc

LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)


class FlowSummary(keras.layers.Layer):
    """Summaries of the posterior of a flow, from fixed points of its base distribution.

    The points are a Sobol sequence, the same for every row, so that the answer is always the same
    and smoother than draws; quantiles are interpolated between their images.

    Parameters
    ----------
    flow : ConditionalFlow
        Its encoder's inputs are this layer's.
    points : int
        A power of two.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, flow: Any, points: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flow, self.points = flow, points
        uniform = qmc.Sobol(flow.size, seed=1).random(points)
        self.base = ndtri(np.clip(uniform, 1e-6, 1 - 1e-6))
        position = np.clip(np.array(LEVELS) * points - 0.5, 0, points - 1)  # Hazen's
        self.lower = np.floor(position).astype("int32")
        self.upper = np.minimum(self.lower + 1, points - 1)
        self.share = (position - self.lower)[:, None]

    def call(self, inputs: Any) -> dict[str, Any]:
        """Dict of ``name`` and ``name_std`` (batch,) and ``name_quantiles`` (batch, 5)."""
        context = self.flow.encoder({n: inputs[n] for n in self.flow.encoder.input_shapes})
        z = ops.convert_to_tensor(self.base, dtype=self.compute_dtype)
        z = ops.tile(z, (ops.shape(context)[0], 1))
        theta = self.flow.push(z, context, self.points)
        theta = ops.reshape(theta, (-1, self.points, self.flow.size))
        ordered = ops.sort(theta, axis=1)
        low, high = (ops.take(ordered, i, axis=1) for i in (self.lower, self.upper))
        quantiles = low + (high - low) * ops.cast(self.share, theta.dtype)
        # about a point inside the posterior: float32 keeps its digits
        middle = quantiles[:, 2:3]
        mean = ops.mean(theta - middle, axis=1, keepdims=True)
        std = ops.sqrt(ops.mean((theta - middle - mean) ** 2, axis=1))
        out = {}
        for i, name in enumerate(self.flow.parameter_names):
            out[name] = (middle + mean)[:, 0, i]
            out[f"{name}_std"] = std[:, i]
            out[f"{name}_quantiles"] = quantiles[:, :, i]
        return out

    def compute_output_spec(self, inputs: Any) -> dict[str, Any]:
        """(batch,), (batch,) and (batch, 5) of each parameter."""
        batch = next(iter(inputs.values())).shape[0]
        shapes = {"": (batch,), "_std": (batch,), "_quantiles": (batch, len(LEVELS))}
        return {
            name + what: keras.KerasTensor(shape, dtype=self.compute_dtype)
            for name in self.flow.parameter_names
            for what, shape in shapes.items()
        }
