"""The Sersic emulators on real photometry, beside exact JAM with the full MGE.

    python benchmarks/bench_jam_real.py

Each galaxy (`real_mges.py`) is isotropic, mass follows light, no black hole and no seeing; the map
is the default one, 64 x 64 pixels of 0.5 arcsec. Truth is `jam_cyl` with all Gaussians. Its best
single Sersic profile, fitted to ln(surface brightness) over the map, describes it to the emulators;
and to `jam_cyl` itself, which tells how much of the error is the description's. Without anisotropy
both alignments are the same model.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from real_mges import Mge, galaxies
from scipy.optimize import least_squares
from scipy.special import gammaincinv

import zoo
from zoo import registry
from zoo.errors import OutsideRangeWarning

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "jam_real.json"
FIGURE = HERE.parent / "docs" / "figures" / "jam_real.png"
PIXELS, PIXEL, TYPICAL = 64, 0.5, 150.0  # [arcsec], [km/s]
EMULATORS = ("jam_cyl_emulator", "jam_sph_emulator", "jam_photometry")
AXIS = (np.arange(PIXELS) - (PIXELS - 1) / 2) * PIXEL
X, Y = (grid.ravel() for grid in np.meshgrid(AXIS, AXIS))


def surface(mge: Mge) -> np.ndarray:
    """Surface brightness of the Gaussians on the map [Lsun/pc2]."""
    radius2 = X[:, None] ** 2 + (Y[:, None] / mge.qobs) ** 2
    return np.exp(-radius2 / (2 * mge.sigma**2)) @ mge.surf


def sersic(mge: Mge, ranges: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Best single Sersic profile within the emulators' ranges, and its rms in magnitudes."""
    target = np.log(surface(mge))
    cosi = np.cos(np.radians(mge.inclination))
    q_low = max(ranges["q_light"][0], cosi + 0.02)
    bounds = np.array([ranges["n_sersic"], np.log((4.0, 60.0)), (q_low, ranges["q_light"][1])]).T

    def residual(p: np.ndarray) -> np.ndarray:
        n, log_r, q = p
        shape = -gammaincinv(2 * n, 0.5) * (np.hypot(X, Y / q) / np.exp(log_r)) ** (1 / n)
        return shape - target - np.mean(shape - target)

    best = least_squares(residual, bounds.mean(axis=0), bounds=tuple(bounds))
    n, log_r, q = best.x
    b = gammaincinv(2 * n, 0.5)
    shape = -b * ((np.hypot(X, Y / q) / np.exp(log_r)) ** (1 / n) - 1)
    found = {"n_sersic": n, "r_sersic": np.exp(log_r), "q_light": q}
    found |= {"intensity_e": np.exp(np.mean(target - shape))}
    found |= {"rms_mag": 2.5 / np.log(10) * np.sqrt(np.mean(best.fun**2))}
    return {name: float(value) for name, value in found.items()}


def exact(model: Any, gaussians: tuple[Any, ...], mge: Mge) -> np.ndarray:
    """Vrms of `jam_cyl` [km/s] where mass follows light, M/L of 1."""
    surf, sigma, qobs = gaussians
    inputs = {"surf_lum": surf, "sigma_lum": sigma, "qobs_lum": qobs}
    inputs |= {"surf_pot": surf, "sigma_pot": sigma, "qobs_pot": qobs}
    inputs |= {"inc": mge.inclination, "mbh": 0.0, "beta": 0.0, "distance": mge.distance}
    return np.asarray(model.predict(inputs | {"xbin": X, "ybin": Y})["vrms"])


def described(name: str, fit: dict[str, float], mge: Mge) -> dict[str, Any]:
    """The galaxy as an emulator is asked for it."""
    card = zoo.load_model(name).card
    given: dict[str, Any] = dict(fit) | {"q_mass": fit["q_light"], "beta_z": 0.0, "beta": 0.0}
    given |= {"inclination": mge.inclination, "position_angle": 0.0}
    given |= {"ml": 1.0, "distance": mge.distance}
    given["photometry"] = (surface(mge) / fit["intensity_e"]).reshape(PIXELS, PIXELS)
    return {key: value for key, value in given.items() if key in card.inputs}


def judge(name: str, mge: Mge) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Errors of every emulator on one galaxy, and the maps [km/s]."""
    from zoo_datasets.simulators import sersic as profiles

    jam = zoo.load_model("jam_cyl")
    ranges = {k: f.range for k, f in zoo.load_model(EMULATORS[0]).card.inputs.items()}
    fit = sersic(mge, ranges)
    maps = {"jam_cyl, full MGE": exact(jam, (mge.surf, mge.sigma, mge.qobs), mge)}
    peaks, sigma = profiles.mge(fit["n_sersic"])
    q = np.full(len(sigma), fit["q_light"])
    gaussians = (peaks * fit["intensity_e"], sigma * fit["r_sersic"], q)
    maps["jam_cyl, Sersic"] = exact(jam, gaussians, mge)
    flagged = {}
    for emulator in EMULATORS:
        if emulator not in zoo.list_models() or not registry.versions(emulator):
            print(f"SKIPPED: {emulator} has no release here")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutsideRangeWarning)
            found = zoo.load_model(emulator).predict(described(emulator, fit, mge))
        maps[emulator] = np.ravel(found["vrms"])
        flagged[emulator] = not bool(found.in_domain)
    light, truth = surface(mge), maps["jam_cyl, full MGE"]
    scale = np.sqrt(mge.ml) if mge.ml else TYPICAL / np.sqrt(np.average(truth**2, weights=light))
    maps = {key: scale * value for key, value in maps.items()}
    truth = maps["jam_cyl, full MGE"]
    rows = {}
    for key, value in maps.items():
        if key == "jam_cyl, full MGE":
            continue
        error = value - truth
        rows[key] = {
            "rms_km_s": float(np.sqrt(np.mean(error**2))),
            # With the M/L that suits each model best, as a fit to data would have it.
            "rms_free_ml_km_s": float(
                np.sqrt(np.mean((value * _amplitude(value, truth) - truth) ** 2))
            ),
            "max_km_s": float(np.max(np.abs(error))),
            "mean_per_cent": float(100 * np.mean(np.abs(error / truth))),
            "flagged": flagged.get(key, False),
        }
        shown = "  flagged" if rows[key]["flagged"] else ""
        print(
            f"{name:<10} {key:<18} rms {rows[key]['rms_km_s']:5.1f}, M/L free "
            f"{rows[key]['rms_free_ml_km_s']:5.1f} km/s{shown}"
        )
    facts = {"sersic": fit, "source": mge.source, "vrms_mean_km_s": float(truth.mean())}
    return facts | {"ml": mge.ml, "models": rows}, maps


def _amplitude(model: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sum(model * truth) / np.sum(model**2))


def draw(maps: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    """Truth and residual maps of every galaxy."""
    from matplotlib.figure import Figure

    from zoo.plots import velocity_map

    keys = list(next(iter(maps.values())))
    figure = Figure(figsize=(3.6 * len(keys), 3.2 * len(maps)), layout="constrained")
    panels = figure.subplots(len(maps), len(keys), squeeze=False)
    half = PIXELS * PIXEL / 2
    extent = (-half, half, -half, half)
    for row, (name, found) in zip(panels, maps.items(), strict=True):
        truth = found[keys[0]].reshape(PIXELS, PIXELS)
        velocity_map(row[0], truth, extent)
        row[0].set_title(f"{name}: {keys[0]}")
        for axes, key in zip(row[1:], keys[1:], strict=True):
            error = found[key].reshape(PIXELS, PIXELS) - truth
            limits = (-20.0, 20.0)
            label = r"model $-$ full MGE  [km s$^{-1}$]"
            velocity_map(axes, error, extent, limits=limits, residual=True, label=label)
            axes.set_title(f"{key}: rms {np.sqrt(np.mean(error**2)):.1f} km/s")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=70)


def main() -> None:
    """Judge every galaxy, print, write the results and the figure."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    results, maps = {}, {}
    for name, mge in galaxies().items():
        results[name], maps[name] = judge(name, mge)
    draw(maps, FIGURE)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
