"""What every context encoder offers to the model that it conditions."""

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

Shape = tuple[int | None, ...]


class ContextEncoder(keras.layers.Layer):
    """Map a dict of named inputs to one context vector per row.

    Subclasses set `input_shapes` and implement ``call(inputs) -> (batch, width)`` and `adapt`.

    Parameters
    ----------
    input_shapes : mapping of str to tuple
        Shape of each input without the batch axis; None where the length is free (members of
        a set).
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, input_shapes: Mapping[str, Shape], **kwargs) -> None:
        super().__init__(**kwargs)
        self.input_shapes = {name: tuple(shape) for name, shape in input_shapes.items()}

    def adapt(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Set the statistics of the standardisation from training data.

        Parameters
        ----------
        inputs : mapping of str to numpy.ndarray
            Each of shape (batch, *input_shapes[name]).
        """
        raise NotImplementedError

    def trim(self, inputs):
        """Cut padding that all rows share; encoders without padding return their inputs."""
        return inputs

    def stacked(self, inputs, rank: int):
        """Inputs joined along a last axis of features.

        Parameters
        ----------
        inputs : mapping of str to tensor
            Each of `rank` axes (it becomes one feature) or one more (it holds several).
        rank : int
            Number of axes before the axis of features, the batch axis included.

        Returns
        -------
        tensor
            Shape (..., n_features), with `rank` + 1 axes.
        """
        columns = [inputs[name] for name in self.input_shapes]
        return ops.concatenate(
            [
                column if len(column.shape) > rank else ops.expand_dims(column, -1)
                for column in columns
            ],
            axis=-1,
        )


def feature_count(input_shapes: Mapping[str, Shape], rank: int) -> int:
    """Number of features that `ContextEncoder.stacked` makes of inputs of these shapes."""
    return sum(
        int(shape[-1] or 0) if len(shape) + 1 > rank else 1 for shape in input_shapes.values()
    )
