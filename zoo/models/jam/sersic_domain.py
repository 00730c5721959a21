"""What the emulators of Sersic galaxies can be asked: maps, positions, polar grids; and where."""

from __future__ import annotations

import numpy as np

from zoo.errors import InputError
from zoo.ranges import Violation

PIXELS, PIXEL = 64, 0.5  # the default map; [arcsec]
RADII = np.geomspace(0.01, 7.5, 47)  # polar grid of `jam_mocks`, elliptical, in r_sersic
ANGLES = np.linspace(0, 90, 17)  # eccentric anomaly [deg]
POLAR = ("radius", "anomaly")  # axes of a polar grid
SHARE = 8  # maps at a time: their intermediate results fit into a core's cache


def route(columns):
    """Without positions or a polar grid, the answer is the default map."""
    if "x" in columns:
        return "serving_default", columns, None
    if POLAR[0] in columns:
        return "polar", columns, None
    return "map" if len(columns["n_sersic"]) <= SHARE else "maps", columns, None


def deprojection(columns):
    """Find galaxies that are flatter than any oblate body seen at their inclination."""
    cosi = np.cos(np.radians(columns["inclination"]))
    found = []
    for name in ("q_light", "q_mass"):
        if (rows := columns[name] <= cosi).any():
            row = int(np.argmax(rows))
            allowed = f"more than cos(inclination) = {cosi[row]:.6g}"
            found.append(Violation(name, rows, columns[name][row], allowed, impossible=True))
    return found


def places(columns):
    """Find positions outside the domain.

    Raises
    ------
    InputError
        Where positions and a polar grid are both given, or half of a grid.
    """
    given = [name for name in ("x", *POLAR) if name in columns]
    if len(given) == 1 and given[0] in POLAR:
        other = POLAR[POLAR.index(given[0]) - 1]
        raise InputError(f"{given[0]} is given without {other}; a polar grid needs both")
    if "x" in given and len(given) > 1:
        raise InputError(f"positions x, y and a polar grid ({', '.join(given[1:])}); give one")
    return _positions(columns) if "x" in given else []


def _positions(columns):
    angle = np.radians(columns["position_angle"])[:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    size2, q2 = columns["r_sersic"][:, None] ** 2, columns["q_light"][:, None] ** 2
    x, y = columns["x"], columns["y"]
    # The squared elliptical radius as a quadratic form: a fit asks for many positions, and square
    # roots of each would cost more than the network.
    square = x * ((cos**2 + sin**2 / q2) / size2)
    square += y * (2 * sin * cos * (1 - 1 / q2) / size2)
    square *= x
    square += y**2 * ((sin**2 + cos**2 / q2) / size2)
    low, high = (RADII[0] * (1 - 1e-6)) ** 2, (RADII[-1] * (1 + 1e-6)) ** 2
    least, most = square.min(axis=1, initial=high), square.max(axis=1, initial=low)
    rows = (least < low) | (most > high)
    if not rows.any():
        return []
    row = int(np.argmax(rows))
    radius = np.sqrt(max(least[row] if least[row] < low else most[row], 0.0))
    allowed = f"elliptical radii of {RADII[0]} to {RADII[-1]} r_sersic"
    return [Violation("x, y (radius / r_sersic)", rows, radius, allowed, False)]


def signatures(model, scalars):
    """Serve `polar` grids and the default 64 x 64 map: `map`, or many `maps` at a time.

    Parameters
    ----------
    model : keras.Model
        From scalars and x, y to {"vrms"}. For polar grids it needs the layers `coordinates`,
        `trunk`, `modes` (`zoo.nn.polar.PolarModes`), and `vrms`, which turns
        {"values": (batch, maps, positions), and the scalars} into velocities; a baseline that is
        another model serves maps only.
    scalars : sequence of str
        Inputs without an axis of their own.
    """
    import tensorflow as tf

    dtype = model.inputs[0].dtype
    specs = {name: tf.TensorSpec((None,), dtype) for name in scalars}
    centres = (np.arange(PIXELS) - (PIXELS - 1) / 2) * PIXEL
    y, x = (axis.ravel()[None] for axis in np.meshgrid(centres, centres, indexing="ij"))
    half = x.size // 2  # the map is point-symmetric: the lower half is enough

    def one_map(inputs):
        batch = tf.shape(inputs["n_sersic"])[0]
        at = {
            n: tf.repeat(tf.constant(v[:, :half], dtype), batch, 0)
            for n, v in {"x": x, "y": y}.items()
        }
        lower = model(inputs | at)["vrms"]
        vrms = tf.concat([lower, lower[:, ::-1]], axis=1)
        return {"vrms": tf.reshape(vrms, (batch, PIXELS, PIXELS))}

    def many_maps(inputs):
        batch = tf.shape(inputs["n_sersic"])[0]
        shape = (None, PIXELS, PIXELS)
        found = tf.TensorArray(dtype, -(-batch // SHARE), infer_shape=False, element_shape=shape)

        def share(start, found):
            part = {name: value[start : start + SHARE] for name, value in inputs.items()}
            return start + SHARE, found.write(start // SHARE, one_map(part)["vrms"])

        _, found = tf.while_loop(lambda start, _: start < batch, share, (0, found))
        return {"vrms": found.concat()}

    maps = {"map": (one_map, specs), "maps": (many_maps, specs)}
    if "modes" not in {layer.name for layer in model.layers}:
        return maps
    axes = {name: tf.TensorSpec((None, None), dtype) for name in POLAR}
    return maps | {"polar": (_polar(model, scalars), specs | axes)}


def _polar(model, scalars):
    import keras
    import tensorflow as tf

    intrinsic, modes, moment = (model.get_layer(n) for n in ("coordinates", "modes", "vrms"))
    amplitudes = keras.Model(intrinsic.output, model.get_layer("trunk").output)

    def polar(inputs):
        grid = {name: inputs[name] for name in POLAR}
        inputs = {name: inputs[name] for name in scalars}
        values = modes.on_grid({"amplitudes": amplitudes(intrinsic(inputs)), **grid})
        shape = tf.shape(values)
        flat = tf.reshape(values, (shape[0], modes.maps, shape[2] * shape[3]))
        vrms = moment(inputs | {"values": flat})
        return {"vrms": tf.reshape(vrms, (shape[0], shape[2], shape[3]))}

    return polar
