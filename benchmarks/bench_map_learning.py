"""Learning curves of the other learned models of Vrms maps, each on its own dataset.

    python benchmarks/bench_map_learning.py [--quick] [--models NAME ...]

Every model is trained by its card's recipe on the first n galaxies of the training split and judged
on the first 500 of the test split. Effort is cut so that the curve takes minutes: the basis
emulators learn their coordinates with 100 evaluations of loss and gradient, the generator of pixels
learns for 2,000 steps at every n. `jam_cyl_emulator` has `bench_jam_learning.py`, and
`jam_photometry` stands in `bench_jam_ablations.py`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo import splits
from zoo.evaluation import plots
from zoo.evaluation.evaluate import dataset, rate
from zoo.evaluation.learning_curve import fit_power_law
from zoo.training import loop

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "map_learning.json"
PLOT = ROOT / "docs" / "figures" / "map_learning_curves.png"
MODELS = ("jam_sph_emulator", "lens_kinematics", "lens_kinematics_cips")
SIZES = (500, 1500, 4000, 7500)
JUDGED, EVALUATIONS, STEPS = 500, 100, 2000


def effort(card: Any, galaxies: int) -> int:
    """Epochs of the recipe: gradient steps of a network, evaluations of a basis emulator."""
    if "learning_rate" not in card.recipe:
        return EVALUATIONS
    return round(STEPS / math.ceil(galaxies / card.recipe["batch_size"]))


def curve(name: str, sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    """One row of metrics for every number of galaxies."""
    release = zoo.load_model(name)
    source = dataset(release.card)
    train, validation, test = (splits.split(source, s) for s in ("train", "validation", "test"))
    judged = splits.rows(test, slice(JUDGED))
    others = splits.rows(validation, slice(None))
    rows = []
    for size in (n for n in sizes if n <= len(next(iter(train.values())))):
        settings = loop.recipe(release.card, epochs=effort(release.card, size))
        begin = time.perf_counter()
        trained = loop.train(release.card, splits.rows(train, slice(size)), others, settings)
        seconds = time.perf_counter() - begin
        row = {"model": name, "galaxies": size, "seconds": seconds}
        rows.append(row | rate(release.like(trained.model), judged))
        print(f"{name:<22}{size:6} mean {rows[-1]['mean_abs']:8.1e}  {seconds:4.0f} s", flush=True)
    return rows


def draw(rows: list[dict[str, Any]]) -> None:
    """Mean error of a map against the number of galaxies."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    _, ax = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    label = "Mean relative error of a map"
    for name in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == name]
        n, error = (np.array([row[key] for row in own]) for key in ("galaxies", "mean_abs"))
        fit = fit_power_law(n, error) if len(n) > 2 else None
        plots.learning_curve(n, error, fit=fit, label=name, ylabel=label, ax=ax)
    plt.savefig(PLOT, dpi=110)
    plt.close()


def main() -> None:
    """Train along the curves, write results and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="500 galaxies, nothing is written")
    parser.add_argument("--models", nargs="+", default=MODELS)
    arguments = parser.parse_args()
    rows = [
        row
        for name in arguments.models
        for row in curve(name, SIZES[: 1 if arguments.quick else 5])
    ]
    if arguments.quick:
        return
    facts = {"judged": JUDGED, "evaluations": EVALUATIONS, "steps": STEPS}
    RESULTS.write_text(json.dumps(facts | {"rows": rows}, indent=1) + "\n")
    draw(rows)


if __name__ == "__main__":
    main()
