"""What `predict` returns: a dict of physical outputs that also knows which rows to trust."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.table import QTable

from zoo.card import Card
from zoo.quantities import attach


class Prediction(dict[str, Any]):
    """Outputs by name, as arrays, or Quantities if Quantities came in.

    Attributes
    ----------
    in_domain : (batch,) bool
        Whether each row lies inside every range that the card states.
    units : dict
        Output name -> unit, as on the card.
    meta : dict
        Model, version and manifest hash that made the prediction.
    """

    def __init__(
        self, outputs: dict[str, Any], in_domain: np.ndarray, card: Card, meta: dict[str, Any]
    ) -> None:
        super().__init__(outputs)
        self.in_domain = in_domain
        self.units = {name: spec.unit for name, spec in card.outputs.items()}
        self.meta = meta
        self._card = card

    def to_table(self) -> QTable:
        """One row per object, with units, `in_domain` and the provenance in `meta`.

        Rows of uneven length become one long table with the column `object`.
        """
        rank = {name: len(self._card.outputs[name].shape) for name in self}
        single = np.ndim(self.in_domain) == 0
        columns = {name: [value] if single else value for name, value in self.items()}
        flags = np.atleast_1d(self.in_domain)
        uneven = any(isinstance(value, list) and not single for value in self.values())
        if single or uneven:
            if any(rank.values()):
                return self._long(columns, flags)
            columns = {name: value[0][np.newaxis] for name, value in columns.items()}
        table = QTable({name: self._quantity(name, value) for name, value in columns.items()})
        table["in_domain"] = flags
        table.meta.update(self.meta)
        return table

    def _long(self, columns: dict[str, Any], flags: np.ndarray) -> QTable:
        lengths = [np.size(row) for row in next(iter(columns.values()))]
        table = QTable({"object": np.repeat(np.arange(len(lengths)), lengths)})
        for name, rows in columns.items():
            parts = [np.ravel(self._quantity(name, row)) for row in rows]
            table[name] = np.concatenate(parts) if parts else []
        table["in_domain"] = np.repeat(flags, lengths)
        table.meta.update(self.meta)
        return table

    def _quantity(self, name: str, value: Any) -> Any:
        return value if hasattr(value, "unit") else attach(self._card.outputs[name], value, True)
