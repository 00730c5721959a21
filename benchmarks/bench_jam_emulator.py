"""`jam_cyl_emulator` on its test split, and its latency beside `jam_cyl` and jampy, in one run.

    python benchmarks/bench_jam_emulator.py [--quick] [--release FOLDER]

The 216 polar points are a grid in elliptical radius and eccentric anomaly, as networks on a polar
quadrant predict it; the 216 points are the same positions, given one by one. Latency is that of
`predict`, arrays in and arrays out, in a fresh process with one thread on one core. jampy 8.1.4
runs in that process too; jampy 9 (another alignment: spherical) runs where the variable
ZOO_BENCH_JAMPY9_PYTHON names the interpreter of an environment that has it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_jam_cyl import JAMPY9, jampy8

RESULTS = Path(__file__).parent / "results" / "jam_emulator.json"
EXACT = 40  # test galaxies on which the exact model is run too
BATCH, POINTS = 1024, (24, 9)
LUM = ("surf_lum", "sigma_lum", "qobs_lum", "surf_pot", "sigma_pot", "qobs_pot")
TARGETS_US = {
    "216 polar points, per galaxy of 1,024": 20,
    "map": 1000,
    "map, per map of 1,024": 300,
}


def exact_inputs(galaxy: dict[str, float]) -> dict[str, Any]:
    """A Sersic galaxy on the default map, as `jam_cyl` and jampy are asked for it."""
    from zoo_datasets.simulators import sersic_mock

    x, y = sersic_mock.map_positions(galaxy["position_angle"])
    out = dict(zip(LUM, sersic_mock.mges(galaxy), strict=True))
    out |= {"inc": galaxy["inclination"], "beta": galaxy["beta_z"], "mbh": 0.0}
    return out | {"distance": galaxy["distance"], "xbin": x.ravel(), "ybin": y.ravel()}


def accuracy(release: str, exact: int) -> dict[str, Any]:
    """Metrics of a map on the test split; of the first galaxies for the exact model as well."""
    import zoo
    from zoo import splits
    from zoo.evaluation.evaluate import evaluate, rate, score

    model = zoo.load_model(release)
    first = splits.rows(splits.split("jam_mocks/cyl", "test"), slice(exact))
    jam = zoo.load_model("jam_cyl")
    maps = []
    for index in range(exact):
        galaxy = {name: float(first[name][index]) for name in model.card.inputs if name in first}
        maps.append(jam.predict(exact_inputs(galaxy), outside="warn")["vrms"].reshape(64, 64))
    exactly = score(model.card, {"vrms": np.stack(maps)}, first)
    return {
        "2,000 test galaxies": evaluate(release),
        f"the first {exact} of them": {model.name: rate(model, first), "jam_cyl, exact": exactly},
    }


def microseconds(function: Callable[[], object], repeats: int, share: int = 1) -> dict[str, float]:
    """Median and least wall time, and least CPU time, of a call divided by `share`."""
    function()
    wall, cpu = [], []
    for _ in range(repeats):
        begin = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - begin[0])
        cpu.append(time.process_time() - begin[1])
    unit = 1e6 / share
    found = {"median": np.median(wall), "least": np.min(wall), "least_cpu": np.min(cpu)}
    return {name: float(value * unit) for name, value in found.items()}


def latency_here(release: str, repeats: int) -> dict[str, dict[str, float]]:
    """Latencies in this process, whatever threads it has."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import zoo
    from zoo.models.jam import jam_cyl_emulator

    model, jam = zoo.load_model(release), zoo.load_model("jam_cyl")
    one = jam_cyl_emulator.example()
    n = np.linspace(2, 4, BATCH)
    radius, angle = np.meshgrid(
        one["r_sersic"] * np.geomspace(0.02, 7, POINTS[0]), np.linspace(0, np.pi / 2, POINTS[1])
    )
    x, y = radius.ravel() * np.cos(angle.ravel()), 0.8 * radius.ravel() * np.sin(angle.ravel())
    grid = {"radius": radius[0] / one["r_sersic"], "anomaly": np.degrees(angle[:, 0])}
    few = one | {"x": x, "y": y, "position_angle": 0.0}
    many = few | {"n_sersic": n, "x": np.tile(x, (BATCH, 1)), "y": np.tile(y, (BATCH, 1))}
    exact, aligned = exact_inputs(one), exact_inputs(one | {"position_angle": 0.0})
    exact_few = exact | {"xbin": x, "ybin": y}
    batch = repeats // 4 + 1
    out = {
        "216 polar points": microseconds(lambda: model.predict(one | grid), 10 * repeats),
        "216 polar points, per galaxy of 1,024": microseconds(
            lambda: model.predict(one | {"n_sersic": n} | grid), repeats, BATCH
        ),
        "216 points": microseconds(lambda: model.predict(few), 10 * repeats),
        "216 points, per galaxy of 1,024": microseconds(
            lambda: model.predict(many), repeats, BATCH
        ),
        "map": microseconds(lambda: model.predict(one), 10 * repeats),
        "map, per map of 1,024": microseconds(
            lambda: model.predict(one | {"n_sersic": n}), batch, BATCH
        ),
        "jam_cyl, 216 points": microseconds(lambda: jam.predict(exact_few), repeats),
        "jam_cyl, map": microseconds(lambda: jam.predict(exact), batch),
        "jam_cyl, map along the axes": microseconds(lambda: jam.predict(aligned), repeats),
    }
    for name, galaxy in (("216 points", exact_few), ("map", exact)):
        try:
            found = microseconds(lambda galaxy=galaxy: jampy8(galaxy), 3)
        except ImportError:
            print("SKIPPED: jampy 8.1.4 is not installed", file=sys.stderr)
            continue
        out[f"jampy 8.1.4 as it comes, {name}"] = found
    return out


def latency(release: str, repeats: int) -> dict[str, dict[str, float]]:
    """Latencies in a fresh process with one thread on one core."""
    core = max(os.sched_getaffinity(0))
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    run = subprocess.run(
        [sys.executable, __file__, "--release", release, "--latency", str(repeats)],
        env=os.environ | threads | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        preexec_fn=lambda: os.sched_setaffinity(0, [core]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(run.stdout.splitlines()[-1])


def jampy9() -> dict[str, float]:
    """Median microseconds of jampy 9 in an environment of its own, on one core."""
    from zoo.models.jam import jam_cyl_emulator

    python = os.environ.get("ZOO_BENCH_JAMPY9_PYTHON")
    if not python:
        print("SKIPPED: jampy 9 (ZOO_BENCH_JAMPY9_PYTHON names no interpreter)")
        return {}
    galaxy = exact_inputs(jam_cyl_emulator.example())
    core = max(os.sched_getaffinity(0))
    run = subprocess.run(
        [python, "-c", JAMPY9],
        input=json.dumps({name: np.asarray(value).tolist() for name, value in galaxy.items()}),
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: os.sched_setaffinity(0, [core]),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        print(f"SKIPPED: jampy 9 failed: {run.stderr.strip().splitlines()[-1]}")
        return {}
    return {"median": 1e3 * float(run.stdout.split("RESULT")[1])}


def main() -> None:
    """Run everything, print the tables and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer galaxies and repeats")
    parser.add_argument("--release", default="jam_cyl_emulator", help="name or release folder")
    parser.add_argument("--latency", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.latency:
        print(json.dumps(latency_here(arguments.release, arguments.latency)))
        return
    exact, repeats = (4, 4) if arguments.quick else (EXACT, 40)
    times = latency(arguments.release, repeats)
    if found := jampy9():
        times["jampy 9 as it comes (spherical), map"] = found
    results = {"accuracy": accuracy(arguments.release, exact), "latency_us": times}
    results |= {"targets_us": TARGETS_US, "load_average": os.getloadavg()[0]}
    for setting, table in results["accuracy"].items():
        for name, row in table.items():
            numbers = "  ".join(f"{metric} {value:.2g}" for metric, value in row.items())
            print(f"{setting}, {name}: {numbers}")
    for name, row in times.items():
        numbers = "  ".join(f"{kind} {value:.4g}" for kind, value in row.items())
        print(f"{name:<42} {numbers} us")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
