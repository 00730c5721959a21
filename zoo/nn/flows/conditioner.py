"""Network that decides how a coupling layer moves its parameters."""

import operator

import keras
from keras import ops


class Conditioner(keras.layers.Layer):
    """Residual network whose blocks are gated by the context.

    Pre-activation blocks (He et al. 2016, arXiv:1603.05027) with a gated linear unit (Dauphin
    et al. 2017, arXiv:1612.08083) that reads the context again. On data of widely varying scale
    this generalised far better than a plain network of the same size.

    Parameters
    ----------
    n_moved, n_raw : int
        Number of parameters to be moved, and of raw numbers for each.
    hidden : int
        Width of the blocks.
    depth : int
        Number of blocks, of two layers each.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, n_moved: int, n_raw: int, hidden: int, depth: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.n_moved = n_moved
        self.n_raw = n_raw
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
        self.last = dense("last", n_moved * n_raw, 1e-2)

    def build(self, input_shape) -> None:
        """Create the weights of the layers that are not called as they are."""
        self.first.build((None, input_shape["kept"][-1] + input_shape["context"][-1]))
        self.last.build((None, self.first.units))

    def call(self, inputs, draws: int = 1):
        """Raw numbers of shape (n_raw, n_moved, batch * draws).

        Parameters
        ----------
        inputs : dict
            ``kept`` (batch * draws, n_kept) and ``context`` (batch, width).
        draws : int
            So many successive rows of ``kept`` share a row of the context. What depends on the
            context alone is computed once for all of them.
        """
        kept, context = inputs["kept"], inputs["context"]

        def combine(operation, per_draw, per_row):
            if draws == 1:
                return operation(per_draw, per_row)
            per_draw = ops.reshape(per_draw, (-1, draws, per_row.shape[-1]))
            return ops.reshape(operation(per_draw, per_row[:, None]), (-1, per_row.shape[-1]))

        n_kept = kept.shape[-1]
        kernel = ops.cast(self.first.kernel, context.dtype)
        bias = ops.cast(self.first.bias, context.dtype)
        x = combine(
            operator.add,
            ops.matmul(kept, kernel[:n_kept]),
            ops.matmul(context, kernel[n_kept:]) + bias,
        )
        for inner, outer, gate in zip(self.inner, self.outer, self.gates, strict=True):
            change = outer(ops.relu(inner(ops.relu(x))))
            x = x + combine(operator.mul, change, ops.sigmoid(gate(context)))
        # The product gives the transpose at no cost.
        kernel, bias = (self._raw_first(weight) for weight in (self.last.kernel, self.last.bias))
        raw = ops.matmul(ops.transpose(kernel), ops.transpose(x)) + ops.transpose(bias)
        return ops.reshape(raw, (self.n_raw, self.n_moved, -1))

    def _raw_first(self, weight):
        """Columns in the order of the raw numbers, then of the parameters."""
        weight = ops.cast(weight, self.compute_dtype)
        weight = ops.reshape(weight, (-1, self.n_moved, self.n_raw))
        return ops.reshape(ops.transpose(weight, (0, 2, 1)), (-1, self.n_raw * self.n_moved))
