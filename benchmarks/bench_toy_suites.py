"""Fit the toy suites to CAMELS at one cut, score them at another, and draw both.

    ZOO_TEST_DATA=... python benchmarks/bench_toy_suites.py [--fit]

Fitted: the occupation (log_mc, m1, alpha, fc) to the median P(k) of the real boxes near the
fiducial cosmology, galaxies of more than 10 star particles, and the response to A_SN1 (k_sn).
Scored: P(k) and d ln P / d ln (omega_m, sigma_8, a_sn1) at 33 star particles and k = 1, 5, 18
h/Mpc, which the fit has not seen. `--fit` fits again and prints what to write into
`galaxies.SUITES`; without it the suites are scored as they stand.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import toy_suites
from scipy.optimize import minimize

from zoo_datasets import building
from zoo_datasets.simulators.nbody import galaxies

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "toy_suites.json"
PLOT = ROOT / "docs" / "figures" / "toy_suites.png"
FITTED, SCORED = 10, 33  # star particles
FIT_AT = np.array([0.6, 1.0, 2.0, 3.5, 5.0, 7.0, 10.0, 14.0, 18.0])
SCORE_AT = np.array([1.0, 5.0, 18.0])
BOXES = 12  # of the training split, for the fit
FREE = ("log_mc", "m1", "alpha", "fc")


def medians(suite: str, cut: int, at: np.ndarray) -> np.ndarray:
    """Median P(k) of the real boxes near the fiducial cosmology."""
    k, power, parameters = toy_suites.real(suite, cut)
    chosen = np.median(power[toy_suites.near_fiducial(parameters)], axis=0)
    return np.exp(np.interp(at, k, np.log(chosen)))


def fit(name: str, boxes: toy_suites.Ours) -> galaxies.Suite:
    """The suite whose median P(k) comes nearest to the real one."""
    start, true = galaxies.SUITES[name], np.log(medians(name, FITTED, FIT_AT))

    def suite(x: np.ndarray) -> galaxies.Suite:
        return replace(start, log_mc=x[0], m1=np.exp(x[1]), alpha=x[2], fc=np.exp(x[3]))

    def loss(x: np.ndarray) -> float:
        power, numbers = boxes.power(suite(x), FIT_AT, boxes=BOXES)
        if numbers.min() < 20:
            return 1e3
        beyond = max(0, 0.6 - x[2]) + max(0, x[2] - 1.3) + max(0, abs(x[3]) - 1.2)
        return float(np.mean((np.log(np.median(power, axis=0)) - true) ** 2) + beyond)

    first = np.array([start.log_mc, np.log(start.m1), start.alpha, np.log(start.fc)])
    simplex = first + np.vstack([np.zeros(4), np.diag([0.15, 0.4, 0.1, 0.4])])
    options = {"initial_simplex": simplex, "maxfev": 120, "xatol": 0.01, "fatol": 1e-4}
    found = minimize(loss, first, method="Nelder-Mead", options=options)
    print(name, "rms of ln P", round(float(np.sqrt(found.fun)), 3), found.nfev, "evaluations")
    return suite(found.x)


def score(name: str, suite: galaxies.Suite, fiducial: Any, varied: Any | None) -> dict[str, Any]:
    """Ratios of P(k), and responses beside the real ones."""
    out: dict[str, Any] = {"suite": asdict(suite), "k": SCORE_AT.tolist()}
    for cut in (FITTED, SCORED):
        power, numbers = fiducial.power(suite.selected(cut), SCORE_AT)
        true = medians(name, cut, SCORE_AT)
        out[f"ratio_{cut}"] = (np.median(power, axis=0) / true).tolist()
        out[f"galaxies_{cut}"] = float(np.mean(numbers))
    if varied is None:
        return out
    for cut in (FITTED, SCORED):
        k, power, parameters = toy_suites.real(name, cut)
        at = np.stack([np.exp(np.interp(SCORE_AT, k, np.log(row))) for row in power])
        ours, _ = varied.power(suite.selected(cut), SCORE_AT)
        out[f"response_{cut}"] = toy_suites.responses(ours, varied.parameters).tolist()
        out[f"response_real_{cut}"] = toy_suites.responses(at, parameters).tolist()
    return out


def draw(suites: dict[str, galaxies.Suite], boxes: toy_suites.Ours) -> None:
    """P(k) of toys and of CAMELS with the scatter between boxes, and their ratio."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        2, 2, figsize=(9, 6), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    for column, (name, suite) in enumerate(suites.items()):
        for cut, colour in ((FITTED, "C0"), (SCORED, "C3")):
            k, power, parameters = toy_suites.real(name, cut)
            near = power[toy_suites.near_fiducial(parameters)]
            low, mid, high = np.quantile(near, (0.16, 0.5, 0.84), axis=0)
            ours, _ = boxes.power(suite.selected(cut), k)
            a, b, c = np.quantile(ours, (0.16, 0.5, 0.84), axis=0)
            top, bottom = axes[:, column]
            top.fill_between(k, low, high, color=colour, alpha=0.2)
            top.loglog(k, mid, color=colour, label=f"CAMELS, > {cut} star particles")
            top.loglog(k, b, color=colour, ls="--", label=f"{name} (toy), {cut}")
            top.fill_between(k, a, c, facecolor="none", edgecolor=colour, ls=":")
            bottom.semilogx(k, b / mid, color=colour, ls="--")
        top.set(title=f"{name} beside {toy_suites.FILES[name]}", ylabel="P(k) [(Mpc/h)^3]")
        top.legend(fontsize=7)
        bottom.axhspan(0.7, 1.3, color="0.9")
        bottom.axhline(1, color="k", lw=0.5)
        bottom.set(xlabel="k [h/Mpc]", ylabel="toy / CAMELS", ylim=(0.4, 1.8))
    figure.savefig(PLOT, dpi=110)
    plt.close(figure)


def main() -> None:
    """Fit if asked to, score, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true")
    fitted = parser.parse_args().fit
    fiducial = toy_suites.Ours(building.builder("dark_matter_galaxies/toy_tng").tasks())
    try:
        varied = toy_suites.Ours(building.builder("dark_matter_galaxies/toy_tng_varied").tasks())
    except SystemExit:
        varied = None
        print("responses are left out: no box of toy_tng_varied has been simulated")
    results: dict[str, Any] = {"boxes": len(fiducial.boxes)}
    results["varied"] = len(varied.boxes) if varied else 0
    suites = {}
    for name, suite in galaxies.SUITES.items():
        suites[name] = fit(name, fiducial) if fitted else suite
        results[name] = score(name, suites[name], fiducial, varied)
        for key, value in results[name].items():
            print(name, key, np.round(value, 3).tolist() if isinstance(value, list) else value)
    draw(suites, fiducial)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
