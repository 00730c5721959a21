"""Draws from a posterior, ready for the tools that astronomers look at posteriors with."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.table import QTable


class Draws(dict[str, Any]):
    """Parameter -> draws (batch, n), or (n,) of a single object; Quantities if those came in."""

    def corner(self, row: int | None = None) -> np.ndarray:
        """Draws of one object as (n, parameters), which `corner.corner` takes.

        Parameters
        ----------
        row : int, optional
            Which object; a single one needs none.
        """
        plain = [np.asarray(getattr(values, "value", values)) for values in self.values()]
        if plain[0].ndim > 1:
            plain = [values[0 if row is None else row] for values in plain]
        return np.stack(plain, axis=-1)

    def chains(self) -> dict[str, np.ndarray]:
        """Parameter -> (1, n, ...): one chain of n draws, as `arviz.from_dict` takes it."""
        plain = {name: np.asarray(getattr(v, "value", v)) for name, v in self.items()}
        return {name: np.moveaxis(values, -1, 0)[np.newaxis] for name, values in plain.items()}

    def to_table(self) -> QTable:
        """One row per object, all its draws in a cell of each column."""
        return QTable({n: v if np.ndim(v) > 1 else v[np.newaxis] for n, v in self.items()})
