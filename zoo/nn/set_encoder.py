"""Context from a set of members: Deep Sets with NaN as padding."""

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from zoo.nn.context_encoder import ContextEncoder, Shape, feature_count
from zoo.nn.standardize import Standardize


class SetEncoder(ContextEncoder):
    """Encode sets of any size, blind to the order of their members.

    Each member goes through the same network; the mean over members goes through a second one
    (Zaheer et al. 2017, arXiv:1703.06114, theorem 2, with the mean in place of the sum so that
    the number of members is seen only where it is asked for). A member is absent where all its
    features are NaN; a single NaN feature of a present member is replaced by the training mean.

    Parameters
    ----------
    input_shapes : mapping of str to tuple
        ``(None,)`` for one number per member, ``(None, k)`` for k numbers. All inputs describe
        the same members.
    hidden : int
        Width of both networks.
    width : int
        Length of the context vector.
    see_count : bool
        Whether the logarithm of the number of members is part of the context.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        input_shapes: Mapping[str, Shape],
        hidden: int = 64,
        width: int = 32,
        see_count: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(input_shapes, **kwargs)
        self.see_count = see_count
        policy = self.dtype_policy
        self.standardize = Standardize(
            feature_count(input_shapes, rank=2), name="standardize", dtype=policy
        )
        self.member_network = keras.Sequential(
            [
                keras.layers.Dense(hidden, activation="silu", name=f"member_{i}", dtype=policy)
                for i in range(2)
            ],
            name="member_network",
        )
        self.set_network = keras.Sequential(
            [
                keras.layers.Dense(hidden, activation="silu", name="set_0", dtype=policy),
                keras.layers.Dense(width, name="set_1", dtype=policy),
            ],
            name="set_network",
        )

    def adapt(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Set the statistics from NaN-padded inputs of shape (batch, members[, k])."""
        columns = [np.asarray(inputs[name]) for name in self.input_shapes]
        self.standardize.adapt(
            np.concatenate([c if c.ndim == 3 else c[..., None] for c in columns], axis=-1)
        )

    def trim(self, inputs):
        """Cut the members that are absent in every row, so that padding leaves no trace."""
        absent = ops.all(ops.isnan(self.stacked(inputs, rank=2)), axis=(0, 2))
        length = ops.max(
            ops.concatenate(
                [
                    ops.zeros((1,), "int32"),
                    ops.where(absent, 0, ops.arange(ops.shape(absent)[0], dtype="int32") + 1),
                ],
                axis=0,
            )
        )
        return {**inputs, **{name: inputs[name][:, :length] for name in self.input_shapes}}

    def call(self, inputs):
        """Context of shape (batch, width)."""
        members = self.stacked(inputs, rank=2)
        missing = ops.isnan(members)
        # Replaced before the arithmetic: NaN * 0 would poison the gradient.
        members = self.standardize(ops.where(missing, ops.zeros_like(members), members))
        members = ops.where(missing, ops.zeros_like(members), members)
        present = ops.cast(ops.logical_not(ops.all(missing, axis=-1, keepdims=True)), members.dtype)
        count = ops.sum(present, axis=1)
        pooled = ops.sum(self.member_network(members) * present, axis=1)
        pooled = pooled / ops.maximum(count, 1.0)
        if self.see_count:
            pooled = ops.concatenate([pooled, ops.log1p(count)], axis=-1)
        return self.set_network(pooled)
