"""Variable projection: learn features with gradients, their linear readout by least squares.

For a network y = features(x) W the best W given the features is a linear solve (Golub & Pereyra
2003, Inverse Problems 19, R1). Half of the examples determine W, the other half judge the features,
and L-BFGS follows the gradient through the solve; so nothing can be learned by heart, and a few
hundred steps reach what stochastic descent does not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

RIDGE = 1e-8  # of the mean square of a feature: degrees that sparse corners do not determine


def readout(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Least-squares readout (features, outputs) with a little ridge, in float64."""
    normal = features.T @ features
    ridge = RIDGE * len(features) * np.eye(len(normal))
    return np.linalg.solve(normal + ridge, features.T @ targets)


def learn(
    network: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    steps: int,
    seed: int,
    folder: Path | None = None,
    say: Callable[[str], object] | None = None,
) -> dict[str, float]:
    """Train the trainable weights of a feature network in place.

    Parameters
    ----------
    network : keras.Model
        x -> features (n, F), in float64.
    x, y : arrays (n, d), (n, outputs)
    steps : int
        Most evaluations of loss and gradient.
    seed : int
        Of the division into halves.
    folder : Path, optional
        Where the weights are kept after every iteration; a run that was killed continues there.
        TensorBoard's logs go into `logs` beside it.
    say : callable
        Gets a line of progress now and then.

    Returns
    -------
    dict
        Evaluations and the final loss: ln of the mean square of the judging half.
    """
    import tensorflow as tf

    order = np.random.default_rng(seed).permutation(len(x))
    halves = np.array_split(order, 2)
    (x_fit, y_fit), (x_judge, y_judge) = (
        (tf.constant(x[half], tf.float64), tf.constant(y[half], tf.float64)) for half in halves
    )
    weights = network.trainable_variables
    shapes = [tuple(weight.shape) for weight in weights]
    sizes = [int(np.prod(shape)) for shape in shapes]
    fixed = [tf.convert_to_tensor(weight.value) for weight in network.non_trainable_variables]

    @tf.function(input_signature=[tf.TensorSpec((sum(sizes),), tf.float64)])
    def value_and_gradient(vector: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(vector)
            parts = tf.split(vector, sizes)
            values = [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
            fit, judge = (network.stateless_call(values, fixed, x)[0] for x in (x_fit, x_judge))
            ridge = RIDGE * len(halves[0]) * tf.eye(fit.shape[1], dtype=tf.float64)
            factor = tf.linalg.cholesky(tf.matmul(fit, fit, transpose_a=True) + ridge)
            solution = tf.linalg.cholesky_solve(factor, tf.matmul(fit, y_fit, transpose_a=True))
            loss = tf.math.log(tf.reduce_mean((judge @ solution - y_judge) ** 2))
        return loss, tape.gradient(loss, vector)

    kept = None if folder is None else folder / "features.npz"
    start = np.concatenate([np.ravel(weight) for weight in weights]).astype(np.float64)
    done = 0
    if kept is not None and kept.is_file():
        with np.load(kept) as file:
            if file["weights"].shape == start.shape:
                start, done = file["weights"], int(file["done"])
                if say is not None:
                    say(f"continuing after {done} evaluations")

    count = [done]
    latest = [np.inf]

    def objective(vector: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = value_and_gradient(tf.constant(vector))
        count[0] += 1
        latest[0] = float(loss)
        if not np.isfinite(latest[0]):  # a step too far: the line search comes back
            return 1e3, np.zeros_like(vector)
        return latest[0], gradient.numpy()

    logs = None if folder is None else tf.summary.create_file_writer(str(folder.parent / "logs"))

    def keep(vector: np.ndarray) -> None:
        if kept is not None:
            _keep(kept, vector, count[0])
        if logs is not None:
            with logs.as_default(step=count[0]):
                tf.summary.scalar("ln mean square", latest[0])
        if say is not None:
            say(f"evaluation {count[0]} of {steps}: ln mean square {latest[0]:.3f}")

    result = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=keep,
        options={"maxfun": max(1, steps - done), "maxiter": max(1, steps - done), "maxcor": 20},
    )
    for weight, part, shape in zip(
        weights, np.split(result.x, np.cumsum(sizes)[:-1]), shapes, strict=True
    ):
        weight.assign(part.reshape(shape))
    return {"evaluations": count[0], "log_mean_square": float(result.fun)}


def _keep(path: Path, weights: np.ndarray, done: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.npz")
    np.savez(part, weights=weights, done=done)
    part.replace(path)
