"""Context from images: a small convolutional network."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import ops

from zoo.nn.context_encoder import ContextEncoder, Shape, feature_count
from zoo.nn.standardize import Standardize


class ImageEncoder(ContextEncoder):
    """Encode images by strided convolutions and one dense layer.

    The last feature map is flattened, not averaged: where something is in the image matters
    for centred objects.

    Parameters
    ----------
    input_shapes : mapping of str to tuple
        ``(height, width)`` for one channel, ``(height, width, k)`` for k; all of one size.
    filters : sequence of int
        Channels of the convolutions; each halves the image.
    width : int
        Length of the context vector.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        input_shapes: Mapping[str, Shape],
        filters: Sequence[int] = (16, 32, 32, 64),
        width: int = 32,
        **kwargs,
    ) -> None:
        super().__init__(input_shapes, **kwargs)
        policy = self.dtype_policy
        self.standardize = Standardize(
            feature_count(input_shapes, rank=3), name="standardize", dtype=policy
        )
        self.network = keras.Sequential(
            [
                *(
                    keras.layers.Conv2D(
                        n,
                        3,
                        strides=2,
                        padding="same",
                        activation="silu",
                        name=f"conv_{i}",
                        dtype=policy,
                    )
                    for i, n in enumerate(filters)
                ),
                keras.layers.Flatten(name="flatten", dtype=policy),
                keras.layers.Dense(width, name="dense", dtype=policy),
            ],
            name="network",
        )

    def adapt(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Set the statistics from images of shape (batch, height, width[, k])."""
        images = [np.asarray(inputs[name]) for name in self.input_shapes]
        self.standardize.adapt(
            np.concatenate([i if i.ndim == 4 else i[..., None] for i in images], axis=-1)
        )

    def call(self, inputs):
        """Context of shape (batch, width)."""
        images = self.standardize(self.stacked(inputs, rank=3))
        # One row more: oneDNN's convolution fails on the empty batch of an idle replica.
        extra = ops.zeros((1, *images.shape[1:]), dtype=images.dtype)
        return self.network(ops.concatenate([images, extra], axis=0))[:-1]
