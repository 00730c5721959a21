"""What a release of a flow offers besides its weights."""

import tensorflow as tf

from zoo.nn.flows.flow import ConditionalFlow


def flow_signatures(model: ConditionalFlow) -> dict:
    """Functions and input specifications for a SavedModel.

    Parameters
    ----------
    model : ConditionalFlow
        The model, with its weights.

    Returns
    -------
    dict
        Signature name to (function, {input name: `tf.TensorSpec`}). ``sample`` reads the
        encoder's inputs, ``seed`` int32 (batch, 2) and ``n`` int32 (batch,), all n equal, and
        returns each parameter by name, (batch, n). ``log_prob`` reads the inputs and ``theta``
        (batch, n_parameters) and returns ``log_prob`` (batch,). Functions take a dict.
    """
    inputs = model.input_specs()

    def sample(given):
        features = {name: given[name] for name in inputs}
        # n comes per row, as a signature has no scalars; of no rows, no draws.
        n_draws = tf.reduce_max(tf.concat([given["n"], [0]], axis=0))
        theta = model.sample(features, given["seed"], n_draws)
        return {name: theta[:, :, i] for i, name in enumerate(model.parameter_names)}

    def log_prob(given):
        features = {name: given[name] for name in inputs}
        return {"log_prob": model.log_prob(features, given["theta"])}

    return {
        "sample": (
            sample,
            {
                **inputs,
                "seed": tf.TensorSpec([None, 2], tf.int32, name="seed"),
                "n": tf.TensorSpec([None], tf.int32, name="n"),
            },
        ),
        "log_prob": (
            log_prob,
            {
                **inputs,
                "theta": tf.TensorSpec([None, model.size], model.compute_dtype, name="theta"),
            },
        ),
    }
