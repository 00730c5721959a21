"""Checks and conversions that every score begins with."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Temporary arrays of a chunked loop stay near this size, whatever the number of observations.
CHUNK_BYTES = 64 * 2**20


def finite(name: str, values: ArrayLike, ndim: int | None = None) -> Floats:
    """Return `values` as float64, refusing what no score can be computed from.

    Parameters
    ----------
    name : str
        What the array is called in the error message.
    values : array_like
        Numbers of any real dtype.
    ndim : int, optional
        The number of axes asked for.

    Raises
    ------
    ValueError
        If `values` is empty, has another number of axes, or holds NaN or infinity.
    """
    array = np.asarray(values, dtype=np.float64)
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} has shape {array.shape}; {ndim} axes are needed")
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}); at least one value is needed")
    bad = np.count_nonzero(~np.isfinite(array))
    if bad:
        raise ValueError(f"{name} has {bad} of {array.size} values that are not finite")
    return array


def paired(first: str, a: ArrayLike, second: str, b: ArrayLike) -> tuple[Floats, Floats]:
    """Return two finite float64 arrays of equal shape.

    Raises
    ------
    ValueError
        As `finite`, or if the shapes differ: broadcasting here would hide a transposed axis.
    """
    a, b = finite(first, a), finite(second, b)
    if a.shape != b.shape:
        raise ValueError(f"{first} has shape {a.shape} but {second} has {b.shape}; must be equal")
    return a, b


def posterior(samples: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    """Return posterior draws and true parameters as arrays with all their axes.

    Parameters
    ----------
    samples : array_like, shape (n_obs, n_draws, d) or (n_obs, n_draws)
        Independent draws of the posterior of every observation; two axes mean d = 1.
    truth : array_like, shape (n_obs, d) or (n_obs,)
        True parameters.

    Returns
    -------
    samples : ndarray, shape (n_obs, n_draws, d)
    truth : ndarray, shape (n_obs, d)

    Raises
    ------
    ValueError
        If the shapes do not belong together or a value is not finite.
    """
    samples, truth = finite("samples", samples), finite("truth", truth)
    draws = samples[..., np.newaxis] if samples.ndim == 2 else samples
    true = truth[:, np.newaxis] if truth.ndim == 1 else truth
    if draws.ndim != 3 or true.shape != (draws.shape[0], draws.shape[2]):
        raise ValueError(
            f"samples has shape {samples.shape} and truth {truth.shape}; "
            "needed are (n_obs, n_draws, d) and (n_obs, d), without d where it is 1"
        )
    return draws, true


def chunks(n_rows: int, bytes_per_row: int) -> Iterator[slice]:
    """Cut `n_rows` into slices whose temporary arrays stay near `CHUNK_BYTES`."""
    step = max(1, CHUNK_BYTES // max(1, bytes_per_row))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def fraction(name: str, value: float) -> float:
    """Return a number strictly between 0 and 1, or say which one is not."""
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}; it must lie between 0 and 1")
    return float(value)
