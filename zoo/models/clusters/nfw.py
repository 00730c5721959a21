"""NFW haloes: their size, and how galaxies move in them along the line of sight.

Lengths are in units of r200c and velocities in units of v200c = sqrt(G M200c / r200c). Galaxies
(tracers) follow an NFW profile of another concentration than the matter, cut at a radius `edge`,
with the anisotropy beta(r) = beta r / (r + r_s) of Mamon & Lokas (2005), r_s the tracers' scale
radius.
"""

from __future__ import annotations

import numpy as np

OMEGA_M = 0.307115  # flat; MultiDark Planck
G = 4.30091e-9  # [(km/s)^2 Mpc / Msun]


def expansion(redshift: np.ndarray | float) -> np.ndarray | float:
    """E(z) = H(z) / H0."""
    return np.sqrt(OMEGA_M * (1 + redshift) ** 3 + 1 - OMEGA_M)


def v200(log_mass: np.ndarray, redshift: float) -> np.ndarray:
    """Circular velocity [km/s] at r200c of log10 M200c / (Msun/h)."""
    return (1000 * G * expansion(redshift) * 10.0 ** np.asarray(log_mass)) ** (1 / 3)


def r200(log_mass: np.ndarray, redshift: float) -> np.ndarray:
    """r200c [comoving Mpc/h]."""
    return v200(log_mass, redshift) / (1000 * expansion(redshift)) * (1 + redshift)


def mass(x: np.ndarray | float) -> np.ndarray:
    """Mass inside x = r / r_s, ln(1 + x) - x / (1 + x)."""
    x = np.asarray(x, float)
    return np.log1p(x) - x / (1 + x)


def radial_dispersion(
    r: np.ndarray, c: float, c_tracer: float, beta: float, reach: float = 300.0
) -> np.ndarray:
    """sigma_r^2 from the Jeans equation, (nu g)^-1 int_r^inf nu g G M / s^2 ds.

    With g = (r + r_s)^(2 beta) (Mamon & Lokas 2005, appendix); the tracers' cut changes the density
    but not the orbits.

    Parameters
    ----------
    r : (n,) array
        Increasing.
    c, c_tracer : float
        Concentrations r200c / r_s of the matter and of the tracers.
    beta : float
        Anisotropy 1 - (sigma_t / sigma_r)^2 at large radii.
    reach : float
        Upper end of the integral.
    """
    t = np.linspace(np.log(r[0]), np.log(reach), 1500)
    s = np.exp(t)

    def weight(s: np.ndarray) -> np.ndarray:
        return (s + 1 / c_tracer) ** (2 * beta) / (s * (1 + c_tracer * s) ** 2)

    f = weight(s) * mass(c * s) / mass(c) / s
    steps = 0.5 * (f[1:] + f[:-1]) * (t[1] - t[0])
    outside = np.append(np.cumsum(steps[::-1])[::-1], 0.0)
    # linear in the logarithms: both fall as powers
    inside = np.interp(np.log(r), t[:-1], np.log(outside[:-1]))
    return np.exp(inside) / weight(r)


def projected(
    x: np.ndarray, c: float, c_tracer: float, beta: float, edge: float
) -> tuple[np.ndarray, np.ndarray]:
    """Surface density and line-of-sight dispersion of the tracers at projected radii.

    Sigma = 2 int nu r dr / sqrt(r^2 - R^2), and the same with (1 - beta(r) R^2 / r^2) sigma_r^2
    (Binney & Mamon 1982); r = R cosh u takes the root away.

    Parameters
    ----------
    x : (n,) array
        Below `edge`.
    c, c_tracer, beta
        As for `radial_dispersion`.
    edge : float
        No tracer lies outside.

    Returns
    -------
    density : (n,) array
        In units of nu_s r200c, nu = nu_s / (c_t r (1 + c_t r)^2).
    dispersion : (n,) array
    """
    nodes, weights = np.polynomial.legendre.leggauss(40)
    top = np.arccosh(edge / x)[:, None]
    u = top * (nodes + 1) / 2
    r = x[:, None] * np.cosh(u)
    radii = np.geomspace(min(x.min(), edge) * 0.999, edge * 1.001, 400)
    square = np.exp(
        np.interp(np.log(r), np.log(radii), np.log(radial_dispersion(radii, c, c_tracer, beta)))
    )
    nu_r = 1 / (c_tracer * (1 + c_tracer * r) ** 2)
    anisotropy = beta * r / (r + 1 / c_tracer)
    density = (nu_r * weights).sum(axis=1) * top[:, 0]
    kinetic = nu_r * square * (1 - anisotropy / np.cosh(u) ** 2)
    pressure = (kinetic * weights).sum(axis=1) * top[:, 0]
    return density, np.sqrt(pressure / density)
