"""How good redshifts with a probability density are, in the terms of spectroscopic surveys.

A redshift is right when abs(z_predicted - z_true) < 0.01, not divided by 1 + z (Ginolfi et al.
2025). The confidence of a prediction is the probability that it gives to this neighbourhood of its
own answer; everything about "the most confident" orders by it.
"""

from __future__ import annotations

import numpy as np
from astropy.constants import c
from numpy.typing import ArrayLike

from zoo.evaluation.arrays import Floats, finite, paired

RIGHT = 0.01
CATASTROPHIC = 0.05  # of abs(dz) / (1 + z)
DROPPED = (0.12, 0.27)  # fractions screened out by Ginolfi et al., MOONRISE-like and all
PURITIES = (0.99, 0.995)
BINS = 10
SPEED_OF_LIGHT = float(c.to_value("km/s"))


def redshift_errors(
    predicted: ArrayLike, true: ArrayLike, pdf: ArrayLike, grid: ArrayLike
) -> dict[str, float]:
    """Summarise redshifts and their probability densities.

    Parameters
    ----------
    predicted, true : (n,) array
        Redshifts.
    pdf : (n, bins) array
        Probability of each bin; every row sums to 1.
    grid : (bins,) or (n, bins) array
        Centres of the bins, evenly spaced and the same in all rows.

    Returns
    -------
    dict of float
        ``accuracy``: fraction right; ``accuracy_drop_12``, ``accuracy_drop_27``: of what remains
        without the least confident 12 and 27 %; ``kept_99``, ``kept_99.5``: largest fraction,
        most confident first, of which 99 and 99.5 % are right; ``catastrophic``: fraction with
        abs(dz)/(1 + z) > 0.05; ``nmad_kms``: 1.4826 c median(abs(dz)/(1 + z)) of the right ones
        [km/s]; ``ece``: expected calibration error of the confidence, 10 equal bins; ``pit_ks``:
        largest distance of the distribution of PIT values from uniform; ``nll``: mean -ln of the
        probability of the true bin; ``crps``: mean continuous ranked probability score.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, or a true redshift lies outside the grid.
    """
    predicted, true = paired("predicted", predicted, "true", true)
    p = finite("pdf", pdf, 2)
    edges = _edges(grid, p, true)
    error = np.abs(predicted - true)
    right = error < RIGHT
    sure = confidence(predicted, p, edges)
    order = np.argsort(-sure, kind="stable")
    ranked = right[order]
    found = {"accuracy": float(right.mean())}
    for dropped in DROPPED:
        kept = ranked[: max(round(len(ranked) * (1 - dropped)), 1)]
        found[f"accuracy_drop_{100 * dropped:.0f}"] = float(kept.mean())
    purity = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    for wanted in PURITIES:
        good = np.flatnonzero(purity >= wanted)
        found[f"kept_{100 * wanted:g}"] = float((good[-1] + 1) / len(ranked)) if len(good) else 0.0
    relative = error / (1 + true)
    found["catastrophic"] = float(np.mean(relative > CATASTROPHIC))
    if right.any():
        found["nmad_kms"] = float(1.4826 * SPEED_OF_LIGHT * np.median(relative[right]))
    found["ece"] = calibration_error(sure, right)
    found["pit_ks"] = uniform_distance(pit(true, p, edges))
    bin_of = _bin_of(true, edges)
    truth = p[np.arange(len(true)), bin_of]
    found["nll"] = float(-np.mean(np.log(np.maximum(truth, np.finfo(np.float32).tiny))))
    below = np.arange(p.shape[1]) >= bin_of[:, None]
    found["crps"] = float(np.mean(np.sum((np.cumsum(p, 1) - below) ** 2, 1)) * np.diff(edges)[0])
    return found


def confidence(predicted: Floats, pdf: Floats, edges: Floats) -> Floats:
    """Probability (n,) within 0.01 of the predicted redshifts; bins count by the part inside."""
    return _mass_below(predicted + RIGHT, pdf, edges) - _mass_below(predicted - RIGHT, pdf, edges)


def calibration_error(sure: Floats, right: ArrayLike) -> float:
    """Expected calibration error: sum over 10 bins of n_b / n abs(mean confidence - accuracy)."""
    which = np.minimum((np.clip(sure, 0, 1) * BINS).astype(int), BINS - 1)
    counts = np.bincount(which, minlength=BINS)
    gaps = np.bincount(which, sure - np.asarray(right, float), BINS)
    return float(np.abs(gaps).sum() / counts.sum())


def pit(true: Floats, pdf: Floats, edges: Floats, seed: int = 0) -> Floats:
    """Probability integral transform (n,), drawn evenly within the bin of the truth."""
    where = _bin_of(true, edges)
    row = np.arange(len(true))
    below = np.cumsum(pdf, 1)[row, where] - pdf[row, where]
    values = below + np.random.default_rng(seed).random(len(true)) * pdf[row, where]
    return np.asarray(np.clip(values, 0, 1))


def uniform_distance(values: Floats) -> float:
    """Kolmogorov-Smirnov distance of values (n,) from the uniform distribution on [0, 1]."""
    from scipy import stats

    return float(stats.kstest(values, "uniform").statistic)


def _mass_below(z: Floats, pdf: Floats, edges: Floats) -> Floats:
    position = np.clip((z - edges[0]) / (edges[1] - edges[0]), 0, pdf.shape[1])
    whole = np.minimum(position.astype(int), pdf.shape[1] - 1)
    row = np.arange(len(pdf))
    cumulative = np.cumsum(pdf, 1)
    inside = pdf[row, whole]
    return np.asarray(cumulative[row, whole] - inside + (position - whole) * inside)


def _edges(grid: ArrayLike, pdf: Floats, true: Floats) -> Floats:
    centres = np.asarray(grid, np.float64)
    centres = centres[0] if centres.ndim == 2 else centres
    if centres.shape != pdf.shape[1:] or len(pdf) != len(true):
        raise ValueError(
            f"pdf has shape {pdf.shape}; needed: ({len(true)}, {len(centres)}), rows by bins"
        )
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    edges = centres[0] + step * (np.arange(len(centres) + 1) - 0.5)
    outside = (true < edges[0]) | (true > edges[-1])
    if outside.any():
        raise ValueError(
            f"true redshift {true[outside][0]:g} lies outside the grid, "
            f"{edges[0]:g} to {edges[-1]:g}"
        )
    return edges


def _bin_of(true: Floats, edges: Floats) -> np.ndarray:
    index = ((true - edges[0]) / (edges[1] - edges[0])).astype(int)
    return np.asarray(np.clip(index, 0, len(edges) - 2))
