"""Fit the toy suites to half of the boxes of CAMELS, score them on the others, and draw both.

    ZOO_TEST_DATA=... python benchmarks/bench_toy_suites.py [--fit]

Only the spectra of redshift 0 belong to our boxes (see `toy_suites`). Fitted, on boxes of even
number: the occupation (log_mc, s, log_m1, alpha, fc, a_b) to the P(k) of the fiducial point, then
its shifts (k_sn and l_sn, k_s8, l_om) to d ln P / d ln (a_sn1, sigma_8, omega_m). Scored, on boxes
of odd number: P(k) and the responses at k = 1, 5, 18 h/Mpc, wavenumbers that no fit uses. `--fit`
fits again and prints what to write into `galaxies.SUITES`; without it the suites are scored as they
stand.

Responses are differences around the fiducial point: of CAMELS between values of a surface of second
order in ln theta through all boxes of a half, of ours between boxes of the same phases
(`toy_pairs`), or the same boxes for feedback. Slopes over all varied boxes of ours, beside those of
the hypercube, stand in the results too; the scatter between boxes leaves them large errors.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import toy_pairs
import toy_suites
from scipy.optimize import minimize

from zoo_datasets import building
from zoo_datasets.simulators.nbody import galaxies

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "toy_suites.json"
PLOT = ROOT / "docs" / "figures" / "toy_suites.png"
FIT_AT = np.array([0.6, 0.8, 1.4, 2.0, 3.5, 7.0, 10.0, 14.0, 20.0])
RESPOND_AT = np.array([2.0, 3.5, 7.0, 10.0, 14.0])
SCORE_AT = np.array([1.0, 5.0, 18.0])
Pairs = dict[str, tuple[toy_suites.Ours, ...]]  # boxes at the lower and the upper end
DRAW_AT = np.geomspace(0.5, 20, 16)
FIDUCIAL = np.array([0.3, 0.8, 1.0, 1.0, 1.0, 1.0])  # omega_m, sigma_8, feedback
LIMITS = {  # of what is fitted, and the function that gives the parameter
    "log_mc": (10.3, 11.8, float),
    "s": (0.1, 0.6, float),
    "log_m1": (11.5, 13.5, float),
    "alpha": (0.6, 1.3, float),
    "fc": (np.log(0.3), np.log(3), np.exp),
    "a_b": (-0.3, 0.1, float),
}
EVEN, ODD = slice(0, None, 2), slice(1, None, 2)  # boxes of the hypercube: fitted, scored
BOXES = 20  # of ours for the fit of P(k): the training split
FEEDBACK = (0.5, 2.0)  # between which the response to it is measured
ROUNDS = 3  # of solving for the responses, which are nearly linear in what is fitted
DRAWS = 2  # of the dice, when responses are measured


def surface(suite: str, at: np.ndarray, half: slice, theta: np.ndarray = FIDUCIAL) -> np.ndarray:
    """Ln P (k,) of CAMELS at a point: a surface of second order in ln theta through a half."""
    power, parameters = real(suite, at, half)
    x = np.log(np.stack([parameters[name] for name in toy_suites.NAMES], axis=1) / FIDUCIAL)
    fitted = np.linalg.lstsq(_monomials(x), np.log(power), rcond=None)[0]
    return np.asarray((_monomials(np.log(theta / FIDUCIAL)[None]) @ fitted)[0])


def _monomials(x: np.ndarray) -> np.ndarray:
    pairs = [x[:, i] * x[:, j] for i in range(x.shape[1]) for j in range(i + 1)]
    return np.column_stack([np.ones(len(x)), x, *pairs])


def real_responses(suite: str, at: np.ndarray, half: slice) -> np.ndarray:
    """Differences of ln P over those of ln (omega_m, sigma_8, a_sn1) (k, 3) of CAMELS."""
    out = []
    for number, (low, high) in enumerate((*toy_pairs.POINTS.values(), FEEDBACK)):
        ends = [FIDUCIAL.copy(), FIDUCIAL.copy()]
        ends[0][number], ends[1][number] = low, high
        change = surface(suite, at, half, ends[1]) - surface(suite, at, half, ends[0])
        out.append(change / np.log(high / low))
    return np.stack(out, axis=1)


def responses(
    suite: galaxies.Suite, boxes: toy_suites.Ours, pairs: Pairs, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same of ours, with the errors of means over phases."""
    mean, error = [], []
    for name, (low, high) in toy_pairs.POINTS.items():
        change = _log(suite, pairs[name][1], at) - _log(suite, pairs[name][0], at)
        mean.append(change.mean(axis=0) / np.log(high / low))
        error.append(change.std(axis=0) / np.sqrt(len(change) - 1) / np.log(high / low))
    weak, strong = (_log(suite.at(a), boxes, at) for a in FEEDBACK)
    mean.append((strong - weak).mean(axis=0) / np.log(FEEDBACK[1] / FEEDBACK[0]))
    scatter = (strong - weak).std(axis=0) / np.sqrt(len(weak) - 1)
    error.append(scatter / np.log(FEEDBACK[1] / FEEDBACK[0]))
    return np.stack(mean, axis=1), np.stack(error, axis=1)


def _log(suite: galaxies.Suite, boxes: toy_suites.Ours, at: np.ndarray) -> np.ndarray:
    """Mean ln P (boxes, k) over draws of the dice."""
    draws = [boxes.power(suite, at, seed)[0] for seed in range(DRAWS)]
    return np.asarray(np.mean(np.log(draws), axis=0))


def median_power(suite: str, at: np.ndarray) -> np.ndarray:
    """Median P(k) of all real boxes near the fiducial cosmology, whatever their feedback."""
    power, parameters = real(suite, at, slice(None))
    return np.median(power[toy_suites.near_fiducial(parameters)], axis=0)


def real(suite: str, at: np.ndarray, half: slice) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """P (boxes, k) of a half of the real boxes at wavenumbers, and their parameters."""
    k, power, parameters = toy_suites.real(suite)
    found = np.stack([np.exp(np.interp(at, k, np.log(row))) for row in power[half]])
    return found, {name: values[half] for name, values in parameters.items()}


def fit(name: str, boxes: toy_suites.Ours) -> galaxies.Suite:
    """The suite whose mean ln P(k) comes nearest to the real one."""
    start, true = galaxies.SUITES[name], surface(name, FIT_AT, EVEN)

    def suite(x: np.ndarray) -> galaxies.Suite:
        values = zip(LIMITS.items(), x, strict=True)
        return replace(start, **{key: float(f(value)) for (key, (_, _, f)), value in values})

    def loss(x: np.ndarray) -> float:
        trial = suite(x)
        limits = zip(x, LIMITS.values(), strict=True)
        over = [max(low - value, value - high, 0) for value, (low, high, _) in limits]
        if max(over) > 0:
            return 1 + sum(over)
        power, numbers = boxes.power(trial, FIT_AT, boxes=BOXES)
        if numbers.min() < 20:
            return 1.0
        return float(np.mean((np.log(power).mean(axis=0) - true) ** 2))

    now = asdict(start)
    first = np.array([np.log(now[n]) if f is np.exp else now[n] for n, (_, _, f) in LIMITS.items()])
    found = _least(loss, first, [0.1, 0.1, 0.15, -0.1, 0.3, -0.05])
    found = _least(loss, found.x, [-0.05, 0.05, 0.1, 0.05, -0.2, -0.05])  # out of a false minimum
    print(name, "rms of ln P", round(float(np.sqrt(found.fun)), 3), found.nfev, "evaluations")
    return suite(found.x)


def fit_responses(
    name: str, suite: galaxies.Suite, boxes: toy_suites.Ours, pairs: Pairs
) -> galaxies.Suite:
    """The shifts of the occupation that give the real responses to feedback and cosmology."""
    true, step = real_responses(name, RESPOND_AT, EVEN), 0.1
    lever = {}
    for key in ("log_mc", "log_m1"):
        ends = (replace(suite, **{key: getattr(suite, key) + s}) for s in (-step, step))
        low, high = (_log(end, boxes, RESPOND_AT).mean(axis=0) for end in ends)
        lever[key] = (high - low) / (2 * step)
    moved = {"l_om": 0, "k_s8": 1, "k_sn": 2, "l_sn": 2}  # to which response they belong
    for _ in range(ROUNDS):
        ours, error = responses(suite, boxes, pairs, RESPOND_AT)
        for parameter in range(3):
            names = [name for name, which in moved.items() if which == parameter]
            levers = [lever["log_mc" if name[0] == "k" else "log_m1"] for name in names]
            weight = 1 / error[:, parameter]
            wanted = weight * (true - ours)[:, parameter]
            change = np.linalg.lstsq(np.stack(levers, axis=1) * weight[:, None], wanted)[0]
            now = zip(names, change, strict=True)
            suite = replace(suite, **{name: getattr(suite, name) + float(c) for name, c in now})
    return suite


def _least(loss: Any, first: np.ndarray, step: list[float]) -> Any:
    simplex = first + np.vstack([np.zeros(len(first)), np.diag(step)])
    options = {"initial_simplex": simplex, "maxfev": 40 * len(first), "xatol": 0.01, "fatol": 1e-4}
    return minimize(loss, first, method="Nelder-Mead", options=options)


def score(
    name: str, suite: galaxies.Suite, boxes: toy_suites.Ours, pairs: Pairs, varied: Any
) -> dict[str, Any]:
    """Ratios of P(k), and responses beside the real ones."""
    out: dict[str, Any] = {"suite": asdict(suite), "k": SCORE_AT.tolist()}
    power, numbers = boxes.power(suite, SCORE_AT)
    ours = np.log(power)
    for label, half in (("fitted", EVEN), ("scored", ODD)):
        out[f"ratio_{label}"] = np.exp(ours.mean(axis=0) - surface(name, SCORE_AT, half)).tolist()
    out["ratio_median"] = (np.median(power, axis=0) / median_power(name, SCORE_AT)).tolist()
    out["error"] = (ours.std(axis=0) / np.sqrt(len(ours))).tolist()
    out["galaxies"] = float(np.mean(numbers))
    mean, error = responses(suite, boxes, pairs, SCORE_AT)
    out |= {"response": mean.tolist(), "response_error": error.tolist()}
    out["response_real"] = real_responses(name, SCORE_AT, ODD).tolist()
    if varied is not None:
        slopes, errors = toy_suites.responses(
            np.exp(_log(suite, varied, SCORE_AT)), varied.parameters
        )
        out |= {"slope": slopes.tolist(), "slope_error": errors.tolist()}
    out["slope_real"] = toy_suites.responses(*real(name, SCORE_AT, slice(None)))[0].tolist()
    return out


def draw(suites: dict[str, galaxies.Suite], boxes: toy_suites.Ours, pairs: Pairs) -> None:
    """P(k) of toys and of CAMELS with the scatter between boxes, their ratio, and responses."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        3, 2, figsize=(9, 8.5), sharex=True, height_ratios=(3, 1.2, 2.2), layout="constrained"
    )
    for (name, suite), (top, middle, bottom) in zip(suites.items(), axes.T, strict=True):
        k, power, parameters = toy_suites.real(name)
        spread = np.log(power[toy_suites.near_fiducial(parameters)]).std(axis=0)
        k, spread = k[::3], spread[::3]
        true, found = surface(name, k, slice(None)), _log(suite, boxes, k)
        ours = found.mean(axis=0)
        lines = (
            (true, spread, toy_suites.FILES[name], "C0"),
            (ours, found.std(axis=0), name, "C3"),
        )
        for mean, scatter, label, colour in lines:
            top.loglog(k, np.exp(mean), color=colour, label=label)
            top.fill_between(
                k, np.exp(mean - scatter), np.exp(mean + scatter), color=colour, alpha=0.15, lw=0
            )
        middle.semilogx(k, np.exp(ours - true), color="C3")
        slopes = real_responses(name, DRAW_AT, slice(None))
        mean, error = responses(suite, boxes, pairs, DRAW_AT)
        for number, label in enumerate(toy_suites.NAMES[:3]):
            colour, at = f"C{number}", DRAW_AT * 1.015 ** (number - 1)
            bottom.semilogx(DRAW_AT, slopes[:, number], color=colour, lw=1, label=label)
            bottom.errorbar(at, mean[:, number], error[:, number], fmt="o", ms=3, color=colour)
        top.set(title=f"{name} (toy, points) beside {toy_suites.FILES[name]}")
        top.legend(title="fiducial point, scatter of boxes", fontsize=8, title_fontsize=8)
        middle.axhspan(0.7, 1.3, color="0.93")
        middle.axhspan(0.9, 1.1, color="0.85")
        middle.axhline(1, color="k", lw=0.5)
        bottom.axhline(0, color="k", lw=0.5)
        bottom.legend(fontsize=7)
        middle.set(ylim=(0.5, 1.5))
        bottom.set(xlabel="k [h/Mpc]", ylim=(-2.2, 2.2))
    axes[0, 0].set(ylabel="P(k) [(Mpc/h)^3]")
    axes[1, 0].set(ylabel="toy / CAMELS")
    axes[2, 0].set(ylabel="d ln P / d ln parameter")
    figure.savefig(PLOT, dpi=100)
    plt.close(figure)


def main() -> None:
    """Fit if asked to, score, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true")
    fitted = parser.parse_args().fit
    boxes = toy_suites.Ours.cached(building.builder("dark_matter_galaxies/toy_tng").tasks())
    pairs = {
        name: tuple(toy_suites.Ours(list(end)) for end in zip(*found, strict=True))
        for name, found in toy_pairs.pairs().items()
    }
    try:
        tasks = building.builder("dark_matter_galaxies/toy_tng_varied").tasks()
        varied = toy_suites.Ours.cached(tasks)
    except SystemExit:
        varied = None
        print("slopes are left out: no box of toy_tng_varied has been simulated")
    results: dict[str, Any] = {"boxes": len(boxes.boxes)}
    results["phases"] = toy_pairs.PHASES
    results["varied"] = len(varied.boxes) if varied else 0
    suites = {}
    for name, suite in galaxies.SUITES.items():
        suites[name] = fit_responses(name, fit(name, boxes), boxes, pairs) if fitted else suite
        results[name] = score(name, suites[name], boxes, pairs, varied)
        for key, value in results[name].items():
            print(name, key, np.round(value, 2).tolist() if isinstance(value, list) else value)
    draw(suites, boxes, pairs)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
