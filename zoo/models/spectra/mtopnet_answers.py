"""From what the network of `mtopnet` says to physical quantities."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from zoo.nn.standardize import Standardize

FIRST, WIDTH, CLASSES = 0.6, 0.003, 800  # redshift: lower edge, width and number of classes
MIDDLES = FIRST + WIDTH * (np.arange(CLASSES) + 0.5)


class Answers(keras.layers.Layer):
    """Redshift as the middle of the most probable class; logits and standardised values undone.

    Parameters
    ----------
    properties : sequence of str
        Outputs that are standardised by their `scales`.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, properties: Sequence[str], **kwargs) -> None:
        super().__init__(**kwargs)
        self.scales = {
            name: Standardize(1, name=f"scale_{name}", dtype=self.dtype_policy)
            for name in properties
        }
        self.built = True

    def call(self, found):
        """Outputs of the card, from a dict of the network's."""
        best = ops.cast(ops.argmax(found["redshift"], axis=-1), found["redshift"].dtype)
        out = {
            "redshift": FIRST + WIDTH * (best + 0.5),
            "redshift_pdf": ops.softmax(found["redshift"]),
            "redshift_grid": ops.zeros_like(found["redshift"])
            + ops.convert_to_tensor(MIDDLES, found["redshift"].dtype),
            "line_mask": ops.sigmoid(found["line_mask"]),
            "embedding": found["embedding"],
        }
        return out | {n: s.undo(found[n])[:, 0] for n, s in self.scales.items()}

    def compute_output_spec(self, found):
        """Shapes of the outputs."""
        batch = found["redshift"].shape[0]
        shapes = {"redshift": (batch,)} | dict.fromkeys(
            ("redshift_pdf", "redshift_grid"), (batch, CLASSES)
        )
        shapes |= {n: (batch, found[n].shape[-1]) for n in ("line_mask", "embedding")}
        shapes |= dict.fromkeys(self.scales, (batch,))
        return {n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}
