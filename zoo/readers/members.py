"""Galaxies around one cluster, as the cluster models read them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from astropy import units as u
from astropy.cosmology import FLRW
from astropy.cosmology import units as cu

from zoo.card import Card
from zoo.errors import InputError

COMOVING = u.Mpc / cu.littleh


@dataclass(frozen=True)
class Members:
    """Galaxies around one cluster.

    Attributes
    ----------
    r_proj, v_los : (N,) array
        [comoving Mpc / littleh] and [km / s].
    x_proj, y_proj : (N,) array or None
        Offsets towards the East and the North [comoving Mpc / littleh], where positions are known.
    redshift : float
        Of the cluster.
    cosmology : astropy.cosmology.FLRW
        That turned angles or kpc into comoving Mpc/h.
    total : int
        Galaxies of the table, before any cut.
    cuts : str
        Those made, in words.
    """

    r_proj: np.ndarray
    v_los: np.ndarray
    redshift: float
    cosmology: FLRW
    total: int
    x_proj: np.ndarray | None = None
    y_proj: np.ndarray | None = None
    cuts: str = ""

    def __len__(self) -> int:
        """Number of galaxies left."""
        return len(self.r_proj)

    def cut(self, r_max: float, v_max: float) -> Members:
        """The galaxies with R < r_max [comoving Mpc / littleh] and abs(v) < v_max [km / s].

        Raises
        ------
        InputError
            If none is left.
        """
        keep = (self.r_proj < r_max) & (np.abs(self.v_los) < v_max)
        if not keep.any():
            raise InputError(
                f"no galaxy has R < {r_max:g} Mpc/h and |v| < {v_max:g} km/s: the nearest lies at "
                f"{self.r_proj.min():.3g} Mpc/h, the slowest moves at "
                f"{np.abs(self.v_los).min():.4g} km/s; is the centre or the redshift wrong?"
            )
        columns: dict[str, Any] = {
            name: None if (column := getattr(self, name)) is None else column[keep]
            for name in ("r_proj", "v_los", "x_proj", "y_proj")
        }
        cuts = f"R < {r_max:g} comoving Mpc/h, |v| < {v_max:g} km/s"
        return replace(self, **columns, cuts=cuts)

    def cut_for(self, card: Card) -> Members:
        """The galaxies within the ranges of a card's `r_proj` (or `x_proj`) and `v_los`.

        Raises
        ------
        InputError
            If none is left.
        """
        bounds = [card.inputs[n].range for n in ("r_proj", "x_proj", "v_los") if n in card.inputs]
        return self.cut(*(np.inf if b is None else b[1] for b in (bounds[0], bounds[-1])))

    def inputs(self, card: Card) -> dict[str, u.Quantity]:
        """Those inputs of a card that are known, with units."""
        units = {"r_proj": COMOVING, "v_los": u.km / u.s, "x_proj": COMOVING, "y_proj": COMOVING}
        return {
            name: getattr(self, name) * unit
            for name, unit in units.items()
            if name in card.inputs and getattr(self, name) is not None
        }

    @property
    def summary(self) -> str:
        """What was done, in one line."""
        of = f"{len(self)} of {self.total} galaxies" + (f" with {self.cuts}" if self.cuts else "")
        return f"{of}; z = {self.redshift:.5g}, {self.cosmology.name}"
