"""Lens kinematics: `lens_kinematics_cips`, `lens_kinematics`, `jam_cyl` and jampy on the same maps.

    python benchmarks/bench_lens_kinematics.py [--quick] [--releases FOLDER]

Accuracy is that of all pixels of the quadrant (276 x 276, by symmetry the map) of test galaxies,
against the dataset. Latency is that of `predict`, arrays in and arrays out, in a fresh
process with one thread on one core; jampy 8.1.4 (in that process too) and `jam_cyl` compute the
quadrant only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from bench_jam_cyl import jampy8
from bench_jam_emulator import LUM, microseconds

RESULTS = Path(__file__).parent / "results" / "lens_kinematics.json"
DATASET = "lens_kinematics/gomer2023"
MODELS = ("lens_kinematics_cips", "lens_kinematics")
EXACT, SHARE, BATCH = 20, 20, 16  # galaxies for jam_cyl and jampy; per call; in the timed batch
HALF = 275  # pixels of the map beyond its centre
TARGETS = {"fraction of maps with a mean below 1 %": 0.9, "lens_kinematics_cips, map [ms]": 250}


def exact_inputs(galaxy: dict[str, float]) -> dict[str, Any]:
    """A lens galaxy on the pixels of the quadrant, as `jam_cyl` and jampy are asked for it."""
    from zoo_datasets.simulators import lens_galaxy

    axis = lens_galaxy.PIXEL * np.arange(lens_galaxy.PIXELS)
    y, x = np.meshgrid(np.maximum(axis, lens_galaxy.AXIS), np.maximum(axis, lens_galaxy.AXIS))
    out = dict(zip(LUM, lens_galaxy.mges(galaxy), strict=True))
    out |= {"inc": galaxy["inclination"], "beta": galaxy["b_ani"], "mbh": 0.0}
    return out | {"distance": galaxy["distance"], "xbin": y.ravel(), "ybin": x.ravel()}


def galaxies(count: int) -> tuple[dict[str, np.ndarray], Iterator[tuple[dict, np.ndarray]]]:
    """Columns of the first test galaxies, and one after the other with its true quadrant."""
    from zoo import splits
    from zoo.models.jam.lens_domain import SCALARS
    from zoo_datasets.simulators import lens_galaxy

    data = splits.rows(splits.split(DATASET, "test"), slice(count))
    columns = {name: np.asarray(data[name], float) for name in SCALARS}
    code = (data[name] for name in ("quadrant", "log_vrms_low", "log_vrms_high"))
    rows = (
        ({name: float(column[i]) for name, column in columns.items()}, lens_galaxy.decode(*parts))
        for i, parts in enumerate(zip(*code, strict=True))
    )
    return columns, rows


def summary(mean: np.ndarray, worst: np.ndarray) -> dict[str, float]:
    """Quantiles over maps of the mean and of the largest error of a map."""
    return {
        "maps": len(mean),
        "mean": float(np.mean(mean)),
        "mean_median": float(np.median(mean)),
        "mean_p90": float(np.quantile(mean, 0.9)),
        "mean_p99": float(np.quantile(mean, 0.99)),
        "mean_worst": float(np.max(mean)),
        "mean_below_0.01": float(np.mean(mean < 0.01)),
        "max_median": float(np.median(worst)),
        "max_p90": float(np.quantile(worst, 0.9)),
        "max_below_0.01": float(np.mean(worst < 0.01)),
    }


def errors(found: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Mean and largest abs(relative error) of a quadrant, whose mirror images count."""
    weight = np.full(true.shape, 4.0)
    weight[0] /= 2
    weight[:, 0] /= 2
    error = np.abs(found / true - 1)
    return float(np.average(error, weights=weight)), float(error.max())


def accuracy(releases: Path | None, count: int, exact: int) -> dict[str, dict[str, float]]:
    """Errors of every model on whole maps."""
    import zoo

    rows: dict[str, list[tuple[float, float]]] = {}
    columns, truths = galaxies(count)
    true = [quadrant for _, quadrant in truths]
    for name in MODELS:
        model = zoo.load_model(newest(releases, name))
        found = rows[name] = []
        for start in range(0, count, SHARE):
            part = {key: column[start : start + SHARE] for key, column in columns.items()}
            maps = model.predict(part)["vrms"][:, HALF:, HALF:]
            found += [errors(*pair) for pair in zip(maps, true[start : start + SHARE], strict=True)]
    jam = zoo.load_model("jam_cyl")
    for galaxy, quadrant in galaxies(exact)[1]:
        inputs = exact_inputs(galaxy)
        shape = quadrant.shape
        found = jam.predict(inputs, outside="warn")["vrms"].reshape(shape)
        rows.setdefault("jam_cyl, exact", []).append(errors(found, quadrant))
        try:
            theirs = jampy8(inputs).reshape(shape)
        except ImportError:
            continue
        rows.setdefault("jampy 8.1.4 as it comes", []).append(errors(theirs, quadrant))
    return {name: summary(*np.transpose(pairs)) for name, pairs in rows.items()}


def newest(releases: Path | None, name: str) -> str:
    """A model's newest release in a folder, or its name."""
    if releases is None:
        return name
    return str(max((releases / name).iterdir(), key=lambda path: int(path.name)))


def latency_here(releases: Path | None, repeats: int) -> dict[str, dict[str, float]]:
    """Microseconds in this process, whatever threads it has."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import zoo
    from zoo.models.jam import lens_domain

    one = lens_domain.example()
    many = one | {"n_sersic": np.linspace(2, 4, BATCH)}
    few = one | {"x": np.linspace(0, 5, 200), "y": np.linspace(4, 0, 200)}
    out: dict[str, dict[str, float]] = {}
    calls: dict[str, tuple[Callable[[], object], int, int]] = {}
    for name in MODELS:
        model = zoo.load_model(newest(releases, name))
        calls[f"{name}, map"] = (lambda model=model: model.predict(one), repeats, 1)
        calls[f"{name}, map of a batch of {BATCH}"] = (
            lambda model=model: model.predict(many),
            repeats // 4 + 1,
            BATCH,
        )
        calls[f"{name}, 200 positions"] = (lambda model=model: model.predict(few), repeats, 1)
    exact, jam = exact_inputs(one), zoo.load_model("jam_cyl")
    calls["jam_cyl, quadrant"] = (lambda: jam.predict(exact), repeats // 4 + 1, 1)
    calls["jampy 8.1.4 as it comes, quadrant"] = (lambda: jampy8(exact), 3, 1)
    for name, call in calls.items():
        try:
            out[name] = microseconds(*call)
        except ImportError:
            print(f"SKIPPED: {name}: jampy 8.1.4 is not installed", file=sys.stderr)
    return out


def latency(releases: Path | None, repeats: int) -> dict[str, dict[str, float]]:
    """Latencies in a fresh process with one thread on one core."""
    core = max(os.sched_getaffinity(0))
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    command = [sys.executable, __file__, "--latency", str(repeats)]
    run = subprocess.run(
        command + (["--releases", str(releases)] if releases else []),
        env=os.environ | threads | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        preexec_fn=lambda: os.sched_setaffinity(0, [core]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(run.stdout.splitlines()[-1])


def training(releases: Path | None) -> dict[str, Any]:
    """What the releases say about their training."""
    import zoo

    return {name: zoo.load_model(newest(releases, name)).manifest.training for name in MODELS}


def main() -> None:
    """Run everything, print the tables and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer galaxies and repeats")
    parser.add_argument("--releases", type=Path, help="folder of releases in place of the store")
    parser.add_argument("--latency", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.latency:
        print(json.dumps(latency_here(arguments.releases, arguments.latency)))
        return
    count, exact, repeats = (40, 2, 8) if arguments.quick else (1000, EXACT, 40)
    times = latency(arguments.releases, repeats)
    results: dict[str, Any] = {
        "accuracy": accuracy(arguments.releases, count, exact),
        "latency_us": times,
        "training": training(arguments.releases),
        "targets": TARGETS,
        "load_average": os.getloadavg()[0],
    }
    published, ours = (results["accuracy"][name] for name in MODELS)
    results["ratios"] = {
        "error": published["mean"] / ours["mean"],
        "speed, map": times[f"{MODELS[0]}, map"]["median"] / times[f"{MODELS[1]}, map"]["median"],
        "speed, map of a batch": times[f"{MODELS[0]}, map of a batch of {BATCH}"]["median"]
        / times[f"{MODELS[1]}, map of a batch of {BATCH}"]["median"],
    }
    for table in ("accuracy", "latency_us"):
        for name, row in results[table].items():
            numbers = "  ".join(f"{kind} {value:.3g}" for kind, value in row.items())
            print(f"{name:<46} {numbers}")
    print(results["ratios"])
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
