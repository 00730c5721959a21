"""Are these fluxes of a nebula's lines? What the ranges of a card cannot judge; an example."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.models.spectra.nebula_network import MUSE
from zoo.nn.line_slots import WINDOWS, LineSlots
from zoo.ranges import Violation, flag

# log10 of flux over that of H alpha that nebulae of either code have, dust included, with 0.3 dex
USUAL = {
    "OII3727": (-2.6, 1.6),
    "Hbeta": (-2.0, 0.0),
    "OIII5007": (-3.6, 1.4),
    "NII6584": (-3.6, 1.1),
    "SII6725": (-3.4, 0.9),
    "SIII9069": (-3.0, 0.6),
}
PARTS = {"SII6725": (6716.4, 6730.8)}  # [A, air]; one of these alone is not the sum
NEAR = 1.5  # [A]
INDEX = 2.7e-4  # wavelength in vacuum over that in air, minus 1
SINGLE = ("Hbeta", "OIII5007", "Halpha", "SIII9069")  # whose labels tell air from vacuum


def example() -> dict[str, Any]:
    """Lines of an H II region, the weakest not seen."""
    flux = {
        "Hbeta": 100.0,
        "OIII5007": 90.0,
        "NII5755": 3.0,
        "SIII6312": 3.0,
        "Halpha": 330.0,
        "NII6584": 100.0,
        "SII6725": 70.0,
        "OII7325": 5.0,
        "SIII9069": 38.0,
    }
    return {
        "line": np.array([WINDOWS[name][0] for name in MUSE]),
        "flux": np.array([flux[name] for name in MUSE]),
        "flux_error": np.full(len(MUSE), 1.0),
        "is_limit": np.array([float(flux[name] <= 3) for name in MUSE]),
    }


def summary(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What tells samples of nebulae apart, (batch,) each, from the columns of `check`.

    log10 of each line, or of its limit, over H alpha (else 2.86 H beta, else the brightest line),
    -6 where it is absent; and log10 of the ratio of that reference to its error.
    """
    log_flux, log_error, *_ = (np.asarray(v) for v in LineSlots(tuple(WINDOWS)).slots(columns))
    out = {f"log {name}": log_flux[:, i] for i, name in enumerate(WINDOWS)}
    return out | {"log S/N": -log_error.max(axis=1)}


def check(columns: dict[str, np.ndarray]) -> list[Violation]:
    """Find rows whose lines cannot be read, or that no model of nebulae looks like.

    Parameters
    ----------
    columns : dict of (batch, N) arrays
        `line`, `flux`, `flux_error`, `is_limit`; NaN where a line is absent.

    Returns
    -------
    list of Violation
        Impossible: no line, a wavelength that is none of the twelve lines, one half of the [S II]
        doublet. Flagged: labels some of which are wavelengths in vacuum; line ratios far outside
        both grids; lines fainter than their errors that are no limits, as where ratios stand beside
        the errors of fluxes.
    """
    line, flux = columns["line"], columns["flux"]
    measured = columns["is_limit"] == 0
    found: list[Violation] = []
    present = ~np.isnan(line)
    none = ~present.any(axis=1) if line.shape[1] else np.ones(len(line), bool)
    flag(found, "number of lines", none, np.zeros(len(line)), "1 or more", impossible=True)
    if not line.shape[1]:
        return found
    hit = {n: np.abs(line - centre) < half for n, (centre, half) in WINDOWS.items()}
    unknown = present & ~np.any(list(hit.values()), axis=0)
    known = ", ".join(f"{centre:g}" for centre, _ in WINDOWS.values())
    worst = np.take_along_axis(line, unknown.argmax(axis=1)[:, None], 1)[:, 0]
    flag(found, "line [Angstrom]", unknown.any(axis=1), worst, f"{known} (air)", impossible=True)
    for name, parts in PARTS.items():
        counts = [(np.abs(line - part) < NEAR + 2).sum(axis=1) for part in parts]
        half = (counts[0] > 0) != (counts[1] > 0)
        value = np.fmax.reduce(np.where(hit[name], line, np.nan), axis=1)
        both = f"both lines of {name}, {parts[0]:g} and {parts[1]:g}, or their sum"
        flag(found, "line [Angstrom]", half, value, both, impossible=True)
    _flag_vacuum(found, line, hit)
    _flag_unusual(found, flux, hit, measured)
    _flag_faint(found, columns, present & measured)
    return found


def _flag_vacuum(found: list[Violation], line: np.ndarray, hit: dict[str, np.ndarray]) -> None:
    air, vacuum = np.zeros(len(line), bool), np.zeros(len(line), bool)
    for name in SINGLE:
        centre = WINDOWS[name][0]
        shifted = np.where(hit[name], (line - centre) / (INDEX * centre), np.nan)
        air |= np.any(np.abs(shifted) < 0.5, axis=1)
        vacuum |= np.any(np.abs(shifted - 1) < 0.5, axis=1)
    allowed = "wavelengths in air throughout; these mix air and vacuum"
    flag(found, "line [Angstrom]", air & vacuum, np.fmax.reduce(line, axis=1), allowed)


def _flag_unusual(
    found: list[Violation], flux: np.ndarray, hit: dict[str, np.ndarray], measured: np.ndarray
) -> None:
    halpha = np.sum(np.where(hit["Halpha"] & measured, flux, 0), axis=1)
    for name, (low, high) in USUAL.items():
        total = np.sum(np.where(hit[name] & measured, flux, 0), axis=1)
        both = (halpha > 0) & (total > 0)
        ratio = np.log10(np.where(both, total, 1) / np.where(both, halpha, 1))
        odd = both & ((ratio < low) | (ratio > high))
        field = f"log10 of {name} over Halpha"
        flag(found, field, odd, ratio, f"{low:g} to {high:g} in nebulae")


def _flag_faint(
    found: list[Violation], columns: dict[str, np.ndarray], measured: np.ndarray
) -> None:
    flux, error = (np.where(measured, columns[n], np.nan) for n in ("flux", "flux_error"))
    with np.errstate(divide="ignore", invalid="ignore"):
        worst = np.fmin.reduce(flux / error, axis=1)  # without an error: infinite, not faint
    allowed = "1 or more where a line is no limit; are fluxes and errors of one kind?"
    flag(found, "flux / flux_error", worst < 1, worst, allowed)
