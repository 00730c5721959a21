"""Maps or boxes of galaxies drawn one dark-matter map at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

SEED = 1


class GalaxyDraws(keras.layers.Layer):
    """Draws from a diffusion model, always the same ones, and what they say together.

    Objects are answered one after the other with all their draws at once, so that memory does not
    grow with the batch, and no object's answer depends on its neighbours. NaN pads a smaller map;
    a map whose sides are no multiple of what the network halves is continued periodically.

    Parameters
    ----------
    views : Views
    diffusion : VariationalDiffusion
    matter, galaxies : str
        Names of the input and of the outputs.
    multiple : int
        What the sides of the network's maps are multiples of.
    draws, steps : int
        Number of draws, and of steps of each.
    **kwargs
        Of `keras.layers.Layer`.
    """

    def __init__(
        self,
        views: Any,
        diffusion: Any,
        matter: str,
        galaxies: str,
        multiple: int,
        draws: int,
        steps: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.views, self.diffusion = views, diffusion
        self.matter, self.galaxies = matter, galaxies
        self.multiple, self.draws, self.steps = multiple, draws, steps
        self.dimensions = len(diffusion.cells) - 2

    def build(self, input_shape: Any) -> None:
        """Nothing is left to create: views, denoiser and schedule have their weights."""

    def call(self, inputs: Any) -> Any:
        """Outputs of the card from the particles (batch, n, ...) and the parameters (batch,)."""

        def noise(row: Any, side: Any) -> Any:  # noqa: ARG001 (the same for every map)
            shape = (self.draws, self.steps + 1, *(side,) * self.dimensions, 1)
            return keras.random.normal(shape, dtype="float32", seed=SEED)

        return self.summary(self.drawn(inputs, self.draws, self.steps, noise))

    def summary(self, x: Any) -> dict[str, Any]:
        """Mean, spread and occupation of draws (batch, draws, n, ...), and the draws."""
        number = self.views.number(x)
        there = self.views.occupied(x, self.diffusion.data_noise)
        return {
            self.galaxies: ops.mean(ops.where(number > 0, self.views.plain(x), number), axis=1),
            f"{self.galaxies}_std": ops.std(number, axis=1),
            "galaxy_probability": ops.mean(there, axis=1),
            f"{self.galaxies}_draws": number,
        }

    def drawn(self, inputs: Any, draws: Any, steps: int, noise: Callable[[Any, Any], Any]) -> Any:
        """Draws (batch, draws, n, ...) in standard units.

        Parameters
        ----------
        noise : callable
            Number of the object and side -> standard normal (draws, steps + 1, side, ..., 1).
        """
        matter = inputs[self.matter]
        count, cells = ops.shape(matter)[0], ops.shape(matter)[1:]
        dtype = self.compute_dtype
        empty = ops.full((count, draws, *cells), float("nan"), dtype=dtype)

        def one(row: Any, out: Any) -> tuple[Any, Any]:
            own = ops.take(matter, row, axis=0)
            known = ~ops.isnan(own[(slice(None), *(0,) * (self.dimensions - 1))])
            side = ops.sum(ops.cast(known, "int32"))
            wide = -(-side // self.multiple) * self.multiple
            index = ops.arange(wide) % side
            for axis in range(self.dimensions):
                own = ops.take(own, index, axis=axis)
            seen = self.views(own)
            given = {"condition": self._many(seen[..., None], draws)}
            if self.diffusion.guess is not None:
                given["chances"] = self.diffusion.guess.chances(seen[None])
            if self.views.parameters:
                values = {n: ops.take(inputs[n], row)[None] for n in self.views.parameters}
                given["parameters"] = self._many(self.views.conditions(values)[0], draws)
            normal = noise(row, wide)
            x = self.diffusion.sample(
                ops.cast(normal[:, 0], dtype),
                given,
                steps,
                lambda step: ops.take(normal, step + 1, axis=1),
            )[..., 0]
            x = x[(slice(None), *(slice(None, side),) * self.dimensions)]
            x = ops.pad(x, [[0, 0], *([0, n - side] for n in cells)], constant_values=float("nan"))
            return row + 1, ops.scatter_update(out, ops.reshape(row, (1, 1)), x[None])

        return ops.while_loop(lambda row, _: row < count, one, (0, empty))[1]

    def compute_output_spec(self, inputs: Any) -> dict[str, Any]:
        """Shapes of the answers."""
        batch, *cells = inputs[self.matter].shape
        shapes = {
            self.galaxies: (batch, *cells),
            f"{self.galaxies}_std": (batch, *cells),
            "galaxy_probability": (batch, *cells),
            f"{self.galaxies}_draws": (batch, self.draws, *cells),
        }
        dtype = self.compute_dtype
        return {name: keras.KerasTensor(shape, dtype=dtype) for name, shape in shapes.items()}

    @staticmethod
    def _many(value: Any, draws: Any) -> Any:
        return ops.broadcast_to(value[None], (draws, *ops.shape(value)))
