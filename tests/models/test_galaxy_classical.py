"""Density threshold and halo occupation against planted rules, Monte Carlo and bad input."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import poisson

from zoo import registry, saving
from zoo.card import read_card
from zoo.errors import InputError, OutsideRangeWarning
from zoo.model import load_model
from zoo.models.galaxies import (
    galaxy_hod,
    galaxy_threshold,
    grids,
    occupation,
    occupation_fit,
    placement,
    sanity,
)
from zoo.training.release import export
from zoo_datasets.arrays import Uneven

SIZE = 8.0
ZHENG = {"log_mmin": 11.4, "sigma": 0.3, "log_m0": 11.0, "log_m1": 12.4, "alpha": 0.95}
POWER = {"log_mmin": 11.2, "log_m1": 12.2, "alpha": 0.8}
CONFIGS = {
    "galaxy_threshold.stars": {
        "scale": 0.15, "density": [-3.0, 0.0, 2.0, 4.0], "probability": [0.0, 0.001, 0.1, 0.8],
        "number": [0.0, 0.001, 0.12, 1.3],
    },
    "galaxy_hod.3": {"rule": "power_law", **POWER},
    "galaxy_hod.5": {"rule": "zheng", **ZHENG},
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The estimators, released with made-up numbers."""
    folder = tmp_path_factory.mktemp("galaxies")
    return {
        name: load_model(export(name, folder, config=config), strategy=None)
        for name, config in CONFIGS.items()
    }


def haloes(rng, number):
    """Masses, positions and radii, many light ones and few heavy."""
    mass = 10 ** (10.5 + rng.exponential(0.5, number))
    return mass, rng.random((number, 3)) * SIZE, 0.2 * (mass / 2e12) ** (1 / 3)


# --- occupation


def test_five_parameters_are_found():
    rng = np.random.default_rng(0)
    mass, _, _ = haloes(rng, 200_000)
    central, satellites = occupation.Zheng(**ZHENG).draw(mass, rng)
    found = occupation_fit.zheng(occupation_fit.sums(mass, central + satellites))
    assert found["log_mmin"] == pytest.approx(11.4, abs=0.01)
    assert found["sigma"] == pytest.approx(0.3, abs=0.02)
    assert found["log_m1"] == pytest.approx(12.4, abs=0.03)
    assert found["alpha"] == pytest.approx(0.95, abs=0.03)


def test_three_parameters_are_found():
    rng = np.random.default_rng(1)
    mass, _, _ = haloes(rng, 100_000)
    _, number = occupation.PowerLaw(**POWER).draw(mass, rng)
    found = occupation_fit.power_law(occupation_fit.sums(mass, number))
    assert found["log_mmin"] == pytest.approx(11.2, abs=occupation_fit.WIDTH)
    assert found["log_m1"] == pytest.approx(12.2, abs=0.02)
    assert found["alpha"] == pytest.approx(0.8, abs=0.02)


def test_a_poisson_fit_keeps_the_number_of_galaxies():
    rng = np.random.default_rng(2)
    mass, _, _ = haloes(rng, 50_000)
    central, satellites = occupation.Zheng(**ZHENG).draw(mass, rng)  # another rule
    found = occupation_fit.power_law(occupation_fit.sums(mass, central + satellites))
    _, mean = occupation.PowerLaw(**found).expected(mass)
    above = np.log10(mass) > found["log_mmin"]
    assert mean.sum() == pytest.approx((central + satellites)[above].sum(), rel=2e-3)


def test_haloes_without_galaxies_cannot_be_fitted():
    with pytest.raises(ValueError, match="no halo of the training boxes has a galaxy"):
        occupation_fit.sums(np.array([1e12]), np.array([0]))


def test_occupations_are_those_of_their_formulae():
    rng = np.random.default_rng(3)
    mass = np.full(100_000, 10**12.6)
    central, satellites = occupation.Zheng(**ZHENG).draw(mass, rng)
    mean = ((10**12.6 - 10**11) / 10**12.4) ** 0.95
    assert central.mean() == pytest.approx(1, abs=1e-6)
    assert satellites.mean() == pytest.approx(mean, abs=0.02)
    assert np.mean(satellites == 1) == pytest.approx(poisson.pmf(1, mean), abs=0.01)
    at_step = np.full(100_000, 10**11.4)
    central, satellites = occupation.Zheng(**ZHENG).draw(at_step, rng)
    assert central.mean() == pytest.approx(0.5, abs=0.01)
    assert not satellites[~central].any()  # no satellites without a central
    light = np.full(9, 10**11.1)
    assert not occupation.PowerLaw(**POWER).draw(light, rng)[1].any()


# --- placement


@pytest.mark.parametrize("rule", [occupation.PowerLaw(**POWER), occupation.Zheng(**ZHENG)])
def test_grids_are_the_mean_of_catalogues(rule):
    rng = np.random.default_rng(4)
    mass, position, radius = haloes(rng, 60)
    mass[:4] = [3e14, 1e13, 5e12, 2e12]
    radius[0] = 1.1  # several voxels
    position[0] = [0.05, 7.9, 4.0]  # across a face
    chance, number = placement.on_grid(rule, mass, position, radius, SIZE, 8)
    draws = 1500
    total, occupied = np.zeros((8, 8, 8)), np.zeros((8, 8, 8))
    for _ in range(draws):
        drawn = placement.catalogue(rule, mass, position, radius, SIZE, rng)["position"]
        count = np.histogramdd(drawn, [np.linspace(0, SIZE, 9)] * 3)[0]
        total += count
        occupied += count > 0
    # points stand for the profile: a hundredth of a galaxy each, at most
    error = 5 * np.sqrt(np.maximum(number, 1e-3) / draws) + 0.02
    assert (np.abs(total / draws - number) < error).all()
    assert (np.abs(occupied / draws - chance) < error).all()
    central, others = rule.expected(mass)
    assert number.sum() == pytest.approx((central + others).sum(), rel=1e-4)
    assert (chance <= np.minimum(number, 1) + 1e-9).all()


def test_satellites_follow_the_mass_of_the_profile():
    mass = np.full(40_000, placement.PIVOT)
    radius = np.linalg.norm(
        placement._nfw(mass, np.random.default_rng(5).random((40_000, 3))), axis=1
    )
    even = np.linalg.norm(placement._nfw_points(mass[:1], 4096)[0], axis=1)

    def within(x, c=placement.CONCENTRATION):
        def shape(y):
            return np.log1p(y) - y / (1 + y)

        return shape(c * x) / shape(c)

    for x in (0.1, 0.3, 0.7):
        assert np.mean(radius < x) == pytest.approx(within(x), abs=0.01)
        assert np.mean(even < x) == pytest.approx(within(x), abs=0.002)


def test_catalogues_are_repeatable_and_say_who_is_central(models):
    box = grids.example()
    config = models["galaxy_hod.5"].manifest.config
    one, same, other = (galaxy_hod.catalogue(config, box, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one["position"], same["position"])
    assert not np.array_equal(one["position"], other["position"])
    centrals = one["halo"][one["central"]]
    np.testing.assert_allclose(one["position"][one["central"]], box["halo_position"][centrals])
    assert len(np.unique(centrals)) == len(centrals)


# --- learning


def test_occupation_is_learned_from_boxes():
    rng = np.random.default_rng(6)
    names = ("halo_mass", "halo_position", "halo_radius", "galaxy_position")
    rows = {name: [] for name in names}
    for _ in range(3):
        mass, position, radius = haloes(rng, 3000)
        box = mass, position, 0.3 * radius  # so that haloes do not overlap
        drawn = placement.catalogue(occupation.Zheng(**ZHENG), *box, SIZE, rng)["position"]
        for name, values in zip(names, (*box, drawn), strict=True):
            rows[name].append(values)
    data = {n: Uneven(np.concatenate(v), np.cumsum([0, *map(len, v)])) for n, v in rows.items()}
    data["box_size"] = np.full(3, SIZE)
    found = galaxy_hod.learn(data, {"config": {"rule": "zheng"}})
    assert found["log_mmin"] == pytest.approx(11.4, abs=0.06)
    assert found["alpha"] == pytest.approx(0.95, abs=0.15)
    assert set(galaxy_hod.learn(data, {"config": {"rule": "power_law"}})) == set(POWER)


@pytest.fixture(scope="module")
def dense():
    """Boxes whose galaxies follow the density smoothed over 0.3 Mpc/h."""
    rng = np.random.default_rng(7)
    side, size = 24, 24 * 25 / 128
    field = np.exp(1.5 * rng.standard_normal((3, side, side, side)))
    counts = rng.poisson(field / field.mean())
    rate = [
        0.1 * np.exp(2 * galaxy_threshold.log_density(box.astype(float), size, 0.3))
        for box in counts
    ]
    return {
        "dm_counts": counts.astype(np.uint16),
        "galaxy_count": rng.poisson(rate).astype(np.uint8),
        "box_size": np.full(3, size),
        "rate": np.array(rate),
    }


def test_threshold_finds_scale_and_function(dense):
    found = galaxy_threshold.learn(dense, {"config": {}})
    assert found["scale"] == 0.3
    model = galaxy_threshold.build(**found)
    columns = {name: dense[name].astype(np.float32) for name in ("dm_counts", "box_size")}
    answer = model.predict(columns)
    assert answer["galaxy_count"].sum() == pytest.approx(dense["galaxy_count"].sum(), rel=0.02)
    occupied = (dense["galaxy_count"] > 0).sum()
    assert answer["galaxy_probability"].sum() == pytest.approx(occupied, rel=0.02)
    busy = dense["rate"] > 0.15
    ratio = answer["galaxy_count"][busy].sum() / dense["rate"][busy].sum()
    assert ratio == pytest.approx(1, abs=0.1)
    order = np.argsort(dense["rate"].ravel())
    assert (np.diff(answer["galaxy_count"].ravel()[order]) > -1e-9).all()  # increasing
    fixed = galaxy_threshold.learn(dense, {"config": {"scale": 0.1}})
    assert fixed["scale"] == 0.1


def test_knowing_the_mean_only_is_flat(dense, models):
    ((label, config),) = galaxy_threshold.baselines(dense).items()
    assert label == "no information"
    flat = models["galaxy_threshold.stars"].like(config).predict(galaxy_threshold.example())
    assert np.ptp(flat["galaxy_count"]) == 0
    assert flat["galaxy_count"][0, 0, 0] == pytest.approx(dense["galaxy_count"][0].mean())


# --- as models of the zoo


@pytest.mark.parametrize("name", CONFIGS)
def test_a_batch_of_uneven_boxes(models, name):
    model = models[name]
    x = registry_example(model)
    small = x | {"dm_counts": x["dm_counts"][:13, :13, :13]}
    alone = [model.predict(box) for box in (x, small)]
    batch = {key: [box[key] for box in (x, small)] for key in x}
    for size in (1, 2):
        together = model.predict(batch, batch_size=size)
        for row, box in enumerate(alone):
            for key, value in box.items():
                np.testing.assert_array_equal(together[key][row], value)
    for box, side in zip(alone, (16, 13), strict=True):
        assert box["galaxy_count"].shape == (side,) * 3
        assert box["galaxy_probability"].max() <= 1
        assert box["galaxy_count"].sum() > 0
        assert box.in_domain


def registry_example(model):
    return saving.module_of(model.card).example()


def test_without_counts_the_grid_is_that_of_the_config(models):
    box = {k: v for k, v in grids.example().items() if k != "dm_counts"}
    found = models["galaxy_hod.5"].predict(box)
    assert found["galaxy_count"].shape == (128, 128, 128)
    coarse = models["galaxy_hod.5"].predict(grids.example())
    assert coarse["galaxy_count"].sum() == pytest.approx(found["galaxy_count"].sum())


def test_a_periodic_box_may_be_moved(models):
    x = grids.example()
    step = x["box_size"] / 16
    moved = x | {
        "dm_counts": np.roll(x["dm_counts"], 5, 0),
        "halo_position": (x["halo_position"] + [5 * step, 0, 0]) % x["box_size"],
    }
    for name, model in models.items():
        keys = list(registry_example(model))
        still, rolled = (model.predict({k: box[k] for k in keys}) for box in (x, moved))
        expected = np.roll(still["galaxy_count"], 5, 0)
        np.testing.assert_allclose(rolled["galaxy_count"], expected, atol=2e-3, err_msg=name)


def test_tags_and_cards():
    _, name = registry.find_card("galaxy_hod")
    assert name == "galaxy_hod.3"
    card = read_card(Path(galaxy_hod.__file__).with_suffix(".md"))
    assert card.variants["5"].recipe["config"] == {"rule": "zheng"}
    assert card.variants["5_all"].dataset == "dark_matter_galaxies/toy_tng_all:1.0.0"
    _, name = registry.find_card("galaxy_threshold")
    assert name == "galaxy_threshold.stars"


@pytest.mark.parametrize(("side", "rival"), [(128, "stars"), (256, "all")])
def test_rivals_are_fitted_to_the_same_galaxies(side, rival):
    found = galaxy_hod.baselines({"dm_counts": np.zeros((1, side))})
    assert found == {"density threshold": f"galaxy_threshold.{rival}"}


BOX = grids.example()
IMPOSSIBLE = {
    "no matter": (
        "galaxy_threshold.stars",
        {"dm_counts": np.zeros((16, 16, 16))},
        "there is no matter",
    ),
    "negative": (
        "galaxy_threshold.stars",
        {"dm_counts": BOX["dm_counts"] - 5},
        r"dm_counts = -5 .*\[0",
    ),
    "kpc/h": ("galaxy_threshold.stars", {"box_size": 3125.0}, "voxel.* is box_size in Mpc/h"),
    "no cube": ("galaxy_threshold.stars", {"dm_counts": np.ones((4, 4, 5))}, "share the axis N"),
    "positions": ("galaxy_hod.5", {"halo_position": 1e3 * BOX["halo_position"]}, "periodic box"),
    "negative positions": ("galaxy_hod.3", {"halo_position": BOX["halo_position"] - 1}, "= -0.8"),
    "log mass": ("galaxy_hod.5", {"halo_mass": np.log10(BOX["halo_mass"])}, "not its logarithm"),
    "radii": ("galaxy_hod.5", {"halo_radius": 1e1 * BOX["halo_radius"]}, "quarter of box_size"),
    "lengths": ("galaxy_hod.5", {"halo_radius": BOX["halo_radius"][1:]}, "share the axis H"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_boxes_are_named(models, case):
    name, change, message = IMPOSSIBLE[case]
    with pytest.raises(InputError, match=message):
        models[name].predict(registry_example(models[name]) | change)


FLAGGED = {
    "voxel": ("galaxy_threshold.stars", {"box_size": 25.0}, "side of a voxel .* = 1.56"),
    "particles": (
        "galaxy_threshold.stars",
        {"dm_counts": 8 * BOX["dm_counts"]},
        "particles per voxel",
    ),
    "haloes": (
        "galaxy_hod.3",
        {"halo_mass": np.zeros(0), "halo_radius": np.zeros(0), "halo_position": np.zeros((0, 3))},
        "number of haloes = 0",
    ),
}


@pytest.mark.parametrize("case", FLAGGED)
def test_strange_boxes_are_flagged(models, case):
    name, change, message = FLAGGED[case]
    with pytest.warns(OutsideRangeWarning, match=message):
        found = models[name].predict(registry_example(models[name]) | change)
    assert not found.in_domain
    assert np.isfinite(found["galaxy_count"]).all()


def test_sanity_of_padded_boxes():
    counts = np.full((2, 4, 4, 4), np.nan)
    counts[0], counts[1, :3, :3, :3] = 1, 0
    found = sanity.check({"dm_counts": counts, "box_size": np.array([0.8, 0.6])})
    assert [(v.impossible, v.rows.tolist()) for v in found] == [(True, [False, True])]
