"""`galaxy_hod`: galaxies by the mass of the haloes of a dark-matter box."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.models.galaxies import grids, occupation, occupation_fit, placement, sanity

VOXELS = 128  # along a side, where no `dm_counts` tell

check = sanity.check
summary = grids.summary  # of a box, for `zoo evaluate --data`
example = grids.example


class Occupied:
    """An occupation, asked for a batch of boxes.

    Parameters
    ----------
    rule : {"power_law", "zheng"}
        See `occupation.PowerLaw` and `occupation.Zheng`.
    voxels : int
        Along a side of the grid, where no `dm_counts` tell.
    strays : float
        Distance at which the fit still gave a galaxy to a halo that it is outside of [Mpc/h].
    **numbers
        Of the rule.
    """

    def __init__(
        self,
        rule: str,
        voxels: int = VOXELS,
        strays: float = 0.0,
        **numbers: float,
    ) -> None:
        self.rule, self.voxels = occupation.RULES[rule](**numbers), voxels

    def predict(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs of the card from columns (batch, ...), NaN where a halo or voxel is absent."""
        size = np.asarray(columns["box_size"], float)
        counts = columns.get("dm_counts")
        sides = [self.voxels] * len(size)
        if counts is not None:
            sides = [int((~np.isnan(row[:, 0, 0])).sum()) for row in counts]

        def one(row: int) -> dict[str, np.ndarray]:
            haloes = _haloes({name: values[row] for name, values in columns.items()})
            fields = placement.on_grid(self.rule, *haloes, float(size[row]), sides[row])
            return dict(zip(("galaxy_probability", "galaxy_count"), fields, strict=True))

        return grids.answers(one, range(len(size)), max(sides))


def build(**config: Any) -> Occupied:
    """The occupation from its fitted numbers; see `Occupied`."""
    return Occupied(**config)


def catalogue(config: dict[str, Any], box: dict[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    """Draw the galaxies of one box.

    Parameters
    ----------
    config : dict
        `load_model("galaxy_hod.5").manifest.config`.
    box : dict
        `halo_mass` (h,) [Msun/h], `halo_position` (h, 3) and `halo_radius` (h,) [Mpc/h], and
        `box_size` [Mpc/h].
    seed : int

    Returns
    -------
    dict
        `position` (g, 3) [Mpc/h], `halo` (g,), the row of the halo, and `central` (g,) bool.
    """
    rule, rng = build(**config).rule, np.random.default_rng(seed)
    return placement.catalogue(rule, *_haloes(box), float(box["box_size"]), rng)


def learn(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Fit the occupation to how many galaxies each halo of the training boxes has.

    Parameters
    ----------
    data : dict
        Features of the training split of `dark_matter_galaxies`.
    settings : dict
        `config` says `rule`, and may say `strays`, see `occupation.members`.
    """
    mass, number = [], []
    strays = settings["config"].get("strays", 0.0)
    for row, box_size in enumerate(data["box_size"]):
        haloes = _haloes({n: data[n][row] for n in ("halo_mass", "halo_position", "halo_radius")})
        galaxies, size = np.asarray(data["galaxy_position"][row]), float(box_size)
        mass.append(haloes[0])
        found = occupation.members(galaxies, haloes[1], haloes[0], haloes[2], size, strays=strays)
        number.append(found)
    pooled = occupation_fit.sums(np.concatenate(mass), np.concatenate(number))
    fit = getattr(occupation_fit, settings["config"]["rule"])
    return {name: round(float(value), 4) for name, value in fit(pooled).items()}


def baselines(data: dict[str, Any]) -> dict[str, str]:
    """The density threshold, which needs no haloes, fitted to the same galaxies."""
    tag = "stars" if len(data["dm_counts"][0]) == VOXELS else "all"
    return {"density threshold": f"galaxy_threshold.{tag}"}


def _haloes(box: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mass (h,), position (h, 3) and radius (h,) of one box, without padding."""
    mass, position, radius = (
        np.asarray(box[name], np.float64) for name in ("halo_mass", "halo_position", "halo_radius")
    )
    there = ~np.isnan(mass)
    return mass[there], position[there], radius[there]
