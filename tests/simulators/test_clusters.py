"""The cluster mocks: each ingredient against theory, and the whole against what was frozen."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import integrate, stats

from zoo_datasets.simulators.clusters import (
    environment,
    halos,
    host,
    infall,
    jeans,
    luminosity,
    mock,
    observer,
    parameters,
    projection,
    record,
    relations,
    substructure,
    tracers,
    validation,
)

PLAIN = parameters.Parameters()
ROUND = PLAIN.changed(axis_ratio_b=(1.0, 0.0), axis_ratio_c=(1.0, 0.0))


@pytest.fixture(scope="module")
def theory():
    return halos.theory(0.117)


def hosts(log_mass, theory, p=PLAIN, seed=0):
    return host.draw(np.random.default_rng(seed), np.asarray(log_mass, float), theory, p)


# --- haloes


def test_nfw_mass_and_its_inverse():
    for x in (1e-4, 0.03, 1.0, 7.0):
        exact = integrate.quad(lambda s: s / (1 + s) ** 2, 0, x, epsabs=0)[0]
        assert halos.nfw(x) == pytest.approx(exact, rel=1e-6)
    x = np.geomspace(1e-3, 50, 40)
    np.testing.assert_allclose(halos.nfw_radius(halos.nfw(x)), x, rtol=1e-4)


def test_radius_velocity_and_tables_are_those_of_colossus(theory):
    from colossus.cosmology import cosmology
    from colossus.halo import mass_so
    from colossus.lss import peaks

    before = cosmology.current_cosmo
    cosmology.setCosmology("multidark-planck", persistence="")
    try:
        physical = mass_so.M_to_R(10**14.5, 0.117, "200c") / 1e3
        nu = peaks.peakHeight(10**14.5, 0.117)
    finally:
        cosmology.current_cosmo = before
    assert theory.radius(14.5) == pytest.approx(physical * 1.117, rel=1e-3)
    assert theory.velocity(14.5) == pytest.approx(
        np.sqrt(4.30091e-9 * 10**14.5 / physical), rel=1e-3
    )
    # more massive: rarer, more clustered, and bias by the peak height's linear trend
    assert np.all(np.diff(theory.density) < 0)
    assert np.all(np.diff(theory.bias) > 0)
    expected = 1 + (nu**2 - 1) / 1.686  # Cole & Kaiser 1989, to a quarter
    assert np.interp(14.5, halos.LOG_MASSES, theory.bias) == pytest.approx(expected, rel=0.25)


def test_the_users_cosmology_is_left_alone():
    from colossus.cosmology import cosmology

    before = cosmology.current_cosmo
    halos.theory.__wrapped__(0.2)
    assert cosmology.current_cosmo is before


# --- dynamics


@pytest.mark.parametrize(("c", "ct", "beta_inf"), [(5, 3, 0.0), (4, 2.4, 0.45), (8, 8, -0.3)])
def test_jeans_equation(c, ct, beta_inf):
    """d(nu s^2)/dr + 2 beta nu s^2 / r = -nu G M / r^2, by finite differences."""
    r = np.geomspace(0.02, 2.5, 400)
    s2 = jeans.dispersion(c, ct, beta_inf, r) ** 2
    nu = 1 / (ct * r * (1 + ct * r) ** 2)
    beta = beta_inf * r / (r + 1 / ct)
    left = np.gradient(nu * s2, r) + 2 * beta * nu * s2 / r
    right = -nu * halos.nfw(c * r) / halos.nfw(c) / r**2
    np.testing.assert_allclose(left[5:-5], right[5:-5], rtol=3e-3)


def test_interpolated_jeans_profiles():
    rng = np.random.default_rng(0)
    c, ratio, beta = rng.uniform(3, 12, 20), rng.uniform(0.3, 1.0, 20), rng.uniform(-0.2, 0.8, 20)
    rows = jeans.profiles(c, c * ratio, beta)
    r = np.geomspace(0.02, 1.7, 30)
    for i in range(20):
        ours = jeans.at_radius(rows, np.full(30, i), r)
        np.testing.assert_allclose(
            ours, jeans.dispersion(c[i], c[i] * ratio[i], beta[i], r), rtol=0.02
        )


def test_tracers_of_a_sphere(theory):
    """NFW radii, Jeans dispersions and anisotropy, mean zero, nobody above escape speed."""
    p = ROUND.changed(beta_inf=(0.5, 0.0), scatter_concentration=0.0)
    one = hosts(np.full(1, 14.5), theory, p)
    which = np.zeros(200_000, int)
    x, v = tracers.equilibrium(np.random.default_rng(1), one, which, 1.3, p)
    r = np.linalg.norm(x, axis=1) / one.r200[0]
    ct = one.c_galaxy[0]
    cdf = stats.kstest(r[:5000], lambda t: halos.nfw(ct * t) / halos.nfw(ct * 1.3))
    assert cdf.pvalue > 0.001
    radial = np.einsum("ki,ki->k", v, x) / np.linalg.norm(x, axis=1)
    tangential2 = (np.sum(v**2, axis=1) - radial**2) / 2
    shell = abs(r - 0.4) < 0.02
    sigma = (
        one.v200[0] * one.bias_velocity[0] * jeans.dispersion(one.c[0], ct, 0.5, np.array([0.4]))
    )
    assert radial[shell].std() == pytest.approx(sigma[0], rel=0.03)
    beta = 0.5 * 0.4 / (0.4 + 1 / ct)
    assert tangential2[shell].mean() / radial[shell].var() == pytest.approx(1 - beta, rel=0.05)
    assert abs(v.mean(axis=0)).max() < 5 * sigma[0] / np.sqrt(len(r))
    assert np.all(np.linalg.norm(v, axis=1) <= one.escape(which, r) * (1 + 1e-9))


def test_shape_and_orientation(theory):
    """A triaxial cluster is longest along its first axis, in positions and velocities."""
    p = PLAIN.changed(axis_ratio_b=(0.7, 0.0), axis_ratio_c=(0.5, 0.0))
    one = hosts(np.full(1, 14.5), theory, p)
    x, v = tracers.equilibrium(np.random.default_rng(1), one, np.zeros(100_000, int), 1.3, p)
    # back to the principal axes
    sx, sv = (np.std(a @ one.rotation[0], axis=0) for a in (x, v))
    np.testing.assert_allclose(sx / sx[0], [1, 0.7, 0.5], rtol=0.02)
    np.testing.assert_allclose(sv / sv[0], np.array([1, 0.7, 0.5]) ** 0.55, rtol=0.03)
    turn = host.rotations(np.random.default_rng(0), 4000)
    np.testing.assert_allclose(
        turn @ np.swapaxes(turn, 1, 2), np.tile(np.eye(3), (4000, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(turn), 1)
    # Haar: every element has mean 0 and variance 1/3
    np.testing.assert_allclose(turn.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose((turn**2).mean(axis=0), 1 / 3, atol=0.03)


def test_clumps(theory):
    """Clumps keep the number of galaxies; their galaxies are near in position and velocity."""
    p = PLAIN.changed(merger_probability=1.0, merger_fraction=(0.4, 0.4), clumps=1)
    some = hosts(np.full(50, 14.8), theory, p)
    which = np.repeat(np.arange(50), 400)
    rng = np.random.default_rng(0)
    phase = tracers.equilibrium(rng, some, which, 1.3, p)
    x, v = substructure.gather(rng, some, which, phase, 1.3, p)
    moved = np.any(x != phase[0], axis=1)
    assert moved.mean() == pytest.approx(0.4, abs=0.02)
    one = moved & (which == 7)
    rest = ~moved & (which == 7)
    for clump, smooth in ((x[one], x[rest]), (v[one], v[rest])):
        assert np.linalg.norm(clump.std(axis=0)) < 0.85 * np.linalg.norm(smooth.std(axis=0))
    share = substructure.fractions(rng, 3000, PLAIN)
    assert share.shape == (3000, PLAIN.clumps)
    assert np.all(share >= 0)
    assert np.all(share.sum(axis=1) < 1)


# --- galaxies and surroundings


def test_thresholds_are_consistent():
    """Of satellites above a faint limit, a bright limit leaves as many as it promises."""
    rng = np.random.default_rng(0)
    magnitude = luminosity.satellite_magnitudes(rng, np.full(200_000, -19.0), 1.02)
    assert magnitude.max() <= -19.0
    for bright in (-20.0, -21.5):
        ratio = luminosity.mean_satellites(15.0, bright, 1.02) / luminosity.mean_satellites(
            15.0, -19.0, 1.02
        )
        assert np.mean(magnitude < bright) == pytest.approx(float(ratio), rel=0.03)
    central = luminosity.central_magnitudes(rng, np.full(1000, 14.06), 0.0)
    np.testing.assert_allclose(central, -22.0)
    brighter = luminosity.central_magnitudes(rng, np.array([12.0, 13.0, 14.0, 15.0]), 0.0)
    assert np.all(np.diff(brighter) < 0)


def test_velocities_add_as_rapidities():
    v, d = np.array([1200.0, -800.0, 5e4]), np.array([3.0, -40.0, 2000.0])
    exact = parameters.C * np.tanh(np.arctanh(v / parameters.C) + np.arctanh(95 * d / parameters.C))
    np.testing.assert_allclose(projection.line_of_sight(v, d, 95.0), exact, rtol=1e-12)


def test_distances(theory):
    """Of the flat universe of the tables, by astropy."""
    from astropy.cosmology import FlatLambdaCDM

    rng = np.random.default_rng(0)
    seen = observer.place(rng, 500, theory, parameters.named("sdss"))
    cosmology = FlatLambdaCDM(H0=100, Om0=0.3071)
    exact = cosmology.comoving_distance(seen.redshift).value
    np.testing.assert_allclose(seen.distance, exact, rtol=1e-3)
    assert seen.distance.max() <= 250
    # uniform in volume
    assert stats.kstest((seen.distance**3 - 30**3) / (250**3 - 30**3), "uniform").pvalue > 0.001
    faintest = 17.77 - 5 * np.log10(exact * (1 + seen.redshift)) - 25
    np.testing.assert_allclose(seen.limit, np.minimum(faintest, -17.5), atol=0.01)


def test_density_along_the_line_of_sight(theory):
    p = PLAIN.changed(environment=1.0)
    covariance = environment.cell_covariance(3.0, 8.0, 12, theory)
    delta = environment.density_field(np.random.default_rng(0), 200_000, 3.0, theory, p)
    assert delta.shape == (200_000, 12)
    assert delta.min() > -1
    assert delta.mean() == pytest.approx(0, abs=0.02)
    # the lognormal field has the covariance of the matter; far cells are nearly independent
    near, far = (np.mean(delta[:, 5] * delta[:, 5 + step]) for step in (1, 6))
    assert near == pytest.approx(covariance[0, 1], rel=0.15)
    assert abs(far) < 0.3 * near


def test_number_of_haloes_around(theory):
    """Mean density plus bias times correlation, outside of the cluster."""
    p = PLAIN.changed(environment=0.0, contamination=1.0, halo_boost=1.0, filament_share=0.0)
    n = 400
    some = hosts(np.full(n, 14.5), theory, p)
    rng = np.random.default_rng(3)
    around = environment.draw(rng, some, 12.5, np.ones(n), theory, p)
    mass = halos.LOG_MASSES > 12.5
    number = np.trapezoid(theory.density[mass], halos.LOG_MASSES[mass])
    weighted = np.trapezoid((theory.density * theory.bias)[mass], halos.LOG_MASSES[mass])
    bias = np.interp(14.5, halos.LOG_MASSES, theory.bias)
    x, y, z = around.position.T
    rho = np.hypot(x, y)
    # a shell that no exclusion touches, seen in a thinner cylinder than the one that was filled
    for low, high in ((6.0, 10.0), (30.0, 45.0)):
        seen = (rho < 2) & (abs(z) > low) & (abs(z) < high)
        zz = np.linspace(low, high, 200)
        rr = 2 * np.sqrt((np.arange(20) + 0.5) / 20)
        xi = np.interp(np.hypot(zz[:, None], rr), halos.RADII, theory.xi).mean()
        expected = n * 2 * np.pi * 4 * (high - low) * (number + bias * weighted * xi)
        assert seen.sum() == pytest.approx(expected, abs=4 * np.sqrt(expected) + 0.03 * expected)
    assert np.all(around.log_mass > 12.5 - 0.06)
    largest = np.maximum(some.r200[around.which], theory.radius(around.log_mass))
    assert np.all(np.linalg.norm(around.position, axis=1) > 1.3 * largest)


def test_infall(theory):
    """Linear theory far away, capped near, towards the cluster."""
    some = hosts(np.array([14.0]), theory)
    bias = np.interp(some.log_mass, halos.LOG_MASSES, theory.bias)
    r = np.array([1.0, 9.0, 40.0])
    speed = infall.speed(some, bias, np.zeros(3, int), r, theory, PLAIN)
    assert speed[0] == pytest.approx(PLAIN.infall_cap * some.v200[0])
    k = 40.0
    s = np.geomspace(halos.RADII[0], k, 2000)
    xi = np.interp(s, halos.RADII, theory.xi_linear)
    mean_xi = 3 / k**3 * np.trapezoid(s**2 * xi, s)
    halo = 10**14.0 / theory.rho_mean / (4 / 3 * np.pi * k**3)
    linear = theory.growth_rate * theory.hubble * k / 3 * (bias[0] * mean_xi + halo)
    assert speed[2] == pytest.approx(linear, rel=0.15)
    assert np.all(np.diff(speed) < 0)


# --- whole clusters


@pytest.mark.parametrize("config", parameters.CONFIGS)
def test_cuts(config):
    p = parameters.named(config)
    log_mass = np.linspace(13.5, 15.3, 40)
    found = mock.clusters(np.random.default_rng(0), log_mass, p)
    np.testing.assert_array_equal(found.log_mass, log_mass)
    assert found.richness.min() >= p.min_galaxies
    r = np.hypot(found.x, found.y)
    assert r.max() < p.r_max
    assert abs(found.v).max() < p.v_max
    assert found.magnitude.max() <= p.m_r_limit
    for i in range(40):
        rows = slice(*found.row_splits[i : i + 2])
        assert np.all(np.diff(r[rows]) >= 0)
    assert found.member.all() == (config == "pure")
    if config == "sdss":  # the brightest halo's central sits in the middle and is at rest
        first = found.row_splits[:-1]
        assert np.all(r[first] == 0)
        assert np.all(found.v[first] == 0)
        faintest = 17.77 - 5 * np.log10(found.distance * (1 + found.redshift)) - 25
        assert np.all(found.magnitude <= np.repeat(faintest, found.richness) + 1e-9)


def test_more_contamination_means_more_interlopers():
    rng_mass = np.full(150, 14.2)
    few, many = (
        mock.clusters(np.random.default_rng(0), rng_mass, PLAIN.changed(contamination=k))
        for k in (0.5, 2.0)
    )
    assert np.mean(~many.member) > 1.5 * np.mean(~few.member)


def test_too_light_a_cluster():
    with pytest.raises(ValueError, match=r"log mass 12\.00 .* 10 galaxies"):
        mock.clusters(np.random.default_rng(0), np.array([12.0]), PLAIN.changed(members_only=True))


def test_records():
    """Independent of the order in which they are asked for; configs share masses."""
    rng = np.random.default_rng(0)
    one = record.record(rng, "test", 5)
    record.block.cache_clear()
    record.record(rng, "train", 999)
    again = record.record(rng, "test", 5)
    for name, value in one.items():
        np.testing.assert_array_equal(value, again[name])
    pure = record.record(rng, "test", 5, "pure")
    assert pure["log_mass"] == one["log_mass"]
    assert pure["is_member"].all()
    assert one["richness"] == len(one["v_los"]) == len(one["is_member"])
    np.testing.assert_allclose(np.hypot(one["x_proj"], one["y_proj"]), one["r_proj"], rtol=1e-5)
    other = record.record(rng, "validation", 5)
    assert other["log_mass"] != one["log_mass"]
    assert other["halo_id"] != one["halo_id"]


# --- against the published relations


def test_the_estimator_of_a_known_relation():
    rng = np.random.default_rng(0)
    log_mass = rng.uniform(13.5, 15.3, 40_000)
    sigma = 10 ** (3.02 + 0.35 * (log_mass - 15) + 0.06 * rng.normal(size=40_000))
    found = relations.mass_dispersion(log_mass, sigma)
    assert found["slope"] == pytest.approx(0.35, abs=0.005)
    assert found["sigma_15"] == pytest.approx(10**3.02, rel=0.005)
    assert found["std"] == pytest.approx(0.06 / 0.35, rel=0.03)
    assert found["width"] == pytest.approx(2 * 0.9945 * 0.06 / 0.35, rel=0.03)


def test_dispersions_and_shares():
    rng = np.random.default_rng(0)
    counts = np.array([12, 30, 10])
    v, member = rng.normal(size=52), rng.random(52) < 0.7
    empty = np.zeros(52)
    whole = mock.Catalogue(
        *(np.array([13.7, 13.8, 14.9]),) * 5,
        row_splits=np.concatenate([[0], np.cumsum(counts)]),
        x=empty,
        y=empty,
        v=v,
        magnitude=empty,
        member=member,
    )
    pieces = np.split(v, np.cumsum(counts)[:-1])
    expected = [piece.std(ddof=1) for piece in pieces]
    np.testing.assert_allclose(relations.dispersions(whole), expected)
    part = mock.pick(whole, np.array([2, 0]))
    np.testing.assert_array_equal(part.v, np.concatenate([pieces[2], pieces[0]]))
    np.testing.assert_array_equal(part.log_mass, [14.9, 13.7])


@pytest.fixture(scope="module")
def frozen(repository):
    path = repository / "datasets" / "cluster_phase_space" / "validation.json"
    return json.loads(path.read_text())


def test_nothing_frozen_has_changed(frozen):
    """After a deliberate change: a new major version and benchmarks/bench_cluster_mocks.py."""
    now = json.loads(json.dumps(validation.frozen()))
    assert frozen["parameters"] == now["parameters"]
    assert frozen["parameters_sha256"] == parameters.digest(now["parameters"])
    assert frozen["first_richness"] == now["first_richness"]
    assert frozen["table_sha256"] == parameters.digest(frozen["table"])
    for name, published in relations.PUBLISHED.items():
        assert frozen["table"][name]["published"] == published


def test_the_frozen_table_agrees_with_the_published_relations(frozen):
    table = frozen["table"]
    for name in ("pure", "contaminated"):
        ratio = {k: table[name]["mock"][k] / v for k, v in table[name]["published"].items()}
        assert abs(ratio["slope"] - 1) < 0.07
        assert abs(ratio["sigma_15"] - 1) < 0.07
        assert abs(ratio["std"] - 1) < 0.15
    share = table["interlopers"]
    np.testing.assert_allclose(share["mock"], share["prototype"], atol=0.05)


def test_the_mocks_are_those_of_the_table(frozen):
    clusters = {name: validation.catalogue(cuts, 2500, 7) for name, cuts in validation.CUTS.items()}
    table = validation.measure(clusters)
    for name in clusters:
        for key, value in table[name]["mock"].items():
            spread = np.hypot(table[name]["error"][key], frozen["table"][name]["error"][key])
            assert abs(value - frozen["table"][name]["mock"][key]) < 4.5 * spread, (name, key)


def test_every_parameter_is_a_json_value():
    for config in parameters.CONFIGS:
        facts = dataclasses.asdict(parameters.named(config))
        assert json.loads(json.dumps(facts)).keys() == facts.keys()
    assert parameters.digest({"a": 1, "b": 2}) == parameters.digest({"b": 2, "a": 1})
