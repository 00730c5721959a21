"""How well drawn maps of galaxies agree with true ones: power, scatter, pixels.

Maps are those of periodic boxes of 25 Mpc/h. A draw from a posterior cannot hit the truth pixel by
pixel, so what counts is whether truth and draws could be told apart: power spectra, the
distribution of pixels, and how often the truth lies within the scatter of the draws. Pixel scores
are given as well; they fall with the size of a pixel and cannot be compared across datasets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zoo.evaluation.arrays import Floats
from zoo.evaluation.fields import power_spectrum

BOX_SIZE = 25.0  # [Mpc/h]
EDGES = np.geomspace(1.0, 10.0, 8)  # [h/Mpc] of the shells that are judged
BAND = (0.16, 0.84)
NUMBERS = (1, 2, 3, 5, 10)  # lower edges of classes of galaxies in a pixel, beside empty ones


def galaxy_map_errors(predicted: ArrayLike, true: ArrayLike, draws: ArrayLike) -> dict[str, float]:
    """Summarise maps drawn for many maps of dark matter.

    Parameters
    ----------
    predicted : (maps, n, n) array
        Mean of the draws.
    true : (maps, n, n) array
        Galaxies in each pixel.
    draws : (maps, d, n, n) array
        Drawn galaxies in each pixel.

    Returns
    -------
    dict of float
        ``power_ratio_worst``, that of the shells between k = 1 and 10 h/Mpc whose mean power over
        the truth's is furthest from 1; ``coverage_lowest``, ``coverage_mean`` and
        ``coverage_highest`` over these shells, of the fraction of maps whose power lies in the
        central 68 % of their draws; ``correlation_k1`` and ``correlation_k10``, the mean r of the
        first and last shell; ``pixel_excess_worst``, of the ratio of pixels with a number of
        galaxies; ``abundance_ratio``; and, of the first draw, ``pixel_accuracy``,
        ``pixel_precision``, ``pixel_recall`` with the ``base_rate``.
    """
    predicted, true, draws = (np.asarray(v, np.float64) for v in (predicted, true, draws))
    alike = draws.ndim == 4 and draws[:, 0].shape == true.shape
    if true.ndim != 3 or predicted.shape != true.shape or not alike:
        raise ValueError(
            f"predicted has shape {predicted.shape}, true {true.shape} and draws {draws.shape}; "
            "needed: (maps, n, n), the same, (maps, d, n, n)"
        )
    found = clustering(true, draws)
    ratio, cover, r = found["ratio"], found["coverage"], found["correlation"]
    pixels = pixel_ratio(true, draws)
    said, there = draws[:, 0] > 0, true > 0
    hits = float((said & there).sum())
    return {
        "power_ratio_worst": float(ratio[np.argmax(np.abs(ratio - 1))]),
        "coverage_lowest": float(cover.min()),
        "coverage_mean": float(cover.mean()),
        "coverage_highest": float(cover.max()),
        "correlation_k1": float(r[0]),
        "correlation_k10": float(r[-1]),
        "pixel_excess_worst": float(pixels[np.argmax(np.abs(pixels - 1))]),
        "abundance_ratio": float(draws.mean() / true.mean()),
        "pixel_accuracy": float(np.mean(said == there)),
        "pixel_precision": hits / max(float(said.sum()), 1.0),
        "pixel_recall": hits / max(float(there.sum()), 1.0),
        "base_rate": float(there.mean()),
    }


def clustering(true: Floats, draws: Floats, edges: ArrayLike = EDGES) -> dict[str, Floats]:
    """Power spectra of maps and draws in shells of k.

    Parameters
    ----------
    true : (maps, n, n) array
    draws : (maps, d, n, n) array
    edges : array
        Of the shells [h/Mpc].

    Returns
    -------
    dict of arrays
        ``k``, ``ratio``, ``coverage`` and ``correlation`` (b,), the means over maps and draws;
        ``power_true`` (maps, b) and ``power`` (maps, d, b) [(Mpc/h)^2]. Maps without galaxies
        have no power.
    """
    k = power_spectrum(1 + np.eye(true.shape[-1]), BOX_SIZE, edges=edges).k

    def spectrum(first: Floats, second: Floats | None = None) -> Floats:
        if not first.any() or (second is not None and not second.any()):
            return np.zeros(len(k))
        return power_spectrum(first, BOX_SIZE, second, edges=edges).power

    own, other, cross = [], [], []
    for one, many in zip(true, draws, strict=True):
        own.append(spectrum(one))
        other.append([spectrum(draw) for draw in many])
        cross.append([spectrum(draw, one) for draw in many])
    power_true, power, both = np.array(own), np.array(other), np.array(cross)
    low, high = np.quantile(power, BAND, axis=1, method="weibull")
    shared = np.sqrt(np.maximum(power * power_true[:, None], 1e-300))
    return {
        "k": k,
        "ratio": power.mean(axis=(0, 1)) / power_true.mean(axis=0),
        "coverage": np.mean((power_true >= low) & (power_true <= high), axis=0),
        "correlation": np.mean(both / shared, axis=(0, 1)),
        "power_true": power_true,
        "power": power,
    }


def pixel_ratio(true: Floats, draws: Floats) -> Floats:
    """Pixels with 1, 2, 3 to 4, 5 to 9, 10 or more galaxies in draws, over those in the truth."""
    edges = [*NUMBERS, np.inf]
    there, said = np.histogram(true, edges)[0], np.histogram(draws, edges)[0]
    share = said / draws.shape[1]
    return np.asarray(share / np.maximum(there, 1))
