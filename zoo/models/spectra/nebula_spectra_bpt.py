"""Classes of ionised gas from line ratios, the lines fitted in MUSE spectra."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo import splits
from zoo.models.spectra import nebula_bpt, nebula_line_fit, nebula_windows, sanity
from zoo.models.spectra.nebula_bpt import DIAGRAM
from zoo.models.spectra.nebula_windows import CLASSES

check = sanity.check

DATASET = "nebula_spectra"
LEARNED, CHUNK = 10_000, 500  # spectra that frequencies are counted in; fitted at a time


def example() -> dict[str, Any]:
    """An H II region bright enough for all lines of the diagrams."""
    return nebula_windows.example(50.0)


class Diagrams:
    """The cell of a spectrum in diagrams of line ratios, and what gas was there among mocks.

    The cells are those of `nebula_bpt`: the place in the diagram of [N II]/H alpha and [O III]/H
    beta, and whether [S II]/H alpha > 0.4 and [O III]/(H alpha + [N II]) > 1.6.

    Parameters
    ----------
    chances : (4, 3, 3, 4) nested list
        Probability of each class in each cell.
    shares : (4, 3, 3, 4) nested list
        Mean share of H alpha of each class in each cell.
    """

    def __init__(self, chances: list[Any], shares: list[Any]) -> None:
        self.chances, self.shares = np.asarray(chances, float), np.asarray(shares, float)

    def predict(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`label`, `label_<class>`, `<class>` (batch,) from (batch, L) spectra; NaN if absent."""
        parts = []
        for start in range(0, len(columns["flux"]), CHUNK):
            given = {
                n: np.asarray(v[start : start + CHUNK], np.float32) for n, v in columns.items()
            }
            seen = nebula_windows.grid()(given)
            parts.append(cells(np.asarray(seen["flux"]), np.asarray(seen["ivar"])))
        cell = tuple(np.concatenate(values) for values in zip(*parts, strict=True))
        p, share = self.chances[cell], self.shares[cell]
        out = {"label": p.argmax(axis=1).astype(float)}
        out |= {f"label_{name}": p[:, i] for i, name in enumerate(CLASSES)}
        return out | {name: share[:, i] for i, name in enumerate(CLASSES)}


def build(**config: Any) -> Diagrams:
    """The estimator from its frequencies; see `Diagrams`."""
    return Diagrams(**config)


def cells(flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cell of each spectrum (n, 3681) on the grid, as `nebula_bpt.cells` gives it."""
    return nebula_bpt.cells(nebula_line_fit.lines(flux.astype(float), ivar.astype(float)))


def learn(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """Count classes and average shares in each cell; one of each class is added."""
    shape = (len(DIAGRAM), 3, 3, len(CLASSES))
    counts, sums = np.zeros(shape), np.zeros(shape)
    total = min(LEARNED, len(data["label"]))
    for start in range(0, total, CHUNK):
        part = splits.rows(data, slice(start, min(start + CHUNK, total)))
        part = splits.observed(DATASET, part, draw=1)
        cell = cells(part["flux"], part["ivar"])
        np.add.at(counts, (*cell, np.asarray(part["label"], int)), 1)
        truth = np.stack([np.asarray(part[name], float) for name in CLASSES], axis=-1)
        np.add.at(sums, cell, truth)
    share = (sums + 0.25) / (sums + 0.25).sum(axis=-1, keepdims=True)
    chances = (counts + 1) / (counts + 1).sum(axis=-1, keepdims=True)
    return {"chances": np.round(chances, 4).tolist(), "shares": np.round(share, 4).tolist()}
