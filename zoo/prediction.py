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

        Elements along an axis whose length differs between objects, positions for instance, have
        a row each where there is one object or the lengths do differ; the column `object` tells
        them apart. Outputs of which one has more elements than another stay whole.
        """
        single = np.ndim(self.in_domain) == 0
        columns = {name: [value] if single else value for name, value in self.items()}
        flags = np.atleast_1d(self.in_domain)
        uneven = any(isinstance(value, list) for value in columns.values())
        long = {n for n in self if any(isinstance(d, str) for d in self._card.outputs[n].shape)}
        sizes = {tuple(np.size(row) for row in columns[name]) for name in long}
        if uneven and len(sizes) == 1:
            table = self._long(columns, flags, long)
        else:
            table = QTable(
                {n: self._quantity(n, np.stack(v) if single else v) for n, v in columns.items()}
            )
            table["in_domain"] = flags
        table.meta.update(self.meta)
        return table

    def _long(self, columns: dict[str, Any], flags: np.ndarray, long: set[str]) -> QTable:
        lengths = [np.size(row) for row in columns[next(iter(long))]]
        table = QTable({"object": np.repeat(np.arange(len(lengths)), lengths)})
        for name, rows in columns.items():
            if name in long:
                values = np.concatenate([np.ravel(row) for row in rows])
            else:
                values = np.repeat(np.stack(rows), lengths, axis=0)
            table[name] = self._quantity(name, values)
        table["in_domain"] = np.repeat(flags, lengths)
        return table

    def _quantity(self, name: str, value: Any) -> Any:
        return value if hasattr(value, "unit") else attach(self._card.outputs[name], value, True)
