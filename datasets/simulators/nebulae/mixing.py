"""What happens to the light of a nebula on its way: diffuse gas, dust, noise, limits."""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators.nebulae import dust
from zoo_datasets.simulators.nebulae.lines import CASE_B, HALPHA, NAMES

SIGMAS = 3.0  # below so many errors a line is an upper limit of so many errors

# Diffuse ionised gas: fluxes over that of H beta, typical of the discs of spirals ([N II], [S II]
# and [O III] as in Belfiore et al. 2022, A&A 659, A26), with this scatter [dex].
DIFFUSE = {
    "OII3727": 4.5,
    "NeIII3869": 0.08,
    "Hbeta": 1.0,
    "OIII5007": 0.8,
    "Halpha": CASE_B,
    "NII6584": 1.3,
    "SII6725": 1.4,
    "SIII9069": 0.25,
}
SCATTER = 0.12
_DIFFUSE = np.array([DIFFUSE.get(name, 0.0) for name in NAMES])
_VARIES = ~np.isin(NAMES, ("Hbeta", "Halpha"))


def diluted(ratios: np.ndarray, share: float, z: np.ndarray) -> np.ndarray:
    """Ratios to H beta (12,) if a share of H beta comes from diffuse gas; z are 12 normal draws."""
    if not share:
        return ratios
    return (1 - share) * ratios + share * _DIFFUSE * 10 ** (SCATTER * z * _VARIES)


def seen(
    ratios: np.ndarray, ebv: float, flux_halpha: float, quality: float, z: np.ndarray
) -> dict[str, np.ndarray]:
    """Fluxes of an observation.

    Parameters
    ----------
    ratios : (12,) array
        Fluxes over that of H beta, before dust.
    ebv : float
        Colour excess [mag].
    flux_halpha : float
        Observed flux of H alpha [1e-17 erg/s/cm2].
    quality : float
        Its ratio of signal to noise. All lines have the same error.
    z : (12,) array
        Normal draws.

    Returns
    -------
    dict
        `flux_true`, `flux`, `flux_error` [1e-17 erg/s/cm2] and `is_limit`, (12,) each.
    """
    true = ratios * dust.transmission(ebv)
    true *= flux_halpha / true[HALPHA]
    error = flux_halpha / quality
    return {"flux_true": true, **limited(true + error * z, np.full(len(true), error))}


def limited(flux: np.ndarray, error: np.ndarray) -> dict[str, np.ndarray]:
    """Measured fluxes and errors as a catalogue gives them, limits in place of what is not seen."""
    faint = flux < SIGMAS * error
    return {
        "flux": np.where(faint, SIGMAS * error, flux),
        "flux_error": error,
        "is_limit": faint.astype(np.uint8),
    }
