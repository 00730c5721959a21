"""`galaxy_threshold`: galaxies by the density of dark matter around a voxel, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import isotonic_regression

from zoo.models.galaxies import grids, sanity

SCALES = (0.0, 0.1, 0.15, 0.2, 0.3)  # [Mpc/h] widths of the smoothing that are tried
VOXELS = 2**25  # of the training split, in whole boxes: 16 of 128^3 or two of 256^3
BINS = 80  # of density, each with fewer voxels than the one before
FEWEST = 30  # voxels above the last edge
PRIOR = 0.5  # occupied voxels added to each bin's count when smoothings are compared

check = sanity.check
summary = grids.summary  # of a box, for `zoo evaluate --data`


def example() -> dict[str, Any]:
    """A little box with two clumps."""
    return {name: grids.example()[name] for name in ("dm_counts", "box_size")}


class Threshold:
    """Chance and number of galaxies as increasing functions of the smoothed density.

    Parameters
    ----------
    scale : float
        Width of the Gaussian that smooths the counts [Mpc/h].
    density : list of float
        ln of smoothed counts over their mean, increasing.
    probability, number : lists of float
        Of a voxel to hold a galaxy, and of galaxies in it, at these densities; linear between.
    """

    def __init__(
        self, scale: float, density: list[float], probability: list[float], number: list[float]
    ) -> None:
        self.scale, self.density = scale, np.asarray(density)
        self.probability, self.number = np.asarray(probability), np.asarray(number)

    def predict(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs of the card from `dm_counts` (batch, n, n, n) and `box_size` (batch,)."""
        counts, size = columns["dm_counts"], np.asarray(columns["box_size"], float)

        def one(row: int) -> dict[str, np.ndarray]:
            at = log_density(grids.whole(counts[row]), float(size[row]), self.scale)
            return {
                "galaxy_probability": np.interp(at, self.density, self.probability),
                "galaxy_count": np.interp(at, self.density, self.number),
            }

        return grids.answers(one, range(len(size)), counts.shape[1])


def log_density(counts: np.ndarray, box_size: float, scale: float) -> np.ndarray:
    """Ln of the smoothed counts over their mean (n, n, n), at least -7."""
    smooth = gaussian_filter(counts, scale * len(counts) / box_size, mode="wrap")
    mean = counts.mean()
    return np.asarray(np.log(np.maximum(smooth / (mean if mean > 0 else 1.0), np.exp(-7))))


def build(**config: Any) -> Threshold:
    """The rule from its fitted numbers; see `Threshold`."""
    return Threshold(**config)


def learn(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Find the smoothing that tells most, and the chance of a galaxy by density.

    Of each smoothing the voxels are binned by density; the one whose bins give the truth the
    largest likelihood is kept. Chance and number then become increasing (isotonic regression).

    Parameters
    ----------
    data : dict
        Features of the training split of `dark_matter_galaxies`.
    settings : dict
        `config` may say `scale`.
    """
    scales = [s] if (s := settings["config"].get("scale")) is not None else SCALES
    enough = max(VOXELS // np.asarray(data["galaxy_count"][0]).size, 1)
    boxes = range(min(enough, len(data["box_size"])))
    number = np.concatenate([np.ravel(data["galaxy_count"][row]) for row in boxes])
    best, found = -np.inf, {}
    for scale in scales:
        at = np.concatenate(
            [
                log_density(
                    np.asarray(data["dm_counts"][row], float), float(data["box_size"][row]), scale
                )
                .ravel()
                .astype(np.float32)
                for row in boxes
            ]
        )
        voxels, middle, occupied, galaxies = _binned(at, number)
        chance = (occupied + PRIOR) / (voxels + 2 * PRIOR)
        value = (occupied * np.log(chance) + (voxels - occupied) * np.log1p(-chance)).sum()
        if value > best:
            best = value
            found = {"scale": float(scale), **_increasing(voxels, middle, occupied, galaxies)}
    return found


def _binned(at: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, ...]:
    """Voxels, mean density, occupied voxels and galaxies in bins of density."""
    tails = np.geomspace(1.0, min(FEWEST / len(at), 0.5), BINS)
    edges = np.unique(np.quantile(at, 1 - tails[1:]))
    which = np.searchsorted(edges, at, side="right")
    voxels = np.bincount(which)
    full = voxels > 0
    sums = (np.bincount(which, w)[full] for w in (at, number > 0, number))
    total, occupied, galaxies = sums
    return voxels[full], total / voxels[full], occupied, galaxies


def _increasing(
    voxels: np.ndarray, middle: np.ndarray, occupied: np.ndarray, galaxies: np.ndarray
) -> dict[str, list[float]]:
    """Chance and number at the mean density of each bin, never falling with density."""
    fits = {}
    for name, total in (("probability", occupied), ("number", galaxies)):
        fits[name] = isotonic_regression(total / voxels, weights=voxels).x
    # between bins straight lines are drawn, which changes the total a little
    rounded = {name: [float(f"{v:.5g}") for v in values] for name, values in fits.items()}
    return {"density": [round(float(x), 4) for x in middle], **rounded}


def baselines(data: dict[str, Any]) -> dict[str, Any]:
    """What knowing the mean alone is worth."""
    number = np.asarray(data["galaxy_count"][0])
    flat = {"probability": [float(np.mean(number > 0))] * 2, "number": [float(number.mean())] * 2}
    return {"no information": {"scale": 0.0, "density": [0.0, 1.0], **flat}}
