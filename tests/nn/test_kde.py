"""The KDE layer: against SciPy, ragged sets, degenerate sets, and gradients to the galaxies."""

import numpy as np
import pytest
from scipy import stats

from zoo.nn.kde import GaussianKDE

pytestmark = pytest.mark.usefixtures("keras")

AXES = {
    "v_los": (-2200.0, 2200.0, 48),
    "r_proj": (0.0, 1.6, 24),
    "x_proj": (-4.0, 4.0, 12),
}


def axes(dimensions):
    return dict(list(AXES.items())[:dimensions])


def uncorrelated(dimensions, points, seed=0):
    """A set whose sample covariance is exactly diagonal, in physical units."""
    rng = np.random.default_rng(seed)
    sample = rng.normal(size=(points, dimensions))
    sample -= sample.mean(axis=0)
    sample = np.linalg.qr(sample)[0]
    low, high, _ = np.array(list(axes(dimensions).values())).T
    return (low + high) / 2 + sample * np.sqrt(points) * (high - low) / 6


def batch(sets, dimensions, length):
    out = np.full((dimensions, len(sets), length), np.nan, "float32")
    for i, points in enumerate(sets):
        out[:, i, : len(points)] = points.T
    return dict(zip(AXES, out, strict=False))


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_scipy(dimensions):
    layer = GaussianKDE(axes(dimensions), factor=0.25, normalize=False, dtype="float64")
    points = uncorrelated(dimensions, 40)
    grid = np.meshgrid(*(layer.centres(name) for name in axes(dimensions)), indexing="ij")
    oracle = stats.gaussian_kde(points.T, bw_method=0.25)
    expected = oracle(np.stack([g.ravel() for g in grid])).reshape(layer.grid_shape)
    inputs = {name: points[None, :, i] for i, name in enumerate(axes(dimensions))}
    np.testing.assert_allclose(np.asarray(layer(inputs))[0], expected, rtol=1e-9)
    # a map of float32 that sums to 1, shuffled and padded: the same
    single = GaussianKDE(axes(dimensions), factor=0.25)
    inputs = batch([points[::-1]], dimensions, 50)
    ours = np.asarray(single(inputs))[0]
    np.testing.assert_allclose(ours, expected / expected.sum(), rtol=2e-4, atol=1e-9)
    assert ours.sum() == pytest.approx(1, abs=1e-5)


def test_a_factor_for_each_axis():
    factors = {"v_los": 0.2, "r_proj": 0.4}
    layer = GaussianKDE(axes(2), factor=factors, normalize=False, dtype="float64")
    rng = np.random.default_rng(1)
    v, r = rng.normal(0, 800, 30), rng.uniform(0, 1.6, 30)
    expected = sum(
        np.outer(
            stats.norm.pdf(layer.centres("v_los"), a, 0.2 * v.std(ddof=1)),
            stats.norm.pdf(layer.centres("r_proj"), b, 0.4 * r.std(ddof=1)),
        )
        for a, b in zip(v, r, strict=True)
    )
    ours = np.asarray(layer({"v_los": v[None], "r_proj": r[None]}))[0]
    np.testing.assert_allclose(ours, expected / 30, rtol=1e-10)


def test_sets_do_not_see_each_other_or_their_padding():
    layer = GaussianKDE(axes(2))
    sets = [uncorrelated(2, n, seed=n) for n in (5, 17, 40)]
    together = np.asarray(layer(batch(sets, 2, 64)))
    assert together.shape == (3, 48, 24)
    for i, points in enumerate(sets):
        alone = np.asarray(layer(batch([points], 2, len(points))))[0]
        np.testing.assert_allclose(together[i], alone, rtol=1e-5, atol=1e-9)
    # one missing coordinate makes a galaxy absent
    inputs = batch(sets, 2, 64)
    inputs["r_proj"][2, 7] = np.nan
    expected = np.asarray(layer(batch([np.delete(sets[2], 7, axis=0)], 2, 39)))[0]
    np.testing.assert_allclose(np.asarray(layer(inputs))[2], expected, rtol=1e-5, atol=1e-9)


def test_few_galaxies():
    """None: zeros. One, or all alike: a kernel as wide as that of a uniform distribution."""
    layer = GaussianKDE(axes(2))
    one = np.array([[300.0, 0.5]])
    maps = np.asarray(layer(batch([np.zeros((0, 2)), one, np.repeat(one, 9, axis=0)], 2, 10)))
    assert np.all(maps[0] == 0)
    shape = [
        stats.norm.pdf(layer.centres(name), at, 0.25 * (high - low) / np.sqrt(12))
        for (name, (low, high, _)), at in zip(axes(2).items(), one[0], strict=True)
    ]
    expected = np.outer(*shape)
    np.testing.assert_allclose(maps[1], expected / expected.sum(), rtol=1e-4)
    np.testing.assert_allclose(maps[2], maps[1], rtol=1e-5)


@pytest.mark.parametrize("name", ["v_los", "r_proj"])
def test_gradients(name):
    """To each galaxy, by finite differences; finite and zero where galaxies are absent."""
    import tensorflow as tf

    layer = GaussianKDE(axes(2), dtype="float64")
    sets = [uncorrelated(2, 6), uncorrelated(2, 1), np.zeros((0, 2))]
    inputs = {n: x.astype("float64") for n, x in batch(sets, 2, 8).items()}
    weights = np.random.default_rng(0).normal(size=(3, 48, 24))

    def score(x):
        return tf.reduce_sum(layer({**inputs, name: x}) * weights)

    x = tf.constant(inputs[name])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = score(x)
    gradient = tape.gradient(value, x).numpy()
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[np.isnan(inputs[name])] == 0)
    step = 1e-5 * (AXES[name][1] - AXES[name][0])
    for at in [(0, 0), (0, 5), (1, 0)]:
        up, down = inputs[name].copy(), inputs[name].copy()
        up[at] += step
        down[at] -= step
        expected = (score(tf.constant(up)) - score(tf.constant(down))) / (2 * step)
        assert gradient[at] == pytest.approx(float(expected), rel=1e-5)


def test_symbolic_shape_and_config(keras):
    layer = GaussianKDE(axes(3), factor=0.175, name="kde")
    output = layer({name: keras.Input((None,), name=name) for name in axes(3)})
    assert output.shape == (None, 48, 24, 12)
    again = GaussianKDE.from_config(layer.get_config())
    inputs = batch([uncorrelated(3, 12)], 3, 12)
    np.testing.assert_array_equal(np.asarray(again(inputs)), np.asarray(layer(inputs)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"axes": {}}, "one to three"),
        ({"axes": {"v_los": (1.0, 1.0, 5)}}, "low < high"),
        ({"axes": axes(2), "factor": {"v_los": 0.2}}, "positive number for each"),
        ({"axes": axes(1), "factor": -1.0}, "positive number for each"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianKDE(**arguments)
