"""Is this a spectrum that the model can read? What the ranges of a card cannot judge."""

from __future__ import annotations

import numpy as np

from zoo.ranges import Violation, flag

LEAST = 300  # pixels with data
MICRON, NANOMETRE = 100.0, 3000.0  # wavelengths below are in other units than angstrom
CGS = 1e-10  # fluxes all below are in erg/s/cm2/A, without the factor 1e-17


def check(columns: dict[str, np.ndarray]) -> list[Violation]:
    """Find rows that cannot be a spectrum, or hardly tell a redshift.

    Parameters
    ----------
    columns : dict of (batch, L) arrays
        `flux`, `ivar`, `wavelength`; NaN where a pixel is absent.

    Returns
    -------
    list of Violation
        Impossible: wavelengths in another unit or not increasing; no pixel with ivar > 0.
        Flagged: few pixels with data; fluxes that look like plain cgs.
    """
    wave, ivar, flux = columns["wavelength"], columns["ivar"], columns["flux"]
    if not wave.shape[1]:
        rows = np.ones(len(wave), bool)
        return [Violation("number of pixels", rows, 0.0, f"{LEAST} or more", impossible=True)]
    high = np.fmax.reduce(wave, axis=1)
    found: list[Violation] = []
    small = high < NANOMETRE
    unit = np.where(high < MICRON, 1e4, 10.0)
    guess = "angstrom; these look like {}: give them a unit or multiply by {:g}"
    for factor, name in ((1e4, "micron"), (10.0, "nm")):
        rows = small & (unit == factor)
        flag(found, "wavelength [Angstrom]", rows, high, guess.format(name, factor), True)
    step = np.fmin.reduce(np.diff(wave, axis=1), axis=1, initial=np.inf)
    falling = ~small & (step < 0)
    flag(
        found, "smallest step of wavelength [Angstrom]", falling, step, "0 or more: sort them", True
    )
    count = np.count_nonzero(ivar > 0, axis=1)
    good = ~small & ~falling
    pixels = "pixels with ivar > 0"
    flag(found, pixels, good & (count == 0), count, "1 or more", True)
    flag(found, f"{pixels}: few", good & (count > 0) & (count < LEAST), count, f"{LEAST} or more")
    top = np.fmax.reduce(np.abs(flux), axis=1)
    faint = good & (count > 0) & (top < CGS) & (top > 0)
    flag(found, "largest abs(flux)", faint, top, "fluxes in units of 1e-17 erg/s/cm2/Angstrom")
    return found
