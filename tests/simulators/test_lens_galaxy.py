"""The lens galaxy: mass and light against formulas, its moments against theorems and direct JAM."""

import numpy as np
import pytest
from scipy.special import gamma as gamma_function
from scipy.special import gammaincinv

from zoo_datasets.simulators import jam_cyl, lens_galaxy, mge

ROUND = {
    "q_mass": 1.0,
    "q_light": 1.0,
    "theta_e": 1.2,
    "n_sersic": 3.0,
    "r_sersic": 0.8,
    "core_size": 0.03,
    "gamma": 2.0,
    "b_ani": 0.0,
    "inclination": 90.0,
} | lens_galaxy.FIXED
FLAT = ROUND | {"q_mass": 0.75, "q_light": 0.7, "inclination": 65.0, "b_ani": 0.2, "gamma": 2.2}


def galaxies(count, seed=1):
    rng = np.random.default_rng(seed)
    return [lens_galaxy.draw(rng) for _ in range(count)]


def direct(galaxy, x, y, nodes=48, step=lens_galaxy.STEP, **changes):
    """JAM at each point by itself [km/s]."""
    galaxy = galaxy | changes
    light, mass = lens_galaxy.light_mge(galaxy), lens_galaxy.mass_mge(galaxy, step)
    view = galaxy["inclination"], 0.0, galaxy["distance"]
    return jam_cyl.vrms(
        *light, *mass, *view, np.ravel(x), np.ravel(y), beta=galaxy["b_ani"], nodes=nodes
    )


# --- mass and light


@pytest.mark.parametrize("gamma", [1.5, 2.0, 2.5])
@pytest.mark.parametrize("core_size", [0.0, 0.081])
def test_density_of_the_mass(gamma, core_size):
    """(u^2 + s^2)^-p deprojects to Gamma(p + 1/2) / (Gamma(p) sqrt(pi)) (r^2 + s^2)^-(p + 1/2)."""
    galaxy = ROUND | {"gamma": gamma, "core_size": core_size}
    r = np.geomspace(0.003, 20, 100) * galaxy["r_sersic"]
    p, s = (gamma - 1) / 2, np.hypot(core_size, 0.005)
    height = (3 - gamma) / 2 * galaxy["theta_e"] ** (2 * p) * lens_galaxy.critical_density(galaxy)
    height *= gamma_function(p + 0.5) / gamma_function(p) / np.sqrt(np.pi)
    for step, tolerance in ((lens_galaxy.STEP, 3e-5), (lens_galaxy.STEP / 2, 3e-6)):
        surf, sigma, _ = lens_galaxy.mass_mge(galaxy, step)
        density = (surf / sigma) @ np.exp(-0.5 * (r / sigma[:, None]) ** 2) / np.sqrt(2 * np.pi)
        np.testing.assert_allclose(density, height * (r**2 + s**2) ** -(p + 0.5), rtol=tolerance)


def test_convergence_of_steep_mass():
    """Where the mass converges fast, the ladder meets the convergence as well."""
    galaxy = FLAT | {"gamma": 2.5}
    u = np.geomspace(0.01, 2, 30)
    wanted = lens_galaxy.convergence(galaxy, u) * lens_galaxy.critical_density(galaxy)
    found = mge.surface_density(u, 0.0, *lens_galaxy.mass_mge(galaxy))
    np.testing.assert_allclose(found, wanted, rtol=3e-2)


def test_einstein_radius():
    """Within the Einstein radius of a round coreless lens the mean convergence is one."""
    galaxy = ROUND | {"gamma": 1.8, "core_size": 0.0}
    u, weight = np.polynomial.legendre.leggauss(400)
    u = (u + 1) / 2  # of r^(1/4), to resolve the cusp
    r = galaxy["theta_e"] * u**4
    mean = np.sum(weight / 2 * 8 * u**7 * lens_galaxy.convergence(galaxy, r))
    assert mean == pytest.approx(1, abs=3e-3)  # the softening takes a little


def test_light():
    surf, sigma, q = lens_galaxy.light_mge(FLAT)
    b = gammaincinv(6, 0.5)
    m = np.geomspace(0.01, 20, 50)
    found = mge.surface_density(0.0, 0.7 * 0.8 * m, surf, sigma, q)
    np.testing.assert_allclose(found, np.exp(-b * (m ** (1 / 3) - 1)), rtol=1e-4)


# --- second moments


@pytest.mark.parametrize(("gamma", "b_ani"), [(1.6, 0.0), (2.0, -0.3), (2.4, 0.2)])
def test_virial_theorem(gamma, b_ani):
    """The mean of Vrms^2 over the light of a round galaxy is a third of that of v_c^2.

    Whatever its anisotropy: a round body has the same virial along all directions. v_c^2 goes with
    r^(2 - gamma), and moments of r follow from those of the projected radius.
    """
    # so large a lens that its softening is as nothing
    galaxy = ROUND | {"gamma": gamma, "core_size": 0.0, "theta_e": 1.2e4, "r_sersic": 8e3}
    n, radius, theta_e = (galaxy[name] for name in ("n_sersic", "r_sersic", "theta_e"))
    k, p = 2 - gamma, (gamma - 1) / 2
    b = gammaincinv(2 * n, 0.5)
    projected = b ** (-n * k) * gamma_function(n * (k + 2)) / gamma_function(2 * n) * radius**k
    moment = projected * gamma_function((k + 3) / 2) / gamma_function(k / 2 + 1)
    lensing = lens_galaxy.C**2 / (2 * galaxy["distance_ratio"]) * np.radians(1 / 3600)
    central = gamma_function(p + 0.5) / gamma_function(p) / np.sqrt(np.pi)
    circular = lensing * theta_e ** (2 * p) * central * moment * 2 / np.sqrt(np.pi)
    r = np.geomspace(1e-4, 60, 120) * radius
    light = mge.surface_density(r, 0.0, *lens_galaxy.light_mge(galaxy)) * r**2
    angles = np.radians(15 + 30 * np.arange(3))
    found = [direct(galaxy, r * np.cos(t), r * np.sin(t), b_ani=b_ani) ** 2 for t in angles]
    mean = np.sum(light * np.mean(found, axis=0)) / np.sum(light)
    assert mean == pytest.approx(circular / 3, rel=2e-3)


def test_scalings():
    x, y = np.array([0.1, 0.7, 3.0]), np.array([0.3, 0.2, 2.0])
    one = direct(FLAT, x, y)
    slope = FLAT["gamma"] - 1
    wide = direct(FLAT, x, y, theta_e=2 * FLAT["theta_e"])
    np.testing.assert_allclose(wide, one * 2 ** (slope / 2), rtol=1e-12)
    np.testing.assert_allclose(direct(FLAT, x, y, distance=300.0), one, rtol=1e-12)
    np.testing.assert_allclose(
        direct(FLAT, x, y, distance_ratio=FLAT["distance_ratio"] / 4), 2 * one, rtol=1e-12
    )
    core = np.sqrt((2 * lens_galaxy.core(FLAT["core_size"])) ** 2 - 0.005**2)
    double = {"theta_e": 2.4, "r_sersic": 1.6, "core_size": core}
    np.testing.assert_allclose(direct(FLAT, 2 * x, 2 * y, **double), one * 2**0.5, rtol=1e-10)


@pytest.mark.parametrize("galaxy", [FLAT, *galaxies(3, seed=5)])
def test_records_against_direct_evaluation(galaxy):
    record = lens_galaxy.simulate(galaxy)
    rng = np.random.default_rng(3)
    i, j = np.append(rng.integers(1, 276, (2, 20)), [[0, 0, 275], [0, 9, 275]], axis=1)
    vrms = lens_galaxy.decode(record["quadrant"], record["log_vrms_low"], record["log_vrms_high"])
    truth = direct(galaxy, np.maximum(0.02 * i, 0.005), np.maximum(0.02 * j, 0.005))
    np.testing.assert_allclose(vrms[j, i], truth, rtol=2.5e-5)
    sample = np.array([0, 5, 56, 1000, 3135])
    x, y = record["x"][sample], record["y"][sample]
    truth = direct(galaxy, np.maximum(x, 0.005), np.maximum(y, 0.005))
    np.testing.assert_allclose(record["vrms"][sample], truth, rtol=5e-6)
    r = galaxy["r_sersic"] * lens_galaxy.POLAR_RADII[::8, None]
    t = np.radians(lens_galaxy.POLAR_ANGLES[::8])
    x, y = (r * np.cos(t)).ravel(), (galaxy["q_light"] * r * np.sin(t)).ravel()
    inside = (x < 5.5) & (y < 5.5)
    g0, g1 = (record[f"g{k}_polar"][::8, ::8].ravel()[inside] for k in (0, 1))
    for b_ani in (0.0, -0.5):
        found = g0 + b_ani / (1 - b_ani) * g1
        truth = direct(galaxy, x[inside], y[inside], b_ani=b_ani) ** 2
        np.testing.assert_allclose(found, truth, rtol=2e-5)


def test_finer_ladder_and_more_nodes():
    x, y = np.geomspace(0.01, 5, 12), np.geomspace(0.02, 4, 12)[::-1]
    for galaxy in (FLAT, FLAT | {"gamma": 2.5, "core_size": 0.0}):
        finer = direct(galaxy, x, y, nodes=96, step=lens_galaxy.STEP / 2)
        np.testing.assert_allclose(direct(galaxy, x, y, nodes=24), finer, rtol=2e-5)


def test_jampy_says_the_same():
    oracle = pytest.importorskip("jampy.axi.jam_axi_proj", exc_type=ImportError)
    x, y = np.array([0.1, 0.7, 3.0]), np.array([0.3, 0.2, 2.0])
    mges = lens_galaxy.mges(FLAT)
    beta = np.full_like(mges[0], FLAT["b_ani"])
    found = oracle.jam_axi_proj(
        *mges,
        FLAT["inclination"],
        0.0,
        FLAT["distance"],
        x,
        y,
        align="cyl",
        analytic_los=True,
        beta=beta,
        plot=False,
        quiet=True,
    )
    np.testing.assert_allclose(found.model, direct(FLAT, x, y), rtol=1e-6)


# --- the prior


def test_prior():
    drawn = galaxies(400)
    columns = {name: np.array([galaxy[name] for galaxy in drawn]) for name in drawn[0]}
    for name in ("q_mass", "q_light", "theta_e", "n_sersic", "core_size", "gamma", "b_ani"):
        low, high = lens_galaxy.PRIOR[name]
        assert low <= columns[name].min() < low + 0.05 * (high - low), name
        assert high - 0.05 * (high - low) < columns[name].max() <= high, name
    size = columns["r_sersic"] / columns["theta_e"]
    assert size.min() >= 0.5 - 1e-7
    assert size.max() <= 1 + 1e-7
    least = np.degrees(np.arccos(np.minimum(columns["q_mass"], columns["q_light"])))
    assert (columns["inclination"] > least).all()
    assert (columns["inclination"] <= 90).all()
    for name in ("q_mass", "q_light"):
        q = [lens_galaxy.intrinsic_axis_ratio(g[name], g["inclination"]) for g in drawn]
        assert min(q) >= 0.05


def test_galaxies_that_cannot_be():
    """Round light in a flat mass needs a negative second moment."""
    flat = {"q_light": 1.0, "q_mass": 0.6, "inclination": 54.0, "b_ani": 0.4}
    assert lens_galaxy.simulate(FLAT | flat) is None
    assert lens_galaxy.simulate(FLAT) is not None


def test_records_are_reproducible():
    one, other = (lens_galaxy.record(np.random.default_rng(8), "test", 3) for _ in range(2))
    assert one["object_id"] == "test-00003"
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_code_of_the_quadrant():
    vrms = np.geomspace(80, 420, 276 * 276).reshape(276, 276)
    code, low, high = lens_galaxy.encode(vrms)
    assert code.dtype == np.uint16
    np.testing.assert_allclose(lens_galaxy.decode(code, low, high), vrms, rtol=1.4e-5)


def test_positions_off_the_grid():
    with pytest.raises(ValueError, match=r"beyond 43.5 r_sersic"):
        lens_galaxy.Field(FLAT).at(np.array([40.0]), np.array([0.0]))
