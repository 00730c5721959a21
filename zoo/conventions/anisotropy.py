"""Anisotropy of the velocity ellipsoid: beta, ratios of dispersions, and the alignment.

Two numbers share the name beta. `cyl`: beta_z = 1 - (sigma_z/sigma_R)^2, ellipsoid along (R, z).
`sph`: beta = 1 - (sigma_theta/sigma_r)^2, ellipsoid along (r, theta). They belong to different
models (Cappellari 2008 and 2020), whose second moments differ at equal beta; only isotropy is the
same in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units as u

from zoo.conventions.checks import number, one_of
from zoo.errors import InputError

ALIGNMENTS = {
    "cyl": "beta_z = 1 - (sigma_z/sigma_R)^2",
    "sph": "beta = 1 - (sigma_theta/sigma_r)^2",
}


def beta_from_ratio(ratio: Any) -> np.ndarray:
    """Anisotropy of sigma_z/sigma_R (cyl) or sigma_theta/sigma_r (sph).

    As jampy (`jam.axi.proj`, argument `beta`) and lenstronomy (`GalKin.anisotropy`, after Mamon &
    Lokas 2005; passed on to jampy unchanged) define it: positive is radial, no lower bound.
    """
    return 1 - number("ratio", ratio, u.one, 0, open_low=True) ** 2


def ratio_from_beta(beta: Any) -> np.ndarray:
    """sigma_z/sigma_R (cyl) or sigma_theta/sigma_r (sph)."""
    return np.sqrt(1 - _beta("beta", beta))


def squared_ratio(beta: Any) -> np.ndarray:
    """Ratio b = (sigma_R/sigma_z)^2 of Cappellari 2008, in which JAM_cyl is linear."""
    return 1 / (1 - _beta("beta", beta))


def binney_beta(beta: Any, gamma: Any) -> np.ndarray:
    """Binney's beta_r = 1 - (sigma_theta^2 + sigma_phi^2)/(2 sigma_r^2), as DYNAMITE plots it.

    Parameters
    ----------
    beta, gamma : (...) float
        jampy's: 1 - (sigma_theta/sigma_r)^2 and 1 - (sigma_phi/sigma_r)^2.
    """
    return (_beta("beta", beta) + _beta("gamma", gamma)) / 2


def beta_for(beta: Any, align: str, target: str) -> np.ndarray:
    """The same beta for a model of alignment `target`, which must be its own.

    Raises
    ------
    InputError
        If the alignments differ and beta is not 0: no constant beta of one is one of the other.
    """
    names = tuple(ALIGNMENTS)
    one_of("align", align, names)
    one_of("target", target, names)
    beta = _beta("beta", beta)
    if align != target and np.any(beta != 0):
        worst = beta.flat[np.argmax(np.abs(beta))]
        raise InputError(
            f"beta is {worst:g} of align={align!r} ({ALIGNMENTS[align]}), allowed for a model of "
            f"align={target!r} ({ALIGNMENTS[target]}): only 0; the two do not convert"
        )
    return beta


def _beta(name: str, value: Any) -> np.ndarray:
    return number(name, value, u.one, high=1, open_high=True)
