"""Radial velocity dispersion of tracers in an NFW halo, from the spherical Jeans equation.

With Mamon & Lokas' anisotropy beta(r) = beta_inf r / (r + r_t), r_t the tracers' scale radius,

    sigma_r^2(r) = (nu g)^-1 int_r^inf nu g G M / s^2 ds,   g(r) = (r + r_t)^(2 beta_inf)

(Mamon & Lokas 2005, appendix). It is tabulated once, in units of v200, and interpolated.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from zoo_datasets.simulators.clusters.halos import nfw

# axes: ln c, ln(c_tracer / c), beta_inf, ln(r / r200c)
LOG_C = np.linspace(np.log(1.5), np.log(20), 10)
LOG_RATIO = np.linspace(np.log(0.2), np.log(1.6), 8)
BETA = np.linspace(-0.4, 0.9, 8)
LOG_R = np.linspace(np.log(0.003), np.log(3), 40)


def dispersion(c: float, c_tracer: float, beta_inf: float, r: np.ndarray) -> np.ndarray:
    """sigma_r / v200 at r / r200c by quadrature.

    Parameters
    ----------
    c, c_tracer : float
        Concentrations r200c / r_s of matter and of tracers, both NFW.
    beta_inf : float
        Anisotropy at large radii.
    r : (n,) float
        Increasing.
    """
    return np.sqrt(_integral(np.array([c]), np.array([c_tracer]), np.array([beta_inf]), r)[0])


def _integral(c: np.ndarray, ct: np.ndarray, beta: np.ndarray, r: np.ndarray) -> np.ndarray:
    """sigma_r^2 / v200^2 (k, n) for k haloes."""
    # in t = ln s the integrand falls as a power: trapezoids in t to 100 times the last radius
    t = np.linspace(np.log(r[0]), np.log(r[-1]) + np.log(100), 1200)
    s = np.exp(t)
    c, ct, beta = c[:, None], ct[:, None], beta[:, None]

    def weight(s: np.ndarray) -> np.ndarray:  # nu g
        return (s + 1 / ct) ** (2 * beta) / (ct * s * (1 + ct * s) ** 2)

    f = weight(s) * nfw(c * s) / nfw(c) / s
    steps = 0.5 * (f[:, 1:] + f[:, :-1]) * (t[1] - t[0])
    tail = np.concatenate([np.cumsum(steps[:, ::-1], axis=1)[:, ::-1], np.zeros_like(c)], axis=1)
    at = np.stack([np.interp(np.log(r), t, np.log(row + 1e-300)) for row in tail])
    return np.exp(at) / weight(r)


@lru_cache(maxsize=1)
def table() -> np.ndarray:
    """sigma_r / v200 on the grid of the axes above."""
    c, ratio, beta = (a.ravel() for a in np.meshgrid(LOG_C, LOG_RATIO, BETA, indexing="ij"))
    values = np.sqrt(_integral(np.exp(c), np.exp(c + ratio), beta, np.exp(LOG_R)))
    return values.reshape(LOG_C.size, LOG_RATIO.size, BETA.size, LOG_R.size)


def profiles(c: np.ndarray, c_tracer: np.ndarray, beta_inf: np.ndarray) -> np.ndarray:
    """sigma_r / v200 at `LOG_R` for haloes (k,): (k, len(LOG_R)), by linear interpolation."""
    values = table()
    out = np.zeros((c.size, LOG_R.size))
    corners = [
        _bracket(axis, at)
        for axis, at in (
            (LOG_C, np.log(c)),
            (LOG_RATIO, np.log(c_tracer / c)),
            (BETA, beta_inf),
        )
    ]
    for i in (0, 1):
        for j in (0, 1):
            for k in (0, 1):
                weight: np.ndarray | float = 1.0
                index = []
                for (low, part), up in zip(corners, (i, j, k), strict=True):
                    weight = weight * (part if up else 1 - part)
                    index.append(low + up)
                out += np.asarray(weight)[:, None] * values[tuple(index)]
    return out


def at_radius(rows: np.ndarray, which: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Values of `profiles` rows[which] at r / r200c, both (n,)."""
    low, part = _bracket(LOG_R, np.log(np.maximum(r, 1e-6)))
    return rows[which, low] * (1 - part) + rows[which, low + 1] * part


def _bracket(axis: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index below and fraction of the step on an equidistant axis, held at its ends."""
    step = np.clip((at - axis[0]) / (axis[1] - axis[0]), 0, axis.size - 1 - 1e-9)
    low = step.astype(int)
    return low, step - low
