"""Classical cluster masses against closed forms, quadrature and ideal clusters."""

import functools

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM
from astropy.stats import sigma_clip
from scipy.integrate import dblquad, quad
from scipy.special import spence

from zoo import saving
from zoo.card import read_card
from zoo.errors import InputError, OutsideRangeWarning
from zoo.model import Model, load_model
from zoo.models.clusters import (
    cluster_mamposst,
    cluster_msigma,
    cluster_virial,
    dispersion,
    example,
    grid_posterior,
    intrinsic,
    mamposst,
    nfw,
    sanity,
)
from zoo.training.release import export
from zoo_datasets.arrays import Uneven

Z = 0.117
EDGE = 6.0  # of ideal clusters: far outside of the cylinder, so that no edge gives the mass away
IDEAL = {
    "concentration": (0.65, -0.05),
    "scatter": 0.1,
    "ratio": (-0.2, 0.1),
    "beta": (0.3, 0.2),
    "edge": EDGE,
    "radius": 1.6,
    "depth": 2200.0,
    "background": (850.0, 0.3),
}
KNOWN = IDEAL | {"scatter": 0.0, "ratio": (-0.2, 0.0), "beta": (0.3, 0.0), "background": ()}
KNOWN |= {"depth": 0.0}
CONFIGS = {
    "cluster_msigma.contaminated": {
        "slope": 0.3, "log_sigma": 3.0, "reference": Z, "sigma_n": 0.2, "sigma_0": 0.1,
    },
    "cluster_virial.contaminated": {"sigma_n": 0.2, "sigma_0": 0.1, "clip": True},
    "cluster_mamposst.contaminated": {
        "prior": [13.5, 15.3], "relation": [0.0, 0.0, -2.0, 0.0],
        **{k: list(v) if isinstance(v, tuple) else v for k, v in IDEAL.items()},
    },
}  # fmt: skip


@functools.cache
def profile(log_c, log_ratio, beta):
    """Cumulative number and dispersion of an ideal cluster at x = R / r200c."""
    x = np.geomspace(1e-3, 0.999 * EDGE, 300)
    c = 10**log_c
    density, sigma = nfw.projected(x, c, 10 ** (log_c + log_ratio), beta, EDGE)
    rings = density * x**2
    steps = 0.5 * (rings[1:] + rings[:-1]) * np.diff(np.log(x))
    return x, np.append(0, np.cumsum(steps)), sigma


def ideal(rng, log_mass, n, assumptions, interlopers=0.0):
    """R and v of n galaxies drawn from the assumptions of the likelihood."""
    return drawn(rng, log_mass, n, assumptions, interlopers)[:2]


def drawn(rng, log_mass, n, assumptions, interlopers):
    """R, v and membership of n galaxies."""
    a, pivot = assumptions, log_mass - 14.5
    log_c = a["concentration"][0] + a["concentration"][1] * pivot + a["scatter"] * rng.normal()
    found = profile(
        round(log_c, 2), round(rng.normal(*a["ratio"]), 2), round(rng.normal(*a["beta"]), 2)
    )
    x, cumulative, sigma = found
    size = nfw.r200(log_mass, Z)
    top = np.interp(a["radius"] / size, x, cumulative)
    at = np.interp(rng.random(n) * top, cumulative, x)
    scale = np.interp(at, x, sigma) * nfw.v200(log_mass, Z)
    r, v = at * size, truncated(rng, scale, a["depth"])
    other = rng.random(n) < interlopers
    if other.any():
        bell, share = a["background"]
        flat = rng.random(n) < share
        far = truncated(rng, np.full(n, bell), a["depth"])
        far = np.where(flat, rng.uniform(-a["depth"], a["depth"], n), far)
        r = np.where(other, a["radius"] * np.sqrt(rng.random(n)), r)
        v = np.where(other, far, v)
    return r, v, (~other).astype(np.uint8)


def truncated(rng, scale, depth):
    """Gaussian velocities inside the depth of the cylinder."""
    v = rng.normal(0, scale)
    while depth and (out := np.abs(v) > depth).any():
        v[out] = rng.normal(0, scale[out])
    return v


def columns(rows):
    """Clusters [(r, v)] as NaN-padded columns."""
    length = max(len(r) for r, _ in rows)
    out = {name: np.full((len(rows), length), np.nan) for name in ("r_proj", "v_los")}
    for i, pair in enumerate(rows):
        for name, values in zip(out, pair, strict=True):
            out[name][i, : len(values)] = values
    return out | {"redshift": np.full(len(rows), Z)}


def uneven(rows):
    lengths = np.append(0, np.cumsum([len(row) for row in rows]))
    return Uneven(np.concatenate(rows), lengths)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The three estimators, released with made-up numbers."""
    folder = tmp_path_factory.mktemp("classical")
    return {
        name.partition(".")[0]: load_model(export(name, folder, config=config), strategy=None)
        for name, config in CONFIGS.items()
    }


# --- NFW and Jeans


def test_size_and_velocity_are_of_two_hundred_times_the_critical_density():
    cosmology = FlatLambdaCDM(H0=100, Om0=nfw.OMEGA_M, Tcmb0=0)
    for z in (0.0, Z, 0.5):
        density = 200 * cosmology.critical_density(z).to_value(u.Msun / u.Mpc**3)
        r = (3 * 10**14.7 / (4 * np.pi * density)) ** (1 / 3)  # physical Mpc/h
        assert nfw.r200(14.7, z) == pytest.approx(r * (1 + z), rel=1e-4)
        assert nfw.v200(14.7, z) == pytest.approx(np.sqrt(nfw.G * 10**14.7 / r), rel=1e-4)
        assert nfw.expansion(z) == pytest.approx(cosmology.efunc(z))


def test_isotropic_radial_dispersion_is_the_closed_form():
    c, s = 6.0, np.geomspace(0.003, 3, 40)
    x = c * s
    bracket = (  # Lokas & Mamon 2001, eq. 14
        np.pi**2 - np.log(x) - 1 / x - 1 / (1 + x) ** 2 - 6 / (1 + x)
        + (1 + 1 / x**2 - 4 / x - 2 / (1 + x)) * np.log1p(x) + 3 * np.log1p(x) ** 2
        + 6 * spence(1 + x)
    )  # fmt: skip
    truth = c**2 / 2 / nfw.mass(c) * s * (1 + x) ** 2 * bracket
    assert nfw.radial_dispersion(s, c, c, 0.0) == pytest.approx(truth, rel=1e-4)


def test_isotropic_projection_is_the_single_integral():
    c, far = 6.0, 300.0
    x = np.array([0.01, 0.1, 0.5, 2.0])
    density, sigma = nfw.projected(x, c, c, 0.0, far)
    for at, n, s in zip(x, density, sigma, strict=True):
        top = np.arccosh(far / at)

        def nu(r):
            return 1 / (c * r * (1 + c * r) ** 2)

        def pressure(w, at=at, nu=nu):  # Mamon & Lokas 2005, kernel sqrt(1 - 1 / u^2)
            r = at * np.cosh(w)
            return np.tanh(w) ** 2 * nu(r) * nfw.mass(c * r) / nfw.mass(c)

        total = quad(lambda w, at=at, nu=nu: nu(at * np.cosh(w)) * at * np.cosh(w), 0, top)[0]
        assert n == pytest.approx(2 * total, rel=1e-6)
        assert s == pytest.approx(np.sqrt(2 * quad(pressure, 0, top)[0] / n), rel=2e-4)


def test_anisotropic_projection_is_the_double_integral():
    c, ct, beta, edge, at = 5.0, 3.0, 0.6, 1.3, 0.3

    def weight(s):
        return (s + 1 / ct) ** (2 * beta) / (ct * s * (1 + ct * s) ** 2)

    def integrand(log_s, w):  # the inner integral runs from r to 300
        r = at * np.cosh(w)
        s = r + np.exp(log_s)
        jeans = weight(s) * nfw.mass(c * s) / nfw.mass(c) / s**2 * (s - r)
        return (
            (1 - beta * r / (r + 1 / ct) / np.cosh(w) ** 2) * jeans * r / (r + 1 / ct) ** (2 * beta)
        )

    top = np.arccosh(edge / at)
    pressure = dblquad(integrand, 0, top, -14, np.log(300), epsrel=1e-4)[0]
    density, sigma = nfw.projected(np.array([at]), c, ct, beta, edge)
    assert sigma[0] == pytest.approx(np.sqrt(2 * pressure / density[0]), rel=1e-3)


# --- dispersion, M-sigma and the virial theorem


def test_dispersion_and_clipping_against_numpy_and_astropy():
    rng = np.random.default_rng(0)
    v = rng.standard_t(2, (6, 60)) * 500
    v[:, 50:] = np.nan
    v[5, 1:] = np.nan
    assert dispersion.dispersion(v)[:5] == pytest.approx(np.nanstd(v[:5], axis=1, ddof=1))
    assert np.isnan(dispersion.dispersion(v)[5])
    ours = dispersion.clipped(v)
    for row, mine in zip(v[:5, :50], ours, strict=False):
        theirs = sigma_clip(
            row, 2.7, maxiters=None, cenfunc="mean", stdfunc=lambda a, axis: a.std(axis, ddof=1)
        )
        assert np.array_equal(np.isnan(mine[:50]), theirs.mask)
    assert np.isnan(ours[:5, :50]).any(axis=1).sum() >= 3


def test_msigma_learns_and_inverts_a_planted_relation():
    rng = np.random.default_rng(1)
    log_mass = rng.uniform(13.5, 15.3, 3000)
    n = np.round(10 ** rng.uniform(1, 2.5, 3000)).astype(int)
    sigma = 10 ** (3.03 + 0.36 * (log_mass - 15) + 0.03 * rng.normal(size=3000))
    v = uneven([rng.normal(0, s, k) for s, k in zip(sigma, n, strict=True)])
    data = {"r_proj": v, "v_los": v, "log_mass": log_mass, "redshift": np.full(3000, Z)}
    found = cluster_msigma.learn(data, {"config": {}})
    assert found["slope"] == pytest.approx(0.36, abs=0.015)
    assert found["log_sigma"] == pytest.approx(3.03, abs=0.008)
    # sigma has an error of 1 / sqrt(2 N), and mass that over the slope
    assert found["sigma_n"] == pytest.approx(np.log10(np.e) / np.sqrt(200) / 0.36, abs=0.013)
    assert found["sigma_0"] == pytest.approx(0.03 / 0.36, abs=0.015)


def test_msigma_at_another_redshift_depends_on_e_times_m(models):
    v = np.array([-500.0, 500.0] * 10)
    one = models["cluster_msigma"].predict({"r_proj": np.full(20, 0.5), "v_los": v})
    sigma = 500 * np.sqrt(20 / 19)
    assert one["log_mass"] == pytest.approx(15 + (np.log10(sigma) - 3) / 0.3, abs=1e-5)
    assert one["log_mass_std"] == pytest.approx(np.sqrt(0.04 * 5 + 0.01))
    far = models["cluster_msigma"].predict(
        {"r_proj": np.full(20, 0.5), "v_los": v, "redshift": 0.25}
    )
    shift = np.log10(nfw.expansion(0.25) / nfw.expansion(Z))
    assert one["log_mass"] - far["log_mass"] == pytest.approx(shift, abs=1e-5)


def test_harmonic_radius_is_the_mean_over_angles():
    rng = np.random.default_rng(2)
    r = rng.uniform(0.05, 1.5, 12)
    angle = rng.uniform(0, 2 * np.pi, (20_000, 12))
    x, y = r * np.cos(angle), r * np.sin(angle)
    i, j = np.triu_indices(12, 1)
    inverse = 1 / np.hypot(x[:, i] - x[:, j], y[:, i] - y[:, j])
    truth = 12 * 11 / inverse.mean(axis=0).sum()
    assert cluster_virial.harmonic_radius(r) == pytest.approx(truth, rel=0.01)


def test_virial_mass_of_ideal_isotropic_clusters():
    rng = np.random.default_rng(3)
    c, ct, n = cluster_virial.CONCENTRATION, 0.6 * cluster_virial.CONCENTRATION, 2500
    s = np.geomspace(1e-3, cluster_virial.EDGE, 500)
    for log_mass in (13.8, 14.6):  # the cylinder cuts neither
        r = np.interp(rng.random(n) * nfw.mass(ct * s[-1]), nfw.mass(ct * s), s)
        sigma = np.sqrt(np.interp(r, s, nfw.radial_dispersion(s, c, ct, 0.0)))
        v = sigma * nfw.v200(log_mass, Z) * rng.normal(size=n)
        seen = r * np.sqrt(1 - rng.uniform(-1, 1, n) ** 2) * nfw.r200(log_mass, Z)
        found = cluster_virial.build().predict(columns([(seen, v)]))["log_mass"]
        assert found == pytest.approx(log_mass, abs=0.06)  # 2 sigma of 2,500 velocities


# --- MAMPOSSt


def test_maximum_of_the_likelihood_reaches_the_cramer_rao_bound():
    rng = np.random.default_rng(4)
    true, n, step = 14.6, 200, 0.02
    size, speed = nfw.r200, nfw.v200

    def log_density(log_mass, r, v):
        c = 0.65 - 0.05 * (log_mass - 14.5)
        grid = np.geomspace(1e-3, 0.999 * EDGE, 400)
        density, sigma = nfw.projected(grid, 10**c, 10 ** (c - 0.2), 0.3, EDGE)
        x = r / size(log_mass, Z)
        fine = np.geomspace(1e-3, 1.6 / size(log_mass, Z), 2000)
        rings = 2 * np.pi * np.interp(fine, grid, density) * fine**2
        inside = np.sum(0.5 * (rings[1:] + rings[:-1]) * np.diff(np.log(fine)))
        s = np.interp(x, grid, sigma) * speed(log_mass, Z)
        surface = np.interp(x, grid, density) / inside / size(log_mass, Z) ** 2
        return np.log(surface) - np.log(s) - 0.5 * (v / s) ** 2

    r, v = ideal(rng, true, 100_000, KNOWN)
    score = (log_density(true + step, r, v) - log_density(true - step, r, v)) / (2 * step)
    assert np.mean(score) == pytest.approx(0, abs=5 * np.std(score) / np.sqrt(len(r)))
    bound = 1 / np.sqrt(n * np.var(score))
    estimator = cluster_mamposst.build(prior=(13.5, 15.3), **KNOWN)
    found = estimator.predict(columns([ideal(rng, true, n, KNOWN) for _ in range(300)]))
    residual = found["log_mass"] - true
    assert residual.mean() == pytest.approx(0, abs=4 * bound / np.sqrt(300) + 0.005)
    assert residual.std() == pytest.approx(bound, rel=4 / np.sqrt(600))
    assert found["log_mass_std"].mean() == pytest.approx(bound, rel=0.06)
    assert np.std(found["log_mass_ml"] - found["log_mass"]) < 0.3 * bound
    assert np.std(found["log_mass_ml"] - true) == pytest.approx(bound, rel=4 / np.sqrt(600))


@pytest.mark.parametrize("contaminated", [False, True])
def test_posterior_is_calibrated_on_ideal_clusters(contaminated):
    rng = np.random.default_rng(5)
    assumptions = IDEAL if contaminated else IDEAL | {"background": ()}
    true = rng.uniform(13.5, 15.3, 400)
    rows = [
        ideal(rng, m, int(rng.integers(15, 120)), assumptions, rng.random() * contaminated)
        for m in true
    ]
    found = cluster_mamposst.build(prior=(13.5, 15.3), **assumptions).predict(columns(rows))
    q = found["log_mass_quantiles"]
    for (low, high), level in (((1, 3), 0.68), ((0, 4), 0.95)):
        inside = np.mean((q[:, low] <= true) & (true <= q[:, high]))
        assert inside == pytest.approx(level, abs=3.5 * np.sqrt(level * (1 - level) / 400))
    pull = (found["log_mass"] - true) / found["log_mass_std"]
    assert pull.mean() == pytest.approx(0, abs=0.17)
    assert pull.std() == pytest.approx(1, abs=0.14)


def test_likelihood_tells_masses_by_the_edge_of_the_members():
    sharp = mamposst.Likelihood(mamposst.Assumptions(**(KNOWN | {"edge": 1.3})))
    r = np.append(np.linspace(0.05, 0.9, 30), 1.0)
    logs = sharp(r, np.tile([400.0, -400.0], 16)[:31], Z)
    too_small = 1.3 * nfw.r200(mamposst.LOG_MASS, Z) < 1.0
    # the step between neighbours is larger where the outermost galaxy comes to lie outside
    drop = np.diff(logs)[np.flatnonzero(too_small)[-1]]
    assert drop > 3
    assert drop > 2 * np.abs(np.diff(logs)[np.flatnonzero(too_small)[-1] + 1])


def test_intrinsic_relation_is_found_and_makes_the_posterior_calibrated():
    rng = np.random.default_rng(6)
    grid, edges = mamposst.LOG_MASS, intrinsic.cells(13.5, 15.3)
    true = rng.uniform(13.5, 15.3, 3000)
    dynamical = true + 0.05 - 0.1 * (true - 14.5) + 0.12 * rng.standard_t(4, 3000)
    measured = dynamical + 0.08 * rng.normal(size=3000)
    logs = -0.5 * ((grid - measured[:, None]) / 0.08) ** 2
    found = intrinsic.fit(logs, grid, true, edges)
    assert found[:2] == pytest.approx([0.05, -0.1], abs=0.03)
    assert np.exp(found[2]) == pytest.approx(0.12, abs=0.015)
    posterior = grid_posterior.GridPosterior(edges, intrinsic.weights(logs, grid, found, edges))
    below = posterior.inverse(np.array([0.16, 0.84])) < true[:, None]
    assert below.mean(axis=0) == pytest.approx([0.84, 0.16], abs=0.03)


def test_grid_posterior_of_known_densities():
    edges = np.linspace(0, 1, 201)
    middle = (edges[1:] + edges[:-1]) / 2
    posterior = grid_posterior.GridPosterior(edges, np.stack([np.ones(200), middle]))
    mean, std = posterior.moments()
    assert mean == pytest.approx([1 / 2, 2 / 3], abs=1e-4)
    assert std == pytest.approx([np.sqrt(1 / 12), np.sqrt(1 / 18)], abs=1e-4)
    levels = np.array([0.1, 0.5, 0.9])
    assert posterior.inverse(levels)[0] == pytest.approx(levels)
    assert posterior.inverse(levels)[1] == pytest.approx(np.sqrt(levels), abs=1e-3)
    assert posterior.log_prob(np.array([0.3, 0.6])) == pytest.approx([0, np.log(1.2)], abs=0.01)
    assert np.array_equal(posterior.log_prob(np.array([-0.1, 1.1])), [-np.inf, -np.inf])
    assert np.isfinite(posterior.log_prob(np.array([0.0, 1.0]))).all()


def test_draws_follow_the_posterior_whatever_the_batch(models):
    model = models["cluster_mamposst"]
    rng = np.random.default_rng(7)
    rows = [ideal(rng, 14.4, n, KNOWN) for n in (30, 80, 15)]
    x = {"r_proj": [r for r, _ in rows], "v_los": [np.clip(v, -2200, 2200) for _, v in rows]}
    draws = model.sample(x, 4000, seed=3)["log_mass"]
    assert draws.shape == (3, 4000)
    assert np.array_equal(draws, model.sample(x, 4000, seed=3, batch_size=1)["log_mass"])
    assert np.array_equal(draws[:, :70], model.sample(x, 70, seed=3)["log_mass"])
    assert not np.array_equal(draws, model.sample(x, 4000, seed=4)["log_mass"])
    found = model.predict(x)
    assert draws.mean(axis=1) == pytest.approx(found["log_mass"], abs=0.015)
    below = (draws[:, :, None] < found["log_mass_quantiles"][:, None]).mean(axis=1)
    assert below == pytest.approx(np.tile(grid_posterior.LEVELS, (3, 1)), abs=0.03)
    theta = np.linspace(13.5, 15.3, 361)
    one = {name: values[1] for name, values in x.items()}
    log_prob = model.log_prob(one, theta[:, np.newaxis])
    total = np.sum(np.exp(log_prob[1:]) + np.exp(log_prob[:-1])) / 2 * 0.005
    assert total == pytest.approx(1, abs=0.01)


def test_mamposst_learns_from_clusters_of_known_mass(monkeypatch):
    rng = np.random.default_rng(8)
    monkeypatch.setattr(cluster_mamposst, "CLUSTERS", 300)
    true = rng.uniform(13.5, 15.3, 300)
    rows = [drawn(rng, m, 60, IDEAL, 0.3) for m in true]
    r, v, member = (uneven(column) for column in zip(*rows, strict=True))
    data = {
        "log_mass": true,
        "redshift": np.full(300, Z),
        "concentration": 10 ** (0.65 - 0.05 * (true - 14.5) + 0.1 * rng.normal(size=300)),
        "r_proj": r,
        "v_los": v,
        "is_member": member,
    }
    config = {name: IDEAL[name] for name in ("ratio", "beta", "edge", "radius", "depth")}
    settings = {"config": config | {"prior": (13.5, 15.3)}}
    found = cluster_mamposst.learn(data, settings)
    assert found["concentration"] == pytest.approx([0.65, -0.05], abs=0.04)
    assert found["scatter"] == pytest.approx(0.1, abs=0.015)
    assert found["background"] == pytest.approx(list(IDEAL["background"]), rel=0.25)
    offset, slope, log_scatter, _ = found["relation"]
    assert [offset, slope] == pytest.approx([0, 0], abs=0.06)
    assert np.exp(log_scatter) < 0.12  # spheres have none
    pure = cluster_mamposst.learn(data | {"is_member": uneven([m | 1 for m in member])}, settings)
    assert pure["background"] == []


def test_interloper_velocities_are_found():
    rng = np.random.default_rng(9)
    n = 40_000
    v = truncated(rng, np.full(n, 700.0), 2200.0)
    v[: n // 4] = rng.uniform(-2200, 2200, n // 4)
    data = {"v_los": uneven([v]), "is_member": uneven([np.zeros(n, np.uint8)])}
    sigma, share = cluster_mamposst._background(data, 2200.0)
    assert sigma == pytest.approx(700, abs=30)
    assert share == pytest.approx(0.25, abs=0.03)


# --- as models of the zoo


def test_example_is_a_plausible_cluster(models):
    for model in models.values():
        found = model.predict(example.galaxies())
        assert found.in_domain
        assert 13.9 < found["log_mass"] < 15.2
        assert 0.05 < found["log_mass_std"] < 0.6


def test_units_and_groups_of_a_table(models):
    x = example.galaxies()
    model = models["cluster_mamposst"]
    plain = model.predict(x)
    import astropy.cosmology.units as cu

    with_units = {
        "r_proj": x["r_proj"] * 1000 * u.kpc / cu.littleh,
        "v_los": x["v_los"] * 1000 * u.m / u.s,
    }
    assert model.predict(with_units)["log_mass"].value == pytest.approx(plain["log_mass"], abs=1e-5)
    with pytest.raises(InputError, match="does not convert to Mpc / littleh"):
        model.predict(x | {"r_proj": x["r_proj"] * u.Mpc})


def test_tags_change_the_card():
    card = read_card(cluster_msigma_card())
    assert set(card.tags) == {"contaminated", "contaminated_clip", "pure", "sdss"}
    assert card.variants["contaminated_clip"].recipe["config"] == {"clip": True}
    assert card.variants["pure"].dataset == "cluster_phase_space/pure:1.0.0"


def cluster_msigma_card():
    from pathlib import Path

    return Path(cluster_msigma.__file__).with_suffix(".md")


def bad(**changes):
    x = example.galaxies() | changes
    return {name: np.asarray(values, float) for name, values in x.items()}


SMALL = example.galaxies()
IMPOSSIBLE = {
    "equal": (bad(v_los=np.full(40, 300.0)), "all equal"),
    "redshifts": (bad(v_los=np.linspace(0.02, 0.03, 40)), "look like redshifts"),
    "one galaxy": ({name: v[:1] for name, v in SMALL.items()}, "galaxies .* = 1 .*2 or more"),
}
FLAGGED = {
    "few": ({name: v[:9] for name, v in SMALL.items()}, "galaxies .*few = 9"),
    "many": ({name: np.tile(v, 70) for name, v in SMALL.items()}, "galaxies .*many = 2800"),
    "frame": (bad(v_los=SMALL["v_los"] * 0.3 + 1600), "median of v_los .* rest frame"),
    "centre": (bad(r_proj=0.7 + 0.5 * SMALL["r_proj"]), "smallest r_proj .*centre is far"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
@pytest.mark.parametrize("name", ["cluster_msigma", "cluster_virial", "cluster_mamposst"])
def test_no_mass_without_an_answer(models, name, case):
    x, message = IMPOSSIBLE[case]
    with pytest.raises(InputError, match=message):
        models[name].predict(x)
    good = {key: [values, SMALL[key]] for key, values in x.items()}
    found = models[name].predict(good, outside="nan")
    assert np.isnan(found["log_mass"][0])
    assert found.in_domain.tolist() == [False, True]
    assert np.isfinite(found["log_mass"][1])


@pytest.mark.parametrize("case", FLAGGED)
@pytest.mark.parametrize("name", ["cluster_msigma", "cluster_virial", "cluster_mamposst"])
def test_strange_clusters_are_flagged(models, name, case):
    x, message = FLAGGED[case]
    with pytest.warns(OutsideRangeWarning, match=message):
        found = models[name].predict(x)
    assert not found.in_domain
    assert np.isfinite(found["log_mass"])


def test_sanity_of_a_padded_batch():
    rows = [(SMALL["r_proj"], SMALL["v_los"]), (SMALL["r_proj"][:5], SMALL["v_los"][:5]), ([], [])]
    found = sanity.check(columns(rows))
    assert [(v.impossible, v.rows.tolist()) for v in found] == [
        (True, [False, False, True]),
        (False, [False, True, False]),
    ]
    assert sanity.check({"v_los": columns(rows[:1])["v_los"]}) == []


def test_a_classical_model_takes_a_config_for_a_baseline(models):
    model = models["cluster_msigma"]
    ((label, config),) = cluster_msigma.baselines({}).items()
    other = model.like(config)
    assert isinstance(other, Model)
    assert "Evrard" in label
    v = np.array([-1082.9, 1082.9] * 50) * np.sqrt(99 / 100)
    x = {"r_proj": np.full(100, 0.5), "v_los": v, "redshift": 0.0}
    assert other.predict(x)["log_mass"] == pytest.approx(15, abs=1e-4)
    assert saving.module_of(model.card) is cluster_msigma
