"""A learned prior over what a template scan finds at its candidate redshifts."""

from __future__ import annotations

import keras
from keras import ops

from zoo.nn.standardize import Standardize


class CoefficientPrior(keras.layers.Layer):
    """Correct the posterior mass of each candidate by how likely such a galaxy is.

    The scan's own prior over template coefficients is a Gaussian; galaxies are not. A network of
    two dense layers, the same for every candidate, sees its coefficients, its likelihood and the
    mean over all candidates, and adds a number to the logarithm of its mass. The last layer starts
    at zero, so that before training the answer is the scan's.

    Parameters
    ----------
    features : int
        Numbers about each candidate.
    width : int
        Of the hidden layers.
    state : int
        Length of the summary of the galaxy.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, features: int, width: int = 64, state: int = 24, **kwargs) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy

        def dense(name, inputs, units, activation="silu", **more):
            layer = keras.layers.Dense(units, activation, name=name, dtype=policy, **more)
            layer.build((None, inputs))
            return layer

        self.standardize = Standardize(features, name="standardize", dtype=policy)
        self.first = dense("first", features, width)
        self.second = dense("second", width, width)
        self.mix = dense("mix", 2 * width, width)
        self.third = dense("third", width, width)
        zero = {"activation": None, "kernel_initializer": "zeros"}
        self.each = dense("each", width, 1, **zero)
        self.rest = dense("rest", width, 1, **zero)
        self.summary = dense("summary", width + 1, 2 * width)
        self.state = dense("state", 2 * width, state, activation=None)
        self.built = True

    def call(self, inputs):
        """Dict of ``correction`` (batch, count + 1) and ``state`` (batch, state).

        Parameters
        ----------
        inputs : dict
            ``features`` and ``log_mass`` of `Candidates`, and ``log_amplitude`` (batch,).
        """
        log_mass = inputs["log_mass"]
        x = self.second(self.first(self.standardize(inputs["features"])))
        mean = self._pooled(x, log_mass)
        shared = ops.broadcast_to(mean[:, None], ops.shape(x))
        x = self.third(self.mix(ops.concatenate([x, shared], axis=-1)))
        correction = ops.concatenate([self.each(x)[..., 0], self.rest(mean)], axis=-1)
        found = self._pooled(x, log_mass + correction)
        found = ops.concatenate([found, inputs["log_amplitude"][:, None]], axis=-1)
        return {"correction": correction, "state": self.state(self.summary(found))}

    def _pooled(self, x, log_mass):
        """Mean over candidates by their mass (batch, width)."""
        return ops.sum(ops.softmax(log_mass[:, :-1], axis=-1)[..., None] * x, axis=1)

    def compute_output_spec(self, inputs):
        """See `call`."""
        shapes = {
            "correction": inputs["log_mass"].shape,
            "state": (inputs["log_mass"].shape[0], self.state.units),
        }
        return {n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}


class CorrectedLikelihood(keras.layers.Layer):
    """Likelihood (batch, shifts) whose masses of candidates are the corrected ones.

    One number, `sharpness`, multiplies the logarithms of all masses; it is 1 until it is set where
    the network was not trained. Inside a candidate the shape of the posterior stays the scan's.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.sharpness = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="sharpness"
        )
        self.built = True

    def call(self, inputs):
        """From ``log_likelihood``, ``log_mass``, ``correction`` and ``owner``."""
        mass = inputs["log_mass"]
        change = self.sharpness * (mass + inputs["correction"]) - mass
        return inputs["log_likelihood"] + ops.take_along_axis(change, inputs["owner"], axis=-1)

    def compute_output_spec(self, inputs):
        """(batch, shifts)."""
        return keras.KerasTensor(inputs["log_likelihood"].shape, dtype=self.compute_dtype)
