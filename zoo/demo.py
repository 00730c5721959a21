"""The demonstration behind `make demo`: a real galaxy and a mock one, numbers and figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from astropy import units as u

from zoo.quiet import import_tensorflow


def run(folder: Path, say: Callable[[str], object] = print) -> list[Path]:
    """Predict M32 with the exact model and a Sersic galaxy with its emulator, and draw both.

    Parameters
    ----------
    folder : Path
        Where the figure is written.
    say : callable
        Gets each line of the report.

    Returns
    -------
    list of Path
        The figures.
    """
    with _step("importing TensorFlow", say):
        import_tensorflow()
    folder.mkdir(parents=True, exist_ok=True)
    return [m32(folder, say), sersic(folder, say)]


def m32(folder: Path, say: Callable[[str], object]) -> Path:
    """Predict the map of M32."""
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
    path = folder / "m32_vrms.png"
    figure.savefig(path, dpi=150)
    say(f"Figure: {path}")
    return path


def sersic(folder: Path, say: Callable[[str], object]) -> Path:
    """Predict a mock Sersic galaxy with the emulator, beside the exact model of the same galaxy."""
    from importlib import import_module

    from matplotlib.figure import Figure

    from zoo import plots
    from zoo.model import load_model
    from zoo.models.jam import jam_cyl_emulator, sersic_domain

    # The exact model needs the galaxy's Gaussians, which the simulator of the mocks knows.
    simulator = import_module("zoo_datasets.simulators.sersic_mock")
    galaxy = jam_cyl_emulator.example()
    say("")
    with _step("loading jam_cyl_emulator", say):
        model = load_model("jam_cyl_emulator")
    model.predict(galaxy)
    with _step("predicting a Sersic galaxy, 64 x 64 pixels", say):
        vrms = model.predict(galaxy)["vrms"]
    lum_pot = ("surf_lum", "sigma_lum", "qobs_lum", "surf_pot", "sigma_pot", "qobs_pot")
    x, y = simulator.map_positions(galaxy["position_angle"])
    exact = (
        load_model("jam_cyl")
        .predict(
            dict(zip(lum_pot, simulator.mges(galaxy), strict=True))
            | {
                "inc": galaxy["inclination"],
                "beta": galaxy["beta_z"],
                "distance": galaxy["distance"],
            }
            | {"xbin": x.ravel(), "ybin": y.ravel()}
        )["vrms"]
        .reshape(vrms.shape)
    )
    error = vrms / exact - 1
    say(f"A mock (n = 3, 70 deg): {vrms.min():.1f} to {vrms.max():.1f} km / s; emulator against")
    say(f"exact: mean {np.abs(error).mean():.1e}, largest {np.abs(error).max():.1e}")
    half = sersic_domain.PIXELS * sersic_domain.PIXEL / 2
    extent = (-half, half, -half, half)
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    plots.velocity_map(left, vrms, extent).set_title("a mock Sersic galaxy, jam_cyl_emulator")
    width = 1e6 * float(np.abs(error).max())
    label, limits = r"emulator / exact $-$ 1  [$10^{-6}$]", (-width, width)
    plots.velocity_map(right, 1e6 * error, extent, residual=True, limits=limits, label=label)
    right.set_title("against jam_cyl")
    path = folder / "sersic_vrms.png"
    figure.savefig(path, dpi=150)
    say(f"Figure: {path}")
    return path


@contextmanager
def _step(name: str, say: Callable[[str], object]) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    say(f"{name}: {time.perf_counter() - begin:.3f} s")
