"""`nebula_flow` beside `sbi`'s neural posterior estimation, for the same simulations and CPU time.

    python benchmarks/bench_nebula_sbi.py [--sbi-python PYTHON] [--seconds 90]

Needs `nebula_lines/cloudy_hii`, and for the peer an interpreter of its own (``pip install torch
sbi``), named by the option or by ZOO_BENCH_SBI_PYTHON; without it the comparison is skipped,
loudly. Run it on one thread (OMP_NUM_THREADS, TF_NUM_INTRAOP_THREADS, TF_NUM_INTEROP_THREADS).

Ours is the network of the card, trained by its own code for the epochs that fit into the time,
with noise drawn anew in every epoch. `sbi` (spline flow, its defaults, fiftieth of the rows held
out, best weights kept) gets one draw of that noise of all records, as our encoder describes them
to its first layer. Both may run at once: seconds are of CPU. The score is the mean negative
log-posterior of test objects, half of which lack lines, per unit of the parameters. `sbi`'s flow
leaks out of the prior: its score is given as trained and after the correction for the leak, its
times are those of draws of which none is refused. Every draw of ours is inside the prior.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "nebula_sbi.json"
PEER = ROOT / "benchmarks" / "peers" / "sbi_npe.py"
DATASET = "nebula_lines/cloudy_hii"
SEED, N_TEST, N_OBSERVED, N_DRAWS, N_ACCEPT, REPEATS = 1, 2_000, 200, 1_000, 100, 2


def epochs_within(seconds: float, first: float, another: float) -> int:
    """Epochs whose time is nearest to so many seconds; the first takes longer than another."""
    return max(1, 1 + round((seconds - first) / another))


def network() -> tuple[Any, dict[str, Any]]:
    """The network of the card, not trained, and its recipe."""
    import zoo
    from zoo.models.spectra import nebula_flow
    from zoo.training import loop

    recipe = loop.recipe(zoo.card.read_card(Path(nebula_flow.__file__).with_suffix(".md")))
    return nebula_flow.build(**recipe["config"]).get_layer("posterior").flow, recipe


def simulations(flow: Any) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Train split, test objects as ours sees them, and what the peer is given."""
    from zoo import splits
    from zoo.models.spectra import nebula_flow_training as training
    from zoo.models.spectra import nebula_views as views

    train = splits.split(DATASET, "train")
    test = splits.rows(splits.split(DATASET, "test"), slice(N_TEST))
    rng = np.random.default_rng(SEED)
    fresh = views.noisy(train, rng, training.QUALITY)
    seen = views.thinned(views.observed(test), rng, training.DROP)
    flow.encoder.adapt(fresh)
    low, high = np.array(flow.support.bounds, float).T
    rows = {
        "theta": training.true_parameters(flow, train),
        "x": np.asarray(flow.encoder.slots(views.thinned(fresh, rng, training.DROP))),
        "theta_test": training.true_parameters(flow, test),
        "x_test": np.asarray(flow.encoder.slots(seen)),
        "low": low,
        "high": high,
    }
    return train, seen, rows | {"x_observed": rows["x_test"][:N_OBSERVED]}


def trained(data: dict[str, Any], seconds: float) -> tuple[Any, int, float]:
    """Our flow, its epochs and its CPU seconds."""
    from zoo.models.spectra import nebula_flow_training as training

    def run(epochs: int) -> tuple[Any, list[float]]:
        flow, recipe = network()
        ends = [time.process_time()]
        settings = recipe | {"epochs": epochs}
        training.learn(flow, data, settings, lambda _: ends.append(time.process_time()))
        return flow, np.diff(ends).tolist()

    epochs = epochs_within(seconds, *run(2)[1])
    flow, spent = run(epochs)
    return flow, epochs, sum(spent)


def ours(data: dict[str, Any], seen: dict[str, Any], theta: np.ndarray, seconds: float) -> Any:
    """Scores and times of our flow, and log-posteriors of the test objects."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    flow, epochs, spent = trained(data, seconds)
    log_prob = np.asarray(flow.log_prob(seen, theta))

    def drawing(objects: int) -> float:
        given = {name: value[:objects] for name, value in seen.items()}
        seeds = np.stack([np.full(objects, SEED), np.arange(objects)], axis=-1)
        times = []
        for _ in range(REPEATS + 1):  # the first traces the graph
            start = time.process_time()
            flow.sample(given, seeds, N_DRAWS).numpy()
            times.append(time.process_time() - start)
        return min(times[1:])

    return {
        "nll": float(-log_prob.mean()),
        "nll_error": float(log_prob.std() / np.sqrt(len(log_prob))),
        "epochs": epochs,
        "train_cpu_s": spent,
        "one_cpu_s": drawing(1),
        "many_cpu_s": drawing(N_OBSERVED),
        "parameters": flow.count_params(),
        "version": f"tensorflow {tf.__version__}, keras {keras.__version__}",
    }, log_prob


def start_peer(python: str, rows: dict[str, np.ndarray], seconds: float, folder: Path) -> Any:
    """Process that trains, scores and times `sbi` in its own environment."""
    np.savez(
        folder / "in.npz",
        **rows,
        seed=SEED,
        threads=1,
        n_draws=N_DRAWS,
        repeats=REPEATS,
        n_accept=N_ACCEPT,
        bounded=True,
        reject=False,
        seconds=seconds,
        validation=0.02,
    )
    command = [python, "-W", "ignore", PEER, folder / "in.npz", folder / "out.npz"]
    return subprocess.Popen(command, stdout=sys.stderr, env={**os.environ, "PYTHONPATH": ""})


def theirs(out: dict[str, np.ndarray]) -> tuple[dict[str, Any], np.ndarray]:
    """What the peer found: scores and times, and log-posteriors corrected for the leak."""
    log_prob = out["log_prob"] - np.log(out["accepted"])
    return {
        "nll": float(-log_prob.mean()),
        "nll_error": float(log_prob.std() / np.sqrt(len(log_prob))),
        "nll_as_trained": float(-out["log_prob"].mean()),
        "nll_training": float(out["training_nll"]),
        "nll_validation": float(out["validation_nll"]),
        "inside": float(out["accepted"].mean()),
        "inside_least": float(out["accepted"].min()),
        "epochs": int(out["epochs"]),
        "train_cpu_s": float(out["train_cpu"]),
        "one_cpu_s": float(out["sample_one_cpu"]),
        "many_cpu_s": float(out["sample_cpu"]),
        "parameters": int(out["parameters"]),
        "version": str(out["version"]),
    }, log_prob


def main() -> None:
    """Measure both, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sbi-python", default=os.environ.get("ZOO_BENCH_SBI_PYTHON"))
    parser.add_argument("--seconds", type=float, default=90.0, help="of CPU, for training")
    options = parser.parse_args()
    flow, recipe = network()
    data, seen, rows = simulations(flow)
    if not options.sbi_python:
        print("SKIPPED: no comparison with sbi; see --sbi-python.", file=sys.stderr)
        print(json.dumps(ours(data, seen, rows["theta_test"], options.seconds)[0], indent=1))
        return
    with tempfile.TemporaryDirectory() as folder:
        peer = start_peer(options.sbi_python, rows, options.seconds, Path(folder))
        mine, log_prob = ours(data, seen, rows["theta_test"], options.seconds)
        print(json.dumps(mine, indent=1), flush=True)
        if peer.wait():
            sys.exit("the peer failed; see above")
        other, log_peer = theirs(dict(np.load(Path(folder, "out.npz"))))
    gain = log_prob - log_peer
    body = {
        "settings": {"n_train": len(rows["x"]), "n_test": N_TEST, "seconds": options.seconds}
        | {"n_observed": N_OBSERVED, "n_draws": N_DRAWS, "config": recipe["config"]},
        "zoo": mine,
        "sbi": other,
        "nll_gain": float(gain.mean()),
        "nll_gain_error": float(gain.std() / np.sqrt(N_TEST)),
    }
    RESULTS.write_text(json.dumps(body, indent=1) + "\n")
    print(json.dumps(body, indent=1))


if __name__ == "__main__":
    main()
