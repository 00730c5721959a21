"""Galaxies expected in a voxel from the matter around it, at several resolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn.film import FiLM
from zoo.nn.periodic import PeriodicConv3D

PATCH = 5  # cells of each resolution that are seen, along a side
SCALE = 0.3  # makes logarithms of counts numbers of order one


@keras.saving.register_keras_serializable("zoo")
class VoxelPyramid(keras.layers.Layer):
    """Network on patches of 5^3 voxels, 5^3 cells of twice the side, and so on.

    The first layer is linear in the logarithms of the counts of all these cells, a sum of one
    convolution per resolution; what follows looks at one voxel at a time, modulated by parameters.
    A voxel's place within the larger cells is an input too.

    Parameters
    ----------
    levels : int
        Resolutions; cells of the coarsest have 2^(levels - 1) voxels along a side.
    width : int
        Channels of the first layer.
    hidden : sequence of int
        Channels of the layers after it.
    outputs : int
        Channels that come out.
    conditioned : bool
        Whether parameters modulate the layers.
    extras : int
        Further features of a voxel itself.
    """

    def __init__(
        self,
        levels: int,
        width: int,
        hidden: tuple[int, ...],
        outputs: int,
        conditioned: bool = False,
        extras: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._config = {"levels": levels, "width": width, "hidden": list(hidden)}
        self._config |= {"outputs": outputs, "conditioned": conditioned, "extras": extras}
        policy = {"dtype": self.dtype_policy}
        self.levels, self.extras, self.conditioned = levels, extras, conditioned
        fan = keras.initializers.RandomNormal(stddev=(2 / (levels * PATCH**3)) ** 0.5, seed=1)
        self.convs = [
            PeriodicConv3D(
                width, PATCH, use_bias=False, kernel_initializer=fan, name=f"level_{n}", **policy
            )
            for n in range(levels)
        ]
        self.place = keras.layers.Dense(width, name="place", **policy)
        self.hidden = [
            keras.layers.Dense(size, name=f"hidden_{n}", **policy) for n, size in enumerate(hidden)
        ]
        self.films = [FiLM(name=f"film_{n}", **policy) for n in range(conditioned * len(hidden))]
        self.out = keras.layers.Dense(
            outputs,
            kernel_initializer=keras.initializers.RandomNormal(stddev=1e-2, seed=2),
            name="out",
            **policy,
        )
        self.sizes = (width, *hidden)

    @property
    def multiple(self) -> int:
        """Voxels along the side of the coarsest cell."""
        return 2 ** (self.levels - 1)

    @property
    def reach(self) -> int:
        """Voxels on either side that an answer depends on, a multiple of the coarsest cell."""
        return (PATCH // 2) * self.multiple

    def build(self, mass_shape: Any, parameters_shape: Any = None) -> None:
        """Create all weights."""
        for conv in self.convs:
            conv.build((None, None, None, None, 1))
        self.place.build((None, 3 * (self.levels - 1) + self.extras))
        for n, layer in enumerate(self.hidden):
            layer.build((None, self.sizes[n]))
        for n, film in enumerate(self.films):
            film.build((None, self.sizes[n + 1]), parameters_shape)
        self.out.build((None, self.sizes[-1]))
        self.built = True

    def call(self, mass: Any, parameters: Any = None, halo: int = 0) -> Any:
        """Outputs (batch, x - 2 halo, y, z, outputs) of a field.

        Parameters
        ----------
        mass : tensor (batch, x, y, z, 1)
            Particles per voxel; sides are multiples of the coarsest cell.
        parameters : tensor (batch, p), optional
        halo : int
            Voxels along x, on both sides, of which no answer is needed; a multiple of the coarsest
            cell. With `reach` of them the slab may be cut from anywhere.
        """
        fields, total = [mass], mass
        for _ in range(1, self.levels):
            total = _coarser(total)
            fields.append(total)
        z = None
        for n in reversed(range(1, self.levels)):
            part = self.convs[n](SCALE * ops.log1p(fields[n]))
            z = part if z is None else part + _doubled(z)
        edge = min(halo, PATCH // 2)
        inner = mass[:, halo - edge : -(halo - edge)] if halo > edge else mass
        fine = self.convs[0](SCALE * ops.log1p(inner))
        if edge:
            fine = fine[:, edge:-edge]
        if z is not None:
            z = _doubled(z)
            fine = fine + (z[:, halo:-halo] if halo else z)
        shape = ops.shape(fine)
        return self._voxelwise(fine + self.place(self._places(shape)), parameters)

    def of_patches(self, patches: list[Any], places: Any, parameters: Any = None) -> Any:
        """Outputs (batch, outputs) of single voxels.

        Parameters
        ----------
        patches : list of tensor (batch, 125)
            Logarithms, times `SCALE`, of counts around the voxel, one tensor for each resolution.
        places : tensor (batch, 3 (levels - 1) + extras)
            As `places_of` gives them, and further features.
        parameters : tensor (batch, p), optional
        """
        z = self.place(places)
        for conv, patch in zip(self.convs, patches, strict=True):
            z = z + ops.matmul(patch, ops.reshape(conv.conv.kernel, (PATCH**3, -1)))
        return self._voxelwise(z, parameters)

    def _voxelwise(self, z: Any, parameters: Any) -> Any:
        z = ops.relu(z)
        for n, layer in enumerate(self.hidden):
            z = layer(z)
            z = ops.relu(self.films[n](z, parameters) if self.conditioned else z)
        return self.out(z)

    def _places(self, shape: Any) -> Any:
        """Where each voxel of a slab lies in the larger cells, (1, x, y, z, 3 (levels - 1))."""
        axes = [ops.arange(shape[axis], dtype=self.compute_dtype) for axis in (1, 2, 3)]
        grid = ops.meshgrid(*axes, indexing="ij")
        columns = [place_in(axis, 2**n) for n in range(1, self.levels) for axis in grid]
        return ops.stack(columns, axis=-1)[None]

    def compute_output_shape(self, mass_shape: Any, parameters_shape: Any = None) -> Any:
        """Channels of the outputs, voxels of the field."""
        return (*mass_shape[:-1], self.out.units)

    def get_config(self) -> dict[str, Any]:
        """What the layer is built with."""
        return super().get_config() | self._config


def place_in(index: Any, side: int) -> Any:
    """Place of a voxel in a cell of `side` voxels, from -1 to 1."""
    return (2 * (index % side) + 1) / side - 1


def _coarser(x: Any) -> Any:
    """Sums over 2^3 voxels; TensorFlow's pooling of volumes knows no double precision."""
    for axis in (1, 2, 3):
        even: list[Any] = [slice(None)] * 5
        odd = list(even)
        even[axis], odd[axis] = slice(0, None, 2), slice(1, None, 2)
        x = x[tuple(even)] + x[tuple(odd)]
    return x


def _doubled(z: Any) -> Any:
    for axis in (1, 2, 3):
        z = ops.repeat(z, 2, axis=axis)
    return z
