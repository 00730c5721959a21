"""The Sersic mock galaxy: definition, prior, and its maps against direct evaluation."""

import numpy as np
import pytest

from zoo_datasets.simulators import jam_cyl, sersic, sersic_mock, stretched_grid


def galaxies(count, seed=1):
    rng = np.random.default_rng(seed)
    return [sersic_mock.draw(rng) for _ in range(count)]


def direct(galaxy, x, y, beta=None):
    """JAM at each point by itself."""
    beta = galaxy["beta_z"] if beta is None else beta
    view = galaxy["inclination"], 0.0, galaxy["distance"]
    mge = sersic_mock.mges(galaxy)
    return jam_cyl.vrms(*mge, *view, np.ravel(x), np.ravel(y), beta=beta, nodes=32)


def worst(galaxy, rng, pixels):
    """Largest relative errors of the map, on some pixels and the extreme ones, and the quadrant."""
    record = sersic_mock.simulate(galaxy)
    x, y = sersic_mock.map_positions(galaxy["position_angle"])
    some = np.append(rng.choice(4096, pixels, replace=False), [0, 63, 31 * 64 + 31, 32 * 64 + 31])
    on_map = record["vrms"].ravel()[some] / direct(galaxy, x.ravel()[some], y.ravel()[some])
    x, y = (p[::6, ::4] for p in sersic_mock.polar_positions(galaxy))
    polar = record["vrms_polar"][::6, ::4].ravel() / direct(galaxy, x, y)
    return np.abs(on_map - 1).max(), np.abs(polar - 1).max()


def test_maps_against_direct_evaluation():
    rng = np.random.default_rng(5)
    on_map, polar = np.max([worst(galaxy, rng, 60) for galaxy in galaxies(8)], axis=0)
    assert on_map < 1.5e-6
    assert polar < 1e-5


@pytest.mark.stress
def test_maps_against_direct_evaluation_of_hundreds():
    rng = np.random.default_rng(6)
    on_map, polar = np.max([worst(galaxy, rng, 400) for galaxy in galaxies(300, 2)], axis=0)
    assert on_map < 1e-5
    assert polar < 3e-5


def test_pixels_and_position_angle():
    """One pixel by hand: j counts y, i counts x, and the angle turns +x towards +y."""
    (galaxy,) = galaxies(1)
    galaxy |= {"position_angle": 30.0, "q_light": 0.65, "inclination": 80.0, "beta_z": 0.1}
    record = sersic_mock.simulate(galaxy)
    i, j = 50, 40
    x, y = (i - 31.5) * 0.5, (j - 31.5) * 0.5
    along = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)])
    across = np.array([-np.sin(np.pi / 6), np.cos(np.pi / 6)])
    xp, yp = along @ [x, y], across @ [x, y]
    assert record["vrms"][j, i] == pytest.approx(direct(galaxy, xp, yp)[0], rel=2e-6)
    m = np.hypot(xp, yp / 0.65) / galaxy["r_sersic"]
    n = galaxy["n_sersic"]
    light = np.exp(-sersic.b_n(n) * (m ** (1 / n) - 1))
    assert record["photometry"][j, i] == pytest.approx(light, rel=1e-5)
    c = (np.arange(64) - 31.5) * 0.5
    weight = record["photometry"] * (np.hypot(c, c[:, None]) < 15)
    xx, yy, xy = (np.sum(weight * p) for p in (c[None] ** 2, c[:, None] ** 2, c * c[:, None]))
    assert np.degrees(np.arctan2(2 * xy, xx - yy)) / 2 == pytest.approx(30, abs=3)


def test_record_has_the_polar_grid_and_the_share_of_beta():
    (galaxy,) = galaxies(1, seed=4)
    record = sersic_mock.simulate(galaxy)
    r, t = galaxy["r_sersic"] * sersic_mock.POLAR_RADII, np.radians(sersic_mock.POLAR_ANGLES)
    k, m = 20, 5
    x, y = r[k] * np.cos(t[m]), galaxy["q_light"] * r[k] * np.sin(t[m])
    assert record["vrms_polar"][k, m] == pytest.approx(direct(galaxy, x, y)[0], rel=2e-6)
    assert (r[0], r[-1]) == pytest.approx((0.01 * galaxy["r_sersic"], 7.5 * galaxy["r_sersic"]))
    other, b = -0.37, 1 / 1.37
    rho = record["rho_polar"][k, m]
    g0 = record["vrms_polar"][k, m] ** 2 / (1 + (1 / (1 - galaxy["beta_z"]) - 1) * rho)
    expected = direct(galaxy, x, y, beta=other)[0]
    assert np.sqrt(g0 * (1 + (b - 1) * rho)) == pytest.approx(expected, rel=3e-6)


def test_scalings():
    (galaxy,) = galaxies(1)
    scaled = galaxy | {"ml": 3.0, "intensity_e": 200.0, "distance": 7.0}
    factor = np.sqrt(3.0 * 0.2 * 7 / 20)
    one, two = sersic_mock.simulate(galaxy), sersic_mock.simulate(scaled)
    np.testing.assert_allclose(two["vrms"], factor * one["vrms"], rtol=1e-6)
    np.testing.assert_array_equal(two["photometry"], one["photometry"])


def test_prior_and_its_joint_rejection():
    drawn = galaxies(4000)
    values = {name: np.array([g[name] for g in drawn]) for name in sersic_mock.PRIOR}
    for name, (low, high) in sersic_mock.PRIOR.items():
        assert low - 1e-5 <= values[name].min() < low + 0.02 * (high - low)
        assert high - 0.06 * (high - low) < values[name].max() <= high + 1e-5
    cos2 = np.cos(np.radians(values["inclination"])) ** 2
    q = np.sqrt((values["q_light"] ** 2 - cos2) / (1 - cos2))
    assert np.all(values["beta_z"] <= 0.7 * (1 - q))
    assert np.all(q >= 0.05)
    # the fractions that the prototype of the science sheet and the README state
    assert np.mean(values["beta_z"] > 0) == pytest.approx(0.30, abs=0.03)
    assert all(g[name] == np.float32(g[name]) for g in drawn[:50] for name in g)


def test_rejected():
    (galaxy,) = galaxies(1)
    edge_on = galaxy | {"inclination": 90.0, "q_light": 0.8, "q_mass": 0.8}
    assert sersic_mock.accepted(edge_on | {"beta_z": 0.139})
    assert not sersic_mock.accepted(edge_on | {"beta_z": 0.141})
    too_flat = {"inclination": 53.2, "beta_z": -0.1, "q_light": 0.6}
    assert not sersic_mock.accepted(edge_on | too_flat)


def test_jampy_says_the_same():
    oracle = pytest.importorskip("zoo_datasets.simulators.sersic_mock_jampy")
    pytest.importorskip("jampy.axi.jam_axi_proj", exc_type=ImportError)
    (galaxy,) = galaxies(1, seed=9)
    x, y = np.array([0.3, 2.0, -9.0, 15.0]), np.array([0.2, -5.0, 12.0, 1.0])
    for theirs, ours in zip(
        oracle.moments(galaxy, x, y), sersic_mock.moments_cyl(galaxy, x, y), strict=True
    ):
        np.testing.assert_allclose(theirs, ours, rtol=3e-6, atol=3e-6)


def test_stretched_grid():
    quadrant = stretched_grid.Quadrant(2.0, 0.7)

    def even(x, y):
        return np.log(0.1 + x**2 + 2 * y**2)

    values = even(quadrant.x[None], quadrant.y[:, None])
    x, y = np.random.default_rng(0).uniform(-9, 9, (2, 500))
    np.testing.assert_allclose(quadrant.interpolate(values, x, y), even(x, y), atol=1e-5)
    with pytest.raises(ValueError, match="outside the grid"):
        quadrant.interpolate(values, np.array([0.0]), np.array([11.0]))
