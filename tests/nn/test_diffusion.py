"""Noise schedules, the denoiser and the three losses of variational diffusion."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from zoo.nn.diffusion import schedules
from zoo.nn.diffusion.periodic import PeriodicConv
from zoo.nn.diffusion.pixel_guess import NUMBERS, PixelGuess
from zoo.nn.diffusion.unet import CellAttention, GroupNorm, unet
from zoo.nn.diffusion.variational import VariationalDiffusion

KINDS = ("fixed_linear", "learned_linear", "monotone")


class Exact(keras.layers.Layer):
    """The best denoiser of standard normal data: z and noise are jointly normal."""

    def __init__(self, schedule):
        super().__init__()
        self.schedule, self.inputs = schedule, [keras.Input((None, None, 1))]

    def call(self, inputs, training=False):
        gamma = self.schedule(inputs["time"])[:, None, None, None]
        return schedules.sigma(gamma) * inputs["z"]


@pytest.mark.parametrize("kind", KINDS)
def test_schedule_rises_and_its_slope_is_the_derivative(kind):
    made = schedules.schedule(kind, -4.0, 7.0)
    t = tf.linspace(0.0, 1.0, 21)
    with tf.GradientTape() as tape:
        tape.watch(t)
        gamma = made(t)
    np.testing.assert_allclose(made.slope(t), tape.gradient(gamma, t), rtol=1e-4)
    assert np.all(np.diff(gamma) > 0)
    assert abs(gamma[0] + 4) < 1
    assert abs(gamma[-1] - 7) < 1
    assert bool(made.trainable_weights) == (kind != "fixed_linear")


def test_unknown_schedule_is_named():
    with pytest.raises(ValueError, match="schedule is 'cosine', allowed: fixed_linear"):
        schedules.schedule("cosine", -4.0, 7.0)
    with pytest.raises(ValueError, match="from 2 to 1"):
        schedules.schedule("monotone", 2, 1)


def test_variance_is_preserved():
    gamma = np.linspace(-9, 9, 7).astype(np.float32)
    total = np.square(schedules.alpha(gamma)) + np.square(schedules.sigma(gamma))
    np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_published_size():
    assert unet(2, 48, 4).count_params() == pytest.approx(32.7e6, rel=2e-3)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_denoiser_starts_at_z_and_knows_no_origin(dimensions):
    net = unet(dimensions, 8, 1, parameters=2)
    rng = np.random.default_rng(1)
    for weight in net.trainable_weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    shape = (2, *(8,) * dimensions, 1)
    given = {n: rng.normal(size=shape).astype(np.float32) for n in ("z", "condition")}
    more = {"time": np.array([0.2, 0.7], "f4"), "parameters": np.ones((2, 2), "f4")}
    out = np.asarray(net(given | more))
    moved = {n: np.roll(v, 2, axis=1) for n, v in given.items()}  # as much as one halving joins
    np.testing.assert_allclose(net(moved | more), np.roll(out, 2, axis=1), atol=2e-4)
    assert np.abs(np.asarray(net(given | more | {"time": more["time"] + 0.1})) - out).max() > 1e-3
    other = {"parameters": 2 * more["parameters"]}
    assert np.abs(np.asarray(net(given | more | other)) - out).max() > 1e-3
    fresh = unet(dimensions, 8, 1, parameters=2, patch=2)
    np.testing.assert_array_equal(fresh(given | more), given["z"])


def test_periodic_convolution_is_a_circular_one():
    rng = np.random.default_rng(2)
    layer = PeriodicConv(1, 3, 2)
    x = rng.normal(size=(1, 6, 6, 1)).astype(np.float32)
    out = np.asarray(layer(x))[0, :, :, 0]
    kernel = np.asarray(layer.conv.kernel)[:, :, 0, 0]
    expected = sum(
        kernel[i, j] * np.roll(x[0, :, :, 0], (1 - i, 1 - j), (0, 1))
        for i in range(3)
        for j in range(3)
    )
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_group_norm_is_that_of_keras():
    x = np.random.default_rng(3).normal(2, 3, (2, 4, 4, 16)).astype(np.float32)
    ours, theirs = GroupNorm(), keras.layers.GroupNormalization(8, epsilon=1e-5)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def test_attention_begins_as_nothing_and_is_a_weighted_mean():
    x = np.random.default_rng(4).normal(size=(2, 3, 3, 8)).astype(np.float32)
    layer = CellAttention()
    np.testing.assert_array_equal(layer(x), x)
    layer.inward.set_weights([np.zeros((8, 24), "f4"), np.full(24, 0.5, "f4")])
    layer.outward.set_weights([np.eye(8, dtype="f4"), np.zeros(8, "f4")])
    np.testing.assert_allclose(layer(x), x + 0.5, atol=1e-6)  # equal values, whatever the weights


def test_losses_bound_the_likelihood_and_are_it_for_the_best_denoiser():
    """Of standard normal data the losses add up to the entropy in bits, plus what noise costs."""
    made = schedules.schedule("fixed_linear", -9.0, 9.0)
    data_noise = 0.05
    model = VariationalDiffusion(Exact(made), made, data_noise)
    rng = np.random.default_rng(5)
    count = 256
    given = {n: rng.normal(size=(count, 16, 16, 1)).astype("f4") for n in ("x", "noise")}
    given |= {"condition": given["x"], "time": ((np.arange(count) + 0.5) / count).astype("f4")}
    terms = np.asarray(model(given)).mean(axis=0)
    # (1/2) of the integral of sigmoid(-gamma) over gamma: what every cell costs until z_0 is known
    assert terms[0] * np.log(2) == pytest.approx(
        0.5 * (np.logaddexp(0, 9) - np.logaddexp(0, -9)), rel=0.02
    )
    assert abs(terms[1]) < 1e-3
    spread = np.exp(-9) / data_noise**2
    expected = (0.5 * spread + np.log(data_noise) + 0.5 * np.log(2 * np.pi)) / np.log(2)
    assert terms[2] == pytest.approx(expected, rel=1e-4)


def test_prior_loss_is_the_divergence():
    made = schedules.schedule("fixed_linear", -3.0, 1.0)
    model = VariationalDiffusion(Exact(made), made, 0.1)
    x = np.full((1, 4, 4, 1), 1.7, "f4")
    given = {"x": x, "noise": x, "condition": x, "time": np.array([0.5], "f4")}
    variance, mean = 1 / (1 + np.exp(-1)), 1.7 * np.sqrt(1 / (1 + np.e))
    points = np.linspace(-12, 12, 4001)
    q = stats.norm(mean, np.sqrt(variance))
    divergence = np.trapezoid(
        q.pdf(points) * (q.logpdf(points) - stats.norm.logpdf(points)), points
    )
    assert float(model(given)[0, 1]) * np.log(2) == pytest.approx(divergence, rel=1e-3)


def test_ancestral_samples_have_the_variance_of_their_steps():
    """Of standard normal data every step is linear, so that the variance follows by hand."""
    made = schedules.schedule("fixed_linear", -8.0, 8.0)
    model = VariationalDiffusion(Exact(made), made, 0.1)
    steps = 12
    noise = tf.random.stateless_normal((steps + 1, 8, 32, 32, 1), (1, 2))
    drawn = model.sample(noise[0], {"condition": noise[0]}, steps, lambda i: noise[i + 1])
    gamma = np.linspace(8, -8, steps + 1)
    kept, lost = 1 / (1 + np.exp(gamma)), 1 / (1 + np.exp(-gamma))
    variance = 1.0
    for i in range(steps):
        share = -np.expm1(gamma[i + 1] - gamma[i])
        variance *= kept[i + 1] / kept[i] * (1 - share * lost[i]) ** 2
        variance += lost[i + 1] * share
    assert 0.5 < variance < 1
    assert float(np.var(drawn)) == pytest.approx(variance / kept[-1], rel=0.04)


@pytest.fixture(scope="module")
def guess():
    """Cells whose number is Poisson with a mean that is their density."""
    rng = np.random.default_rng(6)
    density = rng.uniform(0, 3, 400_000)
    made = PixelGuess()
    made.build(None)
    made.adapt(density, rng.poisson(density), NUMBERS / 2)
    return made


def test_guess_knows_the_chances(guess):
    found = np.exp(guess.chances(np.array([[2.2, 2.8]], "f4")))
    assert found.shape == (1, 2, len(NUMBERS))
    for row, mean in zip(found[0], (2.2, 2.8), strict=True):
        np.testing.assert_allclose(row[:4], stats.poisson(mean).pmf(range(4)), atol=0.02)


def test_guess_is_the_mean_of_x_given_z(guess):
    chance = np.exp(np.asarray(guess.chances(np.array([[1.5]], "f4"))))[0, 0]
    rng = np.random.default_rng(7)
    x = rng.choice(NUMBERS / 2, 400_000, p=chance / chance.sum())
    gamma = np.float32(0.7)
    a, s = (float(f(gamma)) for f in (schedules.alpha, schedules.sigma))
    z = a * x + s * rng.standard_normal(len(x))
    for at in (-0.5, 0.4, 1.6):
        near = np.abs(z - at) < 0.03
        given = np.full((1, 1, 1), at, "f4"), gamma, guess.chances(np.array([[1.5]], "f4"))
        assert float(guess(*given)[0, 0, 0]) == pytest.approx(x[near].mean(), abs=0.03)


def test_samples_from_the_guess_are_dice(guess):
    made = schedules.schedule("fixed_linear", -6.0, 6.0)
    net = unet(2, 8, 1, dropout=0.0, conditions=2)  # says nothing yet
    model = VariationalDiffusion(net, made, 0.05, guess)
    noise = tf.random.stateless_normal((31, 4, 16, 16, 1), (3, 4))
    density = tf.fill((1, 16, 16), 1.5)
    given = {"condition": tf.zeros((4, 16, 16, 1)), "chances": guess.chances(density)}
    drawn = 2 * np.asarray(model.sample(noise[0], given, 30, lambda i: noise[i + 1]))
    number = np.round(drawn)
    assert np.abs(drawn - number).max() < 0.5
    assert number.mean() == pytest.approx(1.5, abs=0.15)
    assert np.mean(number == 0) == pytest.approx(np.exp(-1.5), abs=0.06)
