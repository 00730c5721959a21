"""Fluxes of strong lines in spectra on the grid of MUSE, by linear fits of Gaussians."""

from __future__ import annotations

import numpy as np

from zoo.models.spectra import nebula_windows
from zoo.models.spectra.nebula_windows import FIRST, LINES, STEP
from zoo.nn.line_slots import WINDOWS
from zoo.nn.line_velocity import C

DISPERSIONS = (15.0, 40.0, 80.0, 150.0)  # km/s, tried in turn
LSF = (6.040, -9.187e-4, 5.866e-8)  # FWHM [A] of MUSE against wavelength [A] (Bacon et al. 2017)
FWHM = float(np.sqrt(8 * np.log(2)))  # of a Gaussian, in its sigma
SIGMAS = 3.0  # below so many errors a line is an upper limit of so many errors
# Ranges at rest [A, vacuum], and the fluxes that are free in each: lines with their weights.
PIECES = (
    ((4840, 4885), ({"Hbeta": 1.0},)),
    ((4940, 5030), ({"OIII5007": 1.0, "OIII4959": 1 / 2.98},)),
    ((6525, 6610), ({"Halpha": 1.0}, {"NII6583": 1.0, "NII6548": 1 / 3.05})),
    ((6696, 6756), ({"SII6716": 1.0}, {"SII6731": 1.0})),
)
MEASURED = ("Hbeta", "OIII5007", "Halpha", "NII6584", "SII6725")  # names of `line_slots`


def velocities(flux: np.ndarray, ivar: np.ndarray) -> np.ndarray:
    """Velocity (n,) [km/s] of spectra (n, 3681) on the grid."""
    scan = nebula_windows.velocity()
    given = {"flux": np.asarray(flux, np.float32), "ivar": np.asarray(ivar, np.float32)}
    return np.asarray(scan(given)["velocity"], float)


def lines(flux: np.ndarray, ivar: np.ndarray) -> dict[str, np.ndarray]:
    """Fit strong lines.

    Parameters
    ----------
    flux, ivar : (n, 3681) array
        On the grid of `nebula_windows.grid`.

    Returns
    -------
    dict
        `line` [A, air], `flux`, `flux_error` and `is_limit`, (n, 5) each, in the order of
        `MEASURED`; NaN where a line lies outside the data.
    """
    velocity = velocities(flux, ivar)
    best = np.full(len(flux), np.inf)
    found = np.full((2, len(flux), len(MEASURED)), np.nan)
    for dispersion in DISPERSIONS:
        chi2, values, errors = _fit(flux, ivar, velocity, dispersion)
        better = chi2 < best
        best[better] = chi2[better]
        found[0, better], found[1, better] = values[better], errors[better]
    values, errors = found
    faint = values < SIGMAS * errors
    return {
        "line": np.where(np.isfinite(values), [WINDOWS[name][0] for name in MEASURED], np.nan),
        "flux": np.where(faint, SIGMAS * errors, values),
        "flux_error": errors,
        "is_limit": faint.astype(float),
    }


def _fit(
    flux: np.ndarray, ivar: np.ndarray, velocity: np.ndarray, dispersion: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chi-squared (n,), fluxes and errors (n, 5) for lines of one dispersion [km/s]."""
    chi2, values, errors = np.zeros(len(flux)), [], []
    for span, free in PIECES:
        found, covariance, misfit = _piece(flux, ivar, velocity, dispersion, span, free)
        chi2 += misfit
        if free[0].keys() == {"SII6716"}:  # the doublet counts as one
            values.append(found[:, :2].sum(axis=1))
            errors.append(np.sqrt(covariance[:, :2, :2].sum(axis=(1, 2))))
            continue
        for number in range(len(free)):
            values.append(found[:, number])
            errors.append(np.sqrt(covariance[:, number, number]))
    return chi2, np.stack(values, axis=-1), np.stack(errors, axis=-1)


def _piece(
    flux: np.ndarray,
    ivar: np.ndarray,
    velocity: np.ndarray,
    dispersion: float,
    span: tuple[float, float],
    free: tuple[dict[str, float], ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best fluxes (n, p), their covariance (n, p, p) and chi-squared (n,); NaN without data."""
    stretch = 1 + velocity / C
    count = int((span[1] - span[0]) / STEP)
    first = np.round((span[0] * stretch - FIRST) / STEP).astype(int)
    index = first[:, None] + np.arange(count)
    inside = (index >= 0) & (index < flux.shape[1])
    index = np.clip(index, 0, flux.shape[1] - 1)
    light = np.take_along_axis(flux, index, axis=1)
    weight = np.where(inside, np.take_along_axis(ivar, index, axis=1), 0)
    wave = FIRST + STEP * index
    x = np.linspace(-1, 1, count)
    shapes = [sum(w * _gaussian(wave, n, stretch, dispersion) for n, w in f.items()) for f in free]
    design = np.stack([*shapes, np.ones_like(wave), np.broadcast_to(x, wave.shape)], axis=-1)
    weighted = design * weight[..., None]
    normal = np.einsum("nkp,nkq->npq", weighted, design)
    data = np.einsum("nkp,nk->np", weighted, light)
    scale = np.sqrt(np.einsum("npp->np", normal))
    known = np.all(scale > 0, axis=1)
    scale[~known] = 1
    normal = normal / (scale[:, :, None] * scale[:, None, :]) + 1e-9 * np.eye(design.shape[-1])
    inverse = np.linalg.inv(np.where(known[:, None, None], normal, np.eye(design.shape[-1])))
    covariance = inverse / (scale[:, :, None] * scale[:, None, :])
    found = np.einsum("npq,nq->np", covariance, data)
    misfit = np.sum(weight * (light - np.einsum("nkp,np->nk", design, found)) ** 2, axis=1)
    covariance[~known], found[~known] = np.nan, np.nan
    return found, covariance, misfit


def _gaussian(wave: np.ndarray, name: str, stretch: np.ndarray, dispersion: float) -> np.ndarray:
    """A line of flux 1 in the pixels (n, k), instrument included [1/A]."""
    centre = (LINES[name][0] * stretch)[:, None]
    instrument = np.polynomial.polynomial.polyval(centre, LSF) / FWHM
    sigma = np.hypot(instrument, centre * dispersion / C)
    return np.asarray(np.exp(-0.5 * ((wave - centre) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi)))
