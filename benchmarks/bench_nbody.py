"""COLA against theory: power spectrum in big boxes, halo mass function, response to steps, cost.

    python benchmarks/bench_nbody.py [--quick] [--big] [--only power|mass_function|cost]

Theory: HMcode-2020 (Mead et al. 2021) through CAMB for P(k), in boxes whose initial modes have one
amplitude each, so that few seeds do; Watson et al. (2013) through colossus for the mass
function of friends-of-friends haloes. The box of CAMELS itself, 25 Mpc/h, has no waves beyond its
side, so its P(k) is below theory's by design and only its haloes are compared. `--big` also times
256^3 particles; times are CPU seconds, on all cores of the process.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from zoo.evaluation.fields import power_spectrum
from zoo_datasets import building, chunks
from zoo_datasets.simulators.nbody import cola, haloes, mesh
from zoo_datasets.simulators.nbody.cosmology import Cosmology

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "nbody.json"
PLOT = ROOT / "docs" / "figures" / "nbody.png"
FIDUCIAL = Cosmology()
K = np.array([0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7])
EDGES = np.append(K * 0.84, K[-1] * 1.19)
BOXES = ((6, 100.0, 64, 20), (5, 200.0, 128, 20))  # seeds, side, particles along it, steps
DATASETS = ("dark_matter_galaxies/toy_tng", "dark_matter_galaxies/toy_tng_all")
MASS = np.arange(10.5, 12.76, 0.25)


def theory(k: np.ndarray) -> np.ndarray:
    """Non-linear P(k) [(Mpc/h)^3] of HMcode-2020."""
    import camb

    c = FIDUCIAL
    h2 = c.h**2
    settings = camb.CAMBparams()
    settings.set_cosmology(
        H0=100 * c.h, ombh2=c.omega_b * h2, omch2=(c.omega_m - c.omega_b) * h2, mnu=0
    )
    settings.InitPower.set_params(ns=c.n_s, As=2e-9)
    settings.set_matter_power(redshifts=[0.0], kmax=20)
    first = camb.get_results(settings).get_sigma8_0()
    settings.InitPower.set_params(ns=c.n_s, As=2e-9 * (c.sigma_8 / first) ** 2)
    settings.NonLinear = camb.model.NonLinear_both
    settings.NonLinearModel.set_params(halofit_version="mead2020")
    found = camb.get_results(settings).get_matter_power_interpolator(nonlinear=True)
    return np.asarray(found.P(0.0, k))


def big_boxes(seeds: int, size: float, particles: int, steps: int) -> dict[str, Any]:
    """Mean ratio of P(k) to theory over boxes, and its scatter."""
    rows = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        box = cola.run(FIDUCIAL, size, particles, rng, steps=steps, fixed=True)
        cells = 2 * particles
        field = mesh.assign(box.position * np.float32(cells / size), cells)
        found = power_spectrum(field, size, edges=EDGES, window=2)
        rows.append(found.power / theory(found.k))
        k = found.k
    ratio = np.array(rows)
    print(f"P(k) / theory, {size:g} Mpc/h, {particles}^3, {seeds} seeds:")
    print("  k    ", np.round(k, 2), "\n  ratio", np.round(ratio.mean(axis=0), 3))
    spread = ratio.std(axis=0) / np.sqrt(seeds)
    facts = {"box_size": size, "particles": particles, "steps": steps, "seeds": seeds}
    return facts | {"k": k.tolist(), "ratio": ratio.mean(axis=0).tolist(), "error": spread.tolist()}


def mass_function(dataset: str) -> dict[str, Any]:
    """N(> M) over that of Watson et al. (2013), from the boxes of 25 Mpc/h behind a dataset."""
    from colossus.cosmology import cosmology
    from colossus.lss import mass_function as functions

    made = building.builder(dataset)
    boxes = [box["halo_mass"] for task in made.tasks() for _, box in chunks.read(task)]
    counts = [[(mass > 10**m).sum() for m in MASS] for mass in boxes]
    cosmology.setCurrent(FIDUCIAL.colossus)
    m = np.geomspace(10 ** MASS[0], 1e15, 400)
    density = functions.massFunction(m, 0.0, mdef="fof", model="watson13", q_out="dndlnM")
    pieces = (density[1:] + density[:-1]) / 2 * np.diff(np.log(m))
    total = np.append(np.cumsum(pieces[::-1])[::-1], 0)
    expected = np.interp(MASS, np.log10(m), total) * 25.0**3
    mean = np.mean(counts, axis=0)
    error = np.std(counts, axis=0) / np.sqrt(len(counts))
    particles = made.builder_config.particles
    print(f"N(>M) / Watson13, {particles}^3, {len(counts)} boxes:", np.round(mean / expected, 2))
    return {
        "particles": particles,
        "seeds": len(counts),
        "log_mass": MASS.tolist(),
        "ratio": (mean / expected).tolist(),
        "error": (error / expected).tolist(),
    }


def cost(particles: int) -> dict[str, float]:
    """Wall and CPU seconds of one box with haloes, and the peak memory of this process."""
    begin = time.perf_counter(), time.process_time()
    box = cola.run(FIDUCIAL, 25.0, particles, np.random.default_rng(0), steps=20)
    haloes.find(box)
    spent = time.perf_counter() - begin[0], time.process_time() - begin[1]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{particles}^3, 20 steps: {spent[0]:.0f} s, {spent[1]:.0f} CPU s, {memory:.1f} GB")
    return {"wall_s": spent[0], "cpu_s": spent[1], "peak_gb": memory}


def draw(results: dict[str, Any]) -> None:
    """Ratios to theory."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for row in results["power"]:
        label = f"{row['box_size']:g} Mpc/h, {row['particles']}^3, {row['seeds']} seeds"
        left.errorbar(row["k"], row["ratio"], row["error"], fmt="o-", ms=3, label=label)
    left.axhspan(0.9, 1.1, color="0.9")
    left.set(xscale="log", xlabel="k [h/Mpc]", ylabel="P(k) / HMcode", ylim=(0.6, 1.4))
    left.set_xticks([0.05, 0.1, 0.2, 0.5], ["0.05", "0.1", "0.2", "0.5"])
    left.set_xticks([], minor=True)
    left.legend(fontsize=7)
    for row in results["mass_function"]:
        label = f"25 Mpc/h, {row['particles']}^3, {row['seeds']} boxes"
        right.errorbar(row["log_mass"], row["ratio"], row["error"], fmt="o-", ms=3, label=label)
    right.legend(fontsize=7)
    right.axhspan(0.8, 1.2, color="0.9")
    right.set(xlabel="log M [Msun/h]", ylabel="N(> M) / Watson et al. (2013)", ylim=(0.4, 1.6))
    figure.savefig(PLOT, dpi=100)
    plt.close(figure)


def main() -> None:
    """Measure, print, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few, small boxes; nothing is written")
    parser.add_argument("--big", action="store_true", help="256^3 particles too")
    parser.add_argument("--only", choices=("power", "mass_function", "cost"), help="the rest stays")
    options = parser.parse_args()
    new = measured(options)
    if not options.quick:
        old = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        costs = old.get("cost", {}) | new.get("cost", {})
        RESULTS.write_text(json.dumps(old | new | {"cost": costs}, indent=1) + "\n")
        if {"power", "mass_function"} <= set(old | new):
            draw(old | new)


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """What is asked for."""
    new: dict[str, Any] = {}
    if options.only in (None, "power"):
        boxes = ((2, 100.0, 32, 10),) if options.quick else BOXES
        new["power"] = [big_boxes(*box) for box in boxes]
    if options.only in (None, "mass_function"):
        datasets = DATASETS[: 1 if options.quick else 2]
        new["mass_function"] = [mass_function(dataset) for dataset in datasets]
    if options.only in (None, "cost"):
        sizes = [64] if options.quick else [128]
        new["cost"] = {f"{n}^3": cost(n) for n in sizes + [256] * options.big}
    return new


if __name__ == "__main__":
    main()
