"""The demonstration behind `make demo`: a real galaxy, its numbers and a figure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from astropy import units as u

from zoo.quiet import import_tensorflow


def run(folder: Path, say: Callable[[str], object] = print) -> Path:
    """Predict the second-moment map of M32 and draw it.

    Parameters
    ----------
    folder : Path
        Where the figure is written.
    say : callable
        Gets each line of the report.

    Returns
    -------
    Path
        The figure.
    """
    with _step("importing TensorFlow", say):
        import_tensorflow()
    from matplotlib.figure import Figure

    from zoo import plots
    from zoo.model import load_model
    from zoo.models.jam import jam_cyl

    with _step("loading jam_cyl", say):
        model = load_model("jam_cyl")
    side, pixel = 81, 0.5
    axis = (np.arange(side) - side // 2) * pixel
    x, y = (grid.ravel() * u.arcsec for grid in np.meshgrid(axis, axis))
    inputs = jam_cyl.example() | {"xbin": x, "ybin": y}
    with _step(f"predicting {side} x {side} pixels (first call)", say):
        prediction = model.predict(inputs)
    with _step(f"predicting {side} x {side} pixels again", say):
        prediction = model.predict(inputs)
    vrms = prediction["vrms"].reshape(side, side)
    light = prediction["surface_brightness"].reshape(side, side)

    say("")
    say("M32 (MGE: Cappellari et al. 2006, Table B1; inclination, M/L and black hole: Verolme")
    say("et al. 2002; isotropic), seen in 0.5 arcsec pixels and a seeing of 0.9 arcsec:")
    centre = side // 2
    for name, row in (("major", vrms[centre]), ("minor", vrms[:, centre])):
        for radius in (0, 2, 10, 20):
            value = row[centre + round(radius / pixel)]
            say(f"  Vrms at {radius * u.arcsec:>12} on the {name} axis: {value:.1f}")
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    half = side * pixel / 2
    axes = plots.velocity_map(
        figure.subplots(), vrms.value, (-half, half, -half, half), light=light.value
    )
    axes.set_title("M32, jam_cyl (contours: light, 0.5 mag apart)")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "m32_vrms.png"
    figure.savefig(path, dpi=150)
    say(f"Figure: {path}")
    return path


@contextmanager
def _step(name: str, say: Callable[[str], object]) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    say(f"{name}: {time.perf_counter() - begin:.3f} s")
