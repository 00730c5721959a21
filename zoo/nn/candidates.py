"""The few redshifts that matter, of a likelihood at thousands."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.nn.peaks import largest_near

FLOOR = -30.0  # of ln(mass / largest mass)


class Candidates(keras.layers.Layer):
    """What is known about each of the highest local maxima of a likelihood.

    Every shift belongs to the highest of the candidates within `reach` of it, or to none: the rest.

    Parameters
    ----------
    redshift : (shifts,) array
        Uniform in ln(1 + z).
    count, reach : int
        Number of candidates and how close they may be, as `TemplateScan` finds them.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, redshift, count: int = 16, reach: int = 20, **kwargs) -> None:
        super().__init__(**kwargs)
        self.log_z = np.log1p(np.asarray(redshift, float))
        self.count, self.reach = int(count), int(reach)

    def call(self, scan):
        """Dict of what `TemplateScan` found, about candidates, best first.

        Parameters
        ----------
        scan : dict
            ``log_likelihood``, ``peak``, ``height``, ``coefficients``, ``amplitude``, ``scale``.

        Returns
        -------
        dict
            ``features`` (batch, count, features); ``log_mass`` (batch, count + 1), ln of the
            posterior mass under a flat prior, the last of the rest; ``owner`` (batch, shifts), the
            place in `log_mass` of each shift; ``log_z`` (batch, count).
        """
        likelihood = scan["log_likelihood"]
        log_z = ops.convert_to_tensor(self.log_z, dtype=likelihood.dtype)
        density = likelihood + log_z  # a flat prior in z
        peak, height = scan["peak"], scan["height"]
        rank = tf.range(self.count, 0, -1)[None] + 0 * peak  # the best has the largest number
        rows = tf.range(tf.shape(peak)[0])[:, None] + 0 * peak
        place = tf.stack([rows, peak], axis=-1)
        marks = tf.scatter_nd(place, ops.cast(rank, likelihood.dtype), tf.shape(likelihood))
        owner = self.count - ops.cast(largest_near(marks, self.reach), "int32")
        mass = ops.exp(density - ops.max(density, axis=-1, keepdims=True))
        segment = owner + (self.count + 1) * ops.arange(ops.shape(owner)[0], dtype="int32")[:, None]
        total = ops.segment_sum(
            ops.ravel(mass), ops.ravel(segment), ops.shape(owner)[0] * (self.count + 1)
        )
        log_mass = ops.log(ops.maximum(ops.reshape(total, (-1, self.count + 1)), np.exp(FLOOR)))
        at_peak = tf.gather(log_z, peak)
        signal = ops.log(scan["amplitude"] * ops.sqrt(ops.maximum(scan["scale"], 1e-30)))
        ones = ops.ones_like(height)
        height = ops.maximum(height, -1e4)
        features = ops.concatenate(
            [
                ops.stack(
                    [
                        -ops.log1p(-height),
                        ops.maximum(height, FLOOR) / 10,
                        log_mass[:, :-1] / 10,
                        at_peak,
                        signal[:, None] * ones,
                    ],
                    axis=-1,
                ),
                ops.arcsinh(scan["coefficients"]),
            ],
            axis=-1,
        )
        return {"features": features, "log_mass": log_mass, "owner": owner, "log_z": at_peak}

    def compute_output_spec(self, scan):
        """See `call`."""
        batch, shifts = scan["log_likelihood"].shape
        width = scan["coefficients"].shape[-1]
        shapes = {
            "features": (batch, self.count, width + 5),
            "log_mass": (batch, self.count + 1),
            "log_z": (batch, self.count),
        }
        found = {n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}
        return found | {"owner": keras.KerasTensor((batch, shifts), dtype="int32")}
