"""Nebula classifiers on another code than they learned from: five seeds, paired.

    python benchmarks/bench_nebulae.py [--seeds 5] [--records 100000] [--only frozen|adapted]

Needs `nebula_lines/mappings` and `nebula_lines/cloudy`. Rows: line-ratio diagrams; the network from
the source alone, clean, with noise, and with noise, dust and diffuse gas ("disturbed"); adapted by
gradient reversal, clean and with noise; ours, disturbed and aware of the shares of classes; an
oracle that sees the labels of the target. The rows of source and
oracle are measured first and frozen with a hash in results/nebulae_frozen.json; adapted models are
compared with what stands there. Confusion matrices and embeddings are drawn for the first seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import keras
import matplotlib as mpl
import numpy as np

from zoo import splits
from zoo.evaluation.classes import class_errors, confusion
from zoo.models.spectra import nebula_bpt, nebula_network, nebula_training
from zoo.models.spectra.nebula_network import CLASSES
from zoo.models.spectra.nebula_training import Lesson

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FROZEN, ADAPTED = RESULTS / "nebulae_frozen.json", RESULTS / "nebulae.json"
FIGURES = ROOT / "docs" / "figures"
SOURCE, TARGET = "nebula_lines/mappings", "nebula_lines/cloudy"
SETTINGS = {"epochs": 15, "batch_size": 512, "learning_rate": 2e-3}
LESSONS = {
    "source, clean": Lesson(noise=False),
    "source, noise": Lesson(),
    "oracle": Lesson(),
    "reversal, clean": Lesson(noise=False, target=TARGET),
    "reversal, noise": Lesson(target=TARGET),
    "source, disturbed": Lesson(disturbed=True),
    "shift": Lesson(target=TARGET, aware=True, conditional=1.0, disturbed=True),
}
FIRST = ("source, clean", "source, noise", "oracle")
DRAWN = 1500  # points of a picture
Rows = dict[str, Any]


def load(name: str, split: str, count: int | None) -> Rows:
    """The first records of a split, in memory."""
    return splits.rows(splits.split(name, split), slice(count))


def train(row: str, seed: int, data: dict[str, Rows]) -> tuple[keras.Model, Rows]:
    """A model of one row and seed, calibrated on what it may see the labels of."""
    keras.utils.set_random_seed(seed)
    model = nebula_network.network("nebula")
    settings = SETTINGS | {"seed": seed}
    lesson = LESSONS[row]
    begin = time.process_time()
    if row == "oracle":  # as rare as they are, all classes count alike
        known = data["target train"]
        counts = np.bincount(known["label"], minlength=3)
        facts = nebula_training.learn(
            model, known, settings, lesson, weights=counts.sum() / (3 * counts)
        )
        nebula_training.calibrate(model, data["target calibration"])
    else:
        target = data["target train"] if lesson.target else None
        facts = nebula_training.learn(model, data["source train"], settings, lesson, target=target)
        nebula_training.calibrate(model, data["source calibration"])
    return model, facts | {"cpu_s": round(time.process_time() - begin, 1)}


def measure(model: Any, data: Rows, prior: Any = None) -> dict[str, float]:
    """Metrics of a model on one domain, with other shares of the classes if they are given."""
    scores = nebula_network.logits(model, data) / float(model.get_layer("answers").temperature)
    if prior is not None:
        scores = scores + np.log(3 * np.asarray(prior))
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return class_errors(p.argmax(axis=1).astype(float), data["label"], *p.T)


def rows(names: Any, seeds: int, data: dict[str, Rows], keep: dict[str, Any]) -> Rows:
    """Metrics of rows in every seed; the models of the first seed are kept."""
    out: Rows = {}
    for row in names:
        out[row] = []
        for seed in range(1, seeds + 1):
            model, facts = train(row, seed, data)
            found = {"seed": seed, **facts}
            found["source"] = measure(model, data["source test"])
            found["target"] = measure(model, data["target test"])
            if "shares" in facts:
                found["target, its shares"] = measure(model, data["target test"], facts["shares"])
            out[row].append(found)
            if seed == 1:
                keep[row] = model
            t = found["target"]
            print(
                f"{row:16} seed {seed}: source {found['source']['balanced_accuracy']:.3f}, "
                f"target balanced {t['balanced_accuracy']:.3f} plain {t['accuracy']:.3f} "
                f"ece {t['ece']:.3f} ({facts['cpu_s']} s)",
                flush=True,
            )
    return out


def diagrams(data: dict[str, Rows]) -> dict[str, Any]:
    """Metrics of line-ratio diagrams."""
    estimator = nebula_bpt.build(**nebula_bpt.learn(data["source train"], {}))
    out = {}
    for domain in ("source", "target"):
        test = data[f"{domain} test"]
        given = {n: np.asarray(test[n], float) for n in ("line", "flux", "is_limit")}
        p = estimator.predict(given)
        out[domain] = class_errors(p["label"], test["label"], *(p[n] for n in CLASSES))
    return out


def summary(found: Rows) -> Rows:
    """Mean and spread over seeds of each row, on the target, and the share of the gap closed."""

    def values(row: str, metric: str = "balanced_accuracy") -> np.ndarray:
        return np.array([one["target"][metric] for one in found[row]])

    low, high = values("source, clean"), values("oracle")
    out = {}
    for row in found:
        balanced = values(row)
        closed = (balanced - low) / (high - low)
        out[row] = {
            "balanced_accuracy": [
                float(balanced.mean()),
                float(balanced.std(ddof=min(1, len(balanced) - 1))),
            ],
            "accuracy": float(values(row, "accuracy").mean()),
            "ece": float(values(row, "ece").mean()),
            "source_balanced_accuracy": float(
                np.mean([one["source"]["balanced_accuracy"] for one in found[row]])
            ),
            "source_ece": float(np.mean([one["source"]["ece"] for one in found[row]])),
            "gap_closed": [float(closed.mean()), float(closed.min())],
            "worst_gain_over_source_noise": float((balanced - values("source, noise")).min()),
        }
        own = [one["target, its shares"] for one in found[row] if "target, its shares" in one]
        if own:
            out[row]["its_shares"] = {
                n: float(np.mean([one[n] for one in own]))
                for n in ("balanced_accuracy", "accuracy", "ece")
            }
    return out


def picture(models: dict[str, Any], data: dict[str, Rows]) -> None:
    """Confusion matrices on both domains, and embeddings by domain and by class."""
    shown = [row for row in ("source, noise", "reversal, noise", "shift") if row in models]
    figure, axes = plt.subplots(2, len(shown), figsize=(3.2 * len(shown), 6), squeeze=False)
    for column, row in zip(axes.T, shown, strict=True):
        for axis, domain in zip(column, ("source", "target"), strict=True):
            test = data[f"{domain} test"]
            label = nebula_network.logits(models[row], test).argmax(1)
            matrix = confusion(label, test["label"])
            axis.imshow(matrix, vmin=0, vmax=1, cmap="Blues")
            for i, j in np.ndindex(3, 3):
                dark = "white" if matrix[i, j] > 0.6 else "black"
                axis.text(j, i, f"{matrix[i, j]:.2f}", ha="center", va="center", color=dark)
            axis.set(
                xticks=range(3), yticks=range(3), xticklabels=CLASSES, yticklabels=CLASSES,
                xlabel="predicted", ylabel="true", title=f"{row}: {domain}",
            )  # fmt: skip
    figure.tight_layout()
    FIGURES.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURES / "nebula_confusion.png", dpi=110)
    _embeddings(models, shown, data)


def _embeddings(models: dict[str, Any], shown: list[str], data: dict[str, Rows]) -> None:
    """The first two principal components of inputs and of encoders' outputs."""
    pair = [splits.rows(data[f"{d} test"], slice(DRAWN)) for d in ("source", "target")]
    first = models[shown[0]].get_layer("slots")
    views = {"inputs": lambda d: np.asarray(first({n: d[n] for n in nebula_network.INPUTS}))}
    for row in shown:
        views[row] = lambda d, row=row: nebula_network.embedding(models[row], d)
    figure, axes = plt.subplots(2, len(views), figsize=(3.2 * len(views), 6), squeeze=False)
    for column, (name, view) in zip(axes.T, views.items(), strict=True):
        points = [view(d) for d in pair]
        both = np.concatenate(points)
        centre = both.mean(axis=0)
        _, _, directions = np.linalg.svd(both - centre, full_matrices=False)
        flat = [(p - centre) @ directions[:2].T for p in points]
        for xy, domain in zip(flat, ("source", "target"), strict=True):
            column[0].plot(*xy.T, ".", ms=2, alpha=0.5, label=domain)
        for c, label in enumerate(CLASSES):
            for xy, d, marker in zip(flat, pair, ".x", strict=True):
                rows_ = d["label"] == c
                legend = label if marker == "." else None
                column[1].plot(*xy[rows_].T, marker, ms=2, alpha=0.5, color=f"C{c}", label=legend)
        column[0].set_title(name)
        for axis in column:
            axis.set(xticks=[], yticks=[])
    axes[0, 0].legend(markerscale=4)
    axes[1, 0].legend(markerscale=4)
    figure.tight_layout()
    figure.savefig(FIGURES / "nebula_embeddings.png", dpi=110)


def main() -> None:
    """Measure, and write results and pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--only", choices=("frozen", "adapted"))
    arguments = parser.parse_args()
    data = {
        f"{domain} {split}": load(name, split, arguments.records if split == "train" else None)
        for domain, name in (("source", SOURCE), ("target", TARGET))
        for split in ("train", "calibration", "test")
    }
    models: dict[str, Any] = {}
    setting = SETTINGS | {"seeds": arguments.seeds, "records": arguments.records}
    if arguments.only != "adapted":
        found = rows(FIRST, arguments.seeds, data, models)
        body = {"setting": setting, "diagrams": diagrams(data), "rows": found}
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        write(FROZEN, body | {"sha256": digest})
    if arguments.only == "frozen":
        return
    body = json.loads(FROZEN.read_text())
    digest = body.pop("sha256")
    if digest != hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest():
        raise SystemExit(f"{FROZEN} was changed after it was frozen: measure it again")
    if body["setting"] != setting:
        raise SystemExit(f"{FROZEN} has other settings: {body['setting']}")
    found = rows([row for row in LESSONS if row not in FIRST], arguments.seeds, data, models)
    if "source, noise" not in models:
        models["source, noise"], _ = train("source, noise", 1, data)
    picture(models, data)
    table = summary(body["rows"] | found)
    result = {"setting": setting, "frozen": digest, "diagrams": body["diagrams"]}
    write(ADAPTED, result | {"rows": found, "summary": table})
    for row, value in table.items():
        mean, spread = value["balanced_accuracy"]
        closed, worst = value["gap_closed"]
        print(
            f"{row:16} target balanced {mean:.3f} +- {spread:.3f}, plain {value['accuracy']:.3f}, "
            f"gap closed {closed:.2f} (worst {worst:.2f}), ece {value['ece']:.3f}, "
            f"source {value['source_balanced_accuracy']:.3f}, its ece {value['source_ece']:.3f}"
        )


def write(path: Path, content: Rows) -> None:
    """Store results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
