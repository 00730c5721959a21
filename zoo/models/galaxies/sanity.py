"""Is this a box of dark matter, and these its haloes? What the ranges of a card cannot judge."""

from __future__ import annotations

import numpy as np

from zoo.ranges import Violation, flag

VOXEL = (0.06, 0.4)  # [Mpc/h] side of a voxel: the boxes of the datasets have 0.098 or 0.195
COARSEST = 5.0  # [Mpc/h]; beyond it box_size is in other units
MEAN = (0.5, 2.0)  # particles in a voxel; the boxes of the datasets have 1
LIGHTEST = 1e6  # [Msun/h]; masses all below it are logarithms, or in 1e10 Msun/h
FACE = 1e-4  # of the box: by so much may rounding move a halo out of it
LARGEST = 0.25  # of the box: radius of a halo


def check(columns: dict[str, np.ndarray]) -> list[Violation]:
    """Find rows that cannot be a periodic box, or not one like those of the training set.

    Parameters
    ----------
    columns : dict of (batch, ...) arrays
        `box_size` (batch,), `dm_counts` (batch, n, n, n), and `halo_mass`, `halo_radius`
        (batch, h), `halo_position` (batch, h, 3), where they are given; NaN where absent.

    Returns
    -------
    list of Violation
        Impossible: no matter, positions outside of the box, other units. Flagged: voxels or
        particles of another size than those of the training set.
    """
    found: list[Violation] = []
    size = np.asarray(columns["box_size"], float)
    if "dm_counts" in columns and len(size):
        _matter(found, columns["dm_counts"], size)
    if "halo_mass" in columns and len(size):
        _haloes(found, columns, size)
    return found


def _matter(found: list[Violation], counts: np.ndarray, size: np.ndarray) -> None:
    rows = [row[~np.isnan(row)] for row in counts]
    side = np.array([round(len(row) ** (1 / 3)) for row in rows])
    voxel = size / np.maximum(side, 1)
    mean = np.array([row.mean(dtype=np.float64) if len(row) else 0.0 for row in rows])
    coarse, nothing = voxel > COARSEST, mean <= 0
    units = f"at most {COARSEST:g}: is box_size in Mpc/h?"
    flag(found, "voxel, box_size / n [Mpc/h]", coarse, voxel, units, True)
    flag(found, "mean of dm_counts", nothing, mean, "more than 0: there is no matter", True)
    good = ~coarse & ~nothing
    other = good & ((voxel < VOXEL[0]) | (voxel > VOXEL[1]))
    flag(found, "side of a voxel [Mpc/h]", other, voxel, f"{VOXEL[0]} to {VOXEL[1]}")
    noise = good & ((mean < MEAN[0]) | (mean > MEAN[1]))
    allowed = f"{MEAN[0]} to {MEAN[1]}: one particle per voxel, as in the training set"
    flag(found, "particles per voxel, mean of dm_counts", noise, mean, allowed)


def _haloes(found: list[Violation], columns: dict[str, np.ndarray], size: np.ndarray) -> None:
    mass, radius = _most(columns["halo_mass"]), _most(columns["halo_radius"])
    there = np.isfinite(mass)
    flag(found, "number of haloes", ~there, np.zeros(len(size)), "1 or more")
    light = there & (mass < LIGHTEST)
    units = f"{LIGHTEST:g} or more: is it in Msun/h, not its logarithm or 1e10 Msun/h?"
    flag(found, "largest halo_mass [Msun/h]", light, mass, units, True)
    high, low = _most(columns["halo_position"]), -_most(-columns["halo_position"])
    above, below = high > (1 + FACE) * size, low < -FACE * size
    outside = there & (above | below)
    allowed = "0 to box_size, for positions of a periodic box in Mpc/h"
    worst = np.where(above, high, low)
    flag(found, "halo_position [Mpc/h]", outside, worst, allowed, True)
    large = there & ~outside & (radius > LARGEST * size)
    flag(found, "largest halo_radius [Mpc/h]", large, radius, "a quarter of box_size", True)


def _most(values: np.ndarray) -> np.ndarray:
    """Largest value of each row (batch,), -inf where there is none."""
    flat = np.asarray(values, float).reshape(len(values), -1)
    return np.asarray(np.where(np.isnan(flat), -np.inf, flat).max(axis=1, initial=-np.inf))
