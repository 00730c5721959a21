"""Context from numbers: standardised and joined."""

from collections.abc import Mapping

import numpy as np

from zoo.nn.context_encoder import ContextEncoder, Shape, feature_count
from zoo.nn.standardize import Standardize


class VectorEncoder(ContextEncoder):
    """Join numbers and vectors into one standardised context vector.

    Parameters
    ----------
    input_shapes : mapping of str to tuple
        ``()`` for a number per row, ``(k,)`` for a vector.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, input_shapes: Mapping[str, Shape], **kwargs) -> None:
        super().__init__(input_shapes, **kwargs)
        self.standardize = Standardize(
            feature_count(input_shapes, rank=1), name="standardize", dtype=self.dtype_policy
        )

    def adapt(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Set the statistics from inputs of shape (batch,) or (batch, k)."""
        columns = [np.asarray(inputs[name]) for name in self.input_shapes]
        self.standardize.adapt(np.concatenate([c.reshape(len(c), -1) for c in columns], axis=-1))

    def call(self, inputs):
        """Context of shape (batch, sum of the lengths)."""
        return self.standardize(self.stacked(inputs, rank=1))
