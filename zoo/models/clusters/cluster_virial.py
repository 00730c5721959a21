"""`cluster_virial`: masses from the virial theorem, with the surface term, carried to r200c."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ellipk

from zoo.models.clusters import nfw, rivals, sanity, split
from zoo.models.clusters.dispersion import clipped, dispersion
from zoo.models.clusters.example import galaxies
from zoo.models.clusters.richness import richness_fit

EDGE = 1.3  # outermost members [r200c]
CONCENTRATION, RATIO = 4.5, 0.6  # of the matter; of galaxies over matter
SOFTENING = 1e-3  # [Mpc/h]: two galaxies at one radius
CLUSTERS = 10_000  # of the training split that the error is fitted to
LOG_MASS = np.arange(11.0, 18.0, 0.02)
QUOTED = (13.9, 15.1)  # log_mass of the clusters that the error is fitted to

example = galaxies
check = sanity.check
baselines = rivals.baselines


class Virial:
    """M = 3 pi sigma^2 R / (2 G) inside the aperture (Heisler et al. 1985), and from there M200c.

    R is the projected harmonic radius N (N - 1) / sum_{i<j} 1 / R_ij; as only distances from the
    centre are known, 1 / R_ij is averaged over the angle between two galaxies (Carlberg et al.
    1996). The surface term (Girardi et al. 1998), the difference between galaxies and matter and
    the step from the aperture to r200c are those of an isotropic NFW cluster.

    Parameters
    ----------
    sigma_n, sigma_0 : float
        Of the error, sigma_n^2 100 / N + sigma_0^2 [dex].
    clip : bool
        Whether galaxies beyond 2.7 standard deviations are left out.
    """

    def __init__(self, sigma_n: float = 0.0, sigma_0: float = 0.0, clip: bool = False) -> None:
        self.sigma_n, self.sigma_0, self.clip = sigma_n, sigma_0, clip
        self._x = np.geomspace(0.01, EDGE, 80)  # aperture [r200c]
        self._enclosed = np.log10(_enclosed(self._x))

    def predict(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`log_mass` and `log_mass_std` (batch,) from `r_proj`, `v_los` (batch, N), `redshift`."""
        every = np.asarray(columns["v_los"], float)
        v = clipped(every) if self.clip else every
        r = np.where(np.isnan(v), np.nan, np.asarray(columns["r_proj"], float))
        z = np.asarray(columns["redshift"], float)
        harmonic = np.array([harmonic_radius(row[~np.isnan(row)]) for row in r])
        with np.errstate(divide="ignore"):  # equal velocities have no answer, as `check` says
            virial = np.log10(1.5 * np.pi * dispersion(v) ** 2 * harmonic / (1 + z) / nfw.G)
        aperture = np.where(np.isnan(r), 0.0, r).max(axis=1, initial=0.0)
        log_mass = [self._at_r200(*row) for row in zip(virial, aperture, z, strict=True)]
        count = np.maximum((~np.isnan(every)).sum(axis=1), 1)
        std = np.sqrt(self.sigma_n**2 * 100 / count + self.sigma_0**2)
        return {"log_mass": np.array(log_mass).reshape(len(r)), "log_mass_std": std}

    def _at_r200(self, virial: float, aperture: float, redshift: float) -> float:
        """Mass M200c of which the virial theorem would give log10 M = `virial` in the aperture."""
        x = np.clip(aperture / nfw.r200(LOG_MASS, redshift), self._x[0], EDGE)
        expected = LOG_MASS + np.interp(np.log(x), np.log(self._x), self._enclosed)
        return float(np.interp(virial, expected, LOG_MASS))


def harmonic_radius(r: np.ndarray) -> float:
    """N (N - 1) / sum_{i<j} <1 / R_ij> of galaxies (N,) at known distances from the centre.

    The mean of 1 / R_ij over the angle is 2 K(m) / (pi (R_i + R_j)), m = 4 R_i R_j / (R_i + R_j)^2.
    NaN of fewer than two galaxies.
    """
    if len(r) < 2:
        return float("nan")
    a, b = np.triu_indices(len(r), 1)
    total = r[a] + r[b]
    total = np.sqrt(total**2 + SOFTENING**2)
    inverse = 2 / np.pi * ellipk(4 * r[a] * r[b] / total**2) / total
    return float(len(r) * (len(r) - 1) / inverse.sum())


def _enclosed(x: np.ndarray) -> np.ndarray:
    """What the virial theorem without surface term gives inside x [r200c], over M200c.

    Two things are left out there. The pressure p = nu sigma_r^2 of galaxies outside: of the kinetic
    energy, int_0^x 4 pi r^2 3 p dr, the part 4 pi x^3 p(x) is held by it. And matter is more
    concentrated than the galaxies, whose own mutual distances stand for the potential.
    """
    c, ct = CONCENTRATION, CONCENTRATION * RATIO
    r = np.geomspace(1e-3, x[-1], 2000)
    nu = 1 / (r * (1 + ct * r) ** 2)
    pressure = nu * nfw.radial_dispersion(r, c, ct, 0.0)
    surface = (pressure * r**3)[1:] / _inside(3 * pressure * r**3, r)
    matter, galaxies = nfw.mass(c * r), nfw.mass(ct * r)
    # mean of M(r) / r over galaxies, of matter and of what has the galaxies' profile
    bound = _inside(nu * r**2 * matter, r) / matter[1:]
    own = _inside(nu * r**2 * galaxies, r) / galaxies[1:]
    factor = matter[1:] / nfw.mass(c) * bound / own / (1 - surface)
    return np.interp(x, r[1:], factor)


def _inside(f: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Integral of f over ln r from r[0] to each further radius."""
    return np.cumsum(0.5 * (f[1:] + f[:-1]) * np.diff(np.log(r)))


def build(**config: Any) -> Virial:
    """The estimator from its fitted error; see `Virial`."""
    return Virial(**config)


def learn(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Fit the error; the mass itself has nothing to fit.

    Parameters
    ----------
    data : dict
        Features of the training split of `cluster_phase_space`.
    settings : dict
        `config` may say `clip`.
    """
    log_mass = np.asarray(data["log_mass"][:CLUSTERS], float)
    estimator = build(**settings["config"])
    found = split.over(data, lambda columns: estimator.predict(columns)["log_mass"], CLUSTERS)
    rows = (log_mass > QUOTED[0]) & (log_mass < QUOTED[1])
    error = richness_fit(found[rows] - log_mass[rows], data["v_los"][:CLUSTERS].lengths[rows])
    return {name: round(value, 5) for name, value in error.items()}
