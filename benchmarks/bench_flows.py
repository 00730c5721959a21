"""Our flows beside `sbi`'s neural posterior estimation, on three standard tasks.

Run: ``python benchmarks/bench_flows.py [--sbi-python PYTHON] [--tasks NAME ...]``. The peer
lives in an environment of its own (``pip install torch sbi``), whose interpreter is named by the
option or by ZOO_BENCH_SBI_PYTHON; without it the comparison is skipped, loudly.

Both sides get the same simulations, hold out a tenth of them, stop early with a patience of 20
epochs and keep the best weights, on the same number of threads, one after the other. The score
is the mean negative log-posterior of held-out pairs. Where the prior is a box, `sbi`'s flow
leaks out of it; its score is given as trained and after the correction for the leak.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sbi_tasks import TASKS, Task

N_TRAIN, N_TEST, N_OBSERVED, N_DRAWS, REPEATS = 10_000, 1_000, 200, 1_000, 2
RESULTS = Path(__file__).parent / "results" / "flows.json"


def simulate(task: Task, seed: int) -> dict[str, np.ndarray]:
    """Training rows, test rows and observations of a task, float32."""
    rng = np.random.default_rng(seed)
    theta = task.prior(rng, N_TRAIN + N_TEST + N_OBSERVED).astype("float32")
    x = task.simulate(rng, theta.astype("float64")).astype("float32")
    test = slice(N_TRAIN, N_TRAIN + N_TEST)
    return {
        "theta": theta[:N_TRAIN],
        "x": x[:N_TRAIN],
        "theta_test": theta[test],
        "x_test": x[test],
        "x_observed": x[N_TRAIN + N_TEST :],
    }


def clock() -> np.ndarray:
    """Wall and CPU seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def ours(task: Task, data: dict[str, np.ndarray], seed: int, threads: int) -> dict:
    """Train, score and time our spline flow."""
    import keras
    import tensorflow as tf

    from zoo.nn.flows import ConditionalFlow
    from zoo.nn.vector_encoder import VectorEncoder

    if not tf.config.threading.get_intra_op_parallelism_threads():
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(seed)
    start = clock()
    model = ConditionalFlow(
        {f"theta_{i}": bounds for i, bounds in enumerate(task.bounds)},
        VectorEncoder({"x": data["x"].shape[1:]}, name="encoder"),
    )
    n_fit = int(0.9 * N_TRAIN)
    model.adapt({"x": data["x"][:n_fit]}, data["theta"][:n_fit])
    model.compile(
        keras.optimizers.Adam(1e-3), loss=lambda _, log_prob: -log_prob, jit_compile=False
    )
    pairs = {"x": data["x"], "theta": data["theta"]}
    history = model.fit(
        {name: value[:n_fit] for name, value in pairs.items()},
        validation_data=({name: value[n_fit:] for name, value in pairs.items()}, None),
        batch_size=200,
        epochs=1_000,
        verbose=0,
        callbacks=[
            keras.callbacks.ReduceLROnPlateau(patience=10, factor=0.3),
            keras.callbacks.EarlyStopping(patience=20, restore_best_weights=True),
        ],
    )
    train = clock() - start

    log_prob = model.log_prob({"x": data["x_test"]}, data["theta_test"]).numpy()
    seeds = np.stack([np.full(N_OBSERVED, seed), np.arange(N_OBSERVED)], axis=-1)
    x = data["x_observed"]
    model.sample({"x": x[:2]}, seeds[:2], 10)
    times = []
    for _ in range(REPEATS):
        start = clock()
        model.sample({"x": x}, seeds, N_DRAWS).numpy()
        times.append(clock() - start)
    sample = np.min(times, axis=0)
    return {
        "nll": float(-log_prob.mean()),
        "nll_error": float(log_prob.std() / np.sqrt(N_TEST)),
        "epochs": len(history.history["loss"]),
        "train_wall_s": float(train[0]),
        "train_cpu_s": float(train[1]),
        "sample_wall_s": float(sample[0]),
        "sample_cpu_s": float(sample[1]),
        "parameters": model.count_params(),
        "version": f"tensorflow {tf.__version__}, keras {keras.__version__}",
    }


def theirs(python: str, task: Task, data: dict[str, np.ndarray], seed: int, threads: int) -> dict:
    """Train, score and time `sbi` in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.npz"), Path(folder, "out.npz")
        np.savez(
            source,
            **data,
            seed=seed,
            threads=threads,
            n_draws=N_DRAWS,
            repeats=REPEATS,
            bounded=task.bounds[0][0] is not None,
            prior_scale=task.prior_scale,
        )
        script = Path(__file__).parent / "peers" / "sbi_npe.py"
        subprocess.run(
            [python, "-W", "ignore", str(script), str(source), str(target)],
            check=True,
            stdout=sys.stderr,
            env={**os.environ, "PYTHONPATH": ""},
        )
        out = dict(np.load(target))
    log_prob, log_accepted = out["log_prob"], np.log(out["accepted"])
    return {
        "nll": float((log_accepted - log_prob).mean()),
        "nll_as_trained": float(-log_prob.mean()),
        "nll_error": float((log_accepted - log_prob).std() / np.sqrt(N_TEST)),
        "epochs": int(out["epochs"]),
        "train_wall_s": float(out["train_wall"]),
        "train_cpu_s": float(out["train_cpu"]),
        "sample_wall_s": float(out["sample_wall"]),
        "sample_cpu_s": float(out["sample_cpu"]),
        "parameters": int(out["parameters"]),
        "version": str(out["version"]),
    }


def table(results: dict) -> str:
    """Markdown table, one row per task and side."""
    drawing = f"{N_DRAWS:,} draws x {N_OBSERVED} observations"
    lines = [
        f"| task | flow | NLL [nat] | epochs | training [s] (CPU s) | {drawing} [s] (CPU s) |",
        "|---|---|---|---|---|---|",
    ]
    for name, sides in results.items():
        exact = sides.get("exact_nll")
        label = name if exact is None else f"{name} (exact {exact:.3f})"
        for side in ("zoo", "sbi"):
            if side not in sides:
                continue
            row = sides[side]
            raw = f", as trained {row['nll_as_trained']:.3f}" if "nll_as_trained" in row else ""
            lines.append(
                f"| {label} | {side} | {row['nll']:.3f} +- {row['nll_error']:.3f}{raw} "
                f"| {row['epochs']} | {row['train_wall_s']:.0f} ({row['train_cpu_s']:.0f}) "
                f"| {row['sample_wall_s']:.2f} ({row['sample_cpu_s']:.2f}) |"
            )
    return "\n".join(lines)


def main() -> None:
    """Run the tasks side by side, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sbi-python", default=os.environ.get("ZOO_BENCH_SBI_PYTHON"))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if not options.sbi_python:
        print(
            "SKIPPED: no comparison with sbi. Name the interpreter of an environment that has "
            "it by --sbi-python or ZOO_BENCH_SBI_PYTHON.",
            file=sys.stderr,
        )
    results: dict = {}
    for name in options.tasks:
        task = TASKS[name]
        data = simulate(task, options.seed)
        results[name] = {"zoo": ours(task, data, options.seed, options.threads)}
        if task.exact_nll is not None:
            results[name]["exact_nll"] = task.exact_nll
        if options.sbi_python:
            results[name]["sbi"] = theirs(
                options.sbi_python, task, data, options.seed, options.threads
            )
        print(table({name: results[name]}), flush=True)
    print("\n" + table(results))
    if not options.sbi_python or len(results) < len(TASKS):
        print(f"{RESULTS.name} is written by complete runs only.", file=sys.stderr)
        return
    settings = {
        "n_train": N_TRAIN,
        "n_test": N_TEST,
        "n_observed": N_OBSERVED,
        "n_draws": N_DRAWS,
        "seed": options.seed,
        "threads": options.threads,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"settings": settings, "tasks": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
