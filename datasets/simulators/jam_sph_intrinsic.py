r"""Jeans equations of an axisymmetric galaxy whose velocity ellipsoid points at the centre.

With :math:`\langle v_rv_\theta\rangle = 0`, a constant
:math:`\beta = 1 - \sigma_\theta^2/\sigma_r^2` and b = 1 - beta, the second equation gives
:math:`\langle v_\phi^2\rangle`, and the first becomes one for :math:`\nu\sigma_r^2` alone (Bacon
1985, A&A 143, 84; Cappellari 2020, MNRAS 494, 4819). Here it is written for
:math:`y = \sigma_r^2` in :math:`x = \ln r` and :math:`t = \cos^2\theta`, where it has polynomial
coefficients and no singular point:

.. math::

    y_x + 2b(1 - t)\,y_t + \left[2\beta + (\ln\nu)_x + 2b(1 - t)(\ln\nu)_t\right]y
    = -r^2\,\frac{1}{z}\frac{\partial\Phi}{\partial z},

    \langle v_\phi^2\rangle = by + (1 - t)H,\quad H = -2b\left[y_t + y(\ln\nu)_t\right]
    + r^2\left(\frac1R\frac{\partial\Phi}{\partial R}
    - \frac1z\frac{\partial\Phi}{\partial z}\right).

Going inwards, :math:`y` forgets where it started: it is solved from the outside in, one shell after
the other, by collocation at Chebyshev points in both directions. The angular coordinate is psi,
:math:`\tan^2\psi = p\tan^2\theta`, in which the functions are sums of cosines of even multiples.
For a body of axis ratio q these sums converge like :math:`(1 + 2q)^{-n}` in the polar angle, p = 1,
and like :math:`(1 + 2\sqrt q)^{-n}` for p = q, the smallest one of light and mass.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from zoo_datasets.simulators.jam_sph_forces import Gaussians, forces, log_slopes

DEGREE = 9  # of the polynomials in ln r of each shell
OUTERMOST = 6.5  # in units of the largest dispersion: light there is below 1e-9 of the centre's
MARGIN = 0.25  # in ln r, inside the innermost position: splines are inaccurate at their ends


class Intrinsic(NamedTuple):
    """Second moments at Chebyshev nodes in ln r, shell by shell, and nodes in psi."""

    log_r: np.ndarray  # (shells, DEGREE + 1) increasing [ln pc], ends shared
    p: float
    radial: np.ndarray  # (shells, DEGREE + 1, angles) sigma_r^2 [(km/s)2], psi from 0 to 90 deg
    excess: np.ndarray  # (shells, DEGREE + 1, angles) H [(km/s)2]

    def on_grid(self, log_r: np.ndarray, psi: np.ndarray) -> list[np.ndarray]:
        """Return sigma_r^2 and H, each (n, m), at every log_r (n,) with every psi (m,)."""
        starts, ends = self.log_r[:, 0], self.log_r[:, -1]
        shell = np.minimum(np.searchsorted(ends, log_r), len(ends) - 1)
        along = _radial_rule().interpolation((log_r - starts[shell]) / (ends - starts)[shell])
        harmonics = 2 * np.arange(self.radial.shape[-1])
        nodes = np.linspace(0, np.pi / 2, harmonics.size)
        from_nodes = np.linalg.inv(np.cos(np.outer(nodes, harmonics)))
        across = np.cos(np.outer(psi, harmonics)) @ from_nodes
        return [
            np.einsum("rn,rna->ra", along, values[shell]) @ across.T
            for values in (self.radial, self.excess)
        ]


class Polynomials:
    """Polynomials through their values at given nodes (n,), in Lagrange's form."""

    def __init__(self, nodes: np.ndarray) -> None:
        self.nodes = nodes
        gaps = nodes[:, None] - nodes
        np.fill_diagonal(gaps, 1)
        self._weight = 1 / gaps.prod(axis=1)
        self.derivative = self._weight / self._weight[:, None] / gaps
        np.fill_diagonal(self.derivative, 0)
        np.fill_diagonal(self.derivative, -self.derivative.sum(axis=1))

    def interpolation(self, at: np.ndarray) -> np.ndarray:
        """Matrix (m, n) from values at the nodes to values at the positions (m,)."""
        gaps = at[:, None] - self.nodes
        products = [np.prod(np.delete(gaps, k, axis=1), axis=1) for k in range(self.nodes.size)]
        return self._weight * np.stack(products, axis=1)


@cache
def _radial_rule() -> Polynomials:
    """Chebyshev points on [0, 1]."""
    return Polynomials(0.5 - 0.5 * np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE))


@cache
def _angular_rule(count: int) -> Polynomials:
    """In cos(psi)^2, for psi at even steps from 0 to 90 degrees."""
    return Polynomials(np.cos(np.linspace(0, np.pi / 2, count)) ** 2)


def solve(
    light: Gaussians,
    mass: Gaussians,
    beta: float,
    radii: tuple[float, float],
    *,
    angles: int | None,
    shell: float,
    nodes: int,
) -> Intrinsic:
    """Second moments on all lines of sight through positions within some radii.

    Parameters
    ----------
    light, mass : Gaussians
    beta : float
        1 - (sigma_theta / sigma_r)^2, less than 1.
    radii : (float, float)
        Smallest and largest radius of the positions on the sky [pc].
    angles : int, optional
        Nodes in psi; more for flatter galaxies by default.
    shell : float
        Thickness of a shell in ln r, at most.
    nodes : int
        Nodes of the quadrature of the forces.
    """
    flattest = float(min(light.q.min(), mass.q.min()))
    angles = int(np.ceil(8 + 5 / np.sqrt(flattest))) if angles is None else angles
    low = np.log(radii[0]) - MARGIN
    high = np.log(np.hypot(radii[1], OUTERMOST * light.sigma.max()))
    count = int(np.ceil((high - low) / shell))
    edges = np.linspace(low, high, count + 1)
    log_r = edges[:-1, None] + (high - low) / count * _radial_rule().nodes
    r = np.exp(log_r)

    p = flattest
    tau = _angular_rule(angles).nodes
    t = p * tau / (1 - tau + p * tau)
    by_t = _angular_rule(angles).derivative * ((1 - tau + p * tau) ** 2 / p)[:, None]

    shape = (*r.shape, angles)
    nu_x, nu_t = (v.reshape(shape) for v in log_slopes(light, r.ravel(), t))
    inwards, down = (v.reshape(shape) for v in forces(mass, r.ravel(), t, nodes))
    r2 = r[..., None] ** 2
    speed = 2 * (1 - beta) * (1 - t)
    radial = _march(
        _radial_rule().derivative * (count / (high - low)),
        speed[:, None] * by_t,
        2 * beta + nu_x + speed * nu_t,
        -r2 * down,
    )
    excess = r2 * (inwards - down) - 2 * (1 - beta) * (radial @ by_t.T + radial * nu_t)
    return Intrinsic(log_r, p, radial, excess)


def _march(
    by_x: np.ndarray, transport: np.ndarray, rate: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """Solve y_x + transport y + rate y = source from the outermost shell inwards.

    Parameters
    ----------
    by_x : (k, k) array
        Derivative by ln r in any shell.
    transport : (m, m) array
        Derivative by angle along the characteristics.
    rate, source : (shells, k, m) arrays

    Returns
    -------
    (shells, k, m) array
    """
    y = np.empty_like(source)
    free, angles = source.shape[1] - 1, source.shape[2]
    # Outside, y falls as r^-3: the force of a point mass over the slope of a Gaussian. Whatever is
    # wrong with that is forgotten within a fraction of the outermost shell.
    start = transport + np.diag(rate[-1, -1] - 3)
    known = np.linalg.solve(start, source[-1, -1])
    # In each shell the values at its outer edge are known, the equation holds at the other nodes.
    shared = np.kron(by_x[:-1, :-1], np.eye(angles)) + np.kron(np.eye(free), transport)
    diagonal = np.arange(free * angles)
    for shell in range(len(y))[::-1]:
        matrix = shared.copy()
        matrix[diagonal, diagonal] += rate[shell, :-1].ravel()
        right = source[shell, :-1] - by_x[:-1, -1:] * known
        y[shell, :-1] = np.linalg.solve(matrix, right.ravel()).reshape(free, angles)
        y[shell, -1] = known
        known = y[shell, 0]
    return y
