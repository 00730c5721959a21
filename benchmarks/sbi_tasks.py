"""Three standard tasks of simulation-based inference, retold in NumPy.

Definitions: Lueckmann et al. 2021, arXiv:2101.04653, appendix T.
"""

import dataclasses
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Task:
    """A prior and a simulator.

    Attributes
    ----------
    prior : callable
        (generator, n) to parameters of shape (n, n_parameters).
    simulate : callable
        (generator, theta) to data of shape (n, n_data).
    bounds : list of (low, high)
        One pair per parameter, None for an open side.
    prior_scale : float
        Half width of the uniform prior, or standard deviation of the normal one.
    exact_nll : float or None
        Expected negative log-posterior of the true posterior, where it is known in closed form.
    """

    prior: Callable
    simulate: Callable
    bounds: list
    prior_scale: float
    exact_nll: float | None = None


def _box(half_width: float, size: int) -> dict:
    return {
        "prior": lambda rng, n: rng.uniform(-half_width, half_width, (n, size)),
        "bounds": [(-half_width, half_width)] * size,
        "prior_scale": half_width,
    }


def _two_moons(rng: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    angle = rng.uniform(-np.pi / 2, np.pi / 2, len(theta))
    radius = rng.normal(0.1, 0.01, len(theta))
    crescent = np.stack([radius * np.cos(angle) + 0.25, radius * np.sin(angle)], axis=-1)
    total, difference = theta.sum(axis=1), theta[:, 1] - theta[:, 0]
    return crescent + np.stack([-np.abs(total), difference], axis=-1) / np.sqrt(2)


def _slcp(rng: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    scale_1, scale_2 = theta[:, 2] ** 2, theta[:, 3] ** 2
    correlation = np.tanh(theta[:, 4])
    noise = rng.normal(size=(4, 2, len(theta)))
    first = theta[:, 0] + scale_1 * noise[:, 0]
    second = theta[:, 1] + scale_2 * (
        correlation * noise[:, 0] + np.sqrt(1 - correlation**2) * noise[:, 1]
    )
    return np.stack([first, second], axis=1).reshape(8, len(theta)).T


_VARIANCE = 0.1  # of the linear task's prior and of its noise: the posterior has half of it

TASKS = {
    "two_moons": Task(simulate=_two_moons, **_box(1.0, 2)),
    "slcp": Task(simulate=_slcp, **_box(3.0, 5)),
    "gaussian_linear": Task(
        prior=lambda rng, n: rng.normal(0, np.sqrt(_VARIANCE), (n, 10)),
        simulate=lambda rng, theta: theta + rng.normal(0, np.sqrt(_VARIANCE), theta.shape),
        bounds=[(None, None)] * 10,
        prior_scale=float(np.sqrt(_VARIANCE)),
        exact_nll=float(5 * np.log(2 * np.pi * np.e * _VARIANCE / 2)),
    ),
}
