"""Exact JAM with cylindrical alignment, for any multi-Gaussian expansion; nothing is trained."""

from __future__ import annotations

from functools import partial
from importlib.resources import files

import keras
import numpy as np
from astropy.table import Table

from zoo.nn.jam import JamCyl
from zoo.ranges import Violation

VECTORS = {
    "K": ("surf_lum", "sigma_lum", "qobs_lum", "beta"),
    "J": ("surf_pot", "sigma_pot", "qobs_pot"),
    "M": ("sigmapsf", "normpsf"),
    "P": ("xbin", "ybin"),
}
SCALARS = ("inc", "mbh", "rbh", "distance", "pixsize")

Q_MIN = 0.05  # flattest intrinsic axis ratio that JAM admits and that the quadrature was tried for
LIGHT_RADII = 8.0  # beyond, in units of its sigma_lum, a Gaussian holds no light to speak of
NORM_TOLERANCE = 0.01  # of the PSF, as in jampy


def build(dtype="float32"):
    """Build the Keras model: dict of tensors in, dict of `vrms` and `surface_brightness` out.

    Shapes and units are those of the card, with a batch axis; NaN marks absent Gaussians and
    positions, so that galaxies of different sizes share a batch.
    """
    shapes: dict[str, tuple] = {name: (None,) for names in VECTORS.values() for name in names}
    shapes |= dict.fromkeys(SCALARS, ())
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, shape in shapes.items()}
    outputs = JamCyl(dtype=dtype, name="jam")(inputs)
    return keras.Model(inputs, outputs, name="jam_cyl")


def signatures(model):
    """Serve scattered positions, and `grid`: two axes in, maps (X, Y) out."""
    import tensorflow as tf

    from zoo.nn.jam_adaptive import grid, scattered

    layer = model.get_layer("jam")
    specs = {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in model.inputs}
    axis = tf.TensorSpec((None, None), layer.compute_dtype)
    axes = {name: spec for name, spec in specs.items() if name not in VECTORS["P"]}
    axes |= {"x_grid": axis, "y_grid": axis}
    return {
        "serving_default": (partial(scattered, layer), specs),
        "grid": (partial(grid, layer), axes),
    }


def route(columns):
    """Send positions that form an aligned grid to the signature that exploits it.

    Vrms depends on |x| and |y| only, hence a map centred on the galaxy needs a quarter.
    """
    x, y = np.abs(columns["xbin"]), np.abs(columns["ybin"])
    shared = x.shape[0] and (x == x[:1]).all() and (y == y[:1]).all()
    if not shared or not x.shape[1]:
        return "serving_default", columns, None
    # Coordinates that agree to 1e-12 of the field are one: a grid made by additions is a grid.
    unit = 1e-12 * max(x.max(), y.max(), 1e-300)
    x_grid, ix = np.unique(np.rint(x[0] / unit), return_inverse=True)
    y_grid, iy = np.unique(np.rint(y[0] / unit), return_inverse=True)
    if 2 * (x_grid.size + y_grid.size) + x_grid.size * y_grid.size / 8 > x.shape[1]:
        return "serving_default", columns, None
    rest = {name: value for name, value in columns.items() if name not in VECTORS["P"]}
    rest["x_grid"] = np.broadcast_to(x_grid * unit, (len(x), x_grid.size))
    rest["y_grid"] = np.broadcast_to(y_grid * unit, (len(x), y_grid.size))
    return "grid", rest, lambda outputs: {k: v[:, ix, iy] for k, v in outputs.items()}


def check(columns):
    """Find rows with impossible Gaussians, a PSF that loses light, or positions without light."""
    cosi = np.abs(np.cos(np.radians(columns["inc"])))
    found = []
    for name in ("qobs_lum", "qobs_pot"):
        smallest = np.nanmin(columns[name], axis=1, initial=np.inf)
        floor = np.hypot(cosi, Q_MIN * np.sin(np.radians(columns["inc"])))
        flat, impossible = smallest < floor, smallest <= cosi
        for rows, bound, text in (
            (impossible, cosi, "more than cos(inc)"),
            (flat & ~impossible, floor, f"an intrinsic axis ratio of {Q_MIN} or more, that is at"),
        ):
            if rows.any():
                row = int(np.argmax(rows))
                allowed = f"{text} {bound[row]:.6g} at inc = {columns['inc'][row]:.6g} deg"
                found.append(Violation(name, rows, smallest[row], allowed, rows is impossible))
    norm = np.nansum(columns["normpsf"], axis=1)
    if (rows := np.abs(norm - 1) > NORM_TOLERANCE).any():
        allowed = "fractions of the PSF that sum to 1"
        found.append(Violation("normpsf", rows, norm[np.argmax(rows)], allowed, impossible=True))
    dark = ~lit(columns)
    if (rows := dark.any(axis=1)).any():
        first = np.unravel_index(np.argmax(dark), dark.shape)
        radius = np.hypot(columns["xbin"][first], columns["ybin"][first])
        allowed = (
            f"positions within {LIGHT_RADII:g} sigma_lum of the centre in the ellipse of at least "
            "one Gaussian, where there is light"
        )
        found.append(Violation("hypot(xbin, ybin)", rows, radius, allowed, impossible=False))
    return found


def lit(columns):
    """Which positions (batch, P) lie well inside a Gaussian of the light; absent ones count."""
    x2, y2 = columns["xbin"] ** 2, columns["ybin"] ** 2
    inside = np.isnan(x2)
    # The widest Gaussian, as a rule the last one, settles most positions.
    light = (columns[name].T[::-1] for name in VECTORS["K"][:3])
    for surf, sigma, q in zip(*light, strict=True):
        if inside.all():
            break
        q2, limit = (v[:, np.newaxis] ** 2 for v in (q, LIGHT_RADII * q * sigma))
        inside |= (q2 * x2 + y2 <= limit) & (surf > 0)[:, np.newaxis]
    return inside


def example() -> dict:
    """M32 with its black hole on a map of 21 x 21 pixels of 0.5 arcsec, in a seeing of 0.9 arcsec.

    Isotropy is an assumption; the other numbers are published and named in the file.
    """
    table = Table.read(files("zoo.examples") / "m32_mge.ecsv")
    surf, sigma, qobs = (np.asarray(table[name]) for name in ("surf", "sigma", "qobs"))
    axis = np.linspace(-5, 5, 21)
    x, y = np.meshgrid(axis, axis)
    return {
        "surf_lum": surf,
        "sigma_lum": sigma,
        "qobs_lum": qobs,
        "surf_pot": surf * table.meta["ml"],
        "sigma_pot": sigma,
        "qobs_pot": qobs,
        "inc": table.meta["inclination_deg"],
        "mbh": table.meta["mbh_msun"],
        "distance": table.meta["distance_mpc"],
        "beta": 0.0,
        "sigmapsf": 0.4,
        "pixsize": 0.5,
        "xbin": x.ravel(),
        "ybin": y.ravel(),
    }
