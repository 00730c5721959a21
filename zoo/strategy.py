"""Running one function under any `tf.distribute` strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.errors import InputError


def resolve(strategy: Any = "auto") -> Any:
    """The strategy to run under, or None for plain TensorFlow.

    "auto" is the current scope's strategy, else Mirrored where more than one GPU is visible.

    Raises
    ------
    InputError
        If it is anything else.
    """
    import tensorflow as tf

    if strategy is None or isinstance(strategy, tf.distribute.Strategy):
        return strategy
    if strategy != "auto":
        raise InputError(
            f"strategy is {strategy!r}, allowed: 'auto', None, a tf.distribute.Strategy"
        )
    if tf.distribute.has_strategy():
        return tf.distribute.get_strategy()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return None


def distribute(
    function: Callable[..., dict[str, Any]], specs: dict[str, Any], strategy: Any
) -> Any:
    """One traced function that splits a batch over the replicas and joins their rows in order.

    Each replica slices its share of the whole batch, the last ones less or nothing, so that odd
    batches neither retrace nor drop rows. A row more keeps a replica from an empty batch, on which
    oneDNN's convolutions fail.
    """
    import tensorflow as tf

    @tf.function(input_signature=[specs])
    def run(inputs: dict[str, Any]) -> dict[str, Any]:
        batch = tf.shape(next(iter(inputs.values())))[0]
        count = strategy.num_replicas_in_sync
        share = (batch + count - 1) // count

        def replica() -> dict[str, Any]:
            rank = tf.distribute.get_replica_context().replica_id_in_sync_group
            rows = slice(rank * share, (rank + 1) * share)
            own = {n: tf.concat([value[rows], value[-1:]], axis=0) for n, value in inputs.items()}
            return {name: value[:-1] for name, value in function(**own).items()}

        shares = strategy.run(replica)
        return {
            name: tf.concat(strategy.experimental_local_results(value), axis=0)
            for name, value in shares.items()
        }

    return lambda **inputs: run(inputs)
