"""Records of `nebula_lines` as a network is shown them: noise, limits, absent lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.nn.line_slots import CASE_B, WINDOWS

QUALITY = (20.0, 400.0)  # S/N of H alpha of the noise that is drawn, uniform in the logarithm
SIGMAS = 3.0
TINY = 1e-4  # error over flux of H alpha, of data without noise

# What observations have that models lack, in broad strokes, for training on all of it: extinction
# A(lambda) / E(B-V) (Cardelli et al. 1989, R_V = 3.1), and the diffuse gas of spiral discs over
# H beta (after Belfiore et al. 2022, A&A 659, A26), each line with a scatter of a factor of two.
EXTINCTION = {
    "OII3727": 4.771,
    "NeIII3869": 4.66,
    "OIII4363": 4.148,
    "Hbeta": 3.609,
    "OIII5007": 3.473,
    "NII5755": 2.943,
    "SIII6312": 2.656,
    "Halpha": 2.535,
    "NII6584": 2.525,
    "SII6725": 2.458,
    "OII7325": 2.169,
    "SIII9069": 1.467,
}
DIFFUSE = {
    "OII3727": 4.0,
    "NeIII3869": 0.1,
    "Hbeta": 1.0,
    "OIII5007": 1.0,
    "Halpha": 2.86,
    "NII6584": 1.4,
    "SII6725": 1.4,
    "SIII9069": 0.3,
}
DIFFUSE_SCATTER = 0.3  # [dex]
DIFFUSE_MOST = 0.6  # of H beta
REDDENING = 0.2  # [mag], scale of a gamma distribution of shape 1.5, on top of a mock's own

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


def disturbed(data: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Records with more dust in `flux_true`, and with diffuse gas behind the same dust.

    Half of the nebulae get diffuse gas, a share of H beta between 0 and 0.6.
    """
    flux = np.asarray(data["flux_true"], np.float32)
    curve, diffuse = _by_line(data["line"][0])
    halpha, hbeta = (np.argmin(np.abs(data["line"][0] - w)) for w in (6562.8, 4861.3))
    count = (len(flux), 1)
    # the Balmer lines tell the dust that is there
    decrement = np.log10(flux[:, [halpha]] / flux[:, [hbeta]] / CASE_B)
    own = np.maximum(decrement / (0.4 * (curve[hbeta] - curve[halpha])), 0)
    share = np.where(rng.random(count) < 0.5, 0, DIFFUSE_MOST * rng.random(count))
    scatter = DIFFUSE_SCATTER * rng.standard_normal(flux.shape)
    scatter[:, [halpha, hbeta]] = 0
    gas = diffuse * 10 ** (scatter - 0.4 * own * (curve - curve[hbeta]))
    mixed = (1 - share) * flux + share * flux[:, [hbeta]] * gas
    more = REDDENING * rng.gamma(1.5, size=count)
    return data | {"flux_true": (mixed * 10 ** (-0.4 * more * curve)).astype(np.float32)}


def _by_line(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Extinction and diffuse gas of lines (N,) by their wavelengths."""
    where = [np.argmin([abs(WINDOWS[n][0] - w) for n in EXTINCTION]) for w in line]
    names = [list(EXTINCTION)[i] for i in where]
    return (
        np.array([EXTINCTION[n] for n in names], np.float32),
        np.array([DIFFUSE.get(n, 0.0) for n in names], np.float32),
    )


def thinned(view: View, rng: np.random.Generator, share: float) -> View:
    """The same with lines left out of half of the rows, each with a probability; one line stays."""
    line = view["line"]
    out = (rng.random(line.shape) < share) & (rng.random((len(line), 1)) < 0.5)
    out[np.arange(len(line)), rng.integers(0, line.shape[1], len(line))] = False
    return view | {"line": np.where(out, np.nan, line).astype(np.float32)}
