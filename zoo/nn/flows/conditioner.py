"""Network that decides how a coupling layer moves its parameters."""

import keras
from keras import ops


class Conditioner(keras.layers.Layer):
    """Residual network whose blocks are gated by the context.

    Pre-activation blocks (He et al. 2016, arXiv:1603.05027) with a gated linear unit (Dauphin
    et al. 2017, arXiv:1612.08083) that reads the context again. On data of widely varying scale
    this generalised far better than a plain network of the same size.

    Parameters
    ----------
    n_out : int
        Length of the output.
    hidden : int
        Width of the blocks.
    depth : int
        Number of blocks, of two layers each.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, n_out: int, hidden: int, depth: int, **kwargs) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy

        def dense(name, units, spread=None):
            initializer = keras.initializers.RandomNormal(stddev=spread) if spread else None
            return keras.layers.Dense(
                units,
                kernel_initializer=initializer or "glorot_uniform",
                name=name,
                dtype=policy,
            )

        self.first = dense("first", hidden)
        # Small, not zero: near the identity at the start, yet gradients reach every layer.
        self.inner = [dense(f"inner_{i}", hidden) for i in range(depth)]
        self.outer = [dense(f"outer_{i}", hidden, 1e-3) for i in range(depth)]
        self.gates = [dense(f"gate_{i}", hidden) for i in range(depth)]
        self.last = dense("last", n_out, 1e-2)

    def call(self, inputs):
        """Raw numbers of shape (batch, n_out).

        Parameters
        ----------
        inputs : dict
            ``kept`` (batch, n_kept) and ``context`` (batch, width).
        """
        context = inputs["context"]
        x = self.first(ops.concatenate([inputs["kept"], context], axis=-1))
        for inner, outer, gate in zip(self.inner, self.outer, self.gates, strict=True):
            change = outer(ops.relu(inner(ops.relu(x))))
            x = x + change * ops.sigmoid(gate(context))
        return self.last(x)
