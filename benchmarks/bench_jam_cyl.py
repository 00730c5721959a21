"""`jam_cyl` beside jampy: accuracy and speed on the same galaxies and positions, in one run.

    python benchmarks/bench_jam_cyl.py [--quick]

jampy 8.1.4 runs in this process. jampy 9 (another alignment: spherical) runs where the variable
ZOO_BENCH_JAMPY9_PYTHON names the interpreter of an environment that has it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results" / "jam_cyl.json"
NAMES = ("surf_lum", "sigma_lum", "qobs_lum", "surf_pot", "sigma_pot", "qobs_pot")


def galaxies(rng: np.random.Generator, count: int, q_intrinsic: float) -> list[dict[str, Any]]:
    """M32, NGC 6278's Gaussians and random expansions with flat Gaussians at every inclination."""
    from zoo.models.jam import jam_cyl

    m32 = jam_cyl.example()
    # Gaussians of NGC 6278 as published with DYNAMITE (MIT licence), 3 digits.
    ngc = {
        "surf_lum": np.array([26800, 2460, 457, 645, 14.7, 124.0]),
        "sigma_lum": np.array([0.494, 2.04, 2.44, 6.53, 17.4, 21.8]),
        "qobs_lum": np.array([0.895, 0.791, 0.9999, 0.551, 0.9999, 0.551]),
        "distance": 39.96,
    }
    out = []
    for index in range(count):
        base = (m32, ngc)[index % 2]
        light = {name: np.array(base[name]) for name in NAMES[:3]}
        size = light["surf_lum"].size
        # From edge-on to the lowest inclination at which the flattest Gaussian has q_intrinsic.
        cos_max = np.sqrt((light["qobs_lum"].min() ** 2 - q_intrinsic**2) / (1 - q_intrinsic**2))
        beta = rng.uniform(-0.5, 0.5, size) if index % 4 < 2 else np.full(size, 0.3)
        radius = 10 ** rng.uniform(-1.5, 0.5, 150) * np.median(light["sigma_lum"])
        angle = rng.uniform(0, 2 * np.pi, 150)
        out.append(
            light
            | {
                "surf_pot": 2.5 * light["surf_lum"],
                "sigma_pot": light["sigma_lum"],
                "qobs_pot": light["qobs_lum"],
                "inc": float(np.degrees(np.arccos(cos_max * (1 - index / count)))),
                "mbh": 1e8 * (index % 3 == 0),
                "distance": base["distance"],
                "beta": beta,
                "xbin": radius * np.cos(angle),
                "ybin": radius * np.sin(angle),
            }
        )
    return out


def jampy8(galaxy: dict[str, Any], tight: bool = False, **options: Any) -> np.ndarray:
    """Vrms from jampy 8.1.4; `tight` refines the quadrature of its direct path."""
    module = importlib.import_module("jampy.axi.jam_axi_proj")
    original = module.quad1d
    if tight:
        module.quad1d = partial(original, epsrel=1e-12)
    try:
        arguments = [galaxy[name] for name in NAMES]
        arguments += [galaxy["inc"], galaxy.get("mbh", 0), galaxy["distance"]]
        beta = np.broadcast_to(galaxy["beta"], np.shape(galaxy["surf_lum"]))
        return module.jam_axi_proj(
            *arguments,
            galaxy["xbin"],
            galaxy["ybin"],
            beta=beta,
            align="cyl",
            plot=False,
            quiet=True,
            ml=1,
            **options,
        ).model
    finally:
        module.quad1d = original


def accuracy(count: int) -> list[dict[str, Any]]:
    """Largest relative error of Vrms against jampy's direct path (fewer than 200 points)."""
    import zoo

    models = {dtype: zoo.load_model("jam_cyl", dtype=dtype) for dtype in ("float32", "float64")}
    rows = []
    for q_intrinsic in (0.1, 0.051):
        worst: dict[str, float] = {}
        for galaxy in galaxies(np.random.default_rng(1), count, q_intrinsic):
            reference, default = jampy8(galaxy, tight=True), jampy8(galaxy)
            hole = " with black hole" if galaxy["mbh"] else ""
            found = {f"{d}{hole}": m.predict(galaxy)["vrms"] for d, m in models.items()}
            found[f"jampy 8.1.4 as it comes{hole}"] = default
            for name, vrms in found.items():
                error = float(np.max(np.abs(vrms / reference - 1)))
                worst[name] = max(worst.get(name, 0), error)
        rows += [
            {"setting": f"intrinsic q down to {q_intrinsic:.2g}", "row": name, "error": error}
            for name, error in sorted(worst.items())
        ]
    return rows


def psf() -> list[dict[str, Any]]:
    """PSF and pixels against jampy's FFT with refined settings, on M32 at arcsecond scales."""
    import zoo

    galaxy = zoo.models.jam.jam_cyl.example()
    galaxy |= {"sigmapsf": 1.0, "pixsize": 0.8, "mbh": 0.0}
    axis = np.linspace(-8, 8, 9)
    x, y = np.meshgrid(axis, axis)
    galaxy |= {"xbin": x.ravel(), "ybin": y.ravel()}
    ours = zoo.load_model("jam_cyl").predict(galaxy)["vrms"]
    options = {"sigmapsf": 1.0, "pixsize": 0.8}
    refined = jampy8(galaxy, nrad=60, nang=30, step=0.1, **options)
    default = jampy8(galaxy, **options)
    return [
        {
            "row": "jam_cyl against jampy refined",
            "error": float(np.max(np.abs(ours / refined - 1))),
        },
        {
            "row": "jampy as it comes against itself refined",
            "error": float(np.max(np.abs(default / refined - 1))),
        },
    ]


def map_galaxy() -> dict[str, Any]:
    """20 x 20 Gaussians on a 64 x 64 map of 0.5 arcsec."""
    sigma = np.geomspace(0.1, 80, 20)
    axis = (np.arange(64) - 31.5) * 0.5
    x, y = np.meshgrid(axis, axis)
    light = {"surf_lum": 1e4 * sigma**-1.5, "sigma_lum": sigma, "qobs_lum": np.full(20, 0.7)}
    mass = {"surf_pot": 2e4 * sigma**-1.5, "sigma_pot": sigma, "qobs_pot": np.full(20, 0.7)}
    place = {"xbin": x.ravel(), "ybin": y.ravel(), "distance": 20.0, "inc": 60.0, "beta": 0.1}
    return light | mass | place


def seconds(function: Callable[[], object], repeats: int) -> float:
    """Median wall time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def speed_here(repeats: int) -> dict[str, float]:
    """Milliseconds per map in this process, ours and jampy's in turn."""
    import zoo

    galaxy = map_galaxy()
    model = zoo.load_model("jam_cyl")
    double = zoo.load_model("jam_cyl", dtype="float64")
    batch = galaxy | {"inc": np.linspace(50, 90, 64)}
    scattered = galaxy | {"xbin": galaxy["xbin"] + 0.01 * galaxy["ybin"]}
    few = {**galaxy, "xbin": galaxy["xbin"][::19], "ybin": galaxy["ybin"][::19] + 0.001}
    return {
        "jam_cyl, one map": 1e3 * seconds(lambda: model.predict(galaxy), 3 * repeats),
        "jam_cyl, in a batch of 64": 1e3 / 64 * seconds(lambda: model.predict(batch), repeats),
        "jam_cyl in float64, one map": 1e3 * seconds(lambda: double.predict(galaxy), repeats),
        "jam_cyl, 4,096 scattered points": 1e3 * seconds(lambda: model.predict(scattered), repeats),
        "jam_cyl, 216 scattered points": 1e3 * seconds(lambda: model.predict(few), repeats),
        "jampy 8.1.4 as it comes, one map": 1e3 * seconds(lambda: jampy8(galaxy), repeats),
    }


JAMPY9 = """
import json, sys, time
import numpy as np
import jampy
galaxy = {k: np.array(v) for k, v in json.load(sys.stdin).items()}
lum = [galaxy[k] for k in ("surf_lum", "sigma_lum", "qobs_lum")]
pot = [galaxy[k] for k in ("surf_pot", "sigma_pot", "qobs_pot")]
from jampy.axi.jam_axi_proj import jam_axi_proj
def call():
    try:
        jam_axi_proj(tuple(lum), tuple(pot), float(galaxy["inc"]), 0.0, float(galaxy["distance"]),
                     galaxy["xbin"], galaxy["ybin"], beta=0.1, plot=False, quiet=True, ml=1)
    except TypeError:
        jam_axi_proj(*lum, *pot, float(galaxy["inc"]), 0.0, float(galaxy["distance"]),
                     galaxy["xbin"], galaxy["ybin"], beta=0.1, plot=False, quiet=True, ml=1)
call()
times = []
for _ in range(5):
    begin = time.perf_counter(); call(); times.append(time.perf_counter() - begin)
print("RESULT", 1e3 * float(np.median(times)))
"""


def jampy9() -> float | None:
    """Milliseconds per map of jampy 9 in an environment of its own; None where there is none."""
    python = os.environ.get("ZOO_BENCH_JAMPY9_PYTHON")
    if not python:
        print("SKIPPED: jampy 9 (ZOO_BENCH_JAMPY9_PYTHON names no interpreter)")
        return None
    galaxy = {name: np.asarray(value).tolist() for name, value in map_galaxy().items()}
    run = subprocess.run(
        [python, "-c", JAMPY9],
        input=json.dumps(galaxy),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        print(f"SKIPPED: jampy 9 failed: {run.stderr.strip().splitlines()[-1]}")
        return None
    return float(run.stdout.split("RESULT")[1])


def speed(cores: int | None, repeats: int) -> dict[str, float]:
    """Milliseconds per map in a fresh process that may use so many cores."""
    allowed = sorted(os.sched_getaffinity(0))
    chosen = allowed[:cores] if cores else allowed
    threads = str(len(chosen))
    environment = os.environ | {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    run = subprocess.run(
        [sys.executable, __file__, "--speed", str(repeats)],
        env=environment,
        preexec_fn=lambda: os.sched_setaffinity(0, chosen),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout.splitlines()[-1])


def start_up() -> dict[str, float]:
    """Seconds of a cold `zoo list`, and of `load_model` to the first prediction."""
    code = (
        "import time, tensorflow, zoo\n"
        "from zoo.models.jam import jam_cyl\n"
        "x = jam_cyl.example()\n"
        "begin = time.perf_counter()\n"
        "zoo.load_model('jam_cyl').predict(x)\n"
        "print(time.perf_counter() - begin)\n"
    )
    first = []
    for _ in range(3):
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        first.append(float(run.stdout.splitlines()[-1]))
    listing = [sys.executable, "-c", "from zoo.cli import main; main(['list'])"]
    cold = seconds(lambda: subprocess.run(listing, capture_output=True, check=True), 5)
    return {"zoo list, cold": cold, "load_model to first prediction": float(np.median(first))}


def main() -> None:
    """Run everything, print the tables and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer galaxies and repeats")
    parser.add_argument("--speed", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.speed:
        print(json.dumps(speed_here(arguments.speed)))
        return
    count, repeats = (4, 3) if arguments.quick else (24, 15)
    results: dict[str, Any] = {"accuracy": accuracy(count), "psf": psf(), "start_up_s": start_up()}
    results["speed_ms"] = {"one core": speed(1, repeats), "all cores": speed(None, repeats)}
    results["jampy9_ms"] = jampy9()
    for row in results["accuracy"]:
        print(f"{row['setting']:<28} {row['row']:<46} {row['error']:.1e}")
    for row in results["psf"]:
        print(f"{'PSF 1.0, pixels 0.8 arcsec':<28} {row['row']:<46} {row['error']:.1e}")
    for cores, table in results["speed_ms"].items():
        reference = table["jampy 8.1.4 as it comes, one map"]
        for name, value in table.items():
            print(f"{cores:<10} {name:<36} {value:8.2f} ms   {reference / value:6.0f} x")
    print("jampy 9 (spherical alignment), one map:", results["jampy9_ms"], "ms")
    for name, value in results["start_up_s"].items():
        print(f"{name}: {value:.2f} s")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
