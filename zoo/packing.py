"""One tensor in place of many numbers.

TensorFlow's Python spends about 20 microseconds on each argument of a signature, which for a model
of a dozen numbers is more than its graph takes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

FEW = 3  # with so few numbers there is nothing to gain


def packed(signature: Any) -> Callable[..., dict[str, Any]]:
    """The same signature, whose inputs of shape (batch,) travel as the rows of one tensor.

    Parameters
    ----------
    signature : ConcreteFunction
        Of keyword tensors.

    Returns
    -------
    callable
        Of keyword arrays that have the dtypes of the signature.
    """
    import tensorflow as tf

    specs = dict(signature.structured_input_signature[1])
    numbers = [name for name, spec in specs.items() if spec.shape.rank == 1]
    if len(numbers) <= FEW or len({specs[name].dtype for name in numbers}) > 1:
        return lambda **columns: signature(**{n: tf.constant(v) for n, v in columns.items()})
    rest = {name: spec for name, spec in specs.items() if name not in numbers}
    rows = tf.TensorSpec((len(numbers), None), specs[numbers[0]].dtype)

    @cache  # traced when first asked for; a release has more signatures than a call needs
    def traced() -> Any:
        def unpack(rows: Any, **rest: Any) -> dict[str, Any]:
            return signature(**dict(zip(numbers, tf.unstack(rows), strict=True)), **rest)

        return tf.function(unpack, autograph=False).get_concrete_function(rows, **rest)

    def call(**columns: np.ndarray) -> dict[str, Any]:
        values = tf.constant(np.stack([columns.pop(name) for name in numbers]))
        return traced()(values, **{name: tf.constant(value) for name, value in columns.items()})

    return call
