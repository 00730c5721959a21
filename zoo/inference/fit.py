"""Least-squares fits through a model's own gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from zoo.errors import InputError


@dataclass(frozen=True)
class Fit:
    """Best parameters of a chi-squared fit.

    Attributes
    ----------
    best, error : dict
        Parameter -> value and one-sigma error from the curvature of chi^2, widened by
        sqrt(chi^2/dof) where the model does not reach the data's errors. The error is NaN for a
        parameter that stopped at a bound.
    chi2 : float
    dof : int
    evaluations : int
    """

    best: dict[str, float]
    error: dict[str, float]
    chi2: float
    dof: int
    evaluations: int


def chi_squared(
    residuals: Callable[[dict[str, Any]], Any],
    start: dict[str, float],
    bounds: dict[str, tuple[float, float]],
) -> Fit:
    """Minimise a sum of squared residuals with L-BFGS-B and automatic derivatives.

    Parameters
    ----------
    residuals : callable
        {parameter: scalar tensor} -> tensor (n,) of (model - data) / error, in TensorFlow.
    start, bounds : dict
        Parameter -> start value and allowed interval.

    Raises
    ------
    InputError
        If a start value lies outside its bounds.
    """
    import tensorflow as tf

    names = list(start)
    low, high = np.array([bounds[name] for name in names], dtype=float).T
    begin = np.array([start[name] for name in names], dtype=float)
    for name, value, a, b in zip(names, begin, low, high, strict=True):
        if not a <= value <= b:
            raise InputError(f"{name} starts at {value:g}, allowed: {a:g} to {b:g}")

    @tf.function(input_signature=[tf.TensorSpec((len(names),), tf.float64)])
    def value_and_gradient(vector: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(vector)
            parameters = dict(zip(names, tf.unstack(vector), strict=True))
            chi2 = tf.reduce_sum(tf.cast(residuals(parameters), tf.float64) ** 2)
        return chi2, tape.gradient(chi2, vector)

    width = high - low  # in units of the bounds every parameter is of order one

    def scaled(unit: np.ndarray) -> tuple[float, np.ndarray]:
        chi2, gradient = value_and_gradient(tf.constant(low + unit * width))
        return float(chi2), gradient.numpy() * width

    # The first step of L-BFGS-B is as long as the gradient: in these units a tenth of the bounds.
    first = (begin - low) / width
    unit = 10 * np.max(np.abs(scaled(first)[1]), initial=1e-12)

    def objective(position: np.ndarray) -> tuple[float, np.ndarray]:
        chi2, gradient = scaled(position)
        return chi2 / unit, gradient / unit

    result = minimize(
        objective,
        first,
        jac=True,
        bounds=[(0, 1)] * len(names),
        method="L-BFGS-B",
        options={"ftol": 1e-12, "gtol": 1e-9},
    )
    chi2 = unit * float(result.fun)
    parameters = {n: tf.constant(v) for n, v in zip(names, low + result.x * width, strict=True)}
    dof = int(tf.size(residuals(parameters))) - len(names)
    error = _errors(scaled, result.x) * width * np.sqrt(max(1.0, chi2 / dof))
    return Fit(
        best=dict(zip(names, (low + result.x * width).tolist(), strict=True)),
        error=dict(zip(names, error.tolist(), strict=True)),
        chi2=chi2,
        dof=dof,
        evaluations=int(result.nfev),
    )


def _errors(
    function: Callable[[np.ndarray], tuple[float, np.ndarray]], x: np.ndarray
) -> np.ndarray:
    """One-sigma errors in the free directions: the inverse of half the Hessian of chi^2."""
    step = 1e-4
    free = np.flatnonzero((x > step) & (x < 1 - step))
    hessian = np.empty((free.size, free.size))
    for row, axis in enumerate(free):
        move = step * np.eye(x.size)[axis]
        change = function(x + move)[1] - function(x - move)[1]
        hessian[row] = change[free] / (2 * step)
    errors = np.full(x.size, np.nan)
    if free.size:
        errors[free] = np.sqrt(np.diag(np.linalg.inv((hessian + hessian.T) / 4)))
    return errors
