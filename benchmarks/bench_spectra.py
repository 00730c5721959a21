"""Redshifts from mock MOONS spectra: the scan, M-TOPnet and the scan with a learned prior.

    python benchmarks/bench_spectra.py [--rows N] [--releases FOLDER] [--speed]

On the 6,000 fixed test spectra and on their shifted copies, where they are built: metrics of every
model, the paired comparison with `redshift_scan`, the MOONRISE-like selection, success by
magnitude, redshift, star formation, exposure and H alpha, the screening of bad redshifts,
embeddings, and the cost per spectrum on one core. A second classifier for the screening, a
logistic regression on the shape of each PDF, learns from the calibration split. With `--speed` only
the cost is measured again, of a release whose answers have not changed.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import spectra_figures as figures
from scipy import optimize, stats

import zoo
from zoo import splits
from zoo.errors import DataError, OutsideRangeWarning, UnknownModelError
from zoo.evaluation import metrics, spectra

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "spectra.json"
MODELS = ("template_scan.moons", "mtopnet", "redshift_scan.moons")
BEST, SCAN = MODELS[2], MODELS[0]
NOMINAL = "moons_spectra/full"
SHIFTED = ("sky", "calibration", "sps", "lines")
STRATA = {
    "mag_h": (21, 22, 23, 23.5, 24, 24.5, 25, 25.2),
    "redshift": (0.9, 1.2, 1.5, 1.8, 2.1, 2.4, 2.6),
    "log_sfr": (-3, -0.5, 0.5, 1, 1.5, 2, 3.5),
    "exposure": (1, 3, 6, 10),
    "flux_halpha": (0, 0.3, 1, 3, 10, 1000),
}
BRIGHT, DEEP, QUICK = 25.0, 8, 2  # MOONRISE: m_H below, hours on passive and star-forming galaxies
REMOVED = 0.27
TIMED = 512

Rows = dict[str, Any]


def load(name: str, folder: Path | None) -> Any:
    """A model, or None if it is not released."""
    try:
        if folder is not None and (folder / name).is_dir():
            return zoo.load_model(max((folder / name).iterdir(), key=lambda p: int(p.name)))
        return zoo.load_model(name)
    except UnknownModelError as error:
        print(f"{name} is left out: {error}")
        return None


def observed(name: str, split: str = "test", rows: int | None = None) -> Rows | None:
    """Observed spectra of a split with what is known of them, or None if it is not built."""
    try:
        return splits.observed(name, splits.rows(splits.split(name, split), slice(rows)))
    except DataError as error:
        print(f"{name} is left out: {error}")
        return None


def predict(model: Any, data: Rows) -> Rows:
    """What a model says of the spectra."""
    return dict(model.predict({n: data[n] for n in ("flux", "ivar", "wavelength")}))


def measure(prediction: Rows, data: Rows) -> dict[str, float]:
    """Metrics of redshifts, masses and star-formation rates."""
    given = (prediction[f"redshift{what}"] for what in ("", "_pdf", "_grid"))
    redshift, pdf, grid = (np.asarray(values, float) for values in given)
    out = spectra.redshift_errors(redshift, data["redshift"], pdf, grid)
    for name in ("log_mstar", "log_sfr"):
        if name in prediction:
            out |= {f"{name}_{k}": v for k, v in properties(name, prediction, data).items()}
    return out


def properties(name: str, prediction: Rows, data: Rows) -> dict[str, float]:
    """NMAD (and for log_sfr that above -0.5), rms and coverage [dex]."""
    true = np.asarray(data[name], float)
    residual = np.asarray(prediction[name], float) - true
    kept = residual[true > -0.5] if name == "log_sfr" else residual
    found = {"nmad": float(1.4826 * np.median(abs(kept - np.median(kept))))}
    found |= metrics.posterior_errors(true + residual, true, prediction.get(f"{name}_quantiles"))
    return found


def right(prediction: Rows, data: Rows) -> np.ndarray:
    """Which redshifts are right."""
    return abs(np.asarray(prediction["redshift"]) - data["redshift"]) < spectra.RIGHT


def paired(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """McNemar's exact test: spectra that only one of two gets right."""
    only, lost = int((one & ~other).sum()), int((other & ~one).sum())
    p = stats.binomtest(only, only + lost).pvalue if only + lost else 1.0
    return {"only_first": only, "only_second": lost, "p_value": float(p)}


def shape(prediction: Rows) -> np.ndarray:
    """What the screening sees of each PDF (n, 6): height, spread, entropy, peaks, masses."""
    pdf, grid = (np.asarray(prediction[f"redshift_{n}"], float) for n in ("pdf", "grid"))
    centre = grid[0] if grid.ndim == 2 else grid
    mean = pdf @ centre
    spread = np.sqrt(np.maximum(pdf @ centre**2 - mean**2, 1e-10))
    entropy = -(pdf * np.log(np.maximum(pdf, 1e-30))).sum(axis=1)
    inner = pdf[:, 1:-1]
    peaks = (inner > pdf[:, :-2]) & (inner > pdf[:, 2:]) & (inner > 0.05 * pdf.max(axis=1)[:, None])
    ordered = np.sort(pdf, axis=1)
    sure = sureness(prediction)
    columns = [ordered[:, -1], np.log(spread), entropy, peaks.sum(axis=1), ordered[:, -2], sure]
    return np.stack(columns, axis=1)


def sureness(prediction: Rows) -> np.ndarray:
    """Probability within 0.01 of each redshift."""
    redshift, pdf, grid = (
        np.asarray(prediction[f"redshift{n}"], float) for n in ("", "_pdf", "_grid")
    )
    centre = grid[0] if grid.ndim == 2 else grid
    step = centre[1] - centre[0]
    edges = np.append(centre - step / 2, centre[-1] + step / 2)
    return spectra.confidence(redshift, pdf, edges)


class Screen:
    """A logistic regression on the shape of PDFs: which redshifts are right."""

    def __init__(self, prediction: Rows, good: np.ndarray) -> None:
        features = shape(prediction)
        self.mean, self.scale = features.mean(axis=0), features.std(axis=0) + 1e-9
        x, sign = self._columns(features), np.where(good, 1.0, -1.0)
        self.weights = optimize.minimize(
            lambda w: np.logaddexp(0, -sign * (x @ w)).mean() + 1e-4 * w @ w, np.zeros(x.shape[1])
        ).x

    def __call__(self, prediction: Rows) -> np.ndarray:
        """Score (n,), higher where a redshift is more likely right."""
        return self._columns(shape(prediction)) @ self.weights

    def _columns(self, features: np.ndarray) -> np.ndarray:
        z = (features - self.mean) / self.scale
        return np.column_stack([np.ones(len(z)), z, z**2])


def screened(score: np.ndarray, good: np.ndarray, removed: float = REMOVED) -> dict[str, float]:
    """Accuracy before and after, and how much must go for 99 %."""
    ranked = good[np.argsort(-score, kind="stable")]
    purity = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    enough = np.flatnonzero(purity >= 0.99)
    return {
        "before": float(good.mean()),
        "after": float(ranked[: round((1 - removed) * len(ranked))].mean()),
        "removed": removed,
        "removed_for_99": 1 - (float(enough[-1] + 1) / len(ranked) if len(enough) else 0.0),
    }


def moonrise(data: Rows) -> np.ndarray:
    """The MOONRISE-like selection: m_H < 25, z < 2.6, 8 h if passive and 2 h if star-forming."""
    hours = np.where(np.asarray(data["is_passive"]) > 0, DEEP, QUICK)
    chosen = (np.asarray(data["mag_h"]) < BRIGHT) & (np.asarray(data["redshift"]) < 2.6)
    return chosen & (np.asarray(data["exposure"]) == hours)


def by_stratum(good: np.ndarray, data: Rows) -> dict[str, Any]:
    """Success in bins of what an observer chooses or wants to know."""
    out: dict[str, Any] = {}
    for name, edges in STRATA.items():
        which = np.digitize(np.asarray(data[name]), edges) - 1
        rows = []
        for number in range(len(edges) - 1):
            inside = good[which == number]
            if len(inside):
                error = float(np.sqrt(inside.mean() * (1 - inside.mean()) / len(inside)))
                rows.append([edges[number], edges[number + 1], len(inside), inside.mean(), error])
        out[name] = [[float(value) for value in row] for row in rows]
    passive = np.asarray(data["is_passive"]) > 0
    for hours in (2, 4, 8):
        chosen = np.asarray(data["exposure"]) == hours
        for label, kind in (("passive", passive), ("star-forming", ~passive)):
            part = good[chosen & kind]
            out[f"{label}, {hours} h"] = [len(part), float(part.mean()) if len(part) else None]
    return out


def speed(model: Any, data: Rows) -> float:
    """Spectra per CPU second of this thread's process, from native pixels, best of three."""
    some = {
        n: data[n][:TIMED] if n != "wavelength" else data[n] for n in ("flux", "ivar", "wavelength")
    }
    model.predict(some)
    spent = []
    for _ in range(3):
        begin = time.process_time()
        model.predict(some)
        spent.append(time.process_time() - begin)
    return TIMED / min(spent)


def again(models: dict[str, Any], data: Rows) -> None:
    """Measure the cost again and leave everything else as it was."""
    known = json.loads(RESULTS.read_text(encoding="utf-8"))
    for name, model in models.items():
        known["nominal"][name]["spectra_per_cpu_second"] = speed(model, data)
        print(name, known["nominal"][name]["spectra_per_cpu_second"], flush=True)
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")


def part_of(values: Rows, chosen: np.ndarray) -> Rows:
    """Rows of a prediction or of data; what is shared by all rows stays."""
    size = len(chosen)
    return {n: v[chosen] if np.ndim(v) and len(v) == size else v for n, v in values.items()}


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="test spectra")
    parser.add_argument("--releases", type=Path, help="look for releases in this folder first")
    parser.add_argument("--speed", action="store_true", help="measure nothing else again")
    return parser.parse_args()


def main() -> None:
    """Measure, draw, write."""
    options = arguments()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    warnings.simplefilter("ignore", OutsideRangeWarning)
    models = {n: m for n in MODELS if (m := load(n, options.releases)) is not None}
    data = observed(NOMINAL, rows=TIMED if options.speed else options.rows)
    if data is None:
        raise SystemExit(1)
    if options.speed:
        again(models, data)
        return
    held = observed(NOMINAL, "calibration", options.rows or 6000)
    results: dict[str, Any] = {"rows": len(data["redshift"]), "nominal": {}, "shifted": {}}
    found, good = {}, {}
    moon = moonrise(data)
    for name, model in models.items():
        prediction = found[name] = predict(model, data)
        good[name] = right(prediction, data)
        row = results["nominal"][name] = measure(prediction, data)
        row["spectra_per_cpu_second"] = speed(model, data)
        selected, known = part_of(prediction, moon), part_of(data, moon)
        results.setdefault("moonrise", {})[name] = measure(selected, known) | {
            "spectra": int(moon.sum())
        }
        before = predict(model, held)
        results.setdefault("screening", {})[name] = {
            "by confidence": screened(sureness(prediction), good[name]),
            "by classifier": screened(Screen(before, right(before, held))(prediction), good[name]),
        }
        results.setdefault("strata", {})[name] = by_stratum(good[name], data)
        print(name, {k: round(v, 4) for k, v in row.items()}, flush=True)
    if BEST in good:
        results["paired"] = {n: paired(good[BEST], other) for n, other in good.items() if n != BEST}
        print("paired", results["paired"])
    for shift in SHIFTED:
        other = observed(f"moons_spectra/shifted_{shift}", rows=options.rows)
        if other is None:
            continue
        rows = results["shifted"][shift] = {}
        kept = {}
        for name, model in models.items():
            prediction = predict(model, other)
            kept[name] = right(prediction, other)
            rows[name] = measure(prediction, other)
            print(shift, name, round(rows[name]["accuracy"], 4), flush=True)
        if BEST in kept:
            pairs = {n: paired(kept[BEST], v) for n, v in kept.items() if n != BEST}
            results.setdefault("shifted_paired", {})[shift] = pairs
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    figures.success(results["strata"])
    figures.calibration(found, data)
    figures.redshifts(found, data)
    for name in (BEST, "mtopnet"):
        if name in found:
            figures.examples(name, found[name], data, good[name])
            figures.embedding(name, found[name], data)


if __name__ == "__main__":
    main()
