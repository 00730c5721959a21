"""The N-body simulator: growth, initial conditions, mesh, COLA and haloes against theory."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
from scipy import integrate
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from zoo_datasets.simulators.nbody import cola, galaxies, haloes, initial, mesh
from zoo_datasets.simulators.nbody.cosmology import RHO_CRITICAL, Cosmology

FIDUCIAL = Cosmology()


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture(scope="module")
def box():
    return cola.run(FIDUCIAL, 25.0, 32, np.random.default_rng(3), steps=8)


@pytest.fixture(scope="module")
def found(box):
    return haloes.find(box)


# --- background and growth


def test_growth_is_the_integral_of_theory():
    # Heath (1977): D1 is E times the integral of da / (a E)^3, up to its norm
    def heath(a):
        return (
            FIDUCIAL.expansion(a)
            * integrate.quad(lambda x: 1 / (x * FIDUCIAL.expansion(x)) ** 3, 0, a)[0]
        )

    for a in (0.02, 0.3, 0.7, 1.0):
        assert FIDUCIAL.growth(a)[0] == pytest.approx(heath(a) / heath(1.0), rel=1e-4)


def test_second_order_growth_starts_as_in_an_empty_universe_of_matter():
    d1, d2 = FIDUCIAL.growth(0.01)
    assert d2 / d1**2 == pytest.approx(-3 / 7, rel=1e-4)


def test_slopes_are_derivatives():
    a, step = 0.6, 1e-4
    up, down = (np.array(FIDUCIAL.growth(a + s)) for s in (step, -step))
    np.testing.assert_allclose(FIDUCIAL.growth_slope(a), (up - down) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "value"), [("omega_m", 1.2), ("sigma_8", -0.8), ("omega_b", 0.4), ("h", 67.11)]
)
def test_an_impossible_cosmology_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}, allowed"):
        Cosmology(**{name: value})


# --- initial conditions


def test_initial_modes_have_the_linear_power():
    ratios = []
    for seed in range(4):
        modes = initial.linear_density(FIDUCIAL, 100.0, 32, np.random.default_rng(seed))
        k = initial.wavenumber(32, 100.0)
        shell = (k > 0.3) & (k < 0.9)
        power = np.abs(modes[shell]) ** 2 * 100.0**3 / 32**6
        ratios.append(np.mean(power / FIDUCIAL.linear_power(k[shell])))
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)  # 24,000 modes: 1 %


def test_phases_are_shared_whatever_the_cosmology():
    one, other = (
        initial.linear_density(c, 25.0, 8, np.random.default_rng(5))
        for c in (FIDUCIAL, Cosmology(omega_m=0.45, sigma_8=0.6))
    )
    np.testing.assert_allclose(np.angle(one[1:, 1:, 1:3]), np.angle(other[1:, 1:, 1:3]), atol=1e-5)


def test_displacements_of_crossing_waves_are_those_of_theory():
    # phi = A cos(kx) + B cos(ky): psi1 = -grad phi, laplacian phi2 = phi,xx phi,yy
    n, size, a, b = 16, 10.0, 0.3, 0.2
    k = 2 * np.pi / size
    x, y, _ = np.moveaxis(initial.lattice(n, size).reshape(n, n, n, 3), -1, 0)
    delta = -(k**2) * (a * np.cos(k * x) + b * np.cos(k * y))
    first, second = initial.displacements(scipy.fft.rfftn(delta).astype(np.complex64), size)
    np.testing.assert_allclose(first[:, 0], (a * k * np.sin(k * x)).ravel(), atol=1e-5)
    np.testing.assert_allclose(first[:, 1], (b * k * np.sin(k * y)).ravel(), atol=1e-5)
    # phi2 = -(a b k^2 / 2) cos(kx) cos(ky), psi2 = grad phi2
    expected = a * b * k**3 / 2 * np.sin(k * x) * np.cos(k * y)
    np.testing.assert_allclose(second[:, 0], expected.ravel(), atol=1e-6)


# --- mesh


def test_cloud_in_cell_conserves_and_centres_mass(rng):
    where = rng.uniform(0, 8, (500, 3)).astype(np.float32)
    weight = rng.uniform(0, 2, 500).astype(np.float32)
    counts = mesh.assign(where, 8, weight)
    assert counts.sum() == pytest.approx(weight.sum(), rel=1e-6)
    on_a_node = mesh.assign(np.array([[3.0, 0.0, 7.0]], np.float32), 8)
    assert on_a_node[3, 0, 7] == 1
    between = mesh.assign(np.array([[7.5, 2.0, 2.0]], np.float32), 8)
    assert between[7, 2, 2] == between[0, 2, 2] == 0.5


def test_interpolation_is_the_transpose_of_assignment(rng):
    where = rng.uniform(0, 8, (300, 3)).astype(np.float32)
    weight = rng.standard_normal(300).astype(np.float32)
    field = rng.standard_normal((8, 8, 8)).astype(np.float32)
    left = (mesh.assign(where, 8, weight).astype(float) * field).sum()
    right = (mesh.interpolate(field, where).astype(float) * weight).sum()
    assert left == pytest.approx(right, rel=1e-4)


def test_compiled_loops_change_nothing_but_the_time(monkeypatch, rng):
    pytest.importorskip("numba")
    where = rng.uniform(0, 8, (300, 3)).astype(np.float32)
    field = rng.standard_normal((8, 8, 8)).astype(np.float32)
    fast = mesh.assign(where, 8), mesh.interpolate(field, where)
    slopes = [mesh.gradient(field, axis) for axis in range(3)]
    monkeypatch.setattr(mesh, "compiled", None)
    for axis, slope in enumerate(slopes):
        np.testing.assert_allclose(slope, mesh.gradient(field, axis), atol=1e-5)
    np.testing.assert_allclose(fast[0], mesh.assign(where, 8), atol=1e-5)
    np.testing.assert_allclose(fast[1], mesh.interpolate(field, where), atol=1e-5)


def test_gradient_of_a_wave():
    n = 32
    wave = np.sin(2 * np.pi * np.arange(n) / n)[:, None, None] * np.ones((n, n, n))
    slope = 2 * np.pi / n * np.cos(2 * np.pi * np.arange(n) / n)
    np.testing.assert_allclose(mesh.gradient(wave, 0)[:, 0, 0], slope, atol=1e-4)


# --- COLA


@pytest.mark.parametrize("what", ["displacement", "velocity"])
def test_large_scales_are_those_of_linear_theory(what):
    # a big box: waves of many cells, far from non-linear
    seed, size, n = 7, 2000.0, 32
    evolved = cola.run(FIDUCIAL, size, n, np.random.default_rng(seed), steps=5)
    modes = initial.linear_density(FIDUCIAL, size, n, np.random.default_rng(seed))
    linear, _ = initial.displacements(modes, size)
    rate = FIDUCIAL.growth_slope(1.0)[0]  # f = dlnD/dlna today
    assert rate == pytest.approx(FIDUCIAL.omega_m**0.55, rel=0.01)
    moved = (evolved.position - initial.lattice(n, size) + size / 2) % size - size / 2
    vector = moved if what == "displacement" else evolved.velocity / (100 * rate)
    k = initial.wavenumber(n, size)
    low = k < 0.15 * np.pi * n / size
    ours, theirs = (scipy.fft.rfftn(v[:, 0].reshape(n, n, n))[low] for v in (vector, linear))
    assert (ours * theirs.conj()).real.sum() / (np.abs(theirs) ** 2).sum() == pytest.approx(
        1, abs=0.02
    )


def test_positions_lie_in_the_box_and_mass_is_that_of_the_universe(box):
    assert (box.position >= 0).all()
    assert (box.position < box.box_size).all()
    total = box.particle_mass * len(box.position)
    assert total == pytest.approx(FIDUCIAL.omega_m * RHO_CRITICAL * 25.0**3)


def test_a_run_is_deterministic():
    runs = [cola.run(FIDUCIAL, 25.0, 8, np.random.default_rng(1), steps=3) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].position, runs[1].position)


@pytest.mark.parametrize("name", ["box_size", "particles", "steps"])
def test_impossible_numbers_are_named(name):
    given = {"box_size": 25.0, "particles": 8, "steps": 3} | {name: 0}
    steps = given.pop("steps")
    with pytest.raises(ValueError, match=f"{name} is 0, allowed: above 0"):
        cola.run(FIDUCIAL, *given.values(), np.random.default_rng(1), steps=steps)


# --- haloes


def test_friends_are_those_of_brute_force(monkeypatch, rng):
    monkeypatch.setattr(haloes, "SLAB", 100)  # many slabs, periodic faces included
    where = rng.uniform(0, 10, (700, 3)).astype(np.float32)
    label = haloes.friends(where, 10.0, 0.7)
    pairs = cKDTree(where.astype(float), boxsize=10.0).query_pairs(0.7, output_type="ndarray")
    graph = np.zeros((700, 700), bool)
    graph[pairs[:, 0], pairs[:, 1]] = True
    _, expected = connected_components(graph, directed=False)
    same = label[:, None] == label[None]
    np.testing.assert_array_equal(same, expected[:, None] == expected[None])


def test_haloes_are_sorted_dense_and_heavy_enough(box, found):
    assert len(found.mass) > 20
    assert (np.diff(found.mass) <= 0).all()
    assert found.particles.min() >= haloes.LEAST
    np.testing.assert_allclose(found.mass, found.particles * box.particle_mass)
    volume = 4 / 3 * np.pi * found.radius**3
    np.testing.assert_allclose(found.mass / volume, 200 * RHO_CRITICAL)


def test_centres_are_dense_places(box, found):
    tree = cKDTree(box.position.astype(float), boxsize=box.box_size)
    inside = [len(members) for members in tree.query_ball_point(found.position[:20], 0.6)]
    mean = len(box.position) / box.box_size**3 * 4 / 3 * np.pi * 0.6**3
    assert min(inside) > 20 * mean


# --- toy galaxies


def test_occupation_is_that_of_the_formula(found, rng):
    suite = replace(galaxies.SUITES["toy_tng"], log_mc=12.2)
    none = np.zeros(len(found.mass))
    numbers = np.zeros((400, 2))
    for draw in numbers:
        drawn = galaxies.paint(found, none, suite, 25.0, rng)
        draw[:] = drawn.central.sum(), (~drawn.central).sum()
    chance = galaxies.central_probability(suite, found.mass, none)
    satellites = (chance * galaxies.mean_satellites(suite, found.mass)).sum()
    error = numbers.std(axis=0) / 20
    assert abs(numbers[:, 0].mean() - chance.sum()) < 4 * error[0]
    assert abs(numbers[:, 1].mean() - satellites) < 4 * error[1]


def test_satellites_follow_navarro_frenk_and_white():
    suite = replace(galaxies.SUITES["toy_tng"], fc=1.0)
    mass = np.full(40_000, galaxies.PIVOT)  # concentration 9, with scatter
    radius = np.linalg.norm(galaxies._nfw(suite, mass, np.random.default_rng(0)), axis=1)
    assert radius.max() <= 1
    c = galaxies.CONCENTRATION * 10 ** (
        galaxies.SPREAD * np.random.default_rng(1).standard_normal(40_000)
    )

    def within(x):
        shape = np.log1p(c * x) - c * x / (1 + c * x)
        return np.mean(shape / (np.log1p(c) - c / (1 + c)))

    for x in (0.1, 0.3, 0.6):
        assert np.mean(radius < x) == pytest.approx(within(x), abs=0.01)


def test_feedback_and_cosmology_move_the_occupation(found):
    suite = replace(galaxies.SUITES["toy_simba"], log_mc=12.2)
    none = np.zeros(len(found.mass))

    def centrals(*at):
        return galaxies.central_probability(suite.at(*at), found.mass, none).sum()

    assert centrals(3.0) < centrals(1.0) < centrals(1.0, 0.3, 0.9)
    assert centrals(1.0, 0.4) == centrals(1.0)
    assert suite.at(1.0) == suite
    heavier = suite.at(1.0, 0.4)
    assert heavier.log_m1 - suite.log_m1 == pytest.approx(suite.l_om * np.log(0.4 / 0.3))


def test_displacement_belongs_to_the_box(found):
    suite = replace(galaxies.SUBHALOES["toy_tng"], displaced=0.2)
    one, same = galaxies.moved(found, suite, 25.0), galaxies.moved(found, suite, 25.0)
    np.testing.assert_array_equal(one.position, same.position)
    shift = (one.position - found.position + 12.5) % 25 - 12.5
    assert shift.std() == pytest.approx(0.2, rel=4 / np.sqrt(2 * shift.size))
    assert one.position.min() >= 0
    assert one.position.max() < 25
    still = galaxies.moved(found, galaxies.SUITES["toy_tng"], 25.0)
    np.testing.assert_allclose(still.position, found.position)


def test_surroundings_are_standardised_at_fixed_mass(box, found):
    environment = galaxies.surroundings(box, found)
    assert environment.mean() == pytest.approx(0, abs=1e-6)
    assert np.corrcoef(environment, np.log(found.mass))[0, 1] == pytest.approx(0, abs=0.1)
