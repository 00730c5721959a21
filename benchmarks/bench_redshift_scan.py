"""Redshifts from mock MOONS spectra: what each part of the scan is worth, and what it costs.

    python benchmarks/bench_redshift_scan.py [--rows N] [--releases FOLDER] [--speed]

Accuracy (abs(dz) < 0.01) and fraction kept at 99 % purity on the fixed test spectra and their
shifted copies, of `template_scan.moons`, the same without its sky columns, the same for the mock's
own range of redshift, and `redshift_scan`; the first also by kind of galaxy and exposure. Spectra
per second from native pixels, by `predict` and by the graph alone, along the curve and in general.
One process, one thread; times are of the processor, the best of three. With `--speed` only they are
measured again, and every version of a release in FOLDER is timed in turn.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results" / "redshift_scan.json"
CONFIGS = ("full", "shifted_sky", "shifted_calibration", "shifted_sps", "shifted_lines")
RANGE = (0.9, 2.6)  # of the mock
TIMED = 512
CHUNK = 500


def models(releases: Path | None) -> dict[str, Any]:
    """Models by label; what is not released is left out, loudly."""
    import zoo
    from zoo.errors import ZooError
    from zoo.models.spectra import template_scan

    found: dict[str, Any] = {}
    for name in ("template_scan.moons", "redshift_scan"):
        folders = sorted((releases / name).glob("[0-9]*")) if releases else []
        try:
            found[name] = zoo.load_model(folders[-1] if folders else name)
        except ZooError as error:
            print(f"{name} is left out: {error}")
    if scan := found.get("template_scan.moons"):
        from zoo import splits

        train = splits.split("moons_spectra/full", "train")
        config = dict(scan.card.recipe["config"])
        for label, change in {
            "template_scan.moons, no sky columns": {"nuisances": 0},
            f"template_scan.moons, {RANGE[0]} < z < {RANGE[1]}": {"redshift": list(RANGE)},
        }.items():
            model = template_scan.build(**config | change)
            template_scan.learn(model, train)
            found[label] = scan.like(model)
    return found


def observed(config: str, rows: int) -> dict[str, np.ndarray]:
    """The test spectra of a config with their fixed noise."""
    from zoo import splits

    dataset = f"moons_spectra/{config}"
    test = splits.rows(splits.split(dataset, "test"), slice(rows))
    return splits.observed(dataset, test)


def predict(model: Any, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Predictions in chunks, which bound the memory."""
    parts = []
    for start in range(0, len(data["redshift"]), CHUNK):
        rows = slice(start, start + CHUNK)
        given = {"flux": data["flux"][rows], "ivar": data["ivar"][rows]}
        parts.append(dict(model.predict(given | {"wavelength": data["wavelength"]})))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def judged(found: dict[str, np.ndarray], data: dict[str, np.ndarray]) -> dict[str, Any]:
    """Metrics of the redshift on all rows, and the accuracy by kind and exposure."""
    from zoo.evaluation.spectra import RIGHT, redshift_errors

    centres = found["redshift_grid"][0]
    inside = np.abs(data["redshift"] - centres.mean()) < centres.max() - centres.mean()
    pick = np.flatnonzero(inside)
    names = ("redshift", "redshift_pdf")
    z, pdf = (found[name][pick] for name in names)
    out: dict[str, Any] = redshift_errors(z, data["redshift"][pick], pdf, centres)
    right = np.abs(found["redshift"] - data["redshift"]) < RIGHT
    passive = np.asarray(data["is_passive"], bool)
    for label, kind in (("star-forming", ~passive), ("passive", passive)):
        for hours in np.unique(data["exposure"]):
            rows = kind & (data["exposure"] == hours)
            if rows.any():
                out[f"accuracy, {label}, {hours:g} h"] = float(right[rows].mean())
    return out


def speed(model: Any, data: dict[str, np.ndarray]) -> dict[str, float]:
    """Spectra per second and core, from native pixels."""
    rows = slice(min(TIMED, len(data["redshift"])))
    given = {"flux": data["flux"][rows], "ivar": data["ivar"][rows]}
    given["wavelength"] = data["wavelength"]
    few = {n: v[:32] if n != "wavelength" else v for n, v in given.items()}
    gaps = few | {"ivar": few["ivar"] * (np.arange(few["ivar"].shape[1]) % 2)}
    out = {}
    for label, columns in (("along the curve", given), ("in general", gaps)):
        model.predict({n: v[:8] if n != "wavelength" else v for n, v in columns.items()})
        spent = []
        for _ in range(3):
            begin = time.process_time()
            model.predict(columns)
            spent.append(time.process_time() - begin)
        out[label] = len(columns["flux"]) / min(spent)
    return out


def speeds(releases: Path) -> dict[str, dict[str, float]]:
    """Speed of every version of the two releases in a folder, the newest under the bare name."""
    import zoo

    data, out = observed("full", TIMED), {}
    for name in ("template_scan.moons", "redshift_scan.moons"):
        folders = sorted((releases / name).glob("[0-9]*"))
        for folder in folders:
            label = name.removesuffix(".moons") if name.startswith("redshift") else name
            label += "" if folder == folders[-1] else f", version {folder.name}"
            out[label] = speed(zoo.load_model(folder), data)
            print(f"{label:45s} {out[label]}", flush=True)
    return out


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--releases", type=Path)
    parser.add_argument("--speed", action="store_true", help="measure nothing else again")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from zoo.errors import DataError

    found: dict[str, Any]
    if args.speed:
        found = json.loads(RESULTS.read_text(encoding="utf-8"))
        folder = args.releases or Path(__file__).parents[1] / "saved_models"
        found["spectra_per_second"] |= speeds(folder)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return
    found = {"rows": args.rows, "accuracy": {}, "spectra_per_second": {}}
    everyone = models(args.releases)
    for config in CONFIGS:
        try:
            data = observed(config, args.rows)
        except DataError as error:
            print(f"{config} is left out: {error}")
            continue
        for label, model in everyone.items():
            found["accuracy"].setdefault(label, {})[config] = judged(predict(model, data), data)
            if config == "full":
                found["spectra_per_second"][label] = speed(model, data)
            row = found["accuracy"][label][config]
            print(
                f"{config:20s} {label:45s} {row['accuracy']:.4f} {row['kept_99']:.3f}", flush=True
            )
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
