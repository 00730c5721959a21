"""Baselines of galaxies from dark matter, and ceilings, over held-out boxes.

    python benchmarks/bench_galaxies.py [--dataset NAME] [--releases FOLDER]

Every statistic is over the boxes of the test split. Ceilings know the haloes and the rule of the
toy but not its dice: "oracle" ranks voxels by the mean of many draws, "two draws" takes one draw
for the prediction of another. Base rate, threshold and two-draw agreement are frozen with a hash
of the test boxes before any network is trained.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import galaxy_figures
import numpy as np

import zoo
from zoo import splits
from zoo.errors import UnknownModelError
from zoo.evaluation import fields, voxels
from zoo.models.galaxies import galaxy_hod
from zoo_datasets import building, chunks
from zoo_datasets.simulators.nbody import record

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "galaxies.json"
MODELS = ("galaxy_threshold.stars", "galaxy_hod.3", "galaxy_hod.5")
OF_ALL = ("galaxy_threshold.all", "galaxy_hod.3_all", "galaxy_hod.5_all")  # every subhalo
K = (1.0, 2.0, 5.0, 10.0)
ORACLE_DRAWS = 200
CELLS = 128  # along a side of the mesh that P(k) is taken from, nearest cell
SHELLS = np.geomspace(0.7, 12, 8)  # [h/Mpc] of the equilateral bispectrum

Boxes = dict[str, Any]


def gravity(dataset: str) -> list[chunks.Record]:
    """The N-body runs behind the test split, with what the toys' rule reads beside haloes."""
    tasks = building.builder(dataset).tasks()
    task = next(task for task in tasks if task.split == "test")
    runs = (found for _, found in chunks.read(task))
    return [{key: run[key] for key in run if not key.startswith("dm_")} for run in runs]


def redrawn(run: chunks.Record, dataset: str, row: int, seed: int) -> np.ndarray:
    """Positions (g, 3) of the galaxies of a test box with other dice."""
    config = building.builder(dataset).builder_config
    rng = np.random.default_rng((7, row, seed))
    return record.drawn(run, config.suite, config.everything, rng).position


def models(dataset: str) -> tuple[str, ...]:
    """The baselines that were fitted to galaxies like these."""
    return OF_ALL if building.builder(dataset).builder_config.everything else MODELS


def on_grid(position: np.ndarray, size: float, n: int) -> np.ndarray:
    """Counts (n, n, n) of galaxies."""
    cell = np.minimum((position * (n / size)).astype(int), n - 1)
    return np.bincount(np.ravel_multi_index(cell.T, (n, n, n)), minlength=n**3).reshape(n, n, n)


def clustering(found: np.ndarray, true: np.ndarray, size: float) -> dict[str, np.ndarray]:
    """P(k) and B(k, k, k) over the truth's, and r(k), of positions (g, 3)."""
    mesh, truth = (on_grid(position, size, CELLS) for position in (found, true))
    one, two = fields.power_spectrum(mesh, size), fields.power_spectrum(truth, size)
    cross = fields.power_spectrum(mesh, size, truth).power / np.sqrt(one.power * two.power)
    ratio = one.power / two.power
    shells, bispectrum = fields.equilateral_bispectrum(mesh, size, SHELLS)
    three = bispectrum / fields.equilateral_bispectrum(truth, size, SHELLS)[1]
    power = {"ratio": ratio, "r": cross, "power": one.power, "true": two.power}
    return {"k": one.k, **power, "k_bispectrum": shells, "bispectrum": three}


def at(k: np.ndarray, values: np.ndarray) -> list[float]:
    """Means around the quoted wavenumbers, 20 % wide."""
    return [float(values[(k > 0.9 * q) & (k < 1.1 * q)].mean()) for q in K]


def rows(dataset: str, releases: Path | None) -> tuple[dict[str, Any], Boxes]:
    """Metrics of every model and ceiling, and what the pictures need."""
    data = splits.split(dataset, "test")
    true = np.asarray(data["galaxy_count"])
    size, n = float(data["box_size"][0]), true.shape[1]
    runs = gravity(dataset)
    results: dict[str, Any] = {"boxes": len(true), "galaxies": true.sum((1, 2, 3)).tolist()}
    results["all_zero"] = {"accuracy": float(np.mean(true == 0))}
    results["base_rate"] = float(np.mean(true > 0))
    results["sha256"] = hashlib.sha256(np.ascontiguousarray(true).tobytes()).hexdigest()
    draws = {"two draws": [redrawn(run, dataset, row, 0) for row, run in enumerate(runs)]}
    exact = [
        voxels.mask_errors(on_grid(d, size, n), t)
        for d, t in zip(draws["two draws"], true, strict=True)
    ]
    near = [
        voxels.mask_errors(on_grid(d, size, n), t, tolerant=True)
        for d, t in zip(draws["two draws"], true, strict=True)
    ]
    results["two_draws"] = {
        "precision": float(np.mean([row["precision"] for row in exact])),
        "precision_tolerant": float(np.mean([row["precision"] for row in near])),
    }
    mean = []
    for row, run in enumerate(runs):
        many = [redrawn(run, dataset, row, 1 + seed) for seed in range(ORACLE_DRAWS)]
        mean.append(on_grid(np.concatenate(many), size, n) / ORACLE_DRAWS)
    results["models"] = {"oracle": voxels.galaxy_errors(np.stack(mean), true)}
    reliable = results["reliability"] = {}
    del mean
    for name in models(dataset):
        try:
            model = zoo.load_model(newest(releases, name))
        except UnknownModelError as error:
            print(f"{name} is left out: {error}")
            continue
        reads = [key for key in model.card.inputs if key in data]
        found, probability = [], []
        for row in range(len(true)):
            inputs = {key: np.asarray(data[key][row]) for key in reads}
            answer = model.predict(inputs, outside="warn")
            found.append(np.asarray(answer["galaxy_count"]))
            probability.append(np.asarray(answer["galaxy_probability"], np.float32))
        told, seen, number = voxels.reliability(np.stack(probability), true)
        del probability
        reliable[name] = {"told": told[number > 0].tolist(), "seen": seen[number > 0].tolist()}
        results["models"][name] = voxels.galaxy_errors(np.stack(found), true)
        rng = np.random.default_rng(0)
        if name.startswith("galaxy_hod"):
            draws[name] = [
                galaxy_hod.catalogue(
                    model.manifest.config, {key: data[key][row] for key in reads}, row
                )["position"]
                for row in range(len(true))
            ]
        else:
            draws[name] = [sprinkled(field, size, rng) for field in found]
    kept: Boxes = {"true": true, "data": data, "size": size, "draws": draws, "clustering": {}}
    kept["reliability"] = reliable
    for name, drawn in draws.items():
        truth = data["galaxy_position"]
        found = [clustering(p, np.asarray(truth[row], float), size) for row, p in enumerate(drawn)]
        stacked = {key: np.stack([one[key] for one in found]) for key in found[0]}
        kept["clustering"][name] = stacked
        k = stacked["k"][0]
        results.setdefault("clustering", {})[name] = {
            "k": list(K),
            "ratio": at(k, stacked["ratio"].mean(axis=0)),
            "ratio_spread": at(k, stacked["ratio"].std(axis=0)),
            "r": at(k, stacked["r"].mean(axis=0)),
            "k_bispectrum": stacked["k_bispectrum"][0].tolist(),
            "bispectrum": np.median(stacked["bispectrum"], axis=0).tolist(),
            "abundance": float(sum(map(len, drawn)) / true.sum()),
        }
    return results, kept


def sprinkled(mean: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """Positions of Poisson draws from expected counts, anywhere in their voxels."""
    n = len(mean)
    number = rng.poisson(np.maximum(mean, 0))
    cell = np.repeat(np.argwhere(number > 0), number[number > 0], axis=0)
    return (cell + rng.random(cell.shape)) * (size / n)


def newest(releases: Path | None, name: str) -> str | Path:
    """A model's newest release in a folder, or its name."""
    if releases is None or not (releases / name).is_dir():
        return name
    return max((releases / name).iterdir(), key=lambda path: int(path.name))


def main() -> None:
    """Measure, freeze, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="dark_matter_galaxies/toy_tng")
    parser.add_argument("--releases", type=Path, help="look for releases in this folder first")
    options = parser.parse_args()
    found, kept = rows(options.dataset, options.releases)
    for label, row in found["models"].items():
        print(label, {key: round(value, 4) for key, value in row.items()})
    for key in ("base_rate", "two_draws", "sha256", "clustering"):
        print(key, found[key])
    everything = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    everything[options.dataset] = found
    RESULTS.write_text(json.dumps(everything, indent=1) + "\n")
    galaxy_figures.slices(options.dataset, kept)
    galaxy_figures.statistics(options.dataset, kept, on_grid)


if __name__ == "__main__":
    main()
