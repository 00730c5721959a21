"""Networks from dark matter to galaxies over held-out boxes, beside threshold, HOD and nothing.

    python benchmarks/bench_galaxy_networks.py table [--suite toy_tng] [--boxes 5]
    python benchmarks/bench_galaxy_networks.py cross [--boxes 5] [--train 2]
    python benchmarks/bench_galaxy_networks.py responses [--suite toy_tng]
    python benchmarks/bench_galaxy_networks.py ablation

`table`: metrics of every model on the test boxes of `toy_*_all` (256^3), time for a box, pictures.
`cross`: `galaxy_intensity.tng` on galaxies of the other suite, before and after it was continued on
a few of its boxes. `responses`: elasticities of number and clustering with omega_m, sigma_8 and
A_SN1 over the test boxes of `toy_*_varied`, of `galaxy_intensity_varied` and of the toys painted
again. `ablation`: the intensity with velocities, with a loss weighted by haloes, with Poisson
numbers alone, on `toy_tng`. Results go to `results/galaxy_networks.json`, part by part.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import galaxy_network_figures as figures
import galaxy_network_parts as parts
import numpy as np

import zoo
from zoo import splits
from zoo.errors import UnknownModelError
from zoo.evaluation import voxels
from zoo.evaluation.galaxy_boxes import clustering, galaxy_box_errors
from zoo.models.galaxies import drawing

RESULTS = Path(__file__).parent / "results" / "galaxy_networks.json"
DATASET = "dark_matter_galaxies"
MODELS = (
    "galaxy_threshold.all", "galaxy_hod.3_all", "galaxy_hod.5_all", "galaxy_inception.{}",
    "galaxy_unet.{}", "galaxy_r2unet.{}", "galaxy_intensity.{}",
)  # fmt: skip
RECALLS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


def table(suite: str, boxes: int) -> dict[str, Any]:
    """Metrics of each model on the test boxes of a suite, and pictures."""
    data = splits.split(f"{DATASET}/{suite}_all", "test")
    rows = range(min(boxes, len(data["box_size"])))
    true = np.stack([np.asarray(data["galaxy_count"][row]) for row in rows])
    size = float(data["box_size"][0])
    found: dict[str, Any] = {"boxes": len(true), "models": {}}
    kept: dict[str, Any] = {"matter": np.asarray(data["dm_counts"][0]), "true": true, "size": size}
    kept["models"] = {}
    for pattern in MODELS:
        name = pattern.format(suite.removeprefix("toy_"))
        try:
            model = zoo.load_model(name)
        except UnknownModelError as error:
            print(f"{name} is left out: {error}")
            continue
        reads = [key for key in model.card.inputs if key in data]
        answers, seconds = [], []
        for row in rows:
            begin = time.perf_counter(), time.process_time()
            inputs = {key: np.asarray(data[key][row]) for key in reads}
            answers.append(dict(model.predict(inputs, outside="warn")))
            seconds.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
        whole = {key: np.stack([a[key] for a in answers]) for key in answers[0]}
        one = galaxy_box_errors(
            whole["galaxy_count"], true, whole.get("galaxy_probability"),
            whole.get("galaxy_central"), whole.get("galaxy_mask"),
        )  # fmt: skip
        one["wall_s_box"], one["cpu_s_box"] = np.median(seconds, axis=0).tolist()
        kept["models"][name] = curves(answers, true)
        one["precision_curve"] = kept["models"][name]["precision"].tolist()
        found["models"][name] = one
        print(name, {k: round(v, 4) for k, v in one.items() if k != "precision_curve"}, flush=True)
    figures.slices(suite, kept)
    figures.statistics(suite, kept, RECALLS)
    return found


def curves(answers: list[dict[str, np.ndarray]], true: np.ndarray) -> dict[str, Any]:
    """What the pictures need: clustering of a draw from each box, precision by recall, a slice."""
    rng = np.random.default_rng(1)
    rows = []
    for answer, truth in zip(answers, true, strict=True):
        count = drawing.numbers(answer, rng)
        rows.append((count, *clustering(count, truth)[:3]))
    first = answers[0]
    score = first.get("galaxy_probability", first["galaxy_count"])
    return {
        "k": rows[0][1],
        "ratio": np.stack([row[2] for row in rows]),
        "r": np.stack([row[3] for row in rows]),
        "precision": voxels.precision_curve(score, true[0], RECALLS),
        "score": score[: len(score) // 16].max(axis=0),
        "draw": rows[0][0][: len(score) // 16].sum(axis=0),
    }


def main() -> None:
    """Measure one part and keep it beside the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("table", "cross", "responses", "ablation"))
    parser.add_argument("--suite", default="toy_tng")
    parser.add_argument("--boxes", type=int, default=5)
    parser.add_argument("--train", type=int, default=2, help="boxes of the other suite to learn")
    parser.add_argument("--steps", type=int, default=400, help="batches of an ablation")
    options = parser.parse_args()
    key = options.part
    if options.part == "table":
        key, found = f"table_{options.suite}", table(options.suite, options.boxes)
    elif options.part == "cross":
        found = parts.cross(options.boxes, options.train)
    elif options.part == "responses":
        key, found = f"responses_{options.suite}", parts.responses(options.suite)
    else:
        found = parts.ablation(options.steps)
    everything = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    everything[key] = found
    RESULTS.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
