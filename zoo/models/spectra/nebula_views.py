"""Records of `nebula_lines` as a network is shown them: noise, limits, absent lines."""

from __future__ import annotations

from typing import Any

import numpy as np

QUALITY = (20.0, 400.0)  # S/N of H alpha of the noise that is drawn, uniform in the logarithm
SIGMAS = 3.0
TINY = 1e-4  # error over flux of H alpha, of data without noise

View = dict[str, np.ndarray]


def observed(data: dict[str, Any]) -> View:
    """Lines as they were observed."""
    return {n: np.asarray(data[n], np.float32) for n in ("line", "flux", "flux_error", "is_limit")}


def clean(data: dict[str, Any]) -> View:
    """Lines without noise; those that the grid of models rounds to zero are limits."""
    flux = np.asarray(data["flux_true"], np.float32)
    return {
        "line": np.asarray(data["line"], np.float32),
        "flux": flux,
        "flux_error": TINY * np.broadcast_to(flux.max(axis=1, keepdims=True), flux.shape),
        "is_limit": np.asarray(data["below_table"], np.float32),
    }


def noisy(
    data: dict[str, Any], rng: np.random.Generator, quality: tuple[float, float] = QUALITY
) -> View:
    """Lines with fresh noise: all of a nebula's have the same error; limits below 3 errors."""
    flux = np.asarray(data["flux_true"], np.float32)
    halpha = np.argmin(np.abs(np.asarray(data["line"][0]) - 6562.8))
    low, high = np.log(quality)
    ratio = np.exp(low + (high - low) * rng.random((len(flux), 1), np.float32))
    error = np.broadcast_to(flux[:, halpha, None] / ratio, flux.shape)
    drawn = flux + error * rng.standard_normal(flux.shape, np.float32)
    faint = drawn < SIGMAS * error
    return {
        "line": np.asarray(data["line"], np.float32),
        "flux": np.where(faint, SIGMAS * error, drawn).astype(np.float32),
        "flux_error": error,
        "is_limit": faint.astype(np.float32),
    }


def thinned(view: View, rng: np.random.Generator, share: float) -> View:
    """The same with lines left out of half of the rows, each with a probability; one line stays."""
    line = view["line"]
    out = (rng.random(line.shape) < share) & (rng.random((len(line), 1)) < 0.5)
    out[np.arange(len(line)), rng.integers(0, line.shape[1], len(line))] = False
    return view | {"line": np.where(out, np.nan, line).astype(np.float32)}
