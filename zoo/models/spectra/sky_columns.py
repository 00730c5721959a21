"""What the noise of a spectrum tells about the sky: a curve, and columns for what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from zoo import splits

BRIGHT = 100.0  # [1e-17 erg/s/cm2/A], a flux whose own photon noise shows the sensitivity
GAPS = 61  # pixels, wider than a line and the gap to the next
GAP = 20  # pixel widths; more between two pixels is a gap between arms


def night(dataset: str, data: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wavelength [A], inverse variance and flux of the sky, each (pixels,), of a mock instrument.

    The variance of a flux f is a + b f, and b is one over the number of electrons that a unit of
    flux makes; so a / b, the noise of the background in electrons, is twice the sky as a flux (it
    is measured in a second fibre), with the small share of the detector.

    Parameters
    ----------
    dataset : str
        "name/config", whose records an instrument observes.
    data : dict
        Records; the first one's conditions are taken.
    """
    one = splits.rows(data, slice(1))
    flux = np.asarray(one["flux_true"])
    seen = [splits.observed(dataset, one | {"flux_true": flux * 0 + f}) for f in (0.0, BRIGHT)]
    dark, bright = (np.asarray(part["ivar"][0], float) for part in seen)
    useful = (dark > 0) & (bright > 0)
    ones = np.ones_like(dark)
    constant = 1 / np.where(useful, dark, ones)
    slope = (1 / np.where(useful, bright, ones) - constant) / BRIGHT
    sky = np.where(useful, constant / (2 * np.where(slope > 0, slope, ones)), 0.0)
    return np.asarray(seen[0]["wavelength"], float), np.where(useful, dark, 0.0), sky


def lines_of(wavelength: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """The part (pixels,) of a sky that is in lines: what stands above its running minimum."""
    out = np.empty_like(sky)
    for arm in arms(wavelength):
        out[arm] = sky[arm] - uniform_filter1d(minimum_filter1d(sky[arm], GAPS), GAPS)
    return np.maximum(out, 0)


def residuals(
    wavelength: np.ndarray, sky: np.ndarray, lines: np.ndarray, hats: Sequence[int] = (8, 2, 1)
) -> np.ndarray:
    """Columns (pixels, J) whose sum is what imperfect subtraction leaves of the sky.

    In each arm the sky's continuum, and its lines with their first and second derivative (lines
    that are shifted, lines that are broader), these times triangular windows, so that neighbouring
    bands of lines may differ. Lines and continuum are apart because the little that is left of a
    continuum is as bright as a faint galaxy.

    Parameters
    ----------
    wavelength, sky, lines : (pixels,) array
        Wavelengths increase; `lines` is the part of the sky that is in lines.
    hats : (int, int, int)
        Windows in an arm for the lines and each of their derivatives.
    """
    found = []
    for arm in arms(wavelength):
        place = np.linspace(0, 1, arm.stop - arm.start)
        shapes = [(sky - lines)[arm]]
        shape = lines[arm]
        for count in hats:
            for node in range(count):
                window = np.maximum(1 - np.abs(place * (count - 1) - node), 0) if count > 1 else 1
                shapes.append(shape * window)
            shape = np.gradient(shape)
        for values in shapes:
            column = np.zeros(len(sky))
            column[arm] = values
            found.append(column)
    return np.stack(found, axis=1)


def arms(wavelength: np.ndarray) -> list[slice]:
    """Runs of pixels of one width."""
    width = np.diff(wavelength)
    breaks = np.abs(np.diff(width)) > 1e-3 * width[1:]
    edges = np.flatnonzero(breaks) + 2
    ends = [0, *edges[np.diff(edges, prepend=0) > GAP], len(wavelength)]
    return [slice(a, b) for a, b in pairwise(ends) if b - a > 1]
