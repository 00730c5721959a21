"""`nebula_flow_invariant` and `nebula_flow` on H II regions of either code.

    python benchmarks/bench_nebula_invariant.py [--plain FOLDER] [--invariant FOLDER]

Needs `nebula_lines/cloudy_hii` and `nebula_lines/mappings`. Test splits: bias, scatter, coverage
and width of log U, 12 + log O/H and E(B-V); N/O only on Cloudy, as MAPPINGS has none of its own.
Then the gap is estimated again with the O/H of the sample assumed right and 0.2 dex wrong, on
nebulae of the train split. Pictures: answers against the truth; inputs and summaries of both flows
in two dimensions, by domain and by O/H.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

import zoo
from zoo import splits
from zoo.models.spectra import nebula_flow_invariant, nebula_gap

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "nebula_invariant.json"
FIGURES = ROOT / "docs" / "figures"
INPUTS = ("line", "flux", "flux_error", "is_limit")
SHOWN = {"log_u": "log U", "log_oh": "12 + log O/H", "ebv": "E(B-V) [mag]"}
EDGE = 9.0  # 12 + log O/H up to which the flows have an answer
WRONG = 0.2  # [dex]
OWN = 3000  # regions of Cloudy that the flows are judged on
DRAWN = 1500  # points of a picture
LIKE = 30_000  # regions of Cloudy that those like MAPPINGS' are picked from


def regions(dataset: str, split: str) -> dict[str, Any]:
    """H II regions of a split."""
    data = splits.split(dataset, split)
    return splits.rows(data, np.flatnonzero(np.asarray(data["label"]) == nebula_flow_invariant.HII))


def judged(found: Any, data: dict[str, Any], names: Any) -> dict[str, dict[str, float]]:
    """Errors of posteriors, for every parameter."""
    out = {}
    for name in names:
        true, q = np.asarray(data[name], float), np.asarray(found[f"{name}_quantiles"], float)
        error = np.asarray(found[name], float) - true
        inside = (q[:, 1] <= true) & (true <= q[:, 3])
        out[name] = {
            "bias": float(error.mean()),
            "scatter": float(error.std()),
            "coverage_68": float(inside.mean()),
            "coverage_68_in_range": float(inside[np.asarray(data["log_oh"]) <= EDGE].mean()),
            "coverage_95": float(np.mean((q[:, 0] <= true) & (true <= q[:, 4]))),
            "half_width": float(np.median(q[:, 3] - q[:, 1]) / 2),
        }
    return out


def assumptions(source: dict[str, Any]) -> list[dict[str, Any]]:
    """Bias of the gas that nebulae are matched to, by what is assumed of their O/H."""
    theta = np.stack([np.asarray(source[n], float) for n in nebula_gap.NAMES], axis=1)
    target = regions("nebula_lines/mappings", "train")
    out = []
    for off in (0.0, -WRONG, WRONG):
        usual = nebula_flow_invariant.POPULATION
        assumed = usual | {"log_oh": tuple(v + off for v in usual["log_oh"])}
        likely = nebula_gap.shares(theta, assumed, nebula_flow_invariant.DUST)
        rng = np.random.default_rng(1)
        pair = nebula_flow_invariant.samples(source, target, likely, rng)
        _, means = nebula_gap.estimate(*pair, 0.1)
        row: dict[str, Any] = {"assumed_log_oh_off": off}
        for i, name in enumerate(nebula_gap.NAMES):
            if name in SHOWN:
                row[f"bias_{name}"] = float(np.mean(means[:, i] - pair[1][name]))
        out.append(row)
    return out


def answers(found: dict[str, Any], data: dict[str, Any]) -> None:
    """Means of the posteriors of the target against the truth."""
    figure, axes = plt.subplots(len(found), len(SHOWN), figsize=(9, 6), squeeze=False)
    rows = slice(DRAWN)
    for line, (model, prediction) in zip(axes, found.items(), strict=True):
        for axis, (name, label) in zip(line, SHOWN.items(), strict=True):
            true = np.asarray(data[name][rows])
            mean = np.asarray(prediction[name])[rows]
            axis.plot(true, mean, ".", ms=2, alpha=0.5)
            span = np.quantile(true, (0.005, 0.995))
            axis.plot(span, span, "k", lw=0.8)
            axis.set(xlabel=f"true {label}", ylabel=label if axis is line[0] else "")
            axis.set_title(model if axis is line[0] else "", fontsize=9, loc="left")
    figure.tight_layout()
    figure.savefig(FIGURES / "nebula_invariant_answers.png", dpi=100)


def embeddings(models: dict[str, Any], pair: list[dict[str, Any]]) -> None:
    """The first two principal components of the inputs and of the summaries."""
    first = next(iter(models.values())).keras_model.get_layer("posterior").flow.encoder
    views = {"inputs": lambda given: np.asarray(first.slots(given))}
    for name, model in models.items():
        encoder = model.keras_model.get_layer("posterior").flow.encoder
        views[name] = lambda given, encoder=encoder: np.asarray(encoder(given))
    figure, axes = plt.subplots(2, len(views), figsize=(3.6 * len(views), 6), layout="constrained")
    for column, (name, view) in zip(axes.T, views.items(), strict=True):
        points = [view({n: np.asarray(d[n], np.float32) for n in INPUTS}) for d in pair]
        both = np.concatenate(points)
        centre = both.mean(axis=0)
        directions = np.linalg.svd(both - centre, full_matrices=False)[2][:2]
        flat = [(p - centre) @ directions.T for p in points]
        for xy, domain in zip(flat, ("Cloudy", "MAPPINGS"), strict=True):
            column[0].plot(*xy.T, ".", ms=2, alpha=0.5, label=domain)
        for xy, d, marker in zip(flat, pair, "ox", strict=True):
            shown = column[1].scatter(
                *xy.T, c=d["log_oh"], s=6, marker=marker, vmin=7.9, vmax=9, lw=0.6, alpha=0.6
            )
        column[0].set_title(name)
        for axis in column:
            axis.set(xticks=[], yticks=[])
    axes[0, 0].legend(markerscale=4)
    figure.colorbar(shown, ax=axes, label="12 + log O/H (Cloudy o, MAPPINGS x)", shrink=0.6)
    figure.savefig(FIGURES / "nebula_invariant_embeddings.png", dpi=100)


def alike(source: dict[str, Any]) -> dict[str, Any]:
    """Records of the source as probable as those of the target, each at most once."""
    theta = np.stack([np.asarray(source[n], float) for n in nebula_gap.NAMES], axis=1)
    likely = nebula_gap.shares(theta, nebula_flow_invariant.POPULATION, nebula_flow_invariant.DUST)
    rows = np.random.default_rng(2).choice(len(likely), DRAWN, p=likely)
    return splits.rows(source, np.unique(rows))


def main() -> None:
    """Measure, and write results and pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plain", default="nebula_flow")
    parser.add_argument("--invariant", default="nebula_flow_invariant")
    arguments = parser.parse_args()
    models = {
        "nebula_flow": zoo.load_model(arguments.plain),
        "nebula_flow_invariant": zoo.load_model(arguments.invariant),
    }
    own = splits.rows(splits.split("nebula_lines/cloudy_hii", "test"), slice(OWN))
    other = regions("nebula_lines/mappings", "test")
    body: dict[str, Any] = {"regions": {"Cloudy": len(own["line"]), "MAPPINGS": len(other["line"])}}
    given = {n: np.asarray(other[n]) for n in INPUTS}
    found = {name: model.predict(given) for name, model in models.items()}
    body["MAPPINGS"] = {name: judged(p, other, SHOWN) for name, p in found.items()}
    given = {n: np.asarray(own[n]) for n in INPUTS}
    body["Cloudy"] = {
        name: judged(model.predict(given), own, nebula_gap.NAMES) for name, model in models.items()
    }
    body["assumptions"] = assumptions(own)
    RESULTS.write_text(json.dumps(body, indent=1) + "\n")
    print(json.dumps(body, indent=1))
    FIGURES.mkdir(parents=True, exist_ok=True)
    answers(found, other)
    whole = splits.rows(splits.split("nebula_lines/cloudy_hii", "train"), slice(LIKE))
    embeddings(models, [alike(whole), splits.rows(other, slice(DRAWN))])


if __name__ == "__main__":
    main()
