"""Kinds of ionised gas from mock MUSE spectra: the network and line-ratio diagrams.

    python benchmarks/bench_nebula_spectra.py [--rows N] [--side PIXELS] [--only PART]

On the test split of `nebula_spectra/muse`, the same lines of sight seen at several ratios of signal
to noise of H alpha: accuracy, errors of the shares, calibration, confusion; at 20 also by how much
of H alpha the main class gives. Then a mock cube of nebulae on diffuse gas in the layout of MUSE is
predicted as `zoo predict` does, and timed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import nebula_spectra_cube as mock
import nebula_spectra_figures as figures
import numpy as np

import zoo
from zoo import splits
from zoo.evaluation.classes import class_errors, confusion
from zoo.evaluation.shares import share_errors
from zoo.inference import cube as cubes
from zoo.models.spectra.nebula_windows import CLASSES
from zoo.readers import muse

RESULTS = Path(__file__).parent / "results" / "nebula_spectra.json"
DATASET = "nebula_spectra/muse"
MODELS = ("nebula_spectra", "nebula_spectra_bpt")
QUALITY = (5, 10, 20, 50, 100, 200)
JUDGED = 20  # the ratio of signal to noise that a publication and our target name
MAIN = (0.5, 0.6, 0.7, 0.8, 0.9, 0.999, 1.001)  # share of H alpha of the main class
CHUNK = 1000

Rows = dict[str, Any]


def seen(data: Rows, quality: float) -> Rows:
    """The lines of sight as observed (draw 0) at one ratio of signal to noise."""
    same = np.full(len(data["label"]), quality, np.float32)
    return splits.observed(DATASET, data | {"quality": same})


def predict(model: Any, data: Rows, quality: float) -> tuple[Rows, float]:
    """Outputs, and the CPU seconds of the predictions, noise not counted."""
    parts, spent = [], 0.0
    for start in range(0, len(data["label"]), CHUNK):
        part = seen(splits.rows(data, slice(start, start + CHUNK)), quality)
        given = {name: part[name] for name in ("flux", "ivar", "wavelength")}
        begin = time.process_time()
        parts.append(model.predict(given, outside="nan"))
        spent += time.process_time() - begin
    return {n: np.concatenate([np.asarray(p[n]) for p in parts]) for n in parts[0]}, spent


def judge(found: Rows, data: Rows, rows: Any = slice(None)) -> dict[str, float]:
    """Metrics of classes and shares; `share_mae` is the mean over the four shares."""
    chances = (found[f"label_{name}"][rows] for name in CLASSES)
    out = class_errors(found["label"][rows], data["label"][rows], *chances)
    shares = {}
    for name in CLASSES:
        beside = [
            found[f"{name}_{n}"][rows] for n in ("std", "quantiles") if f"{name}_{n}" in found
        ]
        shares[name] = share_errors(found[name][rows], data[name][rows], *beside)
    out |= {f"{name}_{key}": value for name, row in shares.items() for key, value in row.items()}
    keys = ("mae", "error_ratio", "coverage_68")
    means = {k: [row[k] for row in shares.values() if k in row] for k in keys}
    out |= {f"share_{key}": float(np.mean(values)) for key, values in means.items() if values}
    if "velocity" in found:
        wrong = np.asarray(found["velocity"] - data["velocity"])[rows]
        out |= {
            "velocity_nmad": float(1.4826 * np.median(np.abs(wrong - np.median(wrong)))),
            "velocity_lost": float(np.mean(np.abs(wrong) > 150)),
        }
    return out


def by_main(found: Rows, data: Rows) -> list[list[float]]:
    """Lower and upper edge of the main share, lines of sight, accuracy."""
    main = np.max([data[name] for name in CLASSES], axis=0)
    right = found["label"] == data["label"]
    rows = []
    for low, high in pairwise(MAIN):
        inside = (main >= low) & (main < high)
        rows.append([low, min(high, 1), int(inside.sum()), float(right[inside].mean())])
    return rows


def cube(model: Any, side: int) -> tuple[dict[str, Any], Rows, Rows]:
    """Speed and accuracy on a mock cube, its maps and the truth."""
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder) / "cube.fits", Path(folder) / "maps.fits"
        truth = mock.write(path, side)
        opened = muse.read(path, model.card)
        cubes.predict(model, opened, output)  # the first call traces
        begin = time.perf_counter(), time.process_time()
        count = cubes.predict(model, opened, output)
        wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
        maps = cubes.read(output)
    bright = truth["quality"] >= JUDGED
    right = maps["label"][bright] == truth["label"][bright]
    wrong = [np.abs(maps[name] - truth[name])[bright].mean() for name in CLASSES]
    facts = {
        "spaxels": count,
        "spaxels_per_second": count / wall,
        "spaxels_per_cpu_second": count / cpu,
        "bright": int(bright.sum()),
        "accuracy_bright": float(right.mean()),
        "share_mae_bright": float(np.mean(wrong)),
    }
    return facts, maps, truth


def spectra(name: str, data: Rows, results: dict[str, Any]) -> Rows:
    """Add what a model makes of the test split to the results; its predictions at `JUDGED`."""
    model, kept = zoo.load_model(name), {}
    results["quality"][name] = {}
    for quality in QUALITY:
        found, spent = predict(model, data, quality)
        row = judge(found, data)
        results["quality"][name][str(quality)] = row
        if quality == JUDGED:
            kept = found
            results["cpu_ms"][name] = 1e3 * spent / len(data["label"])
            table = confusion(found["label"], data["label"], len(CLASSES))
            results["confusion"][name] = table.tolist()
            results["main"][name] = by_main(found, data)
            pure = np.max([data[n] for n in CLASSES], axis=0) > MAIN[-2]
            results["pure"][name] = judge(found, data, pure)
        print(name, quality, {k: round(row[k], 3) for k in ("accuracy", "ece", "share_mae")})
    return kept


def main() -> None:
    """Measure, write the results and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--side", type=int, default=60)
    parser.add_argument("--only", choices=(*MODELS, "cube"), help="one part; the others stay")
    given = parser.parse_args()
    data = splits.rows(splits.split(DATASET, "test"), slice(given.rows))
    results: dict[str, Any] = {"rows": len(data["label"]), "judged": JUDGED}
    results |= {"quality": {}, "confusion": {}, "main": {}, "pure": {}, "cpu_ms": {}}
    if given.only and RESULTS.is_file():
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
    for name in [name for name in MODELS if given.only in (None, name)]:
        kept = spectra(name, data, results)
        if name == MODELS[0]:
            figures.calibration(kept, data)
    if given.only in (None, "cube"):
        results["cube"], maps, truth = cube(zoo.load_model(MODELS[0]), given.side)
        figures.maps(maps, truth)
        figures.examples(seen(splits.rows(data, slice(200)), 50))
    for part in ("quality", "confusion", "main", "pure", "cpu_ms"):
        results[part] = {name: results[part][name] for name in MODELS if name in results[part]}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if len(results["quality"]) == len(MODELS):
        figures.quality(results["quality"])
        figures.confusions(results["confusion"], JUDGED)


if __name__ == "__main__":
    main()
