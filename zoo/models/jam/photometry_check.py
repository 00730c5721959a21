"""Is an image what `jam_photometry` was trained on? Judged by a Sersic fit to it."""

from __future__ import annotations

import numpy as np

from zoo.nn import sersic_fit
from zoo.ranges import Violation

BETA_SLOPE = 0.7  # of the prior: beta_z <= BETA_SLOPE (1 - intrinsic axis ratio of the light)
INDEX, AXIS_RATIO = (2.0, 4.0), (0.6, 1.0)  # of the training set
PROFILE = 0.05  # in ln I, anywhere on the map
CENTRE = 0.05  # [arcsec]
RADIUS = 0.02  # in ln r
LEVEL = 0.03  # in ln I
TURN = 0.005  # sin of the angle times the ellipticity: how far the isophotes are off
EDGE = 1e-3  # of the training set; its own rounding


def positions(pixels, pixel):
    """Pixel centres x, y (pixels, pixels) of the map, in the unit of `pixel`."""
    centres = (np.arange(pixels) - (pixels - 1) / 2) * pixel
    y, x = np.meshgrid(centres, centres, indexing="ij")
    return x, y


def chosen(pixels):
    """Numbers of the pixels to fit: every fifth along both axes and the middle."""
    choice = np.zeros((pixels, pixels), bool)
    choice[1::5, 1::5] = True
    middle = slice(pixels // 2 - 3, pixels // 2 + 3)
    choice[middle, middle] = True
    return np.flatnonzero(choice)


def check(columns, pixel):
    """Find rows whose image disagrees with the parameters or with the training set.

    Parameters
    ----------
    columns : dict of (batch, ...) float64 arrays
        The inputs of the model.
    pixel : float
        Side of a pixel [arcsec].
    """
    light = measured(columns, pixel)
    found = []

    def flag(field, rows, value, allowed, impossible=False):
        if rows.any():
            row = int(np.argmax(rows))
            found.append(Violation(field, rows, float(value[row]), allowed(row), impossible))

    cosi = np.cos(np.radians(columns["inclination"]))
    rows = columns["q_mass"] <= cosi
    more = "more than cos(inclination) = "
    flag("q_mass", rows, columns["q_mass"], lambda row: f"{more}{cosi[row]:.6g}", True)
    field = "photometry (deviation of ln I from a Sersic profile)"
    strange = light["deviation"] > PROFILE
    flag(field, strange, light["deviation"], lambda _: f"at most {PROFILE}")
    clear = ~strange
    off = np.hypot(light["x"], light["y"])
    allowed = f"within {CENTRE} arcsec of the middle"
    flag("photometry (centre) [arcsec]", clear & (off > CENTRE), off, lambda _: allowed)
    q = light["q"]
    turned = np.abs(np.sin(np.radians(light["turn"]))) * (1 - q) > TURN
    angle = columns["position_angle"] + light["turn"]
    flag(
        "position_angle",
        clear & turned,
        columns["position_angle"],
        lambda row: f"{angle[row]:.4g} deg, the major axis of the photometry",
    )
    radius = columns["r_sersic"] * np.exp(light["ln_r"])
    flag(
        "r_sersic",
        clear & (np.abs(light["ln_r"]) > RADIUS),
        columns["r_sersic"],
        lambda row: f"{radius[row]:.4g} arcsec, the effective radius of the photometry",
    )
    rows = clear & (np.abs(light["ln_i"]) > LEVEL)
    level = np.exp(light["ln_i"])
    flag("photometry (at its effective radius)", rows, level, lambda _: "1, I / intensity_e")
    for field, name, (low, high) in (("index", "n", INDEX), ("axis ratio", "q", AXIS_RATIO)):
        value = light[name]
        rows = clear & ((value < low - EDGE) | (value > high + EDGE))
        flag(f"photometry ({field})", rows, value, lambda _, ends=f"{low:g} to {high:g}": ends)
    flat = clear & (q <= cosi - EDGE)
    field = "photometry (axis ratio at this inclination)"
    flag(field, flat, q, lambda row: f"{more}{cosi[row]:.6g}", True)
    deprojected = np.sqrt(np.maximum(q**2 - cosi**2, 0) / np.maximum(1 - cosi**2, 1e-12))
    limit = BETA_SLOPE * (1 - deprojected)
    rows = clear & ~flat & (columns["beta_z"] > limit + EDGE)
    of = "for the intrinsic axis ratio q of the photometry"
    flag("beta_z", rows, columns["beta_z"], lambda r: f"at most 0.7 (1 - q) = {limit[r]:.4g} {of}")
    return found


def measured(columns, pixel):
    """Sersic fit to each image.

    Returns
    -------
    dict of (batch,) arrays
        `n`; `q` (at most 1); `turn` [deg], how far the major axis lies counter-clockwise of
        `position_angle`, -90 to 90; `ln_r`, radius over `r_sersic`; `ln_i`; `x`, `y`, centre
        [arcsec] along the galaxy's axes; `deviation`, largest anywhere on the map, in ln I.
    """
    image = np.log(columns["photometry"])
    size = image.shape[-1]
    flat = image.reshape(len(image), -1)
    radius = columns["r_sersic"][:, None]
    angle = np.radians(columns["position_angle"])[:, None]
    cos, sin = np.cos(angle) / radius, np.sin(angle) / radius
    x, y = (axis.ravel() for axis in positions(size, pixel))
    x, y = x * cos + y * sin, y * cos - x * sin
    some = chosen(size)
    p = sersic_fit.fit(flat[:, some], x[:, some], y[:, some])
    deviation = np.abs(flat - sersic_fit.model(x, y, p)).max(axis=1)
    fitted = {name: value[:, 0] for name, value in p.items()}
    swapped = fitted["ln_q"] > 0  # what was taken for the major axis is the minor one
    ln_r = fitted["ln_r"] + np.maximum(fitted["ln_q"], 0)
    turn = np.degrees(fitted["turn"]) + 90 * swapped
    return {
        "n": fitted["n"],
        "q": np.exp(-np.abs(fitted["ln_q"])),
        "turn": (turn + 90) % 180 - 90,
        "ln_r": ln_r,
        "ln_i": fitted["ln_i"],
        "x": fitted["x"] * radius[:, 0],
        "y": fitted["y"] * radius[:, 0],
        "deviation": deviation,
    }
