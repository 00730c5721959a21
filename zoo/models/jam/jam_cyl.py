"""Exact JAM with cylindrical alignment, for any multi-Gaussian expansion; nothing is trained."""

from __future__ import annotations

from importlib.resources import files

import keras
import numpy as np
from astropy.table import Table

from zoo.nn.jam import JamCyl
from zoo.quantities import Violation

VECTORS = {
    "K": ("surf_lum", "sigma_lum", "qobs_lum", "beta"),
    "J": ("surf_pot", "sigma_pot", "qobs_pot"),
    "M": ("sigmapsf", "normpsf"),
    "P": ("xbin", "ybin"),
}
SCALARS = ("inc", "mbh", "rbh", "distance", "pixsize")

Q_MIN = 0.05  # flattest intrinsic axis ratio that JAM admits and that the quadrature was tried for
LIGHT_RADII = 8.0  # beyond, in units of the widest sigma_lum, the expansion holds no light


def build(dtype="float32"):
    """Build the Keras model: dict of tensors in, dict of `vrms` and `surface_brightness` out.

    Shapes and units are those of the card, with a batch axis; NaN marks absent Gaussians and
    positions, so that galaxies of different sizes share a batch.
    """
    shapes = {name: (None,) for names in VECTORS.values() for name in names}
    shapes |= dict.fromkeys(SCALARS, ())
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, shape in shapes.items()}
    outputs = JamCyl(dtype=dtype, name="jam")(inputs)
    return keras.Model(inputs, outputs, name="jam_cyl")


def signatures(model):
    """Offer `grid` beside the signature at scattered positions: axes in, maps (X, Y) out."""
    import tensorflow as tf

    layer = model.get_layer("jam")
    specs = {
        tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype)
        for tensor in model.inputs
        if tensor.name not in VECTORS["P"]
    }
    axis = tf.TensorSpec((None, None), layer.compute_dtype)
    return {"grid": (layer.grid, specs | {"x_grid": axis, "y_grid": axis})}


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
    """Find the rows whose Gaussians cannot be deprojected or hold no light at the positions."""
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
                found.append(
                    Violation(name, rows, smallest[row], allowed, rows is impossible)
                )
    radius = np.hypot(columns["xbin"], columns["ybin"] / _roundest(columns))
    limit = LIGHT_RADII * np.nanmax(columns["sigma_lum"], axis=1, initial=0)
    far = np.nanmax(radius, axis=1, initial=0)
    if (rows := far > limit).any():
        row = int(np.argmax(rows))
        allowed = f"positions within {limit[row]:.6g} arcsec, where the expansion holds light"
        found.append(Violation("xbin, ybin", rows, far[row], allowed, impossible=False))
    return found


def _roundest(columns):
    return np.nanmax(columns["qobs_lum"], axis=1, initial=0.0, keepdims=True).clip(1e-6)


def example():
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
