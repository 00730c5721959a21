"""What the weighting of spectra by their noise changes in `mtopnet`, on `moons_spectra/full`.

    python benchmarks/bench_mtopnet_weighting.py [--galaxies N] [--epochs N] [--quick]

Two trainings from the same seed, galaxies and noise, shorter than that of the release: with weights
1 / (1 + (noise / light)^2) and without. Judged on the validation split, also by magnitude.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from zoo import registry, splits
from zoo.evaluation.spectra import RIGHT
from zoo.training import loop

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "mtopnet_weighting.json"
CARD = registry.find_card("mtopnet")[0]
EDGES = (21, 23, 24, 24.5, 25.2)  # of m_H
SPREAD = 1.4826


def learn(weighted: bool, galaxies: int, epochs: int) -> dict[str, Any]:
    """One row: accuracy and scatter on the validation split."""
    config = CARD.recipe["config"] | {"weighted": weighted}
    settings = loop.recipe(CARD, epochs=epochs, config=config)
    train = splits.rows(splits.split(CARD.dataset, "train"), slice(galaxies))
    validation = splits.rows(splits.split(CARD.dataset, "validation"), slice(galaxies))
    trained = loop.train(CARD, train, validation, settings)
    found = predict(trained.model, validation)
    right = np.abs(found["redshift"] - validation["redshift"]) < RIGHT
    row: dict[str, Any] = {"weighted": weighted, "accuracy": float(right.mean())}
    row["standard_error"] = float(np.sqrt(right.mean() * (1 - right.mean()) / len(right)))
    for low, high in pairwise(EDGES):
        inside = (validation["mag_h"] >= low) & (validation["mag_h"] < high)
        row[f"accuracy_mag_h_{low:g}_{high:g}"] = float(right[inside].mean())
    for name in ("log_mstar", "log_sfr"):
        rest = found[name] - validation[name]
        row[f"{name}_nmad"] = float(SPREAD * np.median(np.abs(rest - np.median(rest))))
    row["cpu_s"] = trained.facts["cpu_s"]
    print(json.dumps(row), flush=True)
    return row


def predict(model: Any, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Redshift, mass and rate of observed records, in pieces."""
    names = ("redshift", "log_mstar", "log_sfr")
    parts = []
    for start in range(0, len(data["redshift"]), 500):
        seen = splits.observed(CARD.dataset, splits.rows(data, slice(start, start + 500)))
        given = {n: np.broadcast_to(seen[n], seen["flux"].shape) for n in CARD.inputs}
        given = {n: v.astype(np.float32) for n, v in given.items()}
        parts.append({n: np.asarray(v) for n, v in model(given).items() if n in names})
    return {n: np.concatenate([part[n] for part in parts]) for n in names}


def main() -> None:
    """Run the benchmark and write its results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--galaxies", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="to see that it runs")
    options = parser.parse_args()
    size = (500, 1) if options.quick else (options.galaxies, options.epochs)
    rows = [learn(weighted, *size) for weighted in (True, False)]
    facts = {"galaxies": size[0], "epochs": size[1], "rows": rows}
    if not options.quick:
        RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
