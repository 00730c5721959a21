"""Context from emission lines in any order and number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from zoo.nn.context_encoder import ContextEncoder
from zoo.nn.line_slots import INPUTS, WINDOWS, LineSlots


class LinesEncoder(ContextEncoder):
    """Lines sorted into slots with their errors, and dense layers on that.

    Parameters
    ----------
    lines : sequence of str
        Those that are looked at, see `LineSlots`.
    hidden : sequence of int
        Widths of the dense layers; the last is the length of the context.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(self, lines: Any = tuple(WINDOWS), hidden: Any = (96, 64), **kwargs: Any) -> None:
        super().__init__(dict.fromkeys(INPUTS, (None,)), **kwargs)
        policy = self.dtype_policy
        self.slots = LineSlots(lines, errors=True, name="slots", dtype=policy)
        self.network = keras.Sequential(
            [
                keras.Input((self.slots.width,), dtype=self.compute_dtype),
                *(
                    keras.layers.Dense(n, "silu", name=f"lines_{i}", dtype=policy)
                    for i, n in enumerate(hidden)
                ),
            ],
            name="lines_network",
        )

    def adapt(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Set the standardisation of the lines from (batch, N) arrays."""
        self.slots.adapt(inputs)

    def call(self, inputs: Any) -> Any:
        """Context of shape (batch, width)."""
        return self.network(self.slots(inputs))
