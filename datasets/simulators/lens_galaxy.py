"""The lens galaxy of Gomer et al. (2023, A&A 679, A59): prior, and one galaxy with its Vrms.

A power-law mass with a core and Sersic light, axisymmetric, oblate, aligned, seen at one
inclination; the second moments are those of JAM with cylindrical alignment. All lengths scale: but
for the factor `speed` Vrms at x / r_sersic depends on core / r_sersic, not on the Einstein radius.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.special import gamma as gamma_function

from zoo_datasets.simulators import jam_cyl_terms, sersic
from zoo_datasets.simulators.mge import surface_density

C = 299792.458  # km/s
PRIOR = {  # uniform between these
    "q_mass": (0.6, 1.0),
    "q_light": (0.6, 1.0),
    "theta_e": (0.5, 2.0),  # [arcsec]
    "n_sersic": (2.0, 4.0),
    "r_sersic": (0.5, 1.0),  # of theta_e; [arcsec] once drawn
    "core_size": (0.0, 0.081),  # [arcsec]
    "gamma": (1.5, 2.5),
    "b_ani": (-0.4, 0.4),
    "inclination": (0.0, 1.0),  # from arccos(least axis ratio) to 90 degrees; [deg] once drawn
}
FIXED = {"distance": 1215.739, "distance_ratio": 1042.883 / 1650.753}  # Mpc, Dds/Ds: both exact

FLATTEST = 0.05  # intrinsic axis ratio below which JAM itself refuses a Gaussian
SOFTENING = 0.005  # [arcsec] of the core; without it Vrms diverges at the centre
AXIS = 0.005  # [arcsec] mean distance from an axis in a pixel on it: none is taken to be nearer

STEP = 0.7  # of the mass ladder in ln sigma^2
WIDEST, STEEPEST = 120.0, 25.0  # sigma / r_sersic of its first Gaussian, (core / sigma)^2 / 2 last
NODES = 24  # of the quadrature of JAM

PIXELS, PIXEL, EVERY = 276, 0.02, 5  # of the quadrant; [arcsec]; every fifth pixel is a sample
LEVELS = 65535  # of the quadrant's code
POLAR_RADII = np.geomspace(0.003, 43, 67)  # elliptical radius, in r_sersic
POLAR_ANGLES = np.linspace(0, 90, 17)  # eccentric anomaly [deg]
POLAR_SHAPE = (POLAR_RADII.size, POLAR_ANGLES.size)

GRID_INNER, GRID_OUTER, GRID_NODES = 0.002, 43.5, 88  # stretched grid, in r_sersic
MIRRORED, ORDER = 4, 5  # nodes beyond the axes, which make the spline even; degree of the spline

Mge = tuple[np.ndarray, np.ndarray, np.ndarray]


def core(core_size: float) -> float:
    """The core that the mass has: that of the parameter, softened [arcsec]."""
    return float(np.hypot(core_size, SOFTENING))


def convergence(galaxy: dict[str, float], u: np.ndarray) -> np.ndarray:
    """Convergence of the lens at the elliptical radius u^2 = x^2 + y^2 / q_mass^2 [arcsec].

    kappa = (3 - gamma) / (1 + q) [theta_e^2 / (u^2 + core^2)]^((gamma - 1) / 2), GLEE's Einstein
    radius of the singular power law.
    """
    p = (galaxy["gamma"] - 1) / 2
    height = (3 - galaxy["gamma"]) / (1 + galaxy["q_mass"])
    return height * (galaxy["theta_e"] ** 2 / (u**2 + core(galaxy["core_size"]) ** 2)) ** p


def critical_density(galaxy: dict[str, float]) -> float:
    """c^2 / (4 pi G) Ds / (Dd Dds) [Msun / pc2]."""
    lever = 1e6 * galaxy["distance"] * galaxy["distance_ratio"]  # pc
    return C**2 / (4 * np.pi * jam_cyl_terms.G * lever)


def mass_mge(galaxy: dict[str, float], step: float = STEP) -> Mge:
    """Multi-Gaussian expansion of the mass: surf [Msun/pc2], sigma [arcsec], qobs, each (j,).

    (u^2 + s^2)^-p = 1 / Gamma(p) int t^p exp(-t (u^2 + s^2)) dln t, and the trapezoidal rule
    converges exponentially: a ladder of Gaussians with heights that follow from a formula. It
    begins with one that stands for all wider ones, by their density and its curvature at the
    centre; mass that far out makes no difference to the motion of the stars.

    Parameters
    ----------
    galaxy : dict
        As `draw` gives it.
    step : float
        Of the ladder in ln sigma^2. The density in three dimensions is met to 2e-5 with 0.7.
    """
    p, size2 = (galaxy["gamma"] - 1) / 2, galaxy["r_sersic"] ** 2
    s2 = core(galaxy["core_size"]) ** 2
    first, last = 0.5 / WIDEST**2, STEEPEST * size2 / s2
    t = first * np.exp(step * np.arange(np.ceil(np.log(last / first) / step) + 1)) / size2
    heights = t**p * np.exp(-t * s2)
    # geometric series of the central densities t^(p + 1/2) beyond the ladder, and of t times them
    below = t[0] ** (p + 0.5) / np.expm1(step * (p + 0.5))
    curved = t[0] ** (p + 1.5) / np.expm1(step * (p + 1.5))
    rest = curved / below
    t, heights = np.append(rest, t), np.append(below / np.sqrt(rest), heights)
    scale = critical_density(galaxy) * (3 - galaxy["gamma"]) / (1 + galaxy["q_mass"])
    surf = scale * galaxy["theta_e"] ** (2 * p) * step / gamma_function(p) * heights
    return surf, 1 / np.sqrt(2 * t), np.full_like(t, galaxy["q_mass"])


def light_mge(galaxy: dict[str, float]) -> Mge:
    """Multi-Gaussian expansion of the light: surf [1 at r_sersic], sigma [arcsec], qobs."""
    surf, sigma = sersic.mge(galaxy["n_sersic"])
    return surf, sigma * galaxy["r_sersic"], np.full_like(surf, galaxy["q_light"])


def mges(galaxy: dict[str, float]) -> tuple[np.ndarray, ...]:
    """Light and mass in JAM's names: surf, sigma [arcsec] and qobs of each."""
    return *light_mge(galaxy), *mass_mge(galaxy)


def intrinsic_axis_ratio(q: float, inclination: float) -> float:
    """Axis ratio of an oblate body; 0 where the projected one is too flat to be deprojected."""
    cos2 = np.cos(np.radians(inclination)) ** 2
    return float(np.sqrt(max(q**2 - cos2, 0) / (1 - cos2)))


def draw(rng: np.random.Generator) -> dict[str, float]:
    """Parameters of one galaxy, drawn until both bodies are rounder than `FLATTEST`.

    They are rounded to float32, the precision in which they are stored.
    """
    low, high = np.array(list(PRIOR.values())).T
    while True:
        galaxy = dict(zip(PRIOR, rng.uniform(low, high), strict=True))
        galaxy["r_sersic"] *= galaxy["theta_e"]
        least = np.degrees(np.arccos(min(galaxy["q_mass"], galaxy["q_light"])))
        galaxy["inclination"] = least + galaxy["inclination"] * (90 - least)
        galaxy = {name: float(np.float32(value)) for name, value in galaxy.items()}
        bodies = (galaxy["q_mass"], galaxy["q_light"])
        if min(intrinsic_axis_ratio(q, galaxy["inclination"]) for q in bodies) >= FLATTEST:
            return galaxy | FIXED


class Field:
    """Second moments of a galaxy: exact on a stretched grid, interpolated from there.

    Vrms^2 of JAM_cyl is linear in b = 1 / (1 - b_ani): g0 + (b - 1) g1.
    """

    def __init__(self, galaxy: dict[str, float]) -> None:
        even = np.linspace(0, np.arcsinh(GRID_OUTER / GRID_INNER), GRID_NODES)
        radius = GRID_INNER * galaxy["r_sersic"]
        self._even, self._scales = even, (radius, radius * galaxy["q_light"])
        x, y = (scale * np.sinh(even) for scale in self._scales)
        self._splines = [self._spline(values) for values in moments(galaxy, x, y)]

    def _spline(self, values: np.ndarray) -> RectBivariateSpline:
        nodes = np.append(-self._even[MIRRORED:0:-1], self._even)
        values = np.pad(values, ((MIRRORED, 0), (MIRRORED, 0)), "reflect")
        return RectBivariateSpline(nodes, nodes, values, kx=ORDER, ky=ORDER, s=0)

    def at(self, x: np.ndarray, y: np.ndarray, grid: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """g0 and g1 [km2/s2] at positions [arcsec], or on the grid of every y with every x.

        Raises
        ------
        ValueError
            If a position lies outside the grid.
        """
        u, v = (np.arcsinh(np.abs(p) / s) for p, s in zip((x, y), self._scales, strict=True))
        if max(u.max(), v.max()) > self._even[-1]:
            raise ValueError(f"positions beyond {GRID_OUTER} r_sersic are outside the grid")
        g0, g1 = (spline(v, u, grid=grid) for spline in self._splines)
        return g0, g1


def moments(
    galaxy: dict[str, float], x: np.ndarray, y: np.ndarray, nodes: int = NODES
) -> tuple[np.ndarray, np.ndarray]:
    """Isotropic second moment and its derivative by b on the grid of every x with every y.

    Returns
    -------
    g0, g1 : (y.size, x.size) arrays [km2/s2]
    """
    lum, pot = light_mge(galaxy), mass_mge(galaxy)
    view = (galaxy["inclination"], 0.0, galaxy["distance"])
    # b = 1 and b = 1/2 differ in f0 and f1 alone: the exponentials are shared
    isotropic, half = (
        jam_cyl_terms.deproject_galaxy(lum, pot, *view, beta, 0.01, nodes) for beta in (0.0, -1.0)
    )
    x2, y2 = x[:, None] ** 2, y[:, None] ** 2
    sums = np.zeros((2, y.size, x.size))
    for one, other in zip(jam_cyl_terms.terms(isotropic), jam_cyl_terms.terms(half), strict=True):
        along_x, along_y = np.exp(-x2 * one.a), np.exp(-y2 * one.c)
        for index, term in enumerate((one, other)):
            sums[index] += along_y @ (along_x * (term.f0 + term.f1 * x2)).T
    sums /= surface_density(x, y[:, None], *lum)
    return sums[0], 2 * (sums[0] - sums[1])


def quadrant(galaxy: dict[str, float], field: Field) -> np.ndarray:
    """Vrms^2 [km2/s2] of the pixels (276, 276); negative where JAM has no real velocity."""
    axis = np.maximum(PIXEL * np.arange(PIXELS), AXIS)
    g0, g1 = field.at(axis, axis, grid=True)
    return g0 + galaxy["b_ani"] / (1 - galaxy["b_ani"]) * g1


def simulate(galaxy: dict[str, float]) -> dict[str, np.ndarray] | None:
    """One galaxy as the dataset has it: parameters, coded quadrant, sample and polar quadrant.

    None if JAM has no real velocity in some pixel, for this anisotropy or without any.
    """
    field = Field(galaxy)
    moment = quadrant(galaxy, field)
    if min(moment.min(), quadrant(galaxy | {"b_ani": 0.0}, field).min()) <= 0:
        return None
    vrms = np.sqrt(moment)
    sample = PIXEL * np.arange(0, PIXELS, EVERY)
    y, x = np.meshgrid(sample, sample, indexing="ij")
    r, t = galaxy["r_sersic"] * POLAR_RADII[:, None], np.radians(POLAR_ANGLES)
    g0, g1 = field.at(r * np.cos(t), galaxy["q_light"] * r * np.sin(t))
    code, low, high = encode(vrms)
    arrays = {
        "x": x.ravel(),
        "y": y.ravel(),
        "vrms": vrms[::EVERY, ::EVERY].ravel(),
        "g0_polar": g0,
        "g1_polar": g1,
        "log_vrms_low": low,
        "log_vrms_high": high,
    }
    out = {name: np.asarray(value, np.float32) for name, value in (galaxy | arrays).items()}
    return out | {"quadrant": code}


def encode(vrms: np.ndarray) -> tuple[np.ndarray, np.float32, np.float32]:
    """Sixteen-bit code of ln vrms between its extremes, which `decode` takes."""
    low, high = np.float32(np.log(vrms.min())), np.float32(np.log(vrms.max()))
    unit = (np.log(vrms) - low) / max(high - low, 1e-6)
    return np.rint(LEVELS * np.clip(unit, 0, 1)).astype(np.uint16), low, high


def decode(code: np.ndarray, low: float, high: float) -> np.ndarray:
    """Vrms [km/s] of a coded quadrant, to (high - low) / 131070 relative."""
    return np.exp(low + (high - low) * np.asarray(code, float) / LEVELS)


def record(rng: np.random.Generator, split: str, index: int) -> dict[str, np.ndarray]:
    """Record `index` of a split: the first draw that JAM has real velocities for."""
    while (galaxy := simulate(draw(rng))) is None:
        pass
    return {"object_id": np.array(f"{split}-{index:05d}"), **galaxy}
