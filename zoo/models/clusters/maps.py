"""Density maps of many clusters, computed once, so that a network learns from maps."""

from __future__ import annotations

import numpy as np

ROWS = 256  # clusters at a time; of like richness, so that little is padded


def of_clusters(function, data):
    """Apply a function of NaN-padded sets to all clusters of a split.

    Parameters
    ----------
    function : callable
        From {"r_proj", "v_los"}, tensors (batch, galaxies), to maps (batch, ...).
    data : mapping
        Features of a split; `r_proj` and `v_los` of uneven length.

    Returns
    -------
    numpy.ndarray
        Shape (clusters, ...), float16 after division by the mean of a map, which keeps the digits.
    """
    import tensorflow as tf

    spec = tf.TensorSpec([None, None], tf.float32)
    run = tf.function(function, input_signature=[{"r_proj": spec, "v_los": spec}])
    order = np.argsort(lengths(data), kind="stable")
    out = None
    for start in range(0, len(order), ROWS):
        rows = order[start : start + ROWS]
        sets = {name: tf.constant(data[name][rows].padded()) for name in ("r_proj", "v_los")}
        part = run(sets).numpy()
        if out is None:
            out = np.empty((len(order), *part.shape[1:]), "float16")
        out[rows] = part * np.prod(part.shape[1:])
    return out


def lengths(data):
    """Number of galaxies of each cluster of a split."""
    return np.asarray(data["r_proj"].lengths)
