"""Conditional density of bounded physical parameters, given anything that can be encoded."""

import math
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from zoo.nn.context_encoder import ContextEncoder
from zoo.nn.flows.autoregressive import Autoregressive
from zoo.nn.flows.coupling import Coupling
from zoo.nn.flows.elementwise import affine
from zoo.nn.flows.mixing import Mixing
from zoo.nn.flows.sampling import draw
from zoo.nn.flows.spline import spline
from zoo.nn.flows.support import Bounds, Support
from zoo.nn.standardize import Standardize

_LAYERS: dict[str, Callable[..., keras.layers.Layer]] = {
    "realnvp": lambda size, **kw: Coupling(size, size // 2, affine(max_log_scale=3.0), **kw),
    "spline": lambda size, **kw: Coupling(size, size // 2, spline(), **kw),
    "maf": lambda size, **kw: Autoregressive(size, affine(max_log_scale=3.0), **kw),
}
KINDS = tuple(_LAYERS)


class ConditionalFlow(keras.Model):
    """Normalizing flow ``p(theta | inputs)`` in physical units.

    ``call({**inputs, "theta": theta})`` returns the natural logarithm of the density per unit of
    physical theta, shape (batch,), so the model trains with
    ``compile(optimizer, loss=lambda _, log_prob: -log_prob)``, under any strategy.

    Parameters
    ----------
    parameters : mapping of str to (low, high)
        Names and physical bounds of theta, in order; None for an open side. Draws never leave
        the bounds, the density outside is zero.
    encoder : ContextEncoder
        Makes the context vector. Its inputs keep their names.
    kind : {"spline", "realnvp", "maf"}
        Neural spline coupling, affine coupling or masked autoregressive. With one parameter the
        two affine kinds are a Gaussian (on the line that `Support` maps to); take "spline".
    n_layers : int
        Number of flow layers, after one shift and scale by the context alone.
    hidden, depth : int
        Width and number of the blocks (maf: of the hidden layers) of the network in each of them.
    **kwargs
        Passed to `keras.Model`.

    Raises
    ------
    ValueError
        If the kind is unknown, bounds are inverted, or an input is called ``theta``.
    """

    def __init__(
        self,
        parameters: Mapping[str, Bounds],
        encoder: ContextEncoder,
        kind: str = "spline",
        n_layers: int = 5,
        hidden: int = 48,
        depth: int = 2,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if kind not in _LAYERS:
            raise ValueError(f"kind {kind!r} is unknown; one of {', '.join(KINDS)}.")
        if "theta" in encoder.input_shapes:
            raise ValueError("input 'theta': the name belongs to the parameters; take another.")
        self.support = Support(parameters)
        self.encoder = encoder
        self.size = len(self.support.names)
        common = {"hidden": hidden, "depth": depth, "dtype": self.dtype_policy}
        self.standardize = Standardize(self.size, name="standardize_theta", dtype=self.dtype_policy)
        # In the order from theta to the base.
        self.transforms: list = [
            Coupling(self.size, 0, affine(max_log_scale=8.0), name="context_affine", **common)
        ]
        for i in range(n_layers):
            self.transforms.append(_LAYERS[kind](self.size, name=f"{kind}_{i}", **common))
            if self.size > 1:
                self.transforms.append(
                    Mixing(self.size, name=f"mixing_{i}", dtype=self.dtype_policy)
                )
        self(self._zeros())  # creates every weight, so that they can be loaded at once
        self._draw = tf.function(
            lambda inputs, seed, n: draw(self, inputs, seed, n),
            input_signature=[
                self.input_specs(),
                tf.TensorSpec([None, 2], tf.int32),
                tf.TensorSpec([], tf.int32),
            ],
            autograph=False,
        )

    def build(self, input_shape=None) -> None:
        """Nothing: the layers build themselves in the constructor."""
        self.built = True

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the columns of theta."""
        return self.support.names

    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """Name, shape (batch axis None) and type of every input of the encoder."""
        return {
            name: tf.TensorSpec([None, *shape], self.compute_dtype, name=name)
            for name, shape in self.encoder.input_shapes.items()
        }

    def _zeros(self) -> dict[str, tf.Tensor]:
        shapes = {**self.encoder.input_shapes, "theta": (self.size,)}
        return {
            name: tf.zeros([1, *(n or 1 for n in shape)], self.compute_dtype)
            for name, shape in shapes.items()
        }

    def adapt(self, inputs: Mapping[str, np.ndarray], theta: np.ndarray) -> None:
        """Set the standardisation of inputs and parameters from training data.

        Parameters
        ----------
        inputs : mapping of str to numpy.ndarray
            The encoder's inputs, batch axis first.
        theta : numpy.ndarray
            Shape (batch, n_parameters), physical units, column order of `parameter_names`.

        Raises
        ------
        ValueError
            If a parameter is outside its bounds or a value is not finite.
        """
        theta = np.asarray(theta)
        self.support.check(theta)
        self.encoder.adapt(inputs)
        line, _ = self.support.to_line(tf.constant(theta, self.compute_dtype))
        self.standardize.adapt(line.numpy())

    def call(self, inputs):
        """Log-density of ``inputs["theta"]`` given the other inputs, shape (batch,)."""
        context = self.encoder({name: inputs[name] for name in self.encoder.input_shapes})
        z, log_det = self.pull(inputs["theta"], context)
        return log_det - 0.5 * tf.reduce_sum(z**2 + math.log(2 * math.pi), axis=-1)

    def pull(self, theta: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Base variables (batch, n_parameters) of physical parameters, and the log-determinant."""
        x, log_det = self.support.to_line(theta)
        x = self.standardize(x)
        log_det -= tf.reduce_sum(tf.math.log(tf.cast(self.standardize.scale, x.dtype)))
        for transform in self.transforms:
            x, log_det_transform = transform.inverse(x, context)
            log_det += log_det_transform
        return x, log_det

    def push(self, z: tf.Tensor, context: tf.Tensor, draws: int = 1) -> tf.Tensor:
        """Physical parameters from base variables; both of shape (batch * draws, n_parameters).

        Each of the ``batch`` rows of the context serves so many successive draws.
        """
        for transform in reversed(self.transforms):
            z, _ = transform.forward(z, context, draws)
        return self.support.from_line(self.standardize.undo(z))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Keras' loss of the log-density alone: no target is needed.

        The mean is left to Keras, which knows how to divide it among replicas.
        """
        return super().compute_loss(x, y_pred, y_pred, sample_weight, training)

    def log_prob(self, inputs, theta):
        """Natural logarithm of the density per unit of physical theta.

        Parameters
        ----------
        inputs : mapping of str to array
            The encoder's inputs, batch axis first.
        theta : array
            Shape (batch, n_parameters).

        Returns
        -------
        tensor
            Shape (batch,); -inf outside the bounds.
        """
        return self({**inputs, "theta": theta})

    def sample(self, inputs, seed, n: int):
        """Draws from the density, the same numbers whatever the batch.

        Parameters
        ----------
        inputs : mapping of str to array
            The encoder's inputs, batch axis first.
        seed : array of int32
            Shape (batch, 2), one seed a row.
        n : int
            Draws per row; the first k do not depend on n.

        Returns
        -------
        tensor
            Shape (batch, n, n_parameters), physical units.
        """
        specs = self.input_specs()
        return self._draw(
            {name: tf.convert_to_tensor(inputs[name], specs[name].dtype) for name in specs},
            tf.convert_to_tensor(seed, tf.int32),
            tf.convert_to_tensor(n, tf.int32),
        )
