"""How lines of one code differ from those of another, learned without labels of the other.

The gap is a smooth change of each line's logarithm with log U and 12 + log O/H, and a Gaussian
scatter about it, correlated between lines. Which nebula of the target goes with which models is not
known, and a change of the lines alone along the models could as well be other gas: only what is
assumed of the whole sample, the distribution of its gas, tells the two apart. Models drawn from
that distribution are matched to the target by entropic optimal transport (Cuturi 2013,
arXiv:1306.0895) whose cost is -ln likelihood; matching and gap are found in turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_ndtr, logsumexp

from zoo.nn.line_slots import WINDOWS

NAMES = ("log_u", "log_oh", "log_no", "ebv")
ROUNDS, BALANCED = 5, 8  # of matching and gap in turn; of the transport in each
FIRST = 0.2  # [dex], scatter of every line before anything is known
BALMER = 0.02  # [dex], scatter of H beta over H alpha, which is no matter of codes
RIDGE = 2.0  # nebulae without a gap that are added to those of the target
NITROGEN = 0.1  # [dex], scatter of N/O
SHAPE = 1.5  # of the gamma distributions of E(B-V)
TINY = 1e-6


@dataclass(frozen=True)
class Gap:
    """What the lines of the target have more, log10 of flux over H alpha.

    Attributes
    ----------
    centre : (2,) array
        log U and 12 + log O/H that the change is expanded about.
    change : (6, lines) array
        Coefficients of 1, u, o, u^2, u o, o^2 [dex].
    scatter : (lines, lines) array
        Covariance [dex^2].
    """

    centre: np.ndarray
    change: np.ndarray
    scatter: np.ndarray

    def added(self, data: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Records whose `flux_true` has the change and a draw of the scatter in it."""
        gas = np.stack([np.asarray(data[n], float) for n in NAMES[:2]], axis=1)
        flux = np.asarray(data["flux_true"])
        value, vectors = np.linalg.eigh(self.scatter)
        root = vectors * np.sqrt(np.maximum(value, 0))
        dex = basis(gas - self.centre) @ self.change
        dex += rng.standard_normal(flux.shape) @ root.T
        return {**data, "flux_true": (flux * 10**dex).astype(np.float32)}


def basis(gas: np.ndarray) -> np.ndarray:
    """Polynomials (n, 6) of the second degree of two numbers (n, 2)."""
    u, o = gas.T
    return np.stack([np.ones_like(u), u, o, u**2, u * o, o**2], axis=1)


def nitrogen(log_oh: np.ndarray) -> np.ndarray:
    """Log N/O that goes with 12 + log O/H on average (Nicholls et al. 2017, eq. 2)."""
    return np.asarray(np.log10(10**-1.732 + 10 ** (log_oh - 12 + 2.19)))


def shares(theta: np.ndarray, population: Mapping[str, Any], dust: float) -> np.ndarray:
    """Probability (n,) of models, drawn uniformly but for dust, in the sample that is assumed.

    Parameters
    ----------
    theta : (n, 4) array
        `NAMES`.
    population : mapping
        `log_u`, `log_oh`: limits (low, high) of uniform distributions; `ebv`: scale [mag] of a
        gamma distribution. N/O goes with O/H.
    dust : float
        Scale [mag] of the gamma distribution of the models' E(B-V).

    Raises
    ------
    ValueError
        If no model is inside.
    """
    log_u, log_oh, log_no, ebv = np.asarray(theta, float).T
    weight = np.exp(-0.5 * ((log_no - nitrogen(log_oh)) / NITROGEN) ** 2)
    weight *= np.exp(ebv * (1 / dust - 1 / population["ebv"]))
    for name, values in (("log_u", log_u), ("log_oh", log_oh)):
        low, high = population[name]
        weight *= (values > low) & (values < high)
    if not weight.sum() > 0:
        raise ValueError(f"no model lies in the assumed population {dict(population)}")
    return np.asarray(weight / weight.sum())


def estimate(
    models: Mapping[str, Any], target: Mapping[str, Any], least: float
) -> tuple[Gap, np.ndarray]:
    """The gap between models and the lines of a target.

    Parameters
    ----------
    models : mapping
        `line`, `flux_true` and `NAMES` of models drawn from the assumed distribution.
    target : mapping
        `line`, `flux`, `flux_error`, `is_limit` of nebulae with the same lines.
    least : float
        Scatter [dex] of lines, or of their combinations, below which the codes are not trusted.

    Returns
    -------
    gap : Gap
    means : (nebulae, 4) array
        Mean gas of the models that each nebula of the target is matched to.
    """
    line = np.asarray(models["line"][0], float)
    halpha, hbeta = (int(np.argmin(np.abs(line - WINDOWS[n][0]))) for n in ("Halpha", "Hbeta"))
    theta = np.stack([np.asarray(models[n], float) for n in NAMES], axis=1)
    centre = theta[:, :2].mean(axis=0)
    terms = basis(theta[:, :2] - centre)
    flux = np.asarray(models["flux_true"], float)
    x = np.log10(np.maximum(flux / flux[:, [halpha]], TINY))
    seen = _Seen(target, halpha)
    change, scatter = np.zeros((terms.shape[1], len(line))), FIRST**2 * np.eye(len(line))
    scatter[hbeta, hbeta] = BALMER**2
    balance = np.zeros(len(x))
    for turn in range(ROUNDS + 1):
        matched, balance = _match(seen.log_likelihood(x + terms @ change, scatter), balance)
        if turn == ROUNDS:
            break
        for i in np.setdiff1d(np.arange(len(line)), [halpha, hbeta]):
            weight = matched * seen.measured[:, [i]]
            count = weight.sum(axis=0)
            more = weight.T @ seen.y[:, i] - count * x[:, i]
            square = terms.T @ (count[:, None] * terms) + RIDGE * np.eye(terms.shape[1])
            change[:, i] = np.linalg.solve(square, terms.T @ more)
        scatter = seen.covariance(matched, x + terms @ change)
        for i in (halpha, hbeta):
            scatter[i, :] = scatter[:, i] = 0
        value, vectors = np.linalg.eigh(scatter)
        scatter = (vectors * np.maximum(value, least**2)) @ vectors.T
        for i in (halpha, hbeta):
            scatter[i, :] = scatter[:, i] = 0
        scatter[hbeta, hbeta] = BALMER**2
    drawn = scatter.copy()
    drawn[hbeta, hbeta] = 0
    return Gap(centre, change, drawn), matched @ theta


class _Seen:
    """Lines of a sample over H alpha: logarithms `y`, their errors, what is measured."""

    def __init__(self, target: Mapping[str, Any], halpha: int) -> None:
        flux, error, limit = (
            np.asarray(target[n], float) for n in ("flux", "flux_error", "is_limit")
        )
        self.y = np.log10(flux / flux[:, [halpha]])
        self.error = error / flux / np.log(10)
        self.measured, self.limit = limit == 0, limit > 0
        self.measured[:, halpha] = self.limit[:, halpha] = False

    def log_likelihood(self, x: np.ndarray, scatter: np.ndarray) -> np.ndarray:
        """Of models (m, lines) for every nebula, (nebulae, m)."""
        out = np.empty((len(self.y), len(x)))
        for i, (y, error, use) in enumerate(zip(self.y, self.error, self.measured, strict=True)):
            root = np.linalg.cholesky(scatter[np.ix_(use, use)] + np.diag(error[use] ** 2))
            out[i] = -0.5 * (((y[use] - x[:, use]) @ np.linalg.inv(root).T) ** 2).sum(axis=1)
        for i in range(x.shape[1]):
            rows = self.limit[:, i]
            width = max(np.sqrt(scatter[i, i]), BALMER)
            out[rows] += log_ndtr((self.y[rows, i][:, None] - x[:, i]) / width)
        return out

    def covariance(self, matched: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Of what the models leave over (lines, lines), without that of the noise."""
        total, count = np.zeros((2, x.shape[1], x.shape[1]))
        rows = zip(matched, self.y, self.error, self.measured, strict=True)
        for weight, y, error, use in rows:
            left, where = y[use] - x[:, use], np.ix_(use, use)
            total[where] += (left * weight[:, None]).T @ left - np.diag(error[use] ** 2)
            count[where] += 1
        return np.asarray(total / np.maximum(count, 1))


def _match(log_likelihood: np.ndarray, balance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of each model in each nebula, rows of sum 1, and what makes the models count alike."""
    share = np.log(log_likelihood.shape[0] / log_likelihood.shape[1])
    for _ in range(BALANCED):
        own = logsumexp(log_likelihood + balance, axis=1)
        balance = share - logsumexp(log_likelihood - own[:, None], axis=0)
    matched = np.exp(log_likelihood + balance - own[:, None])
    return matched / matched.sum(axis=1, keepdims=True), balance
