"""Context from the galaxies of a cluster: their density in projected phase space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import ops

from zoo.nn.context_encoder import ContextEncoder
from zoo.nn.kde import GaussianKDE
from zoo.nn.standardize import Standardize

FLOOR = 1e-3  # of the mean density: the root keeps a finite slope where a map is empty


class PhaseSpaceEncoder(ContextEncoder):
    """Encode a set of (R, v) by the map of its density and convolutions.

    The map sums to 1 and is the mean of itself and its mirror image in v, so that approaching and
    receding are exactly alike, and the number of galaxies shows only in how fine its structure is.
    Its square root, whose noise is about the same everywhere, goes through convolutions of stride
    two and a dense layer.

    Parameters
    ----------
    r_max : float [Mpc / littleh]
        Extent of the map; galaxies beyond still widen the kernels, so leave them out.
    v_max : float [km / s]
        Half its depth.
    cells : int
        Cells along R, and along v before it is folded.
    factor : float
        Width of the kernels, see `GaussianKDE`.
    filters : sequence of int
        Channels of the convolutions; each halves the map.
    width : int
        Length of the context vector.
    richness : bool
        Whether log10 of the number of galaxies is seen as well.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        r_max: float,
        v_max: float,
        cells: int = 48,
        factor: float = 0.25,
        filters: Sequence[int] = (16, 32, 48),
        width: int = 96,
        richness: bool = False,
        **kwargs,
    ) -> None:
        super().__init__({"r_proj": (None,), "v_los": (None,)}, **kwargs)
        policy = self.dtype_policy
        axes = {"v_los": (-v_max, v_max, cells), "r_proj": (0.0, r_max, cells)}
        self.kde = GaussianKDE(axes, factor, name="kde", dtype=policy)
        self.map_shape = (cells // 2, cells)
        self.richness = richness
        self.count_scale = Standardize(1, name="count_scale", dtype=policy)
        common = {"strides": 2, "padding": "same", "activation": "silu", "dtype": policy}
        self.convolutions = keras.Sequential(
            [
                keras.Input((*self.map_shape, 1), dtype=self.compute_dtype),
                *(
                    keras.layers.Conv2D(n, 5 if i == 0 else 3, name=f"conv_{i}", **common)
                    for i, n in enumerate(filters)
                ),
                keras.layers.Flatten(name="flatten", dtype=policy),
            ],
            name="convolutions",
        )
        self.dense = keras.layers.Dense(width, "silu", name="dense", dtype=policy)
        length = self.convolutions.output_shape[-1] + richness
        self.dense.build((None, length))

    def adapt(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Set the standardisation of log10 N from NaN-padded sets (batch, galaxies)."""
        self.adapt_counts(np.isfinite(np.asarray(inputs["r_proj"])).sum(axis=1))

    def adapt_counts(self, counts: np.ndarray) -> None:
        """The same from numbers of galaxies (batch,)."""
        self.count_scale.adapt(np.log10(np.maximum(counts, 1))[:, None])

    def trim(self, inputs):
        """Cut the galaxies that are absent in every row."""
        present = ops.any(ops.logical_not(ops.isnan(inputs["r_proj"])), axis=0)
        places = ops.where(present, ops.arange(ops.shape(present)[0], dtype="int32") + 1, 0)
        length = ops.max(ops.concatenate([ops.zeros((1,), "int32"), places], axis=0))
        return {**inputs, **{name: inputs[name][:, :length] for name in self.input_shapes}}

    def maps(self, inputs):
        """Folded maps (batch, cells / 2, cells) of sets, from abs(v) = 0 outwards, and R."""
        full = self.kde({name: inputs[name] for name in self.input_shapes})
        half = self.map_shape[0]
        return full[:, half:] + full[:, :half][:, ::-1]

    def encode(self, maps, counts):
        """Context (batch, width) from folded maps and numbers of galaxies (batch,)."""
        cells = self.map_shape[0] * self.map_shape[1]
        image = ops.sqrt(maps * cells + FLOOR)[..., None] - 1.0
        features = self.convolutions(image)
        if self.richness:
            log_n = ops.log10(ops.maximum(ops.cast(counts, features.dtype), 1.0))[:, None]
            features = ops.concatenate([features, self.count_scale(log_n)], axis=-1)
        return self.dense(features)

    def call(self, inputs):
        """Context of shape (batch, width)."""
        present = ops.logical_not(ops.isnan(inputs["r_proj"] + inputs["v_los"]))
        return self.encode(self.maps(inputs), ops.sum(ops.cast(present, "int32"), axis=1))
