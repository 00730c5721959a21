"""The contract of every conditional flow, for one, two and three parameters."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from zoo.nn.flows import KINDS, ConditionalFlow, flow_signatures
from zoo.nn.image_encoder import ImageEncoder
from zoo.nn.joined_encoder import JoinedEncoder
from zoo.nn.set_encoder import SetEncoder
from zoo.nn.vector_encoder import VectorEncoder
from zoo.saving import concrete

# One of each support: two bounds (neither of them a float32 number), one, and none.
BOUNDS = {"fraction": (0.1, 0.7), "mass": (2.0, None), "velocity": (None, None)}
# Maps from the line and their derivatives, retold: for the fraction, k = 20 of `Support`.
FROM_LINE = [
    lambda u: 0.1 + 0.03 * (np.logaddexp(0, 10 + 6 * u) - np.logaddexp(0, 6 * u - 10)),
    lambda u: 2 + np.exp(u),
    lambda u: 50 * u,
]
SLOPE = [
    lambda u: 0.18 * (special.expit(10 + 6 * u) - special.expit(6 * u - 10)),
    np.exp,
    lambda u: np.full_like(u, 50.0),
]
X = np.array([[4.0, -5.0]], "float32")


def negative(_, log_prob):
    return -log_prob


def build(kind, size, encoder=None, **options):
    return ConditionalFlow(
        {name: BOUNDS[name] for name in list(BOUNDS)[:size]},
        encoder or VectorEncoder({"x": (2,)}, name="encoder"),
        kind=kind,
        **{"n_layers": 2, "hidden": 16, **options},
    )


def gaussian_data(size, n, seed):
    """Parameters that are normal on the line given x, with their exact log-density."""
    rng = np.random.default_rng(seed)
    x = rng.normal(3.0, 10.0, (n, 2)).astype("float32")
    mean = np.stack([0.03 * x[:, 0], -0.04 * x[:, 1], 0.02 * (x[:, 0] + x[:, 1])], axis=-1)
    spread = 0.4 * np.exp(0.03 * x[:, :1])
    mixing = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [-0.5, 0.3, 0.7]])[:size, :size]
    normal = rng.normal(size=(n, size))
    line = mean[:, :size] + spread * normal @ mixing.T
    theta = np.stack([FROM_LINE[i](line[:, i]) for i in range(size)], axis=-1)
    log_prob = stats.norm.logpdf(normal).sum(axis=-1)
    log_prob -= np.log(np.linalg.det(mixing)) + size * np.log(spread[:, 0])
    log_prob -= sum(np.log(SLOPE[i](line[:, i])) for i in range(size))
    return x, theta.astype("float32"), log_prob


def scramble(model):
    """Move the weights far from their start, so that no transform is near the identity."""
    rng = np.random.default_rng(2)
    for variable in model.trainable_variables:
        spread = 0.1 if variable.path.endswith("raw/kernel") else 0.05
        variable.assign_add(rng.normal(0, spread, variable.shape))


def seeds(n):
    return np.stack([np.full(n, 7), np.arange(n)], axis=-1).astype("int32")


@pytest.fixture(scope="module", params=list(itertools.product(KINDS, (1, 2, 3))), ids=str)
def flow(request):
    keras.utils.set_random_seed(1)
    kind, size = request.param
    model = build(kind, size)
    x, theta, _ = gaussian_data(size, 400, 5)
    model.adapt({"x": x}, theta)
    scramble(model)
    model.kind = kind
    return model


@pytest.fixture(scope="module")
def release(flow, tmp_path_factory):
    """The flow as a SavedModel, loaded again."""
    module = tf.Module()
    module.weights = [variable.value for variable in flow.variables]
    signatures = {name: concrete(*entry) for name, entry in flow_signatures(flow).items()}
    path = tmp_path_factory.mktemp("release")
    tf.saved_model.save(module, path, signatures=signatures)
    return tf.saved_model.load(path).signatures


@pytest.fixture(scope="module")
def density(flow, release):
    """Density of theta given X on a grid: physical axes, quadrature weights, values."""
    draws = flow.sample({"x": X}, seeds(1), 4000).numpy()[0].astype("float64")
    n = {1: 4001, 2: 301, 3: 71}[flow.size]
    axes, weights = [], []
    for i in range(flow.size):
        lines = np.linspace(-9, 9, 20_001)
        line = np.interp(draws[:, i], FROM_LINE[i](lines), lines)
        u = np.linspace(line.min() - 0.4 * np.ptp(line), line.max() + 0.4 * np.ptp(line), n)
        axes.append(FROM_LINE[i](u))
        weights.append(SLOPE[i](u) * (u[1] - u[0]))
    theta = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, flow.size)
    log_prob = release["log_prob"](
        x=tf.repeat(X, len(theta), axis=0), theta=tf.constant(theta, tf.float32)
    )["log_prob"]
    mass = np.exp(log_prob.numpy().astype("float64")).reshape([n] * flow.size)
    for i, weight in enumerate(weights):
        mass *= weight.reshape([-1 if j == i else 1 for j in range(flow.size)])
    return axes, mass


def test_density_integrates_to_one(density):
    _, mass = density
    assert mass.sum() == pytest.approx(1, abs=0.005)


def test_draws_follow_the_density(flow, density):
    axes, mass = density
    n = 4000
    draws = flow.sample({"x": X}, seeds(3)[2:], n).numpy()[0]
    for i, axis in enumerate(axes):
        marginal = mass.sum(axis=tuple(j for j in range(flow.size) if j != i))
        cumulative = np.cumsum(marginal) - 0.5 * marginal
        distance = stats.kstest(draws[:, i], lambda t, a=axis, c=cumulative: np.interp(t, a, c))
        # One in a thousand correct samplers would be further off; the seed is fixed.
        assert distance.statistic < 1.95 / np.sqrt(n)


def test_inverse_and_jacobian(flow):
    z = tf.random.stateless_normal([50, flow.size], [1, 2]) * 1.5
    context = tf.random.stateless_normal([50, 2], [3, 4])
    theta = tf.identity(flow.push(z, context))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(theta)
        back, log_det = flow.pull(theta, context)
        columns = tf.unstack(back, axis=-1)
    jacobian = np.stack([tape.gradient(column, theta) for column in columns], axis=1)
    np.testing.assert_allclose(back, z, atol=2e-3)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobian.astype("float64"))[1], atol=5e-3)
    for transform in flow.transforms:
        image, forward = transform.forward(z, context)
        preimage, inverse = transform.inverse(tf.identity(image), context)
        np.testing.assert_allclose(preimage, z, atol=1e-4)
        np.testing.assert_allclose(forward, -inverse, atol=1e-4)


def test_draws_that_share_a_context(flow):
    z = tf.random.stateless_normal([40, flow.size], [1, 2])
    context = tf.random.stateless_normal([8, 2], [3, 4])
    apart = flow.push(z, tf.repeat(context, 5, axis=0))
    np.testing.assert_allclose(flow.push(z, context, draws=5), apart, rtol=1e-4, atol=1e-4)


def test_gradients_reach_every_weight(flow):
    model = build(flow.kind, flow.size)
    x, theta, _ = gaussian_data(flow.size, 64, 6)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(model.log_prob({"x": x}, theta))
    weights = model.trainable_variables
    for weight, gradient in zip(
        weights, tape.gradient(loss, [w.value for w in weights]), strict=True
    ):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        assert np.abs(gradient).max() > 0, weight.path


def test_saved_and_rebuilt(flow, release, tmp_path):
    x, theta, _ = gaussian_data(flow.size, 33, 7)
    expected = flow.log_prob({"x": x}, theta).numpy()
    served = release["log_prob"](x=tf.constant(x), theta=tf.constant(theta))["log_prob"]
    np.testing.assert_allclose(served, expected, rtol=1e-5, atol=1e-5)

    flow.save_weights(tmp_path / "model.weights.h5")
    rebuilt = build(flow.kind, flow.size)
    assert np.abs(rebuilt.log_prob({"x": x}, theta) - expected).max() > 0.1
    rebuilt.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(rebuilt.log_prob({"x": x}, theta), expected)

    draws = flow.sample({"x": x}, seeds(33), 5).numpy()
    served = release["sample"](x=tf.constant(x), seed=tf.constant(seeds(33)), n=tf.fill([33], 5))
    assert set(served) == set(list(BOUNDS)[: flow.size])
    for i, name in enumerate(flow.parameter_names):
        np.testing.assert_array_equal(served[name], draws[:, :, i])


def test_draws_are_the_same_in_any_batch(flow, release):
    x, _, _ = gaussian_data(flow.size, 30, 8)
    draws = flow.sample({"x": x}, seeds(30), 700).numpy()
    assert draws.shape == (30, 700, flow.size)
    for rows, n in ((slice(0, 1), 700), (slice(29, 30), 1), (slice(3, 20), 41), (slice(5, 5), 9)):
        part = flow.sample({"x": x[rows]}, seeds(30)[rows], n)
        np.testing.assert_array_equal(part, draws[rows, :n])
    none = release["sample"](
        x=tf.zeros([0, 2]), seed=tf.zeros([0, 2], tf.int32), n=tf.zeros([0], tf.int32)
    )
    assert [value.shape for value in none.values()] == [(0, 0)] * flow.size
    assert flow.log_prob({"x": x[:0]}, np.zeros((0, flow.size), "float32")).shape == (0,)
    # Rows and draws are independent of each other.
    assert len(np.unique(draws[..., -1])) > 0.99 * draws[..., -1].size


def test_draws_stay_inside_the_bounds(flow):
    wide = tf.random.stateless_normal([2000, flow.size], [5, 6]) * 30
    theta = flow.push(wide, tf.zeros([2000, 2])).numpy().astype("float64")
    for column, (low, high) in zip(theta.T, BOUNDS.values(), strict=False):
        assert low is None or column.min() >= low
        assert high is None or column.max() <= high
    outside = np.tile(np.array([0.75, 3.0, 0.0], "float32"), (2, 1))[:, : flow.size]
    np.testing.assert_array_equal(flow.log_prob({"x": np.tile(X, (2, 1))}, outside), -np.inf)


def sgd_step(kind, weights):
    """Weights after one step of gradient descent on one batch, and the loss before it."""
    x, theta, _ = gaussian_data(2, 16, 9)
    model = build(kind, 2, n_layers=1)
    model.adapt({"x": x}, theta)
    if weights is not None:
        model.set_weights(weights)
    model.compile(keras.optimizers.SGD(0.01), loss=negative, jit_compile=False)
    before = model.get_weights()
    history = model.fit({"x": x, "theta": theta}, batch_size=16, verbose=0)
    return before, model.get_weights(), history.history["loss"][0], model


@pytest.fixture(scope="module")
def strategy():
    # Collectives of several strategies in one process get in each other's way.
    reduction = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=reduction)


@pytest.mark.parametrize("kind", KINDS)
def test_mirrored_gives_the_same_numbers(kind, strategy):
    start, one_device, loss, model = sgd_step(kind, None)
    with strategy.scope():
        _, mirrored, mirrored_loss, mirrored_model = sgd_step(kind, start)
    assert mirrored_loss == pytest.approx(loss, rel=1e-5)
    assert max(np.abs(a - b).max() for a, b in zip(start, one_device, strict=True)) > 1e-3
    for a, b in zip(one_device, mirrored, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)

    x, theta, _ = gaussian_data(2, 10, 10)
    rows = tf.data.Dataset.from_tensors({"x": x, "theta": theta}).unbatch().batch(10)
    batch = next(iter(strategy.experimental_distribute_dataset(rows)))
    parts = strategy.run(tf.function(mirrored_model.__call__), args=(batch,))
    np.testing.assert_allclose(
        tf.concat(strategy.experimental_local_results(parts), axis=0),
        model.log_prob({"x": x}, theta),
        atol=2e-5,
    )


def learn(kind, size, n, epochs):
    """Excess of the trained flow's mean negative log-density over the exact one, in nats."""
    keras.utils.set_random_seed(4)
    x, theta, _ = gaussian_data(size, n, 11)
    model = build(kind, size, hidden=32)
    model.adapt({"x": x}, theta)
    steps = epochs * n // 128
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-3, steps)), loss=negative
    )
    model.fit({"x": x, "theta": theta}, batch_size=128, epochs=epochs, verbose=0)
    x, theta, exact = gaussian_data(size, 2000, 12)
    return float(np.mean(exact - model.log_prob({"x": x}, theta).numpy()))


def test_learns_a_known_density():
    assert abs(learn("spline", 1, 4000, 10)) < 0.03


@pytest.mark.stress
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [2, 3])
def test_learns_a_known_joint_density(kind, size):
    assert abs(learn(kind, size, 20_000, 20)) < 0.03


@pytest.mark.stress
def test_learns_two_bent_branches():
    keras.utils.set_random_seed(4)

    def bananas(n, seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, 2)).astype("float32")
        first = rng.normal(0.5 * x[:, 0], 0.5)
        branch = rng.choice([-1.0, 1.0], n)
        second = rng.normal(first**2 + branch * (1 + 0.3 * x[:, 1]), 0.2)
        modes = [
            stats.norm.pdf(second, first**2 + sign * (1 + 0.3 * x[:, 1]), 0.2) for sign in (-1, 1)
        ]
        log_prob = stats.norm.logpdf(first, 0.5 * x[:, 0], 0.5) + np.log(np.mean(modes, axis=0))
        return x, np.stack([first, second], axis=-1).astype("float32"), log_prob

    model = ConditionalFlow(
        {"first": (None, None), "second": (None, None)}, VectorEncoder({"x": (2,)}, name="encoder")
    )
    x, theta, _ = bananas(20_000, 14)
    model.adapt({"x": x}, theta)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, 30 * 157)
    model.compile(keras.optimizers.Adam(rate), loss=negative)
    model.fit({"x": x, "theta": theta}, batch_size=128, epochs=30, verbose=0)
    x, theta, exact = bananas(4_000, 15)
    assert abs(np.mean(exact - model.log_prob({"x": x}, theta).numpy())) < 0.05


def test_context_of_every_kind_together(tmp_path):
    rng = np.random.default_rng(3)

    def fresh():
        return build(
            "spline",
            1,
            JoinedEncoder(
                [
                    VectorEncoder({"redshift": (), "colours": (2,)}, name="numbers"),
                    SetEncoder({"r": (None,), "v": (None,)}, hidden=8, width=4, name="members"),
                    ImageEncoder({"image": (8, 8)}, filters=(4, 4), width=4, name="picture"),
                ],
                name="encoder",
            ),
            n_layers=1,
        )

    inputs = {
        "redshift": rng.uniform(0, 1, 20).astype("float32"),
        "colours": rng.normal(5, 2, (20, 2)).astype("float32"),
        "r": rng.uniform(0, 1, (20, 9)).astype("float32"),
        "v": rng.normal(0, 500, (20, 9)).astype("float32"),
        "image": rng.normal(9, 3, (20, 8, 8)).astype("float32"),
    }
    inputs["r"][::2, 6:] = inputs["v"][::2, 6:] = np.nan
    theta = rng.uniform(0.1, 0.7, (20, 1)).astype("float32")
    model = fresh()
    model.adapt(inputs, theta)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(model.log_prob(inputs, theta))
    values = [weight.value for weight in model.trainable_variables]
    for weight, gradient in zip(values, tape.gradient(loss, values), strict=True):
        assert np.isfinite(gradient).all(), weight.name
        assert np.abs(gradient).max() > 0, weight.name

    model.save_weights(tmp_path / "model.weights.h5")
    rebuilt = fresh()
    rebuilt.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(rebuilt.log_prob(inputs, theta), model.log_prob(inputs, theta))

    draws = model.sample(inputs, seeds(20), 50).numpy()
    assert np.isfinite(draws).all()
    # One row alone, its padding cut and then made longer: the same bits.
    for rows, width in (([2], 6), ([2, 5], 9), ([2], 40)):
        some = {name: value[rows] for name, value in inputs.items()}
        for name in ("r", "v"):
            pad = max(width - 9, 0)
            some[name] = np.pad(some[name][:, :width], ((0, 0), (0, pad)), constant_values=np.nan)
        np.testing.assert_array_equal(model.sample(some, seeds(20)[rows], 50), draws[rows])


def test_double_precision():
    encoder = VectorEncoder({"x": (2,)}, name="encoder", dtype="float64")
    double = build("spline", 3, encoder, dtype="float64")
    single = build("spline", 3)
    x, theta, _ = gaussian_data(3, 50, 13)
    single.adapt({"x": x}, theta)
    scramble(single)
    double.set_weights(single.get_weights())
    exact = double.log_prob({"x": x.astype("float64")}, theta.astype("float64"))
    assert exact.dtype == tf.float64
    np.testing.assert_allclose(single.log_prob({"x": x}, theta), exact, atol=2e-3)


@pytest.mark.parametrize(
    ("parameters", "options", "message"),
    [
        ({}, {}, "at least one"),
        ({"mass": (3.0, 2.0)}, {}, r"'mass': bounds \(3.0, 2.0\)"),
        ({"mass": (0.0, 1.0)}, {"kind": "glow"}, "'glow' is unknown; one of realnvp, spline, maf"),
    ],
)
def test_impossible_models_are_refused(parameters, options, message):
    with pytest.raises(ValueError, match=message):
        ConditionalFlow(parameters, VectorEncoder({"x": (2,)}), **options)


def test_names_are_kept_apart():
    with pytest.raises(ValueError, match="'theta'"):
        build("spline", 1, VectorEncoder({"theta": (2,)}))


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        ([[0.3], [0.8]], r"'fraction': value 0.8.*within \(0.1, 0.7\)"),
        ([[0.3], [np.nan]], "'fraction': value nan"),
        ([[0.3, 0.2]], r"expected \(batch, 1\)"),
    ],
)
def test_training_data_outside_the_prior_are_refused(theta, message):
    model = build("realnvp", 1, n_layers=1)
    with pytest.raises(ValueError, match=message):
        model.adapt({"x": np.zeros((len(theta), 2))}, np.array(theta, "float32"))
