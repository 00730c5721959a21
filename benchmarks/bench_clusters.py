"""Masses of galaxy clusters: every method on the same mocks, and what its errors are made of.

    python benchmarks/bench_clusters.py [--releases FOLDER] [--rows N] [--slow N]

For `contaminated` and `pure`: scatter, coverage, and the decomposition of the residual's variance
sigma^2 = sigma_n^2 (100 / N) + sigma_0^2. For `cluster_flow.contaminated` also its calibration by
terciles, robustness to random subsampling and to velocity errors, saliency, and the time beside
SciPy's kernel density. One process, one thread. Figures go to docs/figures/clusters_*.png.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results" / "clusters.json"
KINDS = {
    "contaminated": [
        "cluster_msigma.contaminated",
        "cluster_virial.contaminated",
        "cluster_mamposst.contaminated",
        "cluster_cnn1d",
        "cluster_cnn2d",
        "cluster_flow.contaminated",
        "cluster_flow.contaminated_n",
    ],
    "pure": [
        "cluster_msigma.pure",
        "cluster_virial.pure",
        "cluster_mamposst.pure",
        "cluster_flow.pure",
    ],
}
SLOW = ("cluster_mamposst",)  # a likelihood on a grid: fewer rows
FLOW = "cluster_flow.contaminated"
LEVELS = (0.5, 0.68, 0.9, 0.95)
DECOMPOSED = (13.9, 15.1)  # true masses of the richness fit
LEAST = 10  # galaxies of a cluster
SCIPY = 20  # clusters


def load(name: str, releases: Path | None) -> Any:
    """The newest release of a model, of a folder of releases first; None if there is none."""
    import zoo
    from zoo.errors import ZooError

    found = sorted((releases / name).glob("[0-9]*"), key=lambda p: int(p.name)) if releases else []
    try:
        return zoo.load_model(found[-1] if found else name)
    except ZooError as error:
        print(f"{name} is left out: {error}")
        return None


def measure(model: Any, data: dict[str, Any]) -> tuple[dict[str, float], Any, np.ndarray]:
    """Metrics, prediction and residual of a model on rows of a split."""
    from zoo.evaluation.clusters import cluster_mass_errors, richness_fit
    from zoo.evaluation.evaluate import inputs

    prediction = model.predict(inputs(model.card, data))
    truth = np.asarray(data["log_mass"], float)
    mass = np.asarray(prediction["log_mass"], float)
    metrics = cluster_mass_errors(mass, truth, prediction.get("log_mass_quantiles"))
    rows = (truth > DECOMPOSED[0]) & (truth < DECOMPOSED[1])
    metrics |= richness_fit((mass - truth)[rows], data["richness"][rows])
    return metrics | {"rows": len(truth)}, prediction, mass - truth


def ranks(model: Any, data: dict[str, Any]) -> np.ndarray:
    """Probability that the posterior gives to masses below the true one, (rows,)."""
    import tensorflow as tf
    from scipy.special import ndtr

    flow = model.keras_model.get_layer("posterior").flow

    @tf.function(reduce_retracing=True)
    def base(sets: Any, theta: Any) -> Any:
        return flow.pull(theta, flow.encoder(sets))[0]

    out = np.empty(len(data["log_mass"]))
    for rows in batches(data):
        theta = np.asarray(data["log_mass"][rows], np.float32)[:, None]
        out[rows] = ndtr(base(padded(data, rows), theta).numpy()[:, 0])
    return out


def batches(data: dict[str, Any], size: int = 256) -> list[np.ndarray]:
    """Rows in groups of like richness."""
    order = np.argsort(np.asarray(data["r_proj"].lengths), kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]


def padded(data: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    """Galaxies of some clusters as tensors."""
    import tensorflow as tf

    return {name: tf.constant(data[name][rows].padded()) for name in ("r_proj", "v_los")}


def calibration(model: Any, data: dict[str, Any], mass: np.ndarray) -> dict[str, Any]:
    """Coverage of central intervals, of all and by terciles; uniformity of the ranks."""
    from zoo.evaluation.calibration import coverage, uniformity

    u = ranks(model, data)
    found: dict[str, Any] = {"all": dict(zip(map(str, LEVELS), coverage(u, LEVELS), strict=True))}
    by = {"posterior mean": mass, "richness": data["richness"], "distance": data["distance"]}
    for name, column in by.items():
        values = np.asarray(column, float)
        if np.ptp(values) == 0:  # all mocks at one distance
            continue
        edges = np.quantile(values, [1 / 3, 2 / 3])
        thirds = np.digitize(values, edges)
        found[name] = [
            dict(zip(map(str, LEVELS), coverage(u[thirds == i], LEVELS), strict=True))
            for i in range(3)
        ]
    test = uniformity(u)
    return {"coverage": found, "ks": test.ks, "ks_p_value": test.ks_p_value, "ranks": u}


def thinned(data: dict[str, Any], share: float, rng: np.random.Generator) -> dict[str, Any]:
    """Each galaxy kept with a probability, of clusters that keep enough of them."""
    kept = [rng.random(n) < share for n in data["r_proj"].lengths]
    rows = np.array([i for i, keep in enumerate(kept) if keep.sum() >= LEAST])
    sets = {n: [data[n][int(i)][kept[i]] for i in rows] for n in ("r_proj", "v_los")}
    return {**sets, "log_mass": data["log_mass"][rows], "row": rows}


def robustness(models: dict[str, Any], data: dict[str, Any], seed: int = 1) -> dict[str, Any]:
    """Scatter and bias with fewer galaxies and with errors of the velocities.

    Beside each the scatter of the same clusters as they are.
    """
    from zoo.evaluation.clusters import cluster_mass_errors

    rng = np.random.default_rng(seed)
    cases: dict[str, dict[str, Any]] = {}
    for share in (0.75, 0.5, 0.25):
        cases[f"{share:.0%} of the galaxies"] = thinned(data, share, rng)
    for error in (50, 100):
        v = [data["v_los"][i] for i in range(len(data["v_los"]))]
        noisy = [np.clip(x + error * rng.normal(size=len(x)), -2199.9, 2199.9) for x in v]
        sets = {"r_proj": list(data["r_proj"]), "v_los": noisy}
        rows = np.arange(len(noisy))
        cases[f"velocity errors of {error} km/s"] = sets | {
            "log_mass": data["log_mass"],
            "row": rows,
        }
    out: dict[str, Any] = {}
    for name, model in models.items():
        before = np.asarray(model.predict(sets_of(model, data))["log_mass"], float)
        for case, changed in cases.items():
            truth = np.asarray(changed["log_mass"], float)
            found = np.asarray(model.predict(sets_of(model, changed))["log_mass"], float)
            now = cluster_mass_errors(found, truth)
            same = cluster_mass_errors(before[changed["row"]], truth)
            out.setdefault(case, {"rows": len(truth)})[name] = {
                "scatter": now["scatter"],
                "bias": now["bias"],
                "scatter_unchanged": same["scatter"],
                "bias_unchanged": same["bias"],
            }
    return out


def sets_of(model: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Galaxies as lists of arrays, those columns that the model reads."""
    names = [n for n in ("r_proj", "v_los") if n in model.card.inputs]
    return {n: [np.asarray(row) for row in data[n]] for n in names}


def saliency(model: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Gradients of the posterior mean: by map cell in bins of mass, by galaxy of one cluster."""
    import tensorflow as tf

    summary = model.keras_model.get_layer("posterior")
    encoder = summary.flow.encoder
    truth = np.asarray(data["log_mass"])
    maps = {}
    for low, high in ((13.8, 14.2), (14.3, 14.7), (14.8, 15.2)):
        rows = np.flatnonzero((truth > low) & (truth < high))[:400]
        sets = padded(data, rows)
        counts = tf.constant(np.asarray(data["r_proj"].lengths)[rows].astype("float32"))
        with tf.GradientTape() as tape:
            density = encoder.maps(sets)
            tape.watch(density)
            mean = summary.of_context(encoder.encode(density, counts))["log_mass"]
        # times the mean density: what a cluster's worth of galaxies in the cell would change
        maps[f"{low} - {high}"] = {
            "density": tf.reduce_mean(density, 0).numpy(),
            "gradient": tf.reduce_mean(tape.gradient(mean, density), 0).numpy(),
        }
    row = np.flatnonzero((np.abs(truth - 14.6) < 0.05) & (data["richness"] > 60))[:1]
    sets = padded(data, row)
    with tf.GradientTape() as tape:
        tape.watch(sets["v_los"])
        mean = summary.of_context(encoder(sets))["log_mass"]
    by_galaxy = tape.gradient(mean, sets["v_los"]).numpy()[0]
    one = {name: value.numpy()[0] for name, value in sets.items()} | {"gradient": by_galaxy}
    return {"maps": maps, "galaxies": one, "log_mass": float(truth[row][0])}


def latency(model: Any, data: dict[str, Any]) -> dict[str, float]:
    """CPU milliseconds per cluster of a batch on one thread, and SciPy's density alone."""
    from scipy.stats import gaussian_kde

    sets = sets_of(model, {n: data[n][np.arange(2048)] for n in ("r_proj", "v_los")})
    model.predict(sets)
    spent = []
    for _ in range(5):
        begin = time.process_time()
        model.predict(sets)
        spent.append(time.process_time() - begin)
    grid = np.stack([a.ravel() for a in np.meshgrid(np.linspace(-2200, 2200, 48),
                                                   np.linspace(0, 1.6, 48))])  # fmt: skip
    begin = time.process_time()
    for r, v in zip(sets["r_proj"][:SCIPY], sets["v_los"][:SCIPY], strict=True):
        gaussian_kde([v, r], bw_method=0.25)(grid)
    scipy = time.process_time() - begin
    return {"predict_ms": 1e3 * min(spent) / 2048, "scipy_kde_ms": 1e3 * scipy / SCIPY}


def main() -> None:
    """Measure, write the results, draw the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=Path, help="look for releases in this folder first")
    parser.add_argument("--rows", type=int, default=10_000, help="test mocks")
    parser.add_argument("--slow", type=int, default=1000, help="of them for the slow methods")
    options = parser.parse_args()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import cluster_figures

    from zoo import splits
    from zoo.errors import OutsideRangeWarning

    warnings.simplefilter("ignore", OutsideRangeWarning)  # a few mocks in a thousand

    results: dict[str, Any] = {}
    models: dict[str, Any] = {}
    for kind, names in KINDS.items():
        test = splits.rows(splits.split(f"cluster_phase_space/{kind}", "test"), slice(options.rows))
        found = {}
        for name in names:
            if (model := load(name, options.releases)) is None:
                continue
            slow = name.startswith(SLOW)
            data = splits.rows(test, slice(options.slow)) if slow else test
            metrics, prediction, residual = measure(model, data)
            found[name] = {"residual": residual, "prediction": prediction, "data": data}
            results.setdefault(kind, {})[name] = metrics
            print(name, {key: round(value, 4) for key, value in metrics.items()}, flush=True)
            models[name] = model
        cluster_figures.truth(kind, found)
        cluster_figures.richness(kind, found, results[kind])
        if kind == "contaminated" and FLOW in models:
            details(results, models, found, test, cluster_figures)
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def details(
    results: dict[str, Any], models: dict[str, Any], found: Any, test: Any, figures: Any
) -> None:
    """What is looked at for the flow on contaminated clusters."""
    flow = models[FLOW]
    mass = np.asarray(found[FLOW]["prediction"]["log_mass"], float)
    calibrated = calibration(flow, test, mass)
    figures.calibration(calibrated)
    results["calibration"] = {n: v for n, v in calibrated.items() if n != "ranks"}
    some = {n: m for n, m in models.items() if not n.startswith(SLOW)}
    results["robustness"] = robustness(some, test)
    figures.robustness(results["robustness"])
    figures.saliency(saliency(flow, test))
    results["latency"] = latency(flow, test)
    for name in ("calibration", "robustness", "latency"):
        print(name, json.dumps(results[name]), flush=True)


if __name__ == "__main__":
    main()
