"""Learning curve of `jam_cyl_emulator` and of the plain polynomial, on `jam_mocks/cyl`.

    python benchmarks/bench_jam_learning.py [--quick] [--evaluations N] [--release FOLDER]

Both learn from the first n galaxies of the training split, at the card's degree, and once more at
the degree that does best on the validation split: with few galaxies degree 8 has more terms than
there are galaxies, and only the ridge makes it solvable. `--evaluations` bounds those of loss and
gradient (the card's number unless given); `--quick` shortens the curve.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo import splits
from zoo.evaluation import plots
from zoo.evaluation.evaluate import rate
from zoo.evaluation.learning_curve import fit_power_law
from zoo.training import loop

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "jam_learning.json"
PLOT = ROOT / "docs" / "jam_learning_curve.png"
SIZES = (250, 500, 1000, 2000, 4000, 7500)
DEGREES = (3, 4, 5, 6, 7, 8)
FEW = 1000  # up to here the emulator's degree is chosen too; above, 8 is the best of any
ROWS = ("mean_abs", "max_p99")


def candidates(card: Any, size: int, epochs: int) -> dict[str, list[dict[str, Any]]]:
    """Settings to try by model; the first of each is the card's own."""
    own = loop.recipe(card, epochs=epochs)
    degree = own["config"]["degree"]

    def lower(config: dict[str, Any], degrees: tuple[int, ...]) -> list[dict[str, Any]]:
        rest = [d for d in degrees if d != degree]
        return [own | {"config": config | {"degree": d}} for d in (degree, *rest)]

    plain = {"modes": 48, "warp": []}
    return {
        "jam_cyl_emulator": lower(own["config"], (4, 6, 8) if size <= FEW else ()),
        "Chebyshev polynomial": lower(plain, DEGREES),
    }


def measure(release: Any, sizes: tuple[int, ...], epochs: int) -> list[dict[str, Any]]:
    """One row for every model, number of galaxies and way to set the degree."""
    train, validation, test = (
        splits.split("jam_mocks/cyl", name) for name in ("train", "validation", "test")
    )
    rows = []
    for size in sizes:
        data = splits.rows(train, slice(size))
        for name, tried in candidates(release.card, size, epochs).items():
            found = []
            for settings in tried:
                begin = time.perf_counter()
                trained = loop.train(release.card, data, validation, settings)
                seconds = time.perf_counter() - begin
                judged = release.like(trained.model)
                found.append((rate(judged, validation)["mean_abs"], judged, settings, seconds))
            best = min(range(len(found)), key=lambda index: found[index][0])
            for index, choice in ((0, "of the card"), (best, "chosen on the validation split")):
                _, judged, settings, seconds = found[index]
                row = {"galaxies": size, "model": name, "choice": choice, "seconds": seconds}
                row |= {"degree": settings["config"]["degree"]} | rate(judged, test)
                rows.append(row)
                print(
                    f"{size:6} {name:<22} degree {row['degree']} {choice:<32}"
                    f"{row['mean_abs']:9.1e} {row['max_p99']:9.1e} {seconds:6.0f} s",
                    flush=True,
                )
    return rows


def draw(rows: list[dict[str, Any]]) -> None:
    """Mean error and p99 of the largest error of a map, emulator and baseline beside each other."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    _, axes = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained")
    labels = ("Mean relative error of a map", "99th percentile of the map's largest error")
    for ax, metric, label in zip(axes, ROWS, labels, strict=True):
        for model in dict.fromkeys(row["model"] for row in rows):
            chosen = [r for r in rows if r["model"] == model and r["choice"] != "of the card"]
            n, error = (np.array([row[key] for row in chosen]) for key in ("galaxies", metric))
            fit = fit_power_law(n, error) if len(n) > 2 else None
            plots.learning_curve(n, error, fit=fit, label=model, ylabel=label, ax=ax)
    plt.savefig(PLOT, dpi=110)
    plt.close()


def main() -> None:
    """Train along the curve, print the table, write results and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only 250 to 1,000, 40 evaluations")
    parser.add_argument("--release", default="jam_cyl_emulator", help="name or release folder")
    parser.add_argument("--evaluations", type=int, help="of loss and gradient, at most")
    arguments = parser.parse_args()
    release = zoo.load_model(arguments.release)
    epochs = 40 if arguments.quick else arguments.evaluations or release.card.recipe["epochs"]
    rows = measure(release, SIZES[:3] if arguments.quick else SIZES, epochs)
    if arguments.quick:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    facts = {"evaluations": epochs, "evaluations_of_the_card": release.card.recipe["epochs"]}
    RESULTS.write_text(json.dumps(facts | {"rows": rows}, indent=1) + "\n")
    draw(rows)


if __name__ == "__main__":
    main()
