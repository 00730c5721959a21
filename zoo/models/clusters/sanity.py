"""Are these the galaxies of one cluster? What the ranges of a card cannot judge.

Shared by every model that reads `r_proj` and `v_los`.
"""

from __future__ import annotations

import numpy as np

from zoo.ranges import Violation, flag

LEAST = 2  # galaxies, without which there is no dispersion
SLOWEST = 1.0  # [km/s]; velocities all below it are redshifts
RICHNESS = (10, 2500)  # galaxies of a cluster of the training set
CENTRE = 0.4  # of the cylinder's radius; no galaxy inside: a wrong centre
FRAME = 1500.0  # [km/s], of the median velocity: a wrong rest frame


def check(
    columns: dict[str, np.ndarray],
    richness: tuple[int, int] = RICHNESS,
    radius: float = 1.6,
) -> list[Violation]:
    """Find rows that cannot be a cluster, or not one that the model was trained for.

    Parameters
    ----------
    columns : dict of (batch, N) arrays
        `v_los` [km/s] and, where the model reads it, `r_proj` [comoving Mpc / littleh]; NaN where
        a galaxy is absent.
    richness : (int, int)
        Fewest and most galaxies of a cluster of the training set.
    radius : float
        Of the cylinder [comoving Mpc / littleh].

    Returns
    -------
    list of Violation
        Impossible: fewer than two galaxies, equal velocities, velocities that are redshifts.
        Flagged: too few or too many galaxies, a centre or a rest frame far from the galaxies.
    """
    v = columns["v_los"]
    present = ~np.isnan(v)
    count = present.sum(axis=1)
    enough = count >= LEAST
    fastest = np.where(present, np.abs(v), -np.inf).max(axis=1, initial=-np.inf)
    spread = _top(v, present) + _top(-v, present)
    equal = enough & (spread == 0)
    slow = enough & ~equal & (fastest < SLOWEST)
    good = enough & ~equal & ~slow
    found: list[Violation] = []
    galaxies = "galaxies (length of v_los)"
    fewest, most = richness
    flag(found, galaxies, ~enough, count, f"{LEAST} or more", True)
    flag(found, "spread of v_los [km/s]", equal, spread, "more than 0: they are all equal", True)
    redshifts = "1 or more; these look like redshifts: v = c (z - z_cluster) / (1 + z_cluster)"
    flag(found, "fastest abs(v_los) [km/s]", slow, fastest, redshifts, True)
    few, many = good & (count < fewest), good & (count > most)
    flag(found, f"{galaxies}: few", few, count, f"{fewest} to {most}")
    flag(found, f"{galaxies}: many", many, count, f"{fewest} to {most}")
    frame = _median(v, good)
    allowed = f"within {FRAME:g} of 0, the rest frame of the cluster"
    flag(found, "median of v_los [km/s]", good & (np.abs(frame) > FRAME), frame, allowed)
    if "r_proj" in columns:
        nearest = -_top(-columns["r_proj"], present)
        far = good & (nearest > CENTRE * radius)
        allowed = f"at most {CENTRE * radius:g}: the centre is far from the galaxies"
        flag(found, "smallest r_proj [Mpc / littleh]", far, nearest, allowed)
    return found


def _top(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    return np.where(present, values, -np.inf).max(axis=1, initial=-np.inf)


def _median(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Of each row that counts (batch,); 0 elsewhere, where all may be NaN."""
    out = np.zeros(len(values))
    if rows.any():
        out[rows] = np.nanmedian(values[rows], axis=1)
    return out
