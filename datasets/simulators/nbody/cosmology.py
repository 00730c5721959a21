"""Background, growth and linear power spectrum of flat LambdaCDM without neutrinos.

Growth to second order follows from ordinary differential equations in ln a (Bouchet et al. 1995,
A&A 296, 575); the linear power spectrum is that of Eisenstein & Hu (1998) without wiggles, through
colossus.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad, solve_ivp
from scipy.interpolate import CubicSpline

Floats = NDArray[np.float64]

RHO_CRITICAL = 2.77536627e11  # [Msun/h / (Mpc/h)^3]
EARLY = 1e-3  # scale factor deep in matter domination, where growth begins
LIMITS = {"omega_m": (0.05, 0.95), "sigma_8": (0.1, 2.0), "h": (0.3, 1.2), "n_s": (0.5, 1.5)}


@dataclass(frozen=True)
class Cosmology:
    """Flat LambdaCDM; the defaults are the fiducial values of CAMELS.

    Raises
    ------
    ValueError
        If a parameter lies outside `LIMITS`, or there are more baryons than matter.
    """

    omega_m: float = 0.3
    sigma_8: float = 0.8
    h: float = 0.6711
    n_s: float = 0.9624
    omega_b: float = 0.049

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}, allowed: {low} to {high}")
        if not 0 < self.omega_b < self.omega_m:
            raise ValueError(f"omega_b is {self.omega_b}, allowed: above 0 and below omega_m")

    def expansion(self, a: ArrayLike) -> Floats:
        """E(a) = H(a) / H0."""
        return np.sqrt(self.omega_m / np.asarray(a, np.float64) ** 3 + 1 - self.omega_m)

    def matter(self, a: ArrayLike) -> Floats:
        """Omega_m(a)."""
        return np.asarray(self.omega_m / np.asarray(a, np.float64) ** 3 / self.expansion(a) ** 2)

    @cached_property
    def _growth(self) -> tuple[CubicSpline, CubicSpline]:
        """First and second order growth over ln a, D1(1) = 1."""

        def slope(log_a: float, y: Floats) -> list[float]:
            omega = float(self.matter(np.exp(log_a)))
            d1, d1_slope, d2, d2_slope = y
            drag = 2 - 1.5 * omega
            return [
                d1_slope,
                1.5 * omega * d1 - drag * d1_slope,
                d2_slope,
                1.5 * omega * (d2 - d1**2) - drag * d2_slope,
            ]

        first = [EARLY, EARLY, -3 / 7 * EARLY**2, -6 / 7 * EARLY**2]  # Einstein-de Sitter
        steps = np.linspace(np.log(EARLY), 0.0, 400)
        found = solve_ivp(slope, (steps[0], 0.0), first, t_eval=steps, rtol=1e-9, atol=1e-14)
        today = found.y[0, -1]
        return CubicSpline(steps, found.y[0] / today), CubicSpline(steps, found.y[2] / today**2)

    def growth(self, a: ArrayLike) -> tuple[Floats, Floats]:
        """D1 and D2 of a scale factor between 0.001 and 1; D1(1) = 1, D2 is about -3/7 D1^2."""
        first, second = self._growth
        return first(np.log(a)), second(np.log(a))

    def growth_slope(self, a: float) -> tuple[float, float]:
        """dD1/da and dD2/da."""
        first, second = self._growth
        return float(first(np.log(a), 1)) / a, float(second(np.log(a), 1)) / a

    def drift(self, a0: float, a1: float) -> float:
        """Integral of da / (a^3 E) between two scale factors."""
        return float(quad(lambda a: 1 / (a**3 * self.expansion(a)), a0, a1)[0])

    def kick(self, a0: float, a1: float) -> float:
        """1.5 Omega_m times the integral of da / (a^2 E)."""
        return 1.5 * self.omega_m * float(quad(lambda a: 1 / (a**2 * self.expansion(a)), a0, a1)[0])

    @cached_property
    def colossus(self) -> Any:
        """The same cosmology in colossus, which keeps nothing on disk."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from colossus.cosmology import cosmology

        numbers = {"H0": 100 * self.h, "Om0": self.omega_m, "Ob0": self.omega_b}
        numbers |= {"sigma8": self.sigma_8, "ns": self.n_s}
        options = {"flat": True, "relspecies": False, "persistence": ""}
        return cosmology.Cosmology(name="zoo", **numbers, **options)

    def linear_power(self, k: ArrayLike) -> Floats:
        """Linear P(k) [(Mpc/h)^3] today at k [h/Mpc]."""
        k = np.asarray(k, np.float64)
        return np.asarray(self.colossus.matterPowerSpectrum(k, model="eisenstein98_zb"))

    def particle_mass(self, box_size: float, particles: int) -> float:
        """Mass [Msun/h] of each of particles^3 in a box [Mpc/h]."""
        return self.omega_m * RHO_CRITICAL * (box_size / particles) ** 3
