"""Noise on the noiseless spectra of the dataset, drawn when they are read."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from zoo_datasets.simulators.spectra import calibration, instrument, sky_residual

CONDITIONS = (
    "noise_seed", "airmass", "seeing", "exposure", "sky_residual", "calibration_error",
)  # fmt: skip


def observe(columns: dict[str, Any], draw: int = 0) -> dict[str, Any]:
    """Spectra as MOONS delivers them.

    Parameters
    ----------
    columns : dict
        Records of the dataset: `flux_true` (n, 12217) [1e-17 erg/s/cm2/A], `exposure` [h],
        `airmass`, `seeing` [arcsec], `noise_seed`, `sky_residual`, `calibration_error`, each (n,).
        Spectra of the user, which come with `flux`, are returned as they are.
    draw : int
        Number of the realisation: 0 is the fixed one for evaluation.

    Returns
    -------
    dict
        `columns` with `flux` (n, 12217) and `ivar` (n, 12217), float32, and `wavelength` (12217,)
        [A, vacuum], float64. `ivar` knows the noise of sky, detector and object and nothing of
        systematic errors; it is 0 where the atmosphere is opaque, and so is the flux.
    """
    if "flux" in columns or "flux_true" not in columns:
        return columns
    truth = np.asarray(columns["flux_true"])
    flux = np.empty(truth.shape, np.float32)
    ivar = np.empty(truth.shape, np.float32)
    conditions = (columns[name] for name in CONDITIONS)
    for i, values in enumerate(zip(*conditions, strict=True)):
        flux[i], ivar[i] = spectrum(truth[i], draw, *values)
    return {**columns, "flux": flux, "ivar": ivar, "wavelength": instrument.wavelength()}


def spectrum(
    truth: np.ndarray,
    draw: int,
    noise_seed: int,
    airmass: float,
    seeing: float,
    exposure: float,
    residual: float,
    error: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Flux and inverse variance, both (12217,), of one spectrum; see `observe`."""
    # float32 on disk: 1.2 must find the same tables as 1.2000000477
    airmass, seeing, exposure = (round(float(v), 4) for v in (airmass, seeing, exposure))
    rng = np.random.Generator(np.random.SFC64([int(noise_seed), draw]))
    true = truth.astype(np.float32)
    constant, slope = _terms(airmass, seeing, exposure)
    variance = slope * true
    variance += constant
    flux = rng.standard_normal(instrument.PIXELS, np.float32)
    flux *= np.sqrt(variance)
    flux += true
    if residual:
        flux += sky_residual.residual(rng, airmass, seeing, float(residual)).astype(np.float32)
    if error:
        flux *= calibration.curve(rng, float(error)).astype(np.float32)
    ivar = np.reciprocal(variance, out=variance)
    opaque = _opaque(airmass)
    flux[opaque] = 0
    ivar[opaque] = 0
    return flux, ivar


@lru_cache(maxsize=64)
def _terms(airmass: float, seeing: float, exposure: float) -> tuple[np.ndarray, np.ndarray]:
    """Terms of the variance in float32; opaque pixels get a variance of 1 that nobody sees."""
    constant, slope = instrument.noise_terms(airmass, seeing, exposure)
    seen = instrument.useful(airmass)
    return (
        np.where(seen, constant, 1).astype(np.float32),
        np.where(seen, slope, 0).astype(np.float32),
    )


@lru_cache(maxsize=64)
def _opaque(airmass: float) -> np.ndarray:
    """Pixels without light, (k,) int."""
    return np.flatnonzero(~instrument.useful(airmass))
