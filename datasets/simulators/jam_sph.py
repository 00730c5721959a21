"""Jeans anisotropic modelling with a spherically aligned velocity ellipsoid (JAM_sph).

Projected second moment of an axisymmetric galaxy whose light and mass are multi-Gaussian
expansions and whose anisotropy 1 - (sigma_theta / sigma_r)^2 is constant, at any positions, in the
names and units of jampy (Cappellari 2020, MNRAS 494, 4819). The intrinsic moments are in
`jam_sph_intrinsic`, the sum along the line of sight in `jam_sph_projection`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zoo_datasets.simulators.jam_cyl_terms import deproject_galaxy
from zoo_datasets.simulators.jam_sph_forces import Gaussians
from zoo_datasets.simulators.jam_sph_intrinsic import solve
from zoo_datasets.simulators.jam_sph_projection import project
from zoo_datasets.simulators.mge import require, surface_density

CENTRE = 0.02  # of the narrowest Gaussian; with beta > 0 sigma_r diverges in the core inside


def vrms(
    surf_lum: ArrayLike,
    sigma_lum: ArrayLike,
    qobs_lum: ArrayLike,
    surf_pot: ArrayLike,
    sigma_pot: ArrayLike,
    qobs_pot: ArrayLike,
    inc: float,
    mbh: float,
    distance: float,
    xbin: ArrayLike,
    ybin: ArrayLike,
    *,
    beta: float = 0.0,
    rbh: float = 0.01,
    angles: int | None = None,
    shell: float = 0.5,
    nodes: int = 24,
    step: float = 0.33,
) -> np.ndarray:
    """Root mean square line-of-sight velocity of one galaxy at any positions, without a PSF.

    Parameters
    ----------
    surf_lum, sigma_lum, qobs_lum : (k,) array_like
        MGE of the tracer: peak surface density [Lsun/pc2], dispersion along the major axis
        [arcsec], projected axis ratio.
    surf_pot, sigma_pot, qobs_pot : (j,) array_like
        MGE of the mass, its peak surface density in Msun/pc2.
    inc : float
        Inclination [deg], 90 is edge-on.
    mbh : float
        Mass of the central black hole [Msun].
    distance : float
        Angular-diameter distance [Mpc].
    xbin, ybin : (n,) array_like
        Positions along the projected major and minor axis [arcsec]. Those within `CENTRE`
        dispersions of the narrowest Gaussian are moved out to that radius, along the major axis.
    beta : float
        Anisotropy 1 - (sigma_theta / sigma_r)**2 of the whole galaxy, in spherical coordinates.
    rbh : float
        Dispersion of the Gaussian that stands for the black hole [arcsec].
    angles : int, optional
        Angular nodes of the intrinsic moments; more for flatter Gaussians by default.
    shell : float
        Thickness in ln r of the shells on which they are polynomials, at most.
    nodes : int
        Nodes of the quadrature of the forces.
    step : float
        Of the sum along the line of sight, in asinh(distance / core).

    Returns
    -------
    (n,) float64 [km/s]
        0 where the Jeans equations give a negative second moment, as JAM has it. At
        the default resolution Sersic galaxies are right to 1e-6, M32 to 3e-6; Gaussians flatter
        than 0.2 beside round ones, or far apart in size, need more.

    Raises
    ------
    ValueError
        A value that is not finite, has the wrong sign or shape, a Gaussian that cannot be
        deprojected, or a position without light; the message names field and value.
    """
    if np.ndim(beta):
        raise ValueError(
            f"beta of shape {np.shape(beta)} must be a scalar: in spherical alignment the Gaussians"
            " cannot be solved one by one"
        )
    lum, pot = (surf_lum, sigma_lum, qobs_lum), (surf_pot, sigma_pot, qobs_pot)
    galaxy = deproject_galaxy(lum, pot, inc, mbh, distance, beta, rbh, nodes)
    sky, pc = galaxy.light, galaxy.pc
    light = Gaussians(sky.density, sky.sigma * pc, sky.qintr)
    parts = [(part.density, part.sigma * pc, part.qintr) for part in galaxy.masses]
    mass = Gaussians(*map(np.concatenate, zip(*parts, strict=True)))

    x, y = (np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (xbin, ybin))
    for field, values in (("xbin", x), ("ybin", y)):
        require(field, values, np.isfinite(values), "finite [arcsec]")
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"xbin {x.shape} and ybin {y.shape} must be vectors of equal length")
    if not x.size:
        return np.zeros(0)
    core = CENTRE * min(light.sigma.min(), mass.sigma.min()) / pc
    inside = np.hypot(x, y) < core
    x, y = np.where(inside, core, x), np.where(inside, 0.0, y)
    surface = surface_density(x, y, sky.surf, sky.sigma, sky.qobs)
    lit = "positive, or there is nothing that could have a velocity"
    require("surface density of the light at xbin, ybin", surface, surface > 0, lit)
    radii = np.hypot(x, y) * pc
    ends = radii.min(), radii.max()
    intrinsic = solve(light, mass, float(beta), ends, angles=angles, shell=shell, nodes=nodes)
    moment = project(intrinsic, light, float(beta), inc, x * pc, y * pc, step)
    return np.sqrt(np.maximum(moment, 0) / surface)
