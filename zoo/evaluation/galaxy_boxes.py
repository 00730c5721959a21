"""What is asked of a model that puts galaxies into boxes: voxels, clustering and numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zoo.evaluation import fields, voxels
from zoo.models.galaxies import drawing

BOX_SIZE = 25.0  # [Mpc/h] of all boxes of `dark_matter_galaxies`
QUOTED = (1.0, 2.0, 5.0, 10.0)  # [h/Mpc], bands 20 % wide
CELLS = 128  # along a side, of the grids for P(k)
EDGES = np.array([0.4, 0.8, 1.2, 1.8, 2.6, 3.6, 5.0])  # [h/Mpc] of the bands that are compared


def galaxy_box_errors(
    predicted: ArrayLike,
    true: ArrayLike,
    probability: ArrayLike | None = None,
    central: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> dict[str, float]:
    """Judge voxels and a catalogue drawn from each of several boxes of 25 Mpc/h.

    Parameters
    ----------
    predicted, true : (boxes, n, n, n) arrays
        Expected and true numbers of galaxies.
    probability, central : arrays of that shape, optional
        That a voxel holds a galaxy, or the central of a halo; see `zoo.models.galaxies.drawing`.
    mask : array of that shape, optional
        Voxels that are said to hold galaxies (1) or not (0).

    Returns
    -------
    dict of float
        As `galaxy_errors`, which ranks voxels by `probability` where it is given; of a drawn
        catalogue ``power_ratio_1`` and so on, P(k) over that of the truth averaged over boxes
        around k = 1, 2, 5 and 10 h/Mpc, ``power_worst``, the largest deviation of that ratio from
        1 in bands from 0.4 to 5 h/Mpc, ``correlation_1`` and so on, r(k) with the truth,
        ``drawn_abundance``; of the mask ``accuracy``, ``recall``, ``precision``, and with a
        tolerance of one voxel ``recall_tolerant`` and ``precision_tolerant``;
        ``accuracy_all_zero`` of saying that there are none.
    """
    predicted, true = np.asarray(predicted), np.asarray(true)
    rank = predicted if probability is None else np.asarray(probability)
    found = voxels.galaxy_errors(rank, true)
    rng = np.random.default_rng(0)
    ratios, bands, correlations, drawn, masks = [], [], [], 0, []
    for row in range(len(true)):
        one = {"galaxy_count": predicted[row]}
        if probability is not None:
            one["galaxy_probability"] = np.asarray(probability)[row]
        if central is not None:
            one["galaxy_central"] = np.asarray(central)[row]
        count = drawing.numbers(one, rng)
        drawn += int(count.sum())
        if not count.any():
            count = np.ones_like(count)
        k, ratio, r, modes = clustering(count, true[row])
        quoted = [q for q in QUOTED if near(k, q).any()]
        ratios.append([ratio[near(k, q)].mean() for q in quoted])
        correlations.append([r[near(k, q)].mean() for q in quoted])
        which = np.digitize(k, EDGES)
        bands.append(
            [np.average(ratio[which == b], weights=modes[which == b]) for b in range(1, len(EDGES))]
        )
        if mask is not None:
            exact = voxels.mask_errors(np.asarray(mask)[row], true[row])
            near_by = voxels.mask_errors(np.asarray(mask)[row], true[row], tolerant=True)
            masks.append(
                {key: exact[key] for key in ("accuracy", "recall", "precision")}
                | {f"{key}_tolerant": near_by[key] for key in ("recall", "precision")}
            )
    total = float(true.sum(dtype=np.float64))
    found["abundance_ratio"] = float(predicted.sum(dtype=np.float64) / total)
    found["drawn_abundance"] = drawn / total
    for q, ratio, r in zip(quoted, np.mean(ratios, 0), np.mean(correlations, 0), strict=True):
        found[f"power_ratio_{q:g}"], found[f"correlation_{q:g}"] = float(ratio), float(r)
    found["power_worst"] = float(np.abs(np.mean(bands, 0) - 1).max())
    if masks:
        found |= {key: float(np.mean([row[key] for row in masks])) for key in masks[0]}
    return found | {"accuracy_all_zero": float(np.mean(true == 0))}


def clustering(
    found: ArrayLike, true: ArrayLike, box_size: float = BOX_SIZE
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """k, P(k) over the truth's, r(k) and the number of modes of two fields of counts.

    Counts are summed to 128^3 cells first, whose Nyquist wavenumber is 16 h/Mpc.
    """
    found, true = coarse(found), coarse(true)
    ours, truth = fields.power_spectrum(found, box_size), fields.power_spectrum(true, box_size)
    both = fields.power_spectrum(found, box_size, true)
    r = both.power / np.sqrt(ours.power * truth.power)
    return truth.k, ours.power / truth.power, r, truth.modes


def coarse(count: ArrayLike) -> np.ndarray:
    """Counts (n, n, n) in cells of several voxels, 128 along a side if n is a multiple of that."""
    values = np.asarray(count)
    join = max(len(values) // CELLS, 1) if len(values) % CELLS == 0 else 1
    n = len(values) // join
    return values.reshape(n, join, n, join, n, join).sum(axis=(1, 3, 5), dtype=np.float64)


def near(k: np.ndarray, quoted: float) -> np.ndarray:
    """Which shells belong to a quoted wavenumber."""
    return (k > 0.9 * quoted) & (k < 1.1 * quoted)
