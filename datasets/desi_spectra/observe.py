"""Noise on the noiseless spectra of the dataset, drawn when they are read."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_datasets.simulators.spectra import desi


def observe(columns: dict[str, Any], draw: int = 0) -> dict[str, Any]:
    """Spectra as a survey like DESI delivers them.

    Parameters
    ----------
    columns : dict
        Records of the dataset: `flux_true` (n, 7781) [1e-17 erg/s/cm2/A], `exposure` [s] and
        `noise_seed`, each (n,). Spectra that come with `flux` are returned as they are.
    draw : int
        Number of the realisation: 0 is the fixed one for evaluation.

    Returns
    -------
    dict
        `columns` with `flux` (n, 7781) and `ivar` (n, 7781), float32, and `wavelength` (7781,)
        [A, vacuum], float64.
    """
    if "flux" in columns or "flux_true" not in columns:
        return columns
    truth = np.asarray(columns["flux_true"])
    constant, slope = (term.astype(np.float32) for term in desi.noise_terms())
    flux = np.empty(truth.shape, np.float32)
    ivar = np.empty(truth.shape, np.float32)
    conditions = zip(columns["exposure"], columns["noise_seed"], strict=True)
    for i, (exposure, seed) in enumerate(conditions):
        rng = np.random.Generator(np.random.SFC64([int(seed), draw]))
        true = truth[i].astype(np.float32)
        variance = (constant + slope * np.maximum(true, 0)) / np.float32(exposure)
        flux[i] = true + np.sqrt(variance) * rng.standard_normal(desi.PIXELS, np.float32)
        ivar[i] = 1 / variance
    return {**columns, "flux": flux, "ivar": ivar, "wavelength": desi.wavelength()}
