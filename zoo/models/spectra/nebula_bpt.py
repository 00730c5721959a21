"""Class of a nebula from published demarcations in diagrams of line ratios."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.models.spectra import nebula_sanity
from zoo.models.spectra.nebula_network import CLASSES
from zoo.nn.line_slots import WINDOWS

check = nebula_sanity.check
summary = nebula_sanity.summary

SNR_RATIO = 0.4  # [S II] / H alpha (Mathewson & Clarke 1973; D'Odorico et al. 1980)
PN_RATIO = 1.6  # [O III] 5007 / (H alpha + [N II] 6584) (Ciardullo et al. 2002, bright end)
NO, UNKNOWN, YES = 0, 1, 2
DIAGRAM = ("below Kauffmann", "between", "above Kewley", "unknown")


def example() -> dict[str, Any]:
    """Lines of a nebula whose [S II] is all but that of a supernova remnant."""
    lines = nebula_sanity.example()
    return lines | {"flux": np.where(lines["line"] == WINDOWS["SII6725"][0], 131.9, lines["flux"])}


class Demarcations:
    """The class that demarcations tell, and how often it was right among mocks.

    A nebula is a supernova remnant where [S II] 6716+6731 / H alpha > 0.4; else a planetary nebula
    where it lies above the line of extreme starbursts of Kewley et al. (2001) in the diagram of
    [O III]/H beta and [N II]/H alpha, or where [O III] / (H alpha + [N II]) > 1.6; else an H II
    region. What absent lines or upper limits leave open does not count.

    Parameters
    ----------
    chances : (4, 3, 3, 3) nested list
        Probability of each class in each cell: place in the diagram (with the line of Kauffmann et
        al. 2003 as well), answers of the first and of the last criterion.
    """

    def __init__(self, chances: list[Any]) -> None:
        self.chances = np.asarray(chances, float)

    def predict(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`label`, `hii`, `pn`, `snr` (batch,) from (batch, N) lines; NaN where absent."""
        cell = cells(columns)
        p = self.chances[cell]
        return {"label": decided(cell)} | {name: p[:, i] for i, name in enumerate(CLASSES)}


def build(**config: Any) -> Demarcations:
    """The estimator from its frequencies; see `Demarcations`."""
    return Demarcations(**config)


def learn(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """Count the classes in each cell; one of each is added, so that none is impossible."""
    cell = cells({n: np.asarray(data[n], float) for n in ("line", "flux", "is_limit")})
    counts = np.zeros((len(DIAGRAM), 3, 3, len(CLASSES)))
    np.add.at(counts, (*cell, np.asarray(data["label"], int)), 1)
    shares = (counts + 1) / (counts + 1).sum(axis=-1, keepdims=True)
    return {"chances": np.round(shares, 4).tolist()}


def decided(cell: tuple[np.ndarray, ...]) -> np.ndarray:
    """Number of the class (batch,) that the criteria tell."""
    place, shocked, excited = cell
    nebula = (place == DIAGRAM.index("above Kewley")) | (excited == YES)
    return np.where(shocked == YES, 2.0, np.where(nebula, 1.0, 0.0))


def cells(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place in the diagram, and answers about [S II] and [O III] (batch,)."""
    low, high = {}, {}  # what each flux is at least and at most
    for name in ("Hbeta", "OIII5007", "Halpha", "NII6584", "SII6725"):
        low[name], high[name] = _bounds(columns, name)
    with np.errstate(divide="ignore", invalid="ignore"):
        # zero over zero, and all with an absent line, compares as false: unknown
        x = [np.log10(low["NII6584"] / high["Halpha"]), np.log10(high["NII6584"] / low["Halpha"])]
        y = [np.log10(low["OIII5007"] / high["Hbeta"]), np.log10(high["OIII5007"] / low["Hbeta"])]
        sii = [low["SII6725"] / high["Halpha"], high["SII6725"] / low["Halpha"]]
        red = [high["Halpha"] + high["NII6584"], low["Halpha"] + low["NII6584"]]
        oiii = [low["OIII5007"] / red[0], high["OIII5007"] / red[1]]
        # the lines fall with x: below at the largest x is below everywhere
        below = [y[1] < curve(x[1]) for curve in (kauffmann, kewley)]
        above = [y[0] > curve(x[0]) for curve in (kauffmann, kewley)]
    place = np.select([below[0], above[1], below[1] & above[0]], [0, 2, 1], 3)
    return place, _answer(sii, SNR_RATIO), _answer(oiii, PN_RATIO)


def kewley(x: np.ndarray) -> np.ndarray:
    """Log [O III]/H beta of extreme starbursts at log [N II]/H alpha (Kewley et al. 2001)."""
    return np.where(x >= 0.47, -np.inf, 0.61 / np.minimum(x - 0.47, -1e-9) + 1.19)


def kauffmann(x: np.ndarray) -> np.ndarray:
    """The empirical line of star formation (Kauffmann et al. 2003, eq. 1)."""
    return np.where(x >= 0.05, -np.inf, 0.61 / np.minimum(x - 0.05, -1e-9) + 1.3)


def _answer(ratio: list[np.ndarray], limit: float) -> np.ndarray:
    return np.select([ratio[0] > limit, ratio[1] <= limit], [YES, NO], UNKNOWN)


def _bounds(columns: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest flux (batch,) of a line: 0 and the limit if not seen; NaN if absent."""
    centre, half = WINDOWS[name]
    hit = np.abs(columns["line"] - centre) < half
    total = np.sum(np.where(hit, columns["flux"], 0), axis=1)
    limit = np.any(hit & (columns["is_limit"] > 0), axis=1)
    present = hit.any(axis=1)
    top = np.where(present, total, np.nan)
    return np.where(limit, 0.0, top), top
