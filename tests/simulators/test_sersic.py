"""The Sersic expansion against integrals of the profile itself."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import CubicSpline

from zoo_datasets.simulators import jam_cyl, sersic

INDICES = [0.8, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
RADII = np.geomspace(0.01, 7.5, 25)
RADIUS, DISTANCE = 10.0, 20.0  # arcsec, Mpc
G = 0.004301  # pc (km/s)2 / Msun, as JAM has it


def expanded(n, axis_ratios=(1.0, 1.0), inc=90.0, beta=0.0, angle=0.0, gaussians=32):
    """Vrms of the expansion on the elliptical radii of the light."""
    surf, sigma = sersic.mge(n, gaussians)
    light, mass = (np.full_like(surf, q) for q in axis_ratios)
    sigma = sigma * RADIUS
    x, y = RADIUS * RADII * np.cos(angle), axis_ratios[0] * RADIUS * RADII * np.sin(angle)
    mge = (surf * 1000, sigma, light, surf * 1000, sigma, mass)
    return jam_cyl.vrms(*mge, inc, 0.0, DISTANCE, x, y, beta=beta, nodes=16)


def spherical(n):
    """Vrms of the round, isotropic galaxy from its Jeans equation, without any Gaussian.

    With r = R cosh t the deprojection and the projection become integrals of even functions that
    fall off faster than exponentially, for which the trapezoidal rule converges at once.
    """
    t = np.linspace(0, 40, 2001)
    weight = np.full(t.size, t[1])
    weight[0] /= 2
    cosh, tanh2 = np.cosh(t), np.tanh(t) ** 2
    r = np.geomspace(1e-8, 1e4, 3000)
    R = r[:, None] * cosh
    slope = sersic.intensity(R, n) * sersic.b_n(n) / n * R ** (1 / n - 1)
    density = np.maximum(slope @ weight / np.pi, 1e-300)
    mass = CubicSpline(np.log(r), 4 * np.pi * density * r**3).antiderivative()
    inner = quad(lambda s: 2 * np.pi * s * sersic.intensity(s, n), 0, r[0])[0]
    here = np.log(np.minimum(RADII[:, None] * cosh, r[-1]))
    lum = np.exp(CubicSpline(np.log(r), np.log(density))(here))
    pressure = (lum * (mass(here) + inner) * tanh2) @ weight
    length = RADIUS * DISTANCE * np.pi / 0.648  # pc
    return np.sqrt(2 * G * 1000 * length * pressure / sersic.intensity(RADII, n))


@pytest.mark.parametrize("n", INDICES)
def test_profile(n):
    assert sersic.intensity(1.0, n) == pytest.approx(1)
    light = [
        quad(lambda r: 2 * np.pi * r * sersic.intensity(r, n), *ends, limit=200)[0]
        for ends in ((0, 1), (1, np.inf))
    ]
    assert light[0] == pytest.approx(light[1], rel=1e-6)
    assert sum(light) == pytest.approx(sersic.luminosity(n), rel=1e-6)


@pytest.mark.parametrize("n", INDICES)
def test_expansion_meets_the_light(n):
    surf, sigma = sersic.mge(n)
    r = np.geomspace(0.005, 8, 300)
    gauss = surf * np.exp(-0.5 * (r[:, None] / sigma) ** 2)
    assert np.all(surf > 0)
    assert surf.size <= sersic.GAUSSIANS
    assert np.abs(gauss.sum(1) / sersic.intensity(r, n) - 1).max() < 1e-4
    total = 2 * np.pi * np.sum(surf * sigma**2)
    assert total == pytest.approx(sersic.luminosity(n), rel=1e-3)


@pytest.mark.parametrize("n", INDICES)
def test_vrms_of_the_round_galaxy(n):
    assert np.abs(expanded(n) / spherical(n) - 1).max() < 1e-4


@pytest.mark.parametrize("n", [0.8, 2.0, 4.0])
@pytest.mark.parametrize("angle", [0.3, 1.4])
def test_vrms_of_a_flat_galaxy_against_a_finer_ladder(n, angle):
    flat = {"axis_ratios": (0.7, 0.85), "inc": 65.0, "beta": 0.2, "angle": angle}
    finer = expanded(n, **flat, gaussians=48)
    assert np.abs(expanded(n, **flat) / finer - 1).max() < 1e-4


def test_too_few_gaussians_are_noticed():
    """The bound above separates a good ladder from a poor one."""
    assert np.abs(expanded(4.0, gaussians=20) / spherical(4.0) - 1).max() > 2e-4


def test_smooth_in_n():
    """A polynomial in n explains ln Vrms: what is left is roughness that no emulator learns."""
    n = np.linspace(2, 4, 60)
    values = np.log([expanded(value)[::4] for value in n])
    u = n - 3
    rest = (
        values
        - np.polynomial.chebyshev.chebval(u, np.polynomial.chebyshev.chebfit(u, values, 10)).T
    )
    assert np.abs(rest).max() < 1e-5


@pytest.mark.parametrize("n", [0.79, 6.1, np.nan])
def test_outside_the_checked_range(n):
    with pytest.raises(ValueError, match=r"0\.8 <= n <= 6"):
        sersic.mge(n)
