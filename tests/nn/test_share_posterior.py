"""Posteriors of shares."""

import numpy as np

from zoo.nn.share_posterior import SharePosterior

NAMES = ("a", "b", "c")


def answer(p):
    layer = SharePosterior(NAMES, p.shape[-1])
    found = layer(np.log(np.maximum(p, 1e-30)).astype(np.float32))
    return {name: np.asarray(value) for name, value in found.items()}


def test_moments_and_quantiles_against_draws():
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.full(21, 0.5), (2, 3))
    found = answer(p)
    nodes = np.linspace(0, 1, 21)
    mean = np.sum(p * nodes, axis=-1)
    for i, name in enumerate(NAMES):
        np.testing.assert_allclose(found[name], mean[:, i] / mean.sum(axis=1), rtol=1e-4)
        variance = np.sum(p[:, i] * (nodes - mean[:, i, None]) ** 2, axis=-1)
        np.testing.assert_allclose(found[f"{name}_std"], np.sqrt(variance), rtol=1e-4)
        for row in range(2):
            node = rng.choice(21, 200_000, p=p[row, i])
            layer = SharePosterior(NAMES, 21)
            low, high = layer.edges[node], layer.edges[node + 1]
            draws = low + (high - low) * rng.random(len(node))
            expected = np.quantile(draws, [0.025, 0.16, 0.5, 0.84, 0.975])
            np.testing.assert_allclose(found[f"{name}_quantiles"][row], expected, atol=0.03)


def test_certainty():
    """All on 0, on 1, or on a node: quantiles at the ends are points."""
    p = np.zeros((1, 3, 11))
    p[0, 0, 0], p[0, 1, 10], p[0, 2, 4] = 1, 1, 1
    found = answer(p)
    np.testing.assert_array_equal(found["a_quantiles"], 0)
    np.testing.assert_array_equal(found["b_quantiles"], 1)
    assert 0.35 <= found["c_quantiles"].min() < found["c_quantiles"].max() <= 0.45
    total = sum(found[name] for name in NAMES)
    np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_targets_keep_the_mean():
    layer = SharePosterior(NAMES, 21)
    shares = np.random.default_rng(1).dirichlet(np.ones(3), 50)
    target = layer.targets(shares)
    np.testing.assert_allclose(target.sum(axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(target @ layer.nodes, shares, atol=1e-6)
    assert (np.count_nonzero(target, axis=-1) <= 2).all()


def test_temperature_spreads():
    layer = SharePosterior(NAMES, 21)
    logits = np.random.default_rng(2).normal(size=(4, 3, 21)).astype(np.float32) * 3
    sharp = np.asarray(layer(logits)["a_std"])
    layer.temperature.assign(5.0)
    assert (np.abs(np.asarray(layer(logits)["a_std"]) - sharp) > 1e-3).all()
    layer.temperature.assign(1e6)
    flat = np.asarray(layer(logits)["a_std"])
    np.testing.assert_allclose(flat, np.std(np.linspace(0, 1, 21)), rtol=1e-4)
