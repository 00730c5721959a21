"""Noise on the noiseless spectra of the dataset, drawn when they are read."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_datasets.simulators.muse import instrument


def observe(columns: dict[str, Any], draw: int = 0) -> dict[str, Any]:
    """Spectra with the noise of MUSE and what is left of the sky.

    Parameters
    ----------
    columns : dict
        Records of the dataset: `flux_true` (n, 3681) [1e-17 erg/s/cm2/A], `noise_unit` [the same],
        `quality`, `sky_residual`, `noise_seed`, each (n,). With another `quality` the same lines
        of sight are seen with another ratio of signal to noise. Spectra that come with `flux` are
        returned as they are.
    draw : int
        Number of the realisation: 0 is the fixed one for evaluation.

    Returns
    -------
    dict
        `columns` with `flux` and `ivar` (n, 3681) float32, and `wavelength` (3681,) [A, vacuum].
        `ivar` knows nothing of the sky's residual.
    """
    if "flux" in columns or "flux_true" not in columns:
        return columns
    flux = np.asarray(columns["flux_true"]).astype(np.float32)
    shape = instrument.noise_shape().astype(np.float32)
    wrong = instrument.residual_shapes().astype(np.float32)
    level = np.asarray(columns["noise_unit"], np.float32) / np.asarray(columns["quality"])
    conditions = zip(columns["noise_seed"], level, columns["sky_residual"], strict=True)
    for row, (seed, error, residual) in enumerate(conditions):
        rng = np.random.Generator(np.random.SFC64([int(seed), draw]))
        two = residual * rng.standard_normal(2, np.float32)
        noise = shape * rng.standard_normal(instrument.PIXELS, np.float32)
        flux[row] += error * (noise + two @ wrong)
    ivar = np.square(1 / (level[:, None] * shape))
    wave = instrument.wavelength()
    return {**columns, "flux": flux, "ivar": ivar.astype(np.float32), "wavelength": wave}
