"""jam_photometry: exact symmetries, gradients, learning on few galaxies, bad images."""

from dataclasses import replace

import numpy as np
import pytest

from zoo import quantities, registry, saving
from zoo.evaluation.metrics import map_errors
from zoo.models.jam import jam_photometry as module
from zoo.models.jam import photometry_baselines, photometry_check
from zoo.training import loop
from zoo_datasets.simulators import sersic_mock

SMALL = {"filters": [4, 8], "features": 8, "width": 32, "depth": 1, "modes": 8, "counts": [20, 9]}
NAMES = ("photometry", *module.SCALARS)


@pytest.fixture(scope="module")
def card():
    """The card with a small network and a short training."""
    card = registry.find_card("jam_photometry")[0]
    recipe = card.recipe | {"config": SMALL, "epochs": 12, "batch_size": 4, "learning_rate": 1e-2}
    return replace(card, recipe=recipe)


@pytest.fixture(scope="module")
def galaxies():
    """32 records of the mocks (n, ...), each with M/L, brightness and distance of their own."""
    rng = np.random.default_rng(21)
    own = {"ml": (0.5, 8), "intensity_e": (50, 5000), "distance": (3, 200)}
    rows = [
        sersic_mock.simulate(sersic_mock.draw(rng) | {n: rng.uniform(*e) for n, e in own.items()})
        for _ in range(32)
    ]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module")
def double(galaxies):
    """A network with random weights, in float64, whose modes and statistics are set."""
    import keras

    keras.utils.set_random_seed(5)
    model = module.build(dtype="float64", **SMALL)
    module.adapt(model, galaxies)
    return model


@pytest.fixture(scope="module")
def few(galaxies):
    """What the model reads of six galaxies, in float64."""
    return {name: galaxies[name][:6].astype(np.float64) for name in NAMES}


def vrms(model, inputs, **changes):
    return np.asarray(model(inputs | changes)["vrms"])


# --- symmetries, whatever the weights


@pytest.mark.parametrize("name", ["ml", "intensity_e", "distance"])
def test_scalings(double, few, name):
    four = vrms(double, few, **{name: 4 * few[name]})
    np.testing.assert_allclose(four, 2 * vrms(double, few), rtol=1e-12)


def test_quarter_turns(double, few):
    turned = vrms(
        double,
        few,
        photometry=np.rot90(few["photometry"], -1, axes=(1, 2)),  # y points up: counter-clockwise
        position_angle=few["position_angle"] + 90,
    )
    np.testing.assert_allclose(turned, np.rot90(vrms(double, few), -1, axes=(1, 2)), rtol=1e-9)


def test_a_mirror(double, few):
    mirrored = vrms(
        double, few, photometry=few["photometry"][:, ::-1], position_angle=-few["position_angle"]
    )
    np.testing.assert_allclose(mirrored, vrms(double, few)[:, ::-1], rtol=1e-9)


def test_maps_are_even_along_the_axes(double, few):
    rng = np.random.default_rng(3)
    noisy = few["photometry"] * rng.uniform(0.9, 1.1, few["photometry"].shape)
    found = vrms(double, few, photometry=noisy, position_angle=np.full(6, 90.0))
    np.testing.assert_allclose(found, found[:, ::-1], rtol=1e-10)
    np.testing.assert_allclose(found, found[:, :, ::-1], rtol=1e-10)


def test_any_turn_changes_little(double):
    """Between quarter turns the image is interpolated, so that the same galaxy looks alike."""
    aligned = []
    for angle in (0.0, 20.0, 45.0, 71.0):
        image = module.photometry(n=3.5, q=0.7, radius=8.0, angle=angle)[None]
        columns = {"photometry": image, "position_angle": np.array([angle])}
        columns |= {"r_sersic": np.array([8.0]), "ml": np.ones(1)}
        relative = double.get_layer("relative")(columns)
        turn = {"image": relative, "position_angle": columns["position_angle"]}
        aligned.append(np.asarray(double.get_layer("aligned")(turn))[0])
    spread = np.ptp(aligned, axis=0)
    assert spread.max() < 0.05
    assert np.median(spread) < 1e-4


def test_no_galaxy(few, tf):
    """A replica without rows, as the last batch leaves one."""
    model = module.build(**SMALL)
    specs = {name: tf.TensorSpec((None, *few[name].shape[1:]), tf.float32) for name in NAMES}
    serve = saving.concrete(model, specs)
    none = {name: tf.zeros((0, *few[name].shape[1:])) for name in NAMES}
    assert serve(**none)["vrms"].shape == (0, 64, 64)


# --- modes


def test_modes_give_the_mock_maps(galaxies):
    """Targets, principal components and the way to the pixels, without any learning."""
    model = module.build(**(SMALL | {"modes": 40, "counts": [24, 12]}))
    module.adapt(model, galaxies)
    amplitudes = model.get_layer("modes").project(module.targets(galaxies)).astype("float32")
    inputs = {name: galaxies[name] for name in NAMES}
    place = model.get_layer("pixels")(inputs)
    values = model.get_layer("modes")({"amplitudes": amplitudes, **place})
    maps = np.asarray(model.get_layer("vrms")(inputs | {"values": values}))
    assert map_errors(maps, galaxies["vrms"])["max_worst"] < 5e-4


def test_a_continued_release_keeps_its_modes(galaxies):
    model = module.build(**SMALL)
    module.adapt(model, galaxies)
    before = [weight.numpy() for weight in model.weights]
    module.adapt(model, {name: values[:16] for name, values in galaxies.items()})
    for old, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())


# --- learning


def test_gradients_reach_every_weight(double, few):
    import tensorflow as tf

    student = double.get_layer("network")
    image, known = module.prepared(double, few)
    with tf.GradientTape() as tape:
        error = tf.reduce_mean(module.loss(tf.zeros((6, 8), tf.float64), student([image, known])))
    gradients = tape.gradient(error, student.trainable_variables)
    assert len(gradients) == 2 * (2 + 1 + 1 + 1 + 1)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_the_loss_is_the_error_of_a_quadrant_in_per_cent(galaxies):
    model = module.build(**(SMALL | {"modes": 40}))
    module.adapt(model, galaxies)
    amplitudes = model.get_layer("modes").project(module.targets(galaxies))
    wrong = module.targets(galaxies) * 1.01  # an error of one per cent of ln Vrms / sqrt(scale)
    difference = wrong - module.targets(galaxies)
    rms = 100 * np.sqrt(np.mean(difference**2, axis=(1, 2, 3)))
    found = np.asarray(module.loss(amplitudes, model.get_layer("modes").project(wrong)))
    np.testing.assert_allclose(found, np.hypot(rms, module.TOLERANCE), rtol=2e-3)


def test_learning_on_few_galaxies(card, galaxies):
    """Better than the mean galaxy; nothing of the validation galaxies is seen."""
    train = {name: values[:24] for name, values in galaxies.items()}
    rest = {name: values[24:] for name, values in galaxies.items()}
    inputs = {name: rest[name] for name in NAMES}
    trained = loop.train(card, train, rest, loop.recipe(card))
    assert trained.facts["examples"] == 24
    error = map_errors(vrms(trained.model, inputs), rest["vrms"])["mean_abs"]
    trained.model.get_layer("network").get_layer("spread").spread.assign(np.zeros(8))
    mean_galaxy = map_errors(vrms(trained.model, inputs), rest["vrms"])["mean_abs"]
    assert error < 0.7 * mean_galaxy
    assert error < 0.08


# --- baselines


def test_a_sersic_fit_before_the_emulator(galaxies):
    inputs = {name: galaxies[name][:6] for name in NAMES}
    found = vrms(photometry_baselines.fit_then_emulate(), inputs)
    assert map_errors(found, galaxies["vrms"][:6])["max_worst"] < 2e-3


# --- bad images


def flagged(inputs, **changes):
    return [str(violation) for violation in photometry_check.check(inputs | changes, module.PIXEL)]


@pytest.fixture
def one():
    return quantities.read(registry.find_card("jam_photometry")[0], module.example()).columns


def test_the_mocks_are_inside(few):
    assert flagged(few) == []


def test_the_fit_measures_the_galaxy(galaxies):
    columns = {name: galaxies[name].astype(np.float64) for name in NAMES}
    found = photometry_check.measured(columns, module.PIXEL)
    np.testing.assert_allclose(found["n"], galaxies["n_sersic"], atol=1e-5)
    np.testing.assert_allclose(found["q"], galaxies["q_light"], atol=1e-6)
    assert found["deviation"].max() < 1e-5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"position_angle": 40.0}, "position_angle = 40 (1 row), allowed: 30 deg, the major axis"),
        ({"position_angle": 120.0}, "position_angle = 120 (1 row), allowed: 30 deg, the major"),
        ({"position_angle": -150.0}, None),
        ({"r_sersic": 12.0}, "r_sersic = 12 (1 row), allowed: 10 arcsec, the effective radius"),
        ({"q_mass": 0.3}, "q_mass = 0.3 (1 row), allowed: more than cos(inclination) = 0.34202"),
        ({"beta_z": 0.3}, "beta_z = 0.3 (1 row), allowed: at most 0.7 (1 - q) = 0.1613"),
        ({"inclination": 30.0}, "photometry (axis ratio at this inclination) = 0.8 (1 row), allow"),
    ],
)
def test_parameters_that_the_image_contradicts(one, changes, message):
    found = flagged(one, **{name: np.array([value]) for name, value in changes.items()})
    assert (found == []) if message is None else any(text.startswith(message) for text in found)


def test_images_that_are_not_the_training_set(one):
    image = one["photometry"]
    (text,) = flagged(one, photometry=3 * image)
    assert text == ("photometry (at its effective radius) = 3 (1 row), allowed: 1, I / intensity_e")
    star = image.copy()
    star[0, 12, 50] += 2
    noise = np.random.default_rng(1).uniform(0.1, 1, image.shape)
    for strange in (image + 0.3, star, noise):
        (text,) = flagged(one, photometry=strange)
        assert text.startswith("photometry (deviation of ln I from a Sersic profile) = ")
        assert text.endswith("(1 row), allowed: at most 0.05")
    index = {"n": 5.0, "q": 0.8, "radius": 10.0, "angle": 30.0}
    (text,) = flagged(one, photometry=module.photometry(**index)[None])
    assert text == "photometry (index) = 5 (1 row), allowed: 2 to 4"
    flat = index | {"n": 3.0, "q": 0.5}
    texts = flagged(one, photometry=module.photometry(**flat)[None], beta_z=np.zeros(1))
    assert texts == ["photometry (axis ratio) = 0.5 (1 row), allowed: 0.6 to 1"]


def test_an_image_off_its_centre(one, monkeypatch):
    x, y = photometry_check.positions(module.PIXELS, module.PIXEL)
    monkeypatch.setattr(module, "positions", lambda *_: (x - 0.3, y + 0.4))
    image = module.photometry(n=3.0, q=0.8, radius=10.0, angle=30.0)[None]
    (text,) = flagged(one, photometry=image)
    assert text == (
        "photometry (centre) [arcsec] = 0.5 (1 row), allowed: within 0.05 arcsec of the middle"
    )
