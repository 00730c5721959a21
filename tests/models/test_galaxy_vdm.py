"""Maps of galaxies by diffusion: views, training examples, draws, bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.models.galaxies import galaxy_vdm, vdm_training
from zoo.models.galaxies.vdm_views import Views
from zoo_datasets.dark_matter_galaxies import slabs

TINY = {"embedding": 8, "blocks": 1, "patch": 2, "steps": 8, "draws": 3, "noise": (-5, 8)}
DENSE = 30  # particles, above which galaxies are common


@pytest.fixture(scope="module")
def model():
    """Galaxies where matter is dense, and a network that adds a little of its own."""
    made = galaxy_vdm.build(**TINY, data_noise=0.1, guess=True)
    rng = np.random.default_rng(1)
    matter = rng.poisson(26, (60, 16, 16))
    galaxies = rng.poisson(np.where(matter > DENSE, 1.0, 0.02))
    galaxy_vdm.adapt(made, {"dm_map": matter, "galaxy_map": galaxies})
    for weight in made.get_layer("draws").diffusion.denoiser.trainable_weights:
        weight.assign(rng.normal(0, 0.03, weight.shape))
    return made


@pytest.fixture(scope="module")
def answer(model):
    """The model as a graph that is traced once."""
    specs = [{t.name: tf.TensorSpec(t.shape, t.dtype, name=t.name) for t in model.inputs}]
    graph = tf.function(model, input_signature=specs)
    return lambda given: {n: np.asarray(v) for n, v in graph(given).items()}


def columns(sides=(16, 16), padded=16):
    rng = np.random.default_rng(2)
    maps = np.full((len(sides), padded, padded), np.nan, np.float32)
    for row, side in enumerate(sides):
        maps[row, :side, :side] = rng.poisson(26, (side, side))
    rest = {"box_size": np.array(sides) * 25 / 128, "omega_m": 0.3, "sigma_8": 0.8, "a_sn1": 1.0}
    return {"dm_map": maps} | {n: np.full(len(sides), v, np.float32) for n, v in rest.items()}


def test_views_are_inverted():
    views = Views(("omega_m", "a_sn1"))
    views.build(None)
    galaxies = np.arange(41.0).reshape(1, 41) * np.ones((41, 1))
    views.adapt(np.full((41, 41), 26.0) + np.eye(41), galaxies)
    np.testing.assert_array_equal(views.number(views.data(galaxies.astype("f4"))), galaxies)
    given = {"omega_m": np.array([0.4], "f4"), "a_sn1": np.array([2.0], "f4")}
    np.testing.assert_allclose(views.conditions(given), [[1, 1]], rtol=1e-6)
    at = views.data(np.array([0.0, 0.5, 1.0], "f4"))
    np.testing.assert_allclose(views.occupied(at, 0.01), [0, 0.5, 1], atol=1e-6)
    with pytest.raises(ValueError, match="parameters has spam; allowed: omega_m"):
        Views(("spam",))


def test_draws_are_whole_and_the_summary_is_theirs(answer):
    out = answer(columns())
    drawn = out["galaxy_map_draws"]
    assert drawn.shape == (2, 3, 16, 16)
    np.testing.assert_array_equal(drawn, np.round(drawn))
    assert drawn.min() == 0
    assert drawn.max() > 0
    mean = drawn.mean(axis=1)
    np.testing.assert_array_equal(out["galaxy_map"] > 0, mean > 0)
    assert np.abs(out["galaxy_map"] - mean).max() < 0.5  # the mean is taken before rounding
    np.testing.assert_allclose(out["galaxy_map_std"], drawn.std(axis=1), rtol=1e-4, atol=1e-6)
    assert np.abs(out["galaxy_probability"] - (drawn > 0).mean(axis=1)).mean() < 0.1


def test_galaxies_are_where_they_are_in_the_training_set(answer):
    given = columns((16,) * 8)
    drawn = answer(given)["galaxy_map_draws"].mean(axis=1)
    dense = given["dm_map"] > DENSE
    assert 0.6 < drawn[dense].mean() < 1.4
    assert drawn[~dense].mean() < 0.1


def test_a_smaller_map_is_answered_as_alone(answer):
    sides = (16, 10, 12)
    wide = answer(columns(sides))["galaxy_map_draws"]
    for row, side in enumerate(sides):
        own = {n: v[row : row + 1] for n, v in columns(sides).items()}
        own["dm_map"] = own["dm_map"][:, :side, :side]
        alone = answer(own)["galaxy_map_draws"][0]
        np.testing.assert_array_equal(wide[row, :, :side, :side], alone)
        assert np.isnan(wide[row, :, side:]).all()
    assert answer({n: v[:0] for n, v in columns().items()})["galaxy_map"].shape == (0, 16, 16)


def test_draws_by_seed(model):
    given = columns()
    many = galaxy_vdm.draw(model, given, 4, seed=5)
    assert many.shape == (2, 4, 16, 16)
    np.testing.assert_array_equal(galaxy_vdm.draw(model, given, 2, seed=5), many[:, :2])
    function, specs = galaxy_vdm.signatures(model)["draws"]
    assert set(specs) == {*given, "seed", "n"}
    graph = tf.function(function, input_signature=[specs])
    count = np.array([4, 4], np.int32)
    served, other = (
        np.asarray(graph(given | {"seed": np.array(seed, np.int32), "n": count})["galaxy_map"])
        for seed in ([[5, 0], [5, 1]], [[6, 0], [6, 1]])
    )
    np.testing.assert_array_equal(served, many)
    assert (other != many).any()


def test_boxes_in_three_dimensions():
    made = galaxy_vdm.build(**TINY | {"dimensions": 3, "parameters": (), "steps": 2})
    box = {"dm_counts": np.ones((1, 8, 8, 8), "f4"), "box_size": np.ones(1, "f4")}
    out = made(box)
    assert out["galaxy_count_draws"].shape == (1, 3, 8, 8, 8)


def test_moved_maps_keep_their_pairs():
    rng = np.random.default_rng(3)
    maps = np.stack([np.arange(64.0).reshape(8, 8), -np.arange(64.0).reshape(8, 8)])
    moved = [vdm_training.moved(maps, rng) for _ in range(20)]
    for one in moved:
        np.testing.assert_array_equal(one[0], -one[1])
        assert sorted(one[0].ravel()) == list(range(64))
        ring = np.abs(np.diff(one[0], axis=0)[0, 0])  # neighbours stay neighbours
        assert ring in (1, 7, 8, 56)
    assert len({one.tobytes() for one in moved}) > 15


def test_examples_are_drawn_anew_and_the_validation_is_not():
    rng = np.random.default_rng(4)
    maps = rng.poisson(26, (6, 8, 8)), rng.poisson(0.1, (6, 8, 8))
    known = {"omega_m": np.linspace(0.1, 0.5, 6)}
    train, fixed = (vdm_training.Noised(*maps, known, seed) for seed in (1, None))
    train.batch_size = fixed.batch_size = 4
    assert (len(train), len(fixed)) == (2, 3)
    first = train[0][0]
    assert np.allclose(np.diff(np.sort(first["time"])), 0.25)
    train.begin(1)
    assert not np.array_equal(train[0][0]["noise"], first["noise"])
    before = fixed[1][0]
    fixed.begin(1)
    for name, value in fixed[1][0].items():
        np.testing.assert_array_equal(value, before[name])


def test_learning_lowers_the_loss():
    rng = np.random.default_rng(5)
    matter = rng.poisson(26, (8, 16, 16))
    known = {n: np.ones(8) for n in ("omega_m", "sigma_8", "a_sn1")}
    batches = vdm_training.Noised(matter, matter > 33, known, 1)
    made = galaxy_vdm.build(**TINY, data_noise=0.1)
    layer = made.get_layer("draws")
    layer.views.adapt(matter, matter > 33)
    learner = vdm_training.student(layer.views, layer.diffusion)
    learner.compile(keras.optimizers.Adam(3e-3), loss=vdm_training.total)
    curve = learner.fit(batches, epochs=12, verbose=0).history["loss"]
    assert curve[-1] < 0.8 * curve[0]


def test_slabs_are_those_of_the_dataset():
    rng = np.random.default_rng(6)
    box = {"dm_counts": rng.poisson(1, (32,) * 3), "galaxy_count": rng.poisson(0.1, (32,) * 3)}
    box |= {"box_size": 25.0, "omega_m": 0.3, "object_id": "CV_0"}
    truth = list(slabs.of_box(box))
    ours = vdm_training.slabs({n: np.array([v]) for n, v in box.items()}, ("omega_m",))
    assert len(truth) == len(ours["omega_m"]) == 15
    for name in ("dm_map", "galaxy_map"):
        np.testing.assert_array_equal(ours[name], [one[name] for one in truth])


def test_bad_maps_are_flagged():
    good = columns((16,)) | {"dm_map": np.full((1, 16, 16), 26.0)}
    assert galaxy_vdm.check(good) == []
    cases = {
        "no matter": (good | {"dm_map": np.zeros((1, 16, 16))}, True),
        "in Mpc/h": (good | {"box_size": np.array([3125.0])}, False),
        "one particle per cell": (good | {"dm_map": np.full((1, 16, 16), 500.0)}, False),
    }
    for text, (bad, impossible) in cases.items():
        found = galaxy_vdm.check(bad)
        assert [v.impossible for v in found] == [impossible], text
        assert text in found[0].allowed


def test_rivals():
    rng = np.random.default_rng(7)
    matter = rng.lognormal(3, 0.6, (6, 32, 32)).round()
    galaxies = rng.poisson(matter / 400)
    rows = galaxy_vdm.baselines({"dm_map": matter, "galaxy_map": galaxies})
    given = {"dm_map": matter.astype("f4")}
    given |= {n: np.ones(6, "f4") for n in ("box_size", "omega_m", "sigma_8", "a_sn1")}
    out = {label: {n: np.asarray(v) for n, v in m(given).items()} for label, m in rows.items()}
    assert not out["all zero"]["galaxy_map_draws"].any()
    said = out["density threshold"]["galaxy_map"] > 0
    assert said.mean() == pytest.approx((galaxies > 0).mean(), rel=0.2)
    assert matter[said].min() >= matter[~said].max()
    dice = out["dice by density"]["galaxy_map_draws"]
    assert dice.mean() == pytest.approx(galaxies.mean(), rel=0.1)
    assert dice.var() == pytest.approx(galaxies.var(), rel=0.15)
    assert galaxy_vdm.signatures(rows["all zero"]) == {}
