"""The cluster networks: published architectures, exact symmetries, and learning from few mocks."""

import numpy as np
import pytest
from scipy import signal, stats

from zoo import registry, saving
from zoo.models.clusters import cluster_cnn1d, cluster_cnn2d, cluster_flow, maps, rivals
from zoo.training import loop
from zoo_datasets.arrays import Uneven

SMALL = {"filters": (4, 4, 4), "width": 8, "layers": 1, "hidden": 8}


def clusters(n, seed=0):
    """Toys whose dispersion is 900 km/s (M / 10^15)^(1/3), in uniform discs."""
    rng = np.random.default_rng(seed)
    log_mass = rng.uniform(13.6, 15.2, n)
    counts = rng.integers(20, 60, n)
    splits = np.concatenate([[0], np.cumsum(counts)])
    sigma = 900 * 10 ** ((log_mass - 15) / 3)
    v = np.clip(rng.normal(size=splits[-1]) * np.repeat(sigma, counts), -2200, 2200)
    r = 1.6 * np.sqrt(rng.random(splits[-1]))
    return {
        "log_mass": log_mass.astype(np.float32),
        "r_proj": Uneven(r.astype(np.float32), splits),
        "v_los": Uneven(v.astype(np.float32), splits),
        "is_member": Uneven(np.ones(splits[-1], np.uint8), splits),
    }


def padded(data, length=None):
    return {name: data[name].padded(length) for name in ("r_proj", "v_los")}


# --- CNN_1D and CNN_2D as Ho et al. (2019) state them


@pytest.mark.parametrize(("module", "count"), [(cluster_cnn1d, 24_024), (cluster_cnn2d, 30_323)])
def test_published_number_of_parameters(module, count):
    assert module.build().count_params() == count


def forward(weights, density, pool):
    """The published network in NumPy: density (velocity, channels) -> scaled mass."""
    x = density
    convolutions, dense = weights[:-6], weights[-6:]
    for kernel, bias in zip(convolutions[::2], convolutions[1::2], strict=True):
        full = sum(
            signal.correlate(x[:, i], kernel[:, i, j], "same")[:, None]
            * (np.arange(len(bias)) == j)
            for i in range(kernel.shape[1])
            for j in range(kernel.shape[2])
        )
        x = np.maximum(full + bias, 0)
    x = x.reshape(-1, pool, x.shape[1]).max(axis=1).ravel()
    for i in (0, 2, 4):
        x = x @ dense[i] + dense[i + 1]
        x = np.maximum(x, 0) if i < 4 else x
    return x[0]


@pytest.mark.parametrize(("module", "pool"), [(cluster_cnn1d, 2), (cluster_cnn2d, 4)])
def test_network_against_numpy_and_scipy(module, pool):
    """From galaxies to the mass, with `scipy.stats.gaussian_kde` for the map."""
    model = module.build(dtype="float64")
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * (0.3 if weight.ndim > 1 else 0.1))
    v = rng.normal(0, 600, 30)
    r = 0.8 + 0.2 * rng.normal(size=30)
    r -= (v - v.mean()) * np.cov(r, v)[0, 1] / v.var(ddof=1)  # no covariance, as in the layer
    grid = (np.arange(48) + 0.5) / 48
    axes = [2200 * (2 * grid - 1)] + ([1.6 * grid] if module is cluster_cnn2d else [])
    kde = stats.gaussian_kde([v, r] if len(axes) == 2 else v, bw_method=0.25)
    points = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
    density = kde(points).reshape(48, -1)
    score = forward([np.asarray(w) for w in model.weights], density / density.sum(), pool)
    found = model({"r_proj": r[None], "v_los": v[None]})["log_mass"]
    assert float(found[0]) == pytest.approx(13.5 + 1.85 * score, abs=1e-6)


def test_published_network_learns():
    """On maps that are mirrored at random; a mean would be off by 0.46 dex."""
    card, _ = registry.find_card("cluster_cnn1d")
    settings = loop.recipe(card, epochs=6, batch_size=10, learning_rate=3e-3)
    trained = loop.train(card, clusters(400), clusters(100, 1), settings)
    test = clusters(200, 2)
    found = np.asarray(trained.model(padded(test))["log_mass"])
    assert np.std(found - test["log_mass"]) < 0.3


# --- the flow


@pytest.fixture(scope="module")
def flow():
    """A flow that has learned a little, on toys, and its recalibration."""
    import keras

    keras.utils.set_random_seed(1)
    card, _ = registry.find_card("cluster_flow")
    settings = loop.recipe(card, config=SMALL, epochs=5, batch_size=16, learning_rate=5e-3)
    return loop.train(
        card, clusters(600), clusters(200, 1), settings, calibration=clusters(600, 3)
    ).model


def test_flow_learns(flow):
    test = clusters(500, 2)
    found = {name: np.asarray(value) for name, value in flow(padded(test)).items()}
    error = found["log_mass"] - test["log_mass"]
    assert np.std(error) < 0.25
    quantiles = found["log_mass_quantiles"]
    assert np.all(np.diff(quantiles, axis=1) > 0)
    inside = (quantiles[:, 1] < test["log_mass"]) & (test["log_mass"] < quantiles[:, 3])
    # binomial error of 500 tests and of 600 to calibrate with, three times
    assert np.mean(inside) == pytest.approx(0.68, abs=3 * np.sqrt(0.22 / 500 + 0.22 / 600))
    recalibration = flow.get_layer("posterior").flow.recalibration
    assert np.abs(np.asarray(recalibration.raw) - np.asarray(recalibration.calibrated)).max() > 0.01


def test_mirror_images_are_alike(flow):
    sets = padded(clusters(8, 4))
    mirrored = {**sets, "v_los": -sets["v_los"]}
    for name, value in flow(sets).items():
        np.testing.assert_allclose(value, flow(mirrored)[name], rtol=2e-6)


def test_padding_and_order_tell_nothing(flow):
    data = clusters(8, 4)
    truth = flow(padded(data))
    longer = {name: values[:, ::-1] for name, values in padded(data, 200).items()}
    for name, value in flow(longer).items():
        np.testing.assert_allclose(value, truth[name], rtol=5e-6)


@pytest.mark.parametrize("richness", [False, True])
def test_who_sees_the_number_of_galaxies(richness):
    """The same map with another number: only the variant that is told may answer otherwise."""
    model = cluster_flow.build(richness=richness, **SMALL)
    encoder = model.get_layer("posterior").flow.encoder
    density = encoder.maps(padded(clusters(3)))
    few, many = (np.asarray(encoder.encode(density, np.full(3, n))) for n in (20, 200))
    assert np.array_equal(few, many) == (not richness)


def test_gradients_reach_every_galaxy(flow):
    """For saliency maps: finite, and those of absent galaxies zero."""
    import tensorflow as tf

    data = clusters(6, 5)
    sets = {name: tf.constant(value) for name, value in padded(data).items()}
    with tf.GradientTape() as tape:
        tape.watch(sets)
        total = tf.reduce_sum(flow(sets)["log_mass"])
    for gradient in tape.gradient(total, sets).values():
        present = np.isfinite(sets["v_los"].numpy())
        assert np.all(np.isfinite(gradient))
        assert np.all((gradient.numpy() != 0) == present)


def test_draws_and_density_agree_with_the_quantiles(flow):
    """Through the signatures of a release: half of the draws lie below the median."""
    given = {name: np.float32(value) for name, value in padded(clusters(3, 6)).items()}
    card, _ = registry.find_card("cluster_flow")
    functions = saving.functions(card, flow)
    seed = np.array([[1, 0], [1, 1], [1, 2]], np.int32)
    draws = functions["sample"][0](given | {"seed": seed, "n": np.full(3, 4000, np.int32)})
    quantiles = np.asarray(flow(given)["log_mass_quantiles"])
    below = np.mean(draws["log_mass"].numpy()[:, :, None] < quantiles[:, None], axis=1)
    np.testing.assert_allclose(below, [[0.025, 0.16, 0.5, 0.84, 0.975]] * 3, atol=0.03)
    grid = np.linspace(13.5, 15.35, 802, dtype=np.float32)[1:-1]
    one = {name: np.repeat(value[:1], len(grid), axis=0) for name, value in given.items()}
    log_prob = functions["log_prob"][0](one | {"theta": grid[:, None]})["log_prob"]
    assert np.trapezoid(np.exp(log_prob), grid) == pytest.approx(1, abs=0.01)


# --- shared


def test_maps_do_not_depend_on_how_they_are_cut(monkeypatch):
    model = cluster_cnn2d.build()
    data = clusters(20)
    together = maps.of_clusters(model.get_layer("kde"), data)
    monkeypatch.setattr(maps, "ROWS", 7)
    np.testing.assert_allclose(maps.of_clusters(model.get_layer("kde"), data), together, atol=2e-3)
    assert together.dtype == np.float16
    assert together.mean(axis=(1, 2)) == pytest.approx(np.ones(20), abs=1e-3)


def test_rivals_are_of_the_same_kind():
    data = clusters(5)
    assert set(rivals.baselines(data).values()) == {"cluster_msigma.pure", "cluster_mamposst.pure"}
    data["is_member"].values[0] = 0
    assert rivals.baselines(data)["M-sigma"] == "cluster_msigma.contaminated"
    data["r_proj"].values[0] = 3.9
    assert rivals.baselines(data)["MAMPOSSt"] == "cluster_mamposst.sdss"
