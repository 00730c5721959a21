"""`nebula_flow` against exact posteriors.

    python benchmarks/bench_nebula_flow.py [--objects 500] [--release FOLDER] [--exact FILE]

Needs `nebula_lines/cloudy_hii`. Test objects, of which every fifth lacks lines, get 2,000 draws
from the exact posterior (`nebula_posterior.py`) and as many from the flow: a classifier that tells
them apart (C2ST: 0.5 is perfect), means and widths compared; coverage of both. On the whole test
split: coverage, TARP and NLL of the flow. Time of 1,000 draws. Corner plots of two objects. Exact
draws are kept in --exact, where a killed run continues and another flow finds them.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nebula_posterior as posterior
import numpy as np

import zoo
from zoo import splits
from zoo.evaluation import calibration, tarp
from zoo.evaluation.two_sample import c2st
from zoo_datasets.simulators.nebulae import grids

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "nebula_flow.json"
FIGURE = ROOT / "docs" / "figures" / "nebula_flow_corner.png"
INPUTS = ("line", "flux", "flux_error", "is_limit")
DRAWS = 2000
TOLD_APART = 1000  # draws that the classifier sees of either
TIMED = 1000
SOUND = 250  # effective size from which an exact sample can tell
CALIBRATED = 2000  # objects of TARP
ABSENT = 0.3  # probability of a line to be left out of every fifth object


def lines(data: dict[str, Any], row: int) -> dict[str, np.ndarray]:
    """The lines of one object; every fifth lacks some, but never H alpha."""
    one = {n: np.asarray(data[n][row], float) for n in INPUTS}
    if row % 5 == 4:
        keep = np.random.default_rng(row).random(len(one["line"])) > ABSENT
        keep |= np.abs(one["line"] - 6562.8) < 1
        one = {n: v[keep] for n, v in one.items()}
    return one


def truth_of(grid: Any, data: dict[str, Any], one: dict[str, np.ndarray], row: int) -> Any:
    """Exact posterior of one object."""
    every = np.asarray(data["line"][row], float)
    where = np.searchsorted(every, one["line"])
    flux, measured, limit = np.zeros(len(every)), *np.zeros((2, len(every)), bool)
    flux[where] = one["flux"] / one["flux_error"]
    measured[where], limit[where] = one["is_limit"] == 0, one["is_limit"] > 0
    return posterior.exact(grid, flux, measured, limit, DRAWS, row)


def exact_of(
    grid: Any, data: dict[str, Any], given: list[dict[str, np.ndarray]], path: Path | None
) -> list[posterior.Exact]:
    """Exact posteriors of the objects, those in a file not computed again."""
    found: list[posterior.Exact] = []
    if path is not None and path.is_file():
        with np.load(path) as kept:
            pairs = zip(kept["draws"], kept["effective"], strict=True)
            found = [posterior.Exact(draws, float(size)) for draws, size in pairs][: len(given)]
    for row in range(len(found), len(given)):
        found.append(truth_of(grid, data, given[row], row))
        if path is not None and (row % 50 == 49 or row == len(given) - 1):
            draws = np.stack([one.draws for one in found]).astype(np.float32)
            np.savez(path, draws=draws, effective=[one.effective for one in found])
    return found


def graded(
    model: Any, grid: Any, data: dict[str, Any], objects: int, path: Path | None = None
) -> tuple[Any, Any]:
    """Comparison of every object, and the draws of the first."""
    table: dict[str, list[Any]] = {n: [] for n in ("c2st", "effective", "shift", "width")}
    inside = {"exact": [], "flow": []}
    kept = []
    given = [lines(data, row) for row in range(objects)]
    drawn = model.sample({n: [one[n] for one in given] for n in INPUTS}, DRAWS, seed=1)
    for row, exact in enumerate(exact_of(grid, data, given, path)):
        flow = np.stack([np.asarray(drawn[n][row], float) for n in posterior.NAMES], axis=1)
        true = np.array([data[n][row] for n in posterior.NAMES], float)
        table["c2st"].append(
            c2st(exact.draws, flow, TOLD_APART, permutations=1, seed=row).statistic
        )
        table["effective"].append(exact.effective)
        std = exact.draws.std(axis=0)
        table["shift"].append((flow.mean(axis=0) - exact.draws.mean(axis=0)) / std)
        table["width"].append(flow.std(axis=0) / std)
        for name, draws in (("exact", exact.draws), ("flow", flow)):
            low, high = np.quantile(draws, (0.16, 0.84), axis=0)
            inside[name].append((low <= true) & (true <= high))
        if row in (0, 4):
            kept.append((exact.draws, flow, true))
    score = np.array(table["c2st"])
    whole = np.arange(objects) % 5 != 4
    sound = np.array(table["effective"]) >= SOUND
    out = {
        "objects": objects,
        "c2st_mean": float(score.mean()),
        "c2st_mean_all_lines": float(score[whole].mean()),
        "c2st_mean_lines_absent": float(score[~whole].mean()),
        "c2st_90": float(np.quantile(score, 0.9)),
        "effective_least": float(np.min(table["effective"])),
        "sound": int(sound.sum()),
        "c2st_mean_sound": float(score[sound].mean()),
        "shift_rms": dict(zip(posterior.NAMES, _rms(table["shift"]), strict=True)),
        "width_median": dict(
            zip(posterior.NAMES, np.median(table["width"], axis=0).tolist(), strict=True)
        ),
    }
    for name, values in inside.items():
        share = np.mean(values, axis=0).tolist()
        out[f"coverage_68_{name}"] = dict(zip(posterior.NAMES, share, strict=True))
    return out, kept


def _rms(values: list[np.ndarray]) -> list[float]:
    return np.sqrt(np.mean(np.square(values), axis=0)).tolist()


def whole_split(model: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Coverage, TARP and NLL of the flow on the test split."""
    given = {n: np.asarray(data[n]) for n in INPUTS}
    found = model.predict(given)
    out: dict[str, Any] = {"objects": len(given["line"])}
    for name in posterior.NAMES:
        q, true = np.asarray(found[f"{name}_quantiles"]), np.asarray(data[name])
        out[f"coverage_68_{name}"] = float(np.mean((q[:, 1] <= true) & (true <= q[:, 3])))
        out[f"coverage_95_{name}"] = float(np.mean((q[:, 0] <= true) & (true <= q[:, 4])))
    theta = np.stack([np.asarray(data[n], float) for n in posterior.NAMES], axis=1)
    density = model.log_prob(given, {n: np.asarray(data[n]) for n in posterior.NAMES})
    out["nll"] = float(-np.mean(density))
    few = {n: v[:CALIBRATED] for n, v in given.items()}
    drawn = model.sample(few, 300, seed=2)
    draws = np.stack([np.asarray(drawn[n], float) for n in posterior.NAMES], axis=2)
    out["tarp_largest_deviation"] = tarp.expected_coverage(draws, theta[:CALIBRATED]).max_deviation
    ranks = calibration.pit(draws, theta[:CALIBRATED])
    for i, name in enumerate(posterior.NAMES):
        out[f"pit_mean_{name}"] = float(ranks[:, i].mean())
    return out


def timed(model: Any, data: dict[str, Any]) -> dict[str, float]:
    """Seconds of 1,000 draws, of one object and of 1,000."""
    out = {}
    for count in (1, TIMED):
        given = {n: np.asarray(data[n][:count]) for n in INPUTS}
        model.sample(given, TIMED, seed=3)
        begin = time.perf_counter()
        model.sample(given, TIMED, seed=4)
        out[f"objects_{count}_s"] = round(time.perf_counter() - begin, 4)
    return out


def corner(kept: list[Any]) -> None:
    """Draws of the flow over those of the exact posterior, and the truth."""
    size = len(posterior.NAMES)
    figure, axes = plt.subplots(size, size * len(kept), figsize=(8 * len(kept), 8))
    for k, (exact, flow, true) in enumerate(kept):
        for i in range(size):
            for j in range(size):
                axis = axes[i, k * size + j]
                axis.tick_params(labelsize=6)
                if j > i:
                    axis.axis("off")
                    continue
                for draws, colour in ((exact, "C0"), (flow, "C1")):
                    if i == j:
                        axis.hist(draws[:, i], 40, histtype="step", color=colour, density=True)
                        axis.set_yticks([])
                    else:
                        axis.plot(draws[:, j], draws[:, i], ".", ms=1, alpha=0.4, color=colour)
                axis.axvline(true[j], color="k", lw=0.7)
                if i != j:
                    axis.axhline(true[i], color="k", lw=0.7)
                if i == size - 1:
                    axis.set_xlabel(posterior.NAMES[j])
                if j == 0 and i:
                    axis.set_ylabel(posterior.NAMES[i])
    figure.suptitle("exact (blue) and nebula_flow (orange): all lines; lines absent")
    figure.tight_layout()
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, dpi=80)


def main() -> None:
    """Measure, and write results and picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--release", type=Path, help="a release folder in place of the package's")
    parser.add_argument("--exact", type=Path, help="npz file of exact draws")
    arguments = parser.parse_args()
    model = zoo.load_model(arguments.release or "nebula_flow")
    data = splits.split("nebula_lines/cloudy_hii", "test")
    root = os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    grid = grids.cloudy(str(Path(root).expanduser() / "downloads" / "manual"), "hii")
    result, kept = graded(model, grid, data, arguments.objects, arguments.exact)
    corner(kept)
    body = {"against_exact": result, "test_split": whole_split(model, data)}
    body["thousand_draws"] = timed(model, data)
    RESULTS.write_text(json.dumps(body, indent=1) + "\n")
    print(json.dumps(body, indent=1))


if __name__ == "__main__":
    main()
