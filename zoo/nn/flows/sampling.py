"""Draws that do not depend on how the rows are batched."""

import tensorflow as tf

# Every batch is cut into blocks of exactly this shape, since matrix products and vectorised
# functions round differently for different shapes: so many groups, each of so many draws that
# share a row's context. Long groups spare work that depends on the context alone; short ones
# waste less where few draws are asked for.
GROUPS, DRAWS = 128, 8
BLOCK = GROUPS * DRAWS


def draw(flow, inputs: dict[str, tf.Tensor], seed: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    """Draw from a conditional flow.

    Row by row: the encoder runs on one row at a time, without padding, and the base variables
    come from the row's own seed by a counter-based generator. Then all draws of all rows, in
    groups of a few from the same row, go through the flow in blocks of one fixed shape.

    Parameters
    ----------
    flow : ConditionalFlow
        The model.
    inputs : dict of str to tensor
        The encoder's inputs, batch axis first; the batch may be empty.
    seed : int32 tensor
        Shape (batch, 2).
    n : int32 tensor
        Scalar, draws per row.

    Returns
    -------
    tensor
        Shape (batch, n, n_parameters).
    """
    dtype = tf.as_dtype(flow.compute_dtype)
    batch = tf.shape(seed)[0]
    groups_per_row = -(-n // DRAWS)
    n_padded = groups_per_row * DRAWS

    def one_row(row):
        row_inputs, row_seed = row
        row_inputs = {name: value[tf.newaxis] for name, value in row_inputs.items()}
        context = flow.encoder(flow.encoder.trim(row_inputs))[0]
        return context, tf.random.stateless_normal([n_padded, flow.size], row_seed, dtype=dtype)

    # A loop over no rows fails, hence one row more, and one block more than needed.
    padded = tf.nest.map_structure(_with_dummy, (inputs, seed))
    context, z = tf.map_fn(
        one_row,
        padded,
        fn_output_signature=(
            tf.TensorSpec([None], dtype),
            tf.TensorSpec([None, flow.size], dtype),
        ),
    )
    total = batch * groups_per_row
    n_blocks = tf.maximum(-(-total // GROUPS), 1)
    missing = n_blocks * GROUPS - total
    row = tf.pad(tf.repeat(tf.range(batch), groups_per_row), [[0, missing]])
    z = tf.pad(tf.reshape(z[:batch], [-1, flow.size]), [[0, missing * DRAWS], [0, 0]])

    def one_block(block):
        block_z, block_row = block
        return flow.push(block_z, tf.gather(context, block_row), DRAWS)

    theta = tf.map_fn(
        one_block,
        (tf.reshape(z, [n_blocks, BLOCK, flow.size]), tf.reshape(row, [n_blocks, GROUPS])),
        fn_output_signature=tf.TensorSpec([BLOCK, flow.size], dtype),
    )
    theta = tf.reshape(theta, [-1, flow.size])[: batch * n_padded]
    return tf.reshape(theta, [batch, n_padded, flow.size])[:, :n]


def _with_dummy(value: tf.Tensor) -> tf.Tensor:
    return tf.pad(value, [[0, 1]] + [[0, 0]] * (value.shape.rank - 1))
