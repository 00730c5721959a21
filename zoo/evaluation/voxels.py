"""How well voxels with galaxies are found: recall, precision, ranking and calibration.

T are the voxels of a periodic box that hold a galaxy, Q those that are said to. Recall is
|Q and T| / |T|, precision |Q and T| / |Q|, the base rate |T| over all voxels: the precision of a
guess. The tolerant versions count a voxel if the other set has one among its 27 neighbours,
itself included. A score (a probability, an expected count, a density) ranks voxels; voxels of
equal score enter together.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.evaluation.arrays import Floats, finite, fraction, paired

RECALL = 0.95  # at which precision is quoted
NEIGHBOURS = list(product((-1, 0, 1), repeat=3))
Mask = NDArray[np.bool_]


def galaxy_errors(predicted: ArrayLike, true: ArrayLike) -> dict[str, float]:
    """Summarise predicted numbers of galaxies per voxel.

    Parameters
    ----------
    predicted : (boxes, n, n, n) array
        Expected number of galaxies, or any score that increases with it.
    true : (boxes, n, n, n) array
        Number of galaxies. To judge the probability that a voxel is occupied, give `true > 0`.

    Returns
    -------
    dict of float
        Means over boxes: ``average_precision``; ``precision_at_recall_95`` and, with a tolerance
        of one voxel, ``precision_at_recall_95_tolerant``; ``base_rate``. Of all boxes together:
        ``abundance_ratio``, the sum of what is predicted over that of the truth.

    Raises
    ------
    ValueError
        If shapes differ or are not those of cubes, a value is not finite, a number is negative,
        or a box has no galaxy.
    """
    predicted, true = np.asarray(predicted), np.asarray(true)
    if predicted.ndim != 4 or predicted.shape != true.shape:
        raise ValueError(
            f"predicted has shape {predicted.shape} and true {true.shape}; "
            "needed: both (boxes, n, n, n)"
        )
    names = ("average_precision", "precision_at_recall_95", "precision_at_recall_95_tolerant")
    rows = []
    sums = np.zeros(2)
    for score, count in zip(predicted, true, strict=True):
        occupied = _occupied(count)
        exact = precision_at_recall(score, occupied)
        tolerant = precision_at_recall(score, occupied, tolerant=True)
        rows.append([average_precision(score, occupied), exact, tolerant, occupied.mean()])
        sums += score.sum(dtype=np.float64), count.sum(dtype=np.float64)
    means = np.mean(rows, axis=0).tolist()
    found = dict(zip((*names, "base_rate"), means, strict=True))
    return found | {"abundance_ratio": float(sums[0] / sums[1])}


def mask_errors(predicted: ArrayLike, true: ArrayLike, tolerant: bool = False) -> dict[str, float]:
    """Score a prediction of which voxels are occupied.

    Two draws of one model, one as the prediction and one as the truth, give their agreement: what
    a perfect model that does not know the dice reaches.

    Parameters
    ----------
    predicted, true : (n, n, n) arrays
        Counts or masks; a voxel is occupied above 0.
    tolerant : bool
        Accept neighbouring voxels.

    Returns
    -------
    dict of float
        ``accuracy`` (always exact), ``recall``, ``precision`` (NaN if nothing is predicted),
        ``base_rate`` and ``lift``, precision over base rate.
    """
    said, there = _occupied(predicted, "predicted"), _occupied(true)
    if said.shape != there.shape:
        raise ValueError(f"predicted has shape {said.shape} but true has {there.shape}")
    recall = (spread(said) if tolerant else said)[there].mean()
    hits = (spread(there) if tolerant else there)[said]
    precision = hits.mean() if len(hits) else np.nan
    base = there.mean()
    return {
        "accuracy": float(np.mean(said == there)),
        "recall": float(recall),
        "precision": float(precision),
        "base_rate": float(base),
        "lift": float(precision / base),
    }


def average_precision(score: ArrayLike, true: ArrayLike) -> float:
    """Mean, over the occupied voxels, of the precision at the rank of each.

    Parameters
    ----------
    score, true : (n, n, n) arrays
        Any score, and counts or a mask.
    """
    values, there = _ranked(score, true)
    levels, where = np.unique(values[there], return_counts=True)  # increasing
    hits = np.cumsum(where[::-1])[::-1]  # occupied voxels at or above each level
    ordered = np.sort(values.ravel())
    picked = ordered.size - np.searchsorted(ordered, levels, side="left")
    return float(np.sum(where * hits / picked) / there.sum())


def precision_at_recall(
    score: ArrayLike, true: ArrayLike, recall: float = RECALL, tolerant: bool = False
) -> float:
    """Precision of the fewest voxels, by decreasing score, that reach a recall.

    Parameters
    ----------
    score, true : (n, n, n) arrays
        Any score, and counts or a mask.
    recall : float
        Between 0 and 1.
    tolerant : bool
        Accept neighbouring voxels, in the recall as in the precision.
    """
    values, there = _ranked(score, true)
    level = _level(values, there, fraction("recall", recall), tolerant)
    return float((spread(there) if tolerant else there)[values >= level].mean())


def precision_curve(
    score: ArrayLike, true: ArrayLike, recalls: ArrayLike, tolerant: bool = False
) -> Floats:
    """Precision at each of several recalls, in (0, 1)."""
    wanted = finite("recalls", recalls, 1)
    return np.array([precision_at_recall(score, true, float(r), tolerant) for r in wanted])


def reliability(
    probability: ArrayLike, true: ArrayLike, bins: int = 10
) -> tuple[Floats, Floats, Floats]:
    """Predicted and observed fraction of occupied voxels, in logarithmic bins of the probability.

    Bins are a factor 10^(1/2) wide below 1: nearly all voxels of a box are nearly empty.

    Parameters
    ----------
    probability : array
        That a voxel is occupied.
    true : array of the same shape
        Counts or a mask.
    bins : int
        Number of bins; the lowest one holds all smaller probabilities too.

    Returns
    -------
    predicted, observed, voxels : (bins,) arrays
        Mean probability, occupied fraction (NaN in an empty bin) and number of voxels.
    """
    p, count = paired("probability", probability, "true", true)
    if p.min() < 0 or p.max() > 1:
        raise ValueError(f"probability runs from {p.min():g} to {p.max():g}; needed: 0 to 1")
    with np.errstate(divide="ignore"):
        decade = np.maximum(np.ceil(2 * np.log10(p)), 1 - bins)
    which = (decade + bins - 1).astype(int).ravel()
    number = np.bincount(which, minlength=bins).astype(float)
    safe = np.where(number > 0, number, np.nan)
    predicted = np.bincount(which, p.ravel(), bins) / safe
    observed = np.bincount(which, (count > 0).ravel(), bins) / safe
    return predicted, observed, number


def spread(mask: Mask) -> Mask:
    """Voxels of a periodic box with an occupied one among their 27 neighbours."""
    n = len(mask)
    out = np.zeros_like(mask)
    where = np.argwhere(mask)
    for step in NEIGHBOURS:
        out[tuple(((where + step) % n).T)] = True
    return out


def _level(values: NDArray, there: Mask, recall: float, tolerant: bool) -> float:
    """Largest score at or above which the recall is reached."""
    if tolerant:  # a galaxy is found once the best of its neighbours is said to be occupied
        where, n = np.argwhere(there), len(there)
        around = [values[tuple(((where + step) % n).T)] for step in NEIGHBOURS]
        own = np.max(around, axis=0)
    else:
        own = values[there]
    needed = max(int(np.ceil(recall * len(own) - 1e-9)), 1)
    return float(np.partition(own, len(own) - needed)[len(own) - needed])


def _ranked(score: ArrayLike, true: ArrayLike) -> tuple[NDArray, Mask]:
    values, there = np.asarray(score), _occupied(true)
    if values.shape != there.shape:
        raise ValueError(f"score has shape {values.shape} but true has {there.shape}")
    if not np.isfinite(values).all():
        raise ValueError("score has values that are not finite")
    if not there.any():
        raise ValueError("true has no occupied voxel; at least one is needed")
    return values, there


def _occupied(count: ArrayLike, name: str = "true") -> Mask:
    values = np.asarray(count)
    if values.ndim != 3 or len(set(values.shape)) != 1:
        raise ValueError(f"{name} has shape {values.shape}; needed: (n, n, n)")
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"{name} has values that are negative or not finite")
    return np.asarray(values > 0)
