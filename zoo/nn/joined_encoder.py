"""Context from several kinds of input at once."""

from collections.abc import Mapping, Sequence

import numpy as np
from keras import ops

from zoo.nn.context_encoder import ContextEncoder


class JoinedEncoder(ContextEncoder):
    """Concatenate the context vectors of several encoders.

    Parameters
    ----------
    encoders : sequence of ContextEncoder
        Each reads inputs of its own.
    **kwargs
        Passed to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If two encoders read the same input.
    """

    def __init__(self, encoders: Sequence[ContextEncoder], **kwargs) -> None:
        names = [name for encoder in encoders for name in encoder.input_shapes]
        shared = sorted({name for name in names if names.count(name) > 1})
        if shared:
            raise ValueError(f"inputs {shared} are read by two encoders; each input by one only.")
        super().__init__(
            {name: shape for e in encoders for name, shape in e.input_shapes.items()}, **kwargs
        )
        self.encoders = list(encoders)

    def adapt(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Set the statistics of every encoder from training inputs."""
        for encoder in self.encoders:
            encoder.adapt(inputs)

    def trim(self, inputs):
        """Cut the shared padding of every encoder's inputs."""
        for encoder in self.encoders:
            inputs = encoder.trim(inputs)
        return inputs

    def call(self, inputs):
        """Context of shape (batch, sum of the widths)."""
        return ops.concatenate(
            [e({name: inputs[name] for name in e.input_shapes}) for e in self.encoders], axis=-1
        )
