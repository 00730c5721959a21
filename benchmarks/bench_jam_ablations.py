"""What each symmetry of `jam_photometry` buys, and its learning curve, on `jam_mocks/cyl`.

    python benchmarks/bench_jam_ablations.py [--quick]

Every ablation learns from the same galaxies with the same number of gradient steps and the widths
of the card; only what its name says differs. The learning curve takes the card's model with a fixed
number of steps, fewer than the release had. All are judged on the whole maps of the test split.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from photometry_ways import ABLATIONS, Data, Way

from zoo import registry, splits
from zoo.evaluation import plots
from zoo.evaluation.learning_curve import fit_power_law
from zoo.evaluation.metrics import map_errors
from zoo.models.jam import jam_photometry as own
from zoo.training import loop
from zoo.training.fitting import fit

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "jam_ablations.json"
PLOT = ROOT / "docs" / "jam_photometry_learning_curve.png"
CARD = registry.find_card("jam_photometry")[0]
WIDTHS = {n: CARD.recipe["config"][n] for n in ("filters", "features", "width", "depth")}
GALAXIES, STEPS = 1500, 2000  # of every ablation
SIZES, CURVE_STEPS = (500, 2000, 7500), 4000
BATCH = CARD.recipe["batch_size"]


def learn(way: Way, train: Data, validation: Data, steps: int) -> tuple[Any, dict[str, Any]]:
    """A network of the card's widths for one way to pose the problem."""
    keras.utils.set_random_seed(CARD.recipe["seed"])
    inputs, truth, _ = way
    examples, others = (inputs(train), truth(train)), (inputs(validation), truth(validation))
    (image, known), y = examples
    student = own.network(
        "float32", **WIDTHS, modes=y.shape[1], side=image.shape[1], known=known.shape[1]
    )
    student.get_layer("standard_image").adapt(image.reshape(len(image), -1))
    student.get_layer("standard_parameters").adapt(known)
    student.get_layer("spread").spread.assign(y.std(axis=0))
    student.zoo_loss = own.loss
    settings = CARD.recipe | {"epochs": round(steps / np.ceil(len(y) / BATCH))}
    return student, fit((student, examples, others), settings, None, None)


def ablations(names: list[str], galaxies: int, steps: int) -> list[dict[str, Any]]:
    """One row of metrics on the test split for each."""
    train = splits.rows(splits.split(CARD.dataset, "train"), slice(galaxies))
    validation, test = (
        splits.rows(splits.split(CARD.dataset, name), slice(None))
        for name in ("validation", "test")
    )
    rows = []
    for name in names:
        way = ABLATIONS[name](train)
        begin = time.process_time()
        student, _ = learn(way, train, validation, steps)
        seconds = time.process_time() - begin
        found = student.predict(way[0](test), batch_size=256, verbose=0)
        row = {"row": name, "cpu_s": seconds, "weights": student.count_params()}
        rows.append(row | map_errors(way[2](found, test), test["vrms"]))
        show(name, rows[-1])
    return rows


def curve(sizes: tuple[int, ...], steps: int) -> list[dict[str, Any]]:
    """The card's model from the first n galaxies, with the same number of steps."""
    train, validation, test = (
        splits.rows(splits.split(CARD.dataset, name), slice(None))
        for name in ("train", "validation", "test")
    )
    inputs = {name: test[name] for name in CARD.inputs}
    rows = []
    for size in sizes:
        settings = loop.recipe(CARD, epochs=round(steps / np.ceil(size / BATCH)))
        trained = loop.train(CARD, splits.rows(train, slice(size)), validation, settings)
        found = trained.model.predict(inputs, batch_size=64, verbose=0)["vrms"]
        row = {"galaxies": size, "cpu_s": trained.facts["cpu_s"]}
        rows.append(row | map_errors(found, test["vrms"]))
        show(f"{size:,} galaxies", rows[-1])
    return rows


def show(name: str, row: dict[str, Any]) -> None:
    """One line of the table."""
    print(
        f"{name:<60}{row['mean_abs']:9.1e}{row['max_p90']:9.1e}{row['max_p99']:9.1e}"
        f"{100 * row['max_below_0.02']:8.2f} %{row['cpu_s']:6.0f} s",
        flush=True,
    )


def draw(rows: list[dict[str, Any]]) -> None:
    """Mean error and 99th percentile of the largest error of a map, against galaxies."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    _, axes = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained")
    labels = ("Mean relative error of a map", "99th percentile of the map's largest error")
    n = np.array([row["galaxies"] for row in rows])
    for ax, metric, label in zip(axes, ("mean_abs", "max_p99"), labels, strict=True):
        error = np.array([row[metric] for row in rows])
        fitted = fit_power_law(n, error)
        plots.learning_curve(n, error, fit=fitted, label="jam_photometry", ylabel=label, ax=ax)
    plt.savefig(PLOT, dpi=110)
    plt.close()


def main() -> None:
    """Train everything, print the table, write results and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 galaxies, 30 steps, no results")
    arguments = parser.parse_args()
    print(f"{'':<60}{'mean':>9}{'p90':>9}{'p99':>9}{'max < 2 %':>10}")
    if arguments.quick:
        ablations(list(ABLATIONS), 200, 30)
        curve((200,), 30)
        return
    rows = ablations(list(ABLATIONS), GALAXIES, STEPS)
    found = {"galaxies": GALAXIES, "steps": STEPS, "curve_steps": CURVE_STEPS, "ablations": rows}
    found["curve"] = curve(SIZES, CURVE_STEPS)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    draw(found["curve"])


if __name__ == "__main__":
    main()
