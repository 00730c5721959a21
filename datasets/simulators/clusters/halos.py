"""Haloes: radius, velocity and NFW structure, and the theory tables of the cosmology."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np

COSMOLOGY = "multidark-planck"
G = 4.30091e-9  # [(km/s)^2 Mpc / Msun]; h cancels
RHO_CRITICAL = 2.77536627e11  # today [(Msun/h) / (Mpc/h)^3]
LOG_MASSES = np.arange(11.0, 15.41, 0.05)
RADII = np.geomspace(0.3, 120.0, 60)  # of the correlation function

# the NFW mass profile is one function of r / r_s, inverted by interpolation
_X = np.concatenate([[0.0], np.geomspace(1e-4, 60, 3000)])


def nfw(x: np.ndarray | float) -> np.ndarray:
    """Mass inside x = r / r_s, in units of 4 pi rho_s r_s^3: ln(1 + x) - x / (1 + x)."""
    x = np.asarray(x, float)
    # the difference cancels below: m = x^2/2 - 2 x^3/3 + ...
    small = x**2 * (0.5 - x * (2 / 3 - 0.75 * x))
    return np.where(x < 1e-3, small, np.log1p(x) - x / (1 + x))


_M = nfw(_X)


def nfw_radius(mass: np.ndarray) -> np.ndarray:
    """Radius r / r_s that holds a mass, the inverse of `nfw` to 1e-5."""
    return np.interp(mass, _M, _X)


@dataclasses.dataclass(frozen=True, eq=False)  # hashed by identity, for caches
class Theory:
    """The cosmology at one redshift.

    Attributes
    ----------
    redshift : float
    hubble : float
        H(z) / (1 + z) [km/s per comoving Mpc/h].
    growth_rate : float
        f = Omega_m(z)^0.55.
    omega_m : float
        At the redshift.
    rho_critical : float
        [(Msun/h) / (physical Mpc/h)^3].
    rho_mean : float
        Mean matter density [(Msun/h) / (comoving Mpc/h)^3].
    concentration, density, bias : (len(LOG_MASSES),)
        c200c (Diemer & Joyce 2019); dn/dlog10 M [(comoving Mpc/h)^-3] (Tinker et al. 2008); bias
        (Tinker et al. 2010).
    xi_linear, xi : (len(RADII),)
        Correlation function of matter: linear; or (r / 5 Mpc/h)^-1.75 where that is larger.
    """

    redshift: float
    hubble: float
    growth_rate: float
    omega_m: float
    rho_critical: float
    rho_mean: float
    concentration: np.ndarray
    density: np.ndarray
    bias: np.ndarray
    xi_linear: np.ndarray
    xi: np.ndarray

    def radius(self, log_mass: np.ndarray) -> np.ndarray:
        """r200c, comoving."""
        mass = 10.0 ** np.asarray(log_mass)
        return (3 * mass / (800 * np.pi * self.rho_critical)) ** (1 / 3) * (1 + self.redshift)

    def velocity(self, log_mass: np.ndarray) -> np.ndarray:
        """Circular velocity at r200c."""
        radius = self.radius(log_mass) / (1 + self.redshift)
        return np.sqrt(G * 10.0 ** np.asarray(log_mass) / radius)


@lru_cache(maxsize=4)
def theory(redshift: float) -> Theory:
    """Tables of the cosmology `multidark-planck` from colossus."""
    from colossus.cosmology import cosmology
    from colossus.halo import concentration
    from colossus.lss import bias, mass_function

    before = cosmology.current_cosmo
    # no persistence: colossus would write its tables into the user's home
    model = cosmology.setCosmology(COSMOLOGY, persistence="")
    try:
        masses = 10.0**LOG_MASSES
        e2 = float(model.Ez(redshift)) ** 2
        omega = float(model.Om(redshift))
        linear = np.asarray(model.correlationFunction(RADII, redshift))
        return Theory(
            redshift=redshift,
            hubble=100 * np.sqrt(e2) / (1 + redshift),
            growth_rate=omega**0.55,
            omega_m=omega,
            rho_critical=RHO_CRITICAL * e2,
            rho_mean=RHO_CRITICAL * float(model.Om0),
            concentration=concentration.concentration(masses, "200c", redshift, model="diemer19"),
            density=mass_function.massFunction(
                masses, redshift, mdef="200c", model="tinker08", q_out="dndlnM"
            )
            * np.log(10),
            bias=bias.haloBias(masses, redshift, mdef="200c", model="tinker10"),
            xi_linear=linear,
            xi=np.where(RADII < 10, np.maximum(linear, (RADII / 5.0) ** -1.75), linear),
        )
    finally:
        cosmology.current_cosmo = before
