"""The variational diffusion model: its three losses, and ancestral sampling.

Kingma et al. (2021, NeurIPS 34, 21696), in continuous time. Data x in standard units; at time t
z = alpha x + sigma noise, and the denoiser says what the noise was.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from zoo.nn.diffusion.schedules import alpha, sigma

TERMS = ("diffusion", "prior", "reconstruction")


class VariationalDiffusion(keras.layers.Layer):
    """A denoiser with a noise schedule.

    Parameters
    ----------
    denoiser : keras.Model
        As from `unet`.
    schedule : keras.layers.Layer
        As from `schedules.schedule`.
    data_noise : float
        Standard deviation that the data are said to have, in the reconstruction.
    guess : PixelGuess, optional
        What the denoiser starts from in place of z, and sees as one more channel.
    **kwargs
        Of `keras.layers.Layer`.
    """

    def __init__(
        self,
        denoiser: Any,
        schedule: Any,
        data_noise: float = 1e-3,
        guess: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.denoiser, self.schedule, self.data_noise = denoiser, schedule, data_noise
        self.guess = guess
        self.cells = (None, *(1 for _ in denoiser.inputs[0].shape[1:]))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Losses (batch, 3) in bits per cell, in the order of `TERMS`.

        Parameters
        ----------
        inputs : dict of tensors
            ``x`` and ``condition`` (batch, n, ..., 1), ``time`` (batch,) in [0, 1], ``noise`` of
            the shape of x, standard normal, ``parameters`` (batch, p) where there are any, and
            ``chances`` (batch, n, ..., numbers) where there is a guess.
        """
        x, time, noise = inputs["x"], inputs["time"], inputs["noise"]
        gamma = self._wide(self.schedule(time))
        z = alpha(gamma) * x + sigma(gamma) * noise
        said = self._noise(z, inputs, time, training)
        cells = tuple(range(1, len(x.shape)))
        off = ops.mean((said - noise) ** 2, axis=cells)
        # equation 17: minus the derivative of the signal-to-noise ratio weights the error of x
        diffusion = 0.5 * self.schedule.slope(time) * off
        last = self.schedule(ops.ones_like(time))
        variance, left = ops.sigmoid(last), ops.sigmoid(-last)
        square = ops.mean(x**2, axis=cells)
        # ln(sigmoid) by softplus: the variance is 1 but for rounding
        prior = 0.5 * (variance + left * square - 1 + ops.softplus(-last))
        first = self.schedule(ops.zeros_like(time))
        spread = ops.exp(first) / self.data_noise**2  # mean square of z_0 / alpha_0 - x
        constant = math.log(self.data_noise) + 0.5 * math.log(2 * math.pi)
        reconstruction = 0.5 * spread + constant
        return ops.stack([diffusion, prior, reconstruction], axis=-1) / math.log(2)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(batch, 3)."""
        return (input_shape["time"][0], len(TERMS))

    def sample(self, first: Any, given: Any, steps: int, noise: Any) -> Any:
        """Draw data by ancestral sampling (equations 32 to 34).

        Parameters
        ----------
        first : tensor (batch, n, ..., 1)
            z at t = 1, standard normal.
        given : dict of tensors
            ``condition`` and, where there are any, ``parameters`` and ``chances``.
        steps : int
        noise : callable
            Number of a step, as a tensor, -> standard normal of the shape of `first`.

        Returns
        -------
        tensor of the shape of `first`
        """
        shape = ops.shape(first)

        def step(i: Any, z: Any) -> Any:
            ones = ops.ones_like(z[(slice(None), *(0 for _ in z.shape[1:]))])
            t = ones * (1 - ops.cast(i, z.dtype) / steps)
            s = ones * (1 - ops.cast(i + 1, z.dtype) / steps)
            gamma_t, gamma_s = self._wide(self.schedule(t)), self._wide(self.schedule(s))
            share = -ops.expm1(gamma_s - gamma_t)
            said = self._noise(z, given, t, False)
            mean = alpha(gamma_s) / alpha(gamma_t) * (z - share * sigma(gamma_t) * said)
            new = mean + sigma(gamma_s) * ops.sqrt(share) * ops.cast(noise(i), z.dtype)
            return ops.reshape(new, shape)

        z = ops.fori_loop(0, steps, step, first)
        return z / alpha(self._wide(self.schedule(ops.zeros((1,), dtype=z.dtype))))

    def _noise(self, z: Any, given: Any, time: Any, training: bool) -> Any:
        inputs = {"z": z, "condition": given["condition"], "time": self._place(time)}
        if "parameters" in given:
            inputs["parameters"] = given["parameters"]
        if self.guess is None:
            return self.denoiser(inputs, training=training)
        gamma = self._wide(self.schedule(time))
        x = self.guess(z, gamma, given["chances"])
        inputs["condition"] = ops.concatenate([inputs["condition"], x], axis=-1)
        said = (z - alpha(gamma) * x) / sigma(gamma)
        return self.denoiser(inputs, training=training) - z + said

    def _place(self, time: Any) -> Any:
        """Gamma between its ends: what the denoiser knows of time, whatever the schedule."""
        ends = [self.schedule(0 * time), self.schedule(0 * time + 1)]
        return (self.schedule(time) - ends[0]) / (ends[1] - ends[0])

    def _wide(self, gamma: Any) -> Any:
        return ops.reshape(gamma, (-1, *self.cells[1:]))
