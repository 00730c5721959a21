"""The Sersic mock galaxy: prior, and one galaxy with its photometry and second-moment maps.

Light and mass are Sersic profiles of one index and one radius, with axis ratios of their own,
oblate and seen at one inclination; the velocity ellipsoid is aligned with cylindrical coordinates.
The prior is that of Simon et al. (2026, arXiv:2602.17371), with the physical bound of Wang,
Cappellari & Peng (2021): beta_z <= 0.7 (1 - q), q the intrinsic axis ratio of the light.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from zoo_datasets.simulators import jam_cyl, sersic
from zoo_datasets.simulators.stretched_grid import Quadrant

PRIOR = {  # uniform between these
    "n_sersic": (2.0, 4.0),
    "r_sersic": (5.0, 20.0),  # [arcsec]
    "q_light": (0.6, 1.0),
    "q_mass": (0.6, 1.0),
    "beta_z": (-0.4, 0.4),
    "inclination": (float(np.degrees(np.arccos(0.6))), 90.0),  # [deg]
    "position_angle": (0.0, 180.0),  # [deg]
}
FIXED = {"ml": 1.0, "intensity_e": 1000.0, "distance": 20.0}  # Msun/Lsun, Lsun/pc2, Mpc: exact

BETA_SLOPE = 0.7
FLATTEST = 0.05  # intrinsic axis ratio below which JAM itself refuses a Gaussian

PIXELS, PIXEL = 64, 0.5  # of the map; [arcsec]
POLAR_RADII = np.geomspace(0.01, 7.5, 47)  # elliptical radius, in r_sersic
POLAR_ANGLES = np.linspace(0, 90, 17)  # eccentric anomaly [deg]
POLAR_SHAPE = (POLAR_RADII.size, POLAR_ANGLES.size)

Mges = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Moments = Callable[[dict[str, float], np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def intrinsic_axis_ratio(q: float | np.ndarray, inclination: float | np.ndarray) -> np.ndarray:
    """Axis ratio of an oblate body; 0 where the projected one is too flat to be deprojected.

    Parameters
    ----------
    q : float or array
        Projected axis ratio.
    inclination : float or array
        [deg], 90 is edge-on.
    """
    cos2 = np.cos(np.radians(inclination)) ** 2
    return np.sqrt(np.maximum(np.square(q) - cos2, 0) / (1 - cos2))


def accepted(galaxy: dict[str, float]) -> bool:
    """Whether a draw of the prior is physical, by the bound on beta_z and JAM's flattest body."""
    light = intrinsic_axis_ratio(galaxy["q_light"], galaxy["inclination"])
    mass = intrinsic_axis_ratio(galaxy["q_mass"], galaxy["inclination"])
    return bool(min(light, mass) >= FLATTEST and galaxy["beta_z"] <= BETA_SLOPE * (1 - light))


def draw(
    rng: np.random.Generator,
    prior: Mapping[str, tuple[float, float]] = PRIOR,
    accept: Callable[[dict[str, float]], bool] = accepted,
) -> dict[str, float]:
    """Parameters of one galaxy, drawn jointly until they are accepted.

    They are rounded to float32, the precision in which they are stored, so that the maps belong to
    the very numbers of the record.

    Parameters
    ----------
    rng : numpy.random.Generator
    prior : mapping of str to (float, float)
        Limits of every parameter, uniform between them; the order counts.
    accept : callable
        Whether a draw is physical.
    """
    low, high = np.array(list(prior.values())).T
    while True:
        values = rng.uniform(low, high).astype(np.float32)
        galaxy = dict(zip(prior, map(float, values), strict=True))
        if accept(galaxy):
            return galaxy | FIXED


def mges(galaxy: dict[str, float]) -> Mges:
    """Light and mass in JAM's names: surf, sigma [arcsec] and qobs of each, every array (k,)."""
    surf, sigma = sersic.mge(galaxy["n_sersic"])
    surf, sigma = surf * galaxy["intensity_e"], sigma * galaxy["r_sersic"]
    light, mass = (np.full_like(surf, galaxy[name]) for name in ("q_light", "q_mass"))
    return surf, sigma, light, surf * galaxy["ml"], sigma, mass


def map_positions(position_angle: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres along the galaxy's axes, x' and y' of shape (64, 64) [arcsec].

    Element [j, i] lies at x = (i - 31.5) 0.5, y = (j - 31.5) 0.5 arcsec on the map;
    `position_angle` [deg] is counter-clockwise from the map's +x to x', the major axis.
    """
    centres = (np.arange(PIXELS) - (PIXELS - 1) / 2) * PIXEL
    y, x = np.meshgrid(centres, centres, indexing="ij")
    cos, sin = np.cos(np.radians(position_angle)), np.sin(np.radians(position_angle))
    return x * cos + y * sin, y * cos - x * sin


def polar_positions(galaxy: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Positions x', y' of shape (47, 17) [arcsec] of the polar quadrant.

    x' = r cos t, y' = q_light r sin t, with r / r_sersic in `POLAR_RADII`, t in `POLAR_ANGLES`.
    """
    r, t = galaxy["r_sersic"] * POLAR_RADII[:, None], np.radians(POLAR_ANGLES)
    return r * np.cos(t), galaxy["q_light"] * r * np.sin(t)


def record_positions(galaxy: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Positions x', y' of all that a record needs, (n,) [arcsec]; `unfold` puts values in place.

    The map is point-symmetric: its upper half is the lower one turned by 180 degrees.
    """
    half = (v[: PIXELS // 2].ravel() for v in map_positions(galaxy["position_angle"]))
    x, y = (np.append(h, p) for h, p in zip(half, polar_positions(galaxy), strict=True))
    return x, y


def unfold(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Map (64, 64) and polar quadrant (47, 17) of values (n,) at `record_positions`."""
    half, polar = np.split(values, [PIXELS**2 // 2])
    half = half.reshape(PIXELS // 2, PIXELS)
    return np.concatenate([half, half[::-1, ::-1]]), polar.reshape(POLAR_SHAPE)


def photometry(galaxy: dict[str, float]) -> np.ndarray:
    """Surface brightness over `intensity_e` at the pixel centres, (64, 64)."""
    x, y = map_positions(galaxy["position_angle"])
    m = np.hypot(x, y / galaxy["q_light"])
    return sersic.intensity(m / galaxy["r_sersic"], galaxy["n_sersic"])


def moments_cyl(
    galaxy: dict[str, float], x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Isotropic second moment and the share of it that scales with b = 1 / (1 - beta_z).

    The projected second moment of JAM_cyl is linear in b: Vrms^2 = G0 [1 + (b - 1) rho]. Both are
    computed exactly on a quadrant of a stretched grid, where JAM is a matrix product, and
    interpolated from there to 2e-6 (tests/simulators/test_sersic_mock.py).

    Parameters
    ----------
    galaxy : dict
        As `draw` gives it.
    x, y : arrays of one shape
        Positions along the projected major and minor axis [arcsec].

    Returns
    -------
    g0 : array [km2/s2]
    rho : array, dimensionless
    """
    quadrant = Quadrant(galaxy["r_sersic"], galaxy["q_light"])
    lum_pot, view = mges(galaxy), (galaxy["inclination"], 0.0, galaxy["distance"])

    def vrms(beta: float) -> np.ndarray:
        return jam_cyl.vrms_grid(*lum_pot, *view, quadrant.x, quadrant.y, beta=beta, nodes=20)

    g0 = vrms(0.0) ** 2
    # b = 1/2 at beta = -1; a beta > 0 could make the second moment negative, which is cut at 0
    rho = 2 * (1 - vrms(-1.0) ** 2 / g0)
    return np.exp(quadrant.interpolate(np.log(g0), x, y)), quadrant.interpolate(rho, x, y)


def simulate(galaxy: dict[str, float], moments: Moments = moments_cyl) -> dict[str, np.ndarray]:
    """One galaxy as the dataset has it: parameters, photometry, map and polar quadrant.

    Parameters
    ----------
    galaxy : dict
        As `draw` gives it.
    moments : callable
        Whose second moments are the truth, `moments_cyl` or another with its signature.
    """
    b = 1 / (1 - galaxy["beta_z"])
    g0, rho = moments(galaxy, *record_positions(galaxy))
    vrms, vrms_polar = unfold(np.sqrt(g0 * np.maximum(1 + (b - 1) * rho, 0)))
    arrays = {
        "photometry": photometry(galaxy),
        "vrms": vrms,
        "vrms_polar": vrms_polar,
        "rho_polar": unfold(rho)[1],
    }
    return {name: np.asarray(value, np.float32) for name, value in (galaxy | arrays).items()}


def record(
    rng: np.random.Generator, split: str, index: int, truth: str = "cyl"
) -> dict[str, np.ndarray]:
    """Record `index` of a split, with the truth of our own JAM ("cyl") or of jampy ("jampy")."""
    if truth == "jampy":
        from zoo_datasets.simulators.sersic_mock_jampy import moments
    else:
        moments = moments_cyl
    return {"object_id": np.array(f"{split}-{index:05d}"), **simulate(draw(rng), moments)}
