"""JAM with cylindrical alignment against jampy, exact limits and itself."""

import importlib
from functools import partial

import numpy as np
import pytest
from astropy.table import QTable
from scipy.integrate import quad
from scipy.special import erf

from zoo_datasets.simulators.jam_cyl import vrms, vrms_grid
from zoo_datasets.simulators.jam_cyl_terms import G
from zoo_datasets.simulators.mge import pc_per_arcsec, surface_density

DISTANCE = 10.0
PC = pc_per_arcsec(DISTANCE)
LUM = ([3000.0, 400.0], [1.0, 4.0], [0.7, 0.8])
POT = ([5000.0, 900.0, 20.0], [1.2, 5.0, 40.0], [0.75, 0.9, 1.0])
X = np.array([0.1, 1.0, 3.0, 0.0, 6.0])
Y = np.array([0.0, 0.5, 2.0, 4.0, 1.0])


def squared(lum=LUM, pot=POT, inc=70.0, mbh=0.0, distance=DISTANCE, **options):
    return vrms(*lum, *pot, inc, mbh, distance, X, Y, **options) ** 2


def worst(values, truth):
    return np.max(np.abs(np.asarray(values) / truth - 1))


# --- against jampy 8.1.4: fewer than 200 points and no PSF make it integrate at each point


@pytest.fixture
def jampy_at():
    """Vrms of jampy, its quadrature run to the given relative error (its own choice is 1e-5)."""
    module = importlib.import_module("jampy.axi.jam_axi_proj")

    def run(epsrel, *inputs, beta):
        arrays = [np.asarray(v, float) if np.ndim(v) else v for v in inputs]
        beta = np.full(arrays[0].shape, beta) if np.ndim(beta) == 0 else np.asarray(beta)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "quad1d", partial(module.quad1d, epsrel=epsrel))
            model = module.jam_axi_proj(
                *arrays, align="cyl", beta=beta, moment="zz", ml=1.0, plot=False, quiet=True
            )
        return model.model

    return run


@pytest.fixture(scope="module")
def m32(repository):
    table = QTable.read(repository / "zoo/examples/m32_mge.ecsv")
    return tuple(table[name].value for name in table.colnames), table.meta


@pytest.mark.parametrize("mbh", [0.0, 2.5e6])
@pytest.mark.parametrize("inc", [45.0, 70.0, 90.0])
@pytest.mark.parametrize("beta", [0.2, -0.3, np.linspace(-0.4, 0.4, 12)], ids=["+", "-", "each"])
def test_m32_agrees_with_jampy(m32, jampy_at, inc, mbh, beta):
    (surf, sigma, qobs), meta = m32
    radius, angle = np.geomspace(0.05, 60, 15), np.linspace(0.1, 12, 15)
    galaxy = (surf, sigma, qobs, meta["ml"] * surf, sigma, qobs, inc, mbh, meta["distance_mpc"],
              radius * np.cos(angle), radius * np.sin(angle))  # fmt: skip
    ours = vrms(*galaxy, beta=beta)
    assert worst(ours, jampy_at(1e-12, *galaxy, beta=beta)) < 1e-10
    assert worst(ours, jampy_at(1e-5, *galaxy, beta=beta)) < 5e-6  # jampy's own error


def random_galaxy(seed):
    """Gaussians with intrinsic axis ratios from 0.05 and sizes over 3.5 dex, 20 points."""
    rng = np.random.default_rng(seed)
    inc = rng.uniform(45, 90)

    def expansion(n):
        sigma = 10 ** rng.uniform(-1.5, 2, n)
        sin2 = np.sin(np.radians(inc)) ** 2
        qobs = np.sqrt(1 - sin2 * (1 - rng.uniform(0.05, 1, n) ** 2))
        return 1e4 * sigma**-1.5 * rng.uniform(0.5, 2, n), sigma, qobs

    lum, pot = expansion(rng.integers(2, 8)), expansion(rng.integers(2, 8))
    radius, angle = 10 ** rng.uniform(-1.5, 1.7, 20), rng.uniform(0, 2 * np.pi, 20)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    lit = surface_density(x, y, *lum) > 1e-12 * lum[0].max()
    mbh = 10 ** rng.uniform(5, 9) if seed % 2 else 0.0
    beta = rng.uniform(-0.4, 0.4, lum[0].size) if seed % 3 else 0.2
    return (*lum, *pot, inc, mbh, DISTANCE, x[lit], y[lit]), beta


@pytest.mark.parametrize("seed", range(20))
def test_random_galaxies_agree_with_jampy(jampy_at, seed):
    galaxy, beta = random_galaxy(seed)
    ours = vrms(*galaxy, beta=beta)
    theirs = jampy_at(1e-12, *galaxy, beta=beta)
    real = theirs > 0.02 * theirs.max()  # where the moment nearly vanishes, no error is relative
    assert real.sum() > 5
    assert worst(ours[real], theirs[real]) < 1e-8


def test_a_negative_moment_is_zero_as_in_jampy(jampy_at):
    galaxy = ([100.0], [1.0], [0.3], [100.0], [1.0], [0.3], 90.0, 0.0, DISTANCE)
    galaxy = (*galaxy, np.array([0.1, 4.0]), np.zeros(2))
    ours = vrms(*galaxy, beta=0.9)
    assert ours[0] > 0
    assert ours[1] == 0
    assert jampy_at(1e-12, *galaxy, beta=0.9) == pytest.approx(ours, rel=1e-10)


# --- against exact limits


def spherical(surf, sigma_pc, mass, radius_pc):
    """Isotropic spherical Jeans equation, projected (Mamon & Lokas 2005, eq. A15 and A16)."""
    density = surf / (np.sqrt(2 * np.pi) * sigma_pc)
    top = 12 * sigma_pc

    def kernel(s):  # r2 = R2 + s2 takes the root out of the integrand's end
        r = np.hypot(radius_pc, s)
        return density * np.exp(-(r**2) / (2 * sigma_pc**2)) * mass(r) * s**2 / r**3

    breaks = np.array([0.01, 0.1, 1.0]) * sigma_pc
    integral = quad(kernel, 0, top, epsabs=0, epsrel=1e-12, limit=500, points=breaks)[0]
    column = surf * np.exp(-(radius_pc**2) / (2 * sigma_pc**2))
    return 2 * G * integral / column


def enclosed(surf, sigma_pc):
    """Mass within a radius of a round Gaussian."""

    def mass(r):
        t = r / (np.sqrt(2) * sigma_pc)
        return 2 * np.pi * surf * sigma_pc**2 * (erf(t) - 2 / np.sqrt(np.pi) * t * np.exp(-(t**2)))

    return mass


@pytest.mark.parametrize("sigma_pot", [0.3, 2.0, 30.0])
@pytest.mark.parametrize("inc", [25.0, 90.0])
def test_isotropic_sphere(sigma_pot, inc):
    mass = enclosed(800.0, sigma_pot * PC)
    radii = np.array([0.0, 0.2, 1.0, 3.0, 8.0])
    truth = [spherical(50.0, 2.0 * PC, mass, r * PC) for r in radii]
    ours = vrms(50, 2, 1, 800, sigma_pot, 1, inc, 0, DISTANCE, 0.6 * radii, -0.8 * radii)
    assert worst(ours**2, truth) < 1e-10


def test_black_hole_is_a_point_mass_from_afar():
    radii = np.array([0.1, 0.5, 2.0])
    truth = [spherical(50.0, 2.0 * PC, lambda _: 1e8, r * PC) for r in radii]
    ours = vrms(50, 2, 1, 0, 1, 1, 60, 1e8, DISTANCE, radii, 0 * radii, rbh=0.01)
    assert worst(ours**2, truth) < 1e-9


def virial_tensor(inc):
    """Minus the potential energy of the light along the line of sight (Chandrasekhar 1969).

    Forces of a Gaussian spheroid by his single integral; the integral over the volume is analytic.
    """
    sin2 = np.sin(np.radians(inc)) ** 2
    intrinsic = [np.sqrt((np.square(v[2]) - 1 + sin2) / sin2) for v in (LUM, POT)]
    total = 0.0
    for surf, sigma, qobs, q in zip(*LUM, intrinsic[0], strict=True):
        for surf_j, sigma_j, qobs_j, q_j in zip(*POT, intrinsic[1], strict=True):
            light = surf * qobs / (np.sqrt(2 * np.pi) * sigma * PC * q)
            mass = surf_j * qobs_j / (np.sqrt(2 * np.pi) * sigma_j * PC * q_j)

            def integrand(t, sigma=sigma, q=q, sigma_j=sigma_j, q_j=q_j):
                x2 = 1 / (1 / sigma**2 + 1 / (sigma_j**2 * (1 + t)))
                z2 = 1 / (1 / (sigma * q) ** 2 + 1 / (sigma_j**2 * (q_j**2 + t)))
                volume = (2 * np.pi) ** 1.5 * x2 * np.sqrt(z2)
                along = sin2 * x2 / (1 + t) + (1 - sin2) * z2 / (q_j**2 + t)
                return volume * along / ((1 + t) * np.sqrt(q_j**2 + t))

            integral = quad(integrand, 0, np.inf, epsrel=1e-11, limit=500)[0]
            total += 2 * np.pi * G * light * mass * q_j * integral * PC**5
    return total / PC**2  # Lsun (km/s)2 per pc2 of sky and arcsec2


@pytest.mark.parametrize("inc", [60.0, 90.0])
def test_tensor_virial_theorem(inc):
    """Twice the kinetic energy along the line of sight, edge-on whatever the anisotropy."""
    step = 0.25
    x, y = np.arange(0, 36, step), np.arange(0, 36, step)
    surface = surface_density(x, y[:, None], *LUM)
    x, y = x[surface[0] > 1e-200], y[surface[:, 0] > 1e-200]
    surface = surface[: y.size, : x.size]
    weight = np.outer(np.where(y > 0, 2, 1), np.where(x > 0, 2, 1)) * step**2
    for beta in (0.0,) if inc < 90 else (-0.5, 0.0, 0.2):
        moment = surface * vrms_grid(*LUM, *POT, inc, 0, DISTANCE, x, y, beta=beta) ** 2
        assert np.sum(weight * moment) == pytest.approx(virial_tensor(inc), rel=1e-9)


# --- scalings


@pytest.mark.parametrize("mbh", [0.0, 1e7])
def test_proportional_to_mass_and_to_distance(mbh):
    base = squared(mbh=mbh, beta=0.2)
    pot = (np.multiply(POT[0], 3.7), *POT[1:])
    assert worst(squared(pot=pot, mbh=3.7 * mbh, beta=0.2), 3.7 * base) < 1e-13
    assert worst(squared(distance=2 * DISTANCE, mbh=4 * mbh, beta=0.2), 2 * base) < 1e-13


def test_the_moment_is_a_sum_over_the_mass():
    each = [squared(pot=[[v[j]] for v in POT], beta=0.1) for j in range(3)]
    hole = squared(mbh=1e7, beta=0.1) - squared(beta=0.1)
    assert worst(sum(each), squared(beta=0.1)) < 1e-13
    assert worst(squared(pot=([0.0], [1.0], [1.0]), mbh=1e7, beta=0.1), hole) < 1e-12


def test_light_counts_by_its_shape_only():
    faint = (np.multiply(LUM[0], 1e-3), *LUM[1:])
    assert worst(squared(lum=faint, beta=0.2), squared(beta=0.2)) < 1e-13


@pytest.mark.parametrize("inc", [55.0, 90.0])
def test_linear_in_the_anisotropy_ratio(inc):
    low, mid, high = (squared(inc=inc, beta=1 - 1 / b) for b in (0.5, 1.0, 1.3))
    assert np.max(np.abs((high - mid) / 0.3 - (mid - low) / 0.5)) < 1e-12 * np.max(high)
    assert worst(high, low) > 0.01


def test_each_gaussian_may_have_its_own_anisotropy():
    assert np.array_equal(squared(beta=[0.3, 0.3]), squared(beta=0.3))
    change = squared(beta=[0.3, 0.0]) - squared(beta=0.0)
    assert worst(change + squared(beta=[0.0, 0.3]), squared(beta=0.3)) < 1e-13


# --- the numbers themselves


@pytest.mark.parametrize("mbh", [0.0, 1e7])
def test_grid_and_points_agree_across_blocks(mbh):
    x, y = np.linspace(-9, 9, 70), np.linspace(-7, 7, 50)
    grid = vrms_grid(*LUM, *POT, 65, mbh, DISTANCE, x, y, beta=[0.3, -0.1])
    points = np.meshgrid(x, y)
    flat = vrms(*LUM, *POT, 65, mbh, DISTANCE, *map(np.ravel, points), beta=[0.3, -0.1])
    assert grid.shape == (50, 70)
    assert grid.dtype == np.float64
    assert worst(flat, grid.ravel()) < 1e-13
    assert worst(grid[::-1, ::-1], grid) < 1e-13


@pytest.mark.parametrize(("nodes", "error"), [(24, 3e-4), (32, 5e-5), (48, 2e-7), (64, 2e-9)])
def test_nodes_buy_accuracy(nodes, error):
    reached = []
    for seed in range(20):
        galaxy, beta = random_galaxy(seed)
        truth = vrms(*galaxy, beta=beta, nodes=256)
        real = truth > 0.02 * truth.max()
        reached.append(worst(vrms(*galaxy, beta=beta, nodes=nodes)[real], truth[real]))
    assert max(reached) < error


def test_one_position_and_one_gaussian_as_plain_numbers():
    assert vrms(9, 1, 0.8, 9, 1, 0.8, 80, 0, 1.0, 0.5, 0.5).shape == (1,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surf_lum": [1, np.inf]}, r"surf_lum\[1\] = inf must be finite"),
        ({"sigma_lum": [1, 0]}, r"sigma_lum\[1\] = 0.0 must be positive"),
        ({"qobs_lum": [1, 0.3]}, r"qobs_lum\[1\] = 0.3 must be greater than cos\(inc\) = 0.5"),
        ({"qobs_pot": [0.5, 1, 1], "inc": 50}, r"qobs_pot\[0\] = 0.5 must be greater than cos"),
        ({"surf_pot": [1, 2]}, r"'surf_pot': \(2,\)"),
        ({"inc": 0}, r"inc = 0 must be in \(0, 90\]"),
        ({"mbh": -2.0}, "mbh = -2.0 must be zero or positive"),
        ({"rbh": 0}, "rbh = 0 must be positive"),
        ({"distance": -1.0}, "distance = -1.0 must be positive"),
        ({"beta": 1.0}, "beta = 1.0 must be less than 1"),
        ({"beta": [0, np.nan]}, r"beta\[1\] = nan must be less than 1"),
        ({"beta": [0, 0, 0]}, r"beta of shape \(3,\) must be a scalar or .* 2 Gaussians"),
        ({"nodes": 0}, "nodes = 0 must be a positive integer"),
        ({"xbin": [0, np.nan]}, r"xbin\[1\] = nan must be finite"),
        ({"xbin": [0, 1, 2]}, r"xbin \(3,\) and ybin \(2,\) must be vectors of equal length"),
        ({"xbin": [0, 400.0]}, r"\(x, y\) = \(400, 0\) arcsec .* is 0: it must be positive"),
        ({"surf_lum": [0, 0]}, r"\(x, y\) = \(0, 0\) arcsec .* is 0: it must be positive"),
    ],
)
def test_bad_input_is_named(change, message):
    names = ("surf_lum", "sigma_lum", "qobs_lum", "surf_pot", "sigma_pot", "qobs_pot")
    good = dict(zip(names, (*LUM, *POT), strict=True))
    good |= {"inc": 60, "mbh": 0, "distance": 1.0, "xbin": [0.0, 1.0], "ybin": [0.0, 0.0]}
    with pytest.raises(ValueError, match=message):
        vrms(**(good | change))


@pytest.mark.parametrize("axis", ["x", "y"])
def test_bad_axes_of_a_grid_are_named(axis):
    axes = {"x": [0.0, 1.0], "y": [0.0]}
    with pytest.raises(ValueError, match=rf"{axis}\[0\] = inf must be finite"):
        vrms_grid(*LUM, *POT, 60, 0, 1.0, **(axes | {axis: [np.inf]}))
    with pytest.raises(ValueError, match="must be vectors, the axes of a grid"):
        vrms_grid(*LUM, *POT, 60, 0, 1.0, **(axes | {axis: [[0.0]]}))
