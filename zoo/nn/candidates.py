"""The few redshifts that matter, of a likelihood at thousands."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops

FLOOR = -30.0  # of ln(mass / largest mass)


class Candidates(keras.layers.Layer):
    """Highest local maxima of a likelihood, and what is known about each.

    Every shift belongs to the highest of the candidates within `reach` of it, or to none: the rest.

    Parameters
    ----------
    redshift : (shifts,) array
        Uniform in ln(1 + z).
    count : int
        Number of candidates.
    reach : int
        Shifts; of two maxima that are closer only the higher one counts.
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
            ``log_likelihood``, ``coefficients``, ``amplitude``, ``scale``.

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
        relative = likelihood - ops.max(likelihood, axis=-1, keepdims=True)
        top = self._largest(relative)
        height, peak = tf.math.top_k(ops.where(relative >= top, relative, -1e9), self.count)
        rank = tf.range(self.count, 0, -1)[None] + 0 * peak  # the best has the largest number
        rows = tf.range(tf.shape(peak)[0])[:, None] + 0 * peak
        place = tf.stack([rows, peak], axis=-1)
        marks = tf.scatter_nd(place, ops.cast(rank, likelihood.dtype), tf.shape(likelihood))
        owner = self.count - ops.cast(self._largest(marks), "int32")
        mass = ops.exp(density - ops.max(density, axis=-1, keepdims=True))
        segment = owner + (self.count + 1) * ops.arange(ops.shape(owner)[0], dtype="int32")[:, None]
        total = ops.segment_sum(
            ops.ravel(mass), ops.ravel(segment), ops.shape(owner)[0] * (self.count + 1)
        )
        log_mass = ops.log(ops.maximum(ops.reshape(total, (-1, self.count + 1)), np.exp(FLOOR)))
        at_peak = tf.gather(log_z, peak)
        coefficients = tf.gather(scan["coefficients"], peak, batch_dims=1)
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
                ops.arcsinh(coefficients),
            ],
            axis=-1,
        )
        return {"features": features, "log_mass": log_mass, "owner": owner, "log_z": at_peak}

    def _largest(self, values):
        """Largest value within reach (batch, shifts)."""
        width = 2 * self.reach + 1
        room = [[0, 0], [self.reach, self.reach]]
        found = tf.pad(values, room, constant_values=values.dtype.min)
        # doubling the interval takes a few steps where a pooling layer takes `width`
        seen = 1
        while seen < width:
            step = min(seen, width - seen)
            found = ops.maximum(found[:, :-step], found[:, step:])
            seen += step
        return found

    def compute_output_spec(self, scan):
        """See `call`."""
        batch, shifts, width = scan["coefficients"].shape
        shapes = {
            "features": (batch, self.count, width + 5),
            "log_mass": (batch, self.count + 1),
            "log_z": (batch, self.count),
        }
        found = {n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}
        return found | {"owner": keras.KerasTensor((batch, shifts), dtype="int32")}
