"""Gradient reversal and distances between samples."""

import numpy as np
import pytest
from keras import ops

from zoo.nn.domain import GradientReversal, coral, mmd, ramp


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_reversal_is_the_identity_with_a_negative_gradient(tf, rng):
    layer = GradientReversal(0.7)
    x = tf.constant(rng.normal(size=(5, 3)), tf.float32)
    slope = tf.constant(rng.normal(size=(5, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(slope * y)
    np.testing.assert_allclose(y, x, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(total, x), -0.7 * slope, rtol=1e-6)


def test_strength_is_a_weight_that_can_change(tf):
    layer = GradientReversal()
    x = tf.ones((1, 1))
    for strength in (0.0, 0.4):
        layer.strength.assign(strength)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        assert tape.gradient(y, x).numpy().item() == pytest.approx(-strength)
    assert layer.trainable_weights == []


def test_ramp():
    assert ramp(0) == 0
    assert ramp(1) == pytest.approx(np.tanh(5), rel=1e-12)  # the same function, written otherwise
    assert ramp(0.1) == pytest.approx(np.tanh(0.5), rel=1e-12)


def test_coral_against_numpy(rng):
    one, two = rng.normal(size=(50, 4)), 2 * rng.normal(size=(70, 4)) + 1
    gap = np.cov(one.T, bias=True) - np.cov(two.T, bias=True)
    means = one.mean(0) - two.mean(0)
    expected = (gap**2).sum() / (4 * 4**2) + (means**2).mean()
    assert float(coral(ops.array(one), ops.array(two))) == pytest.approx(expected, rel=1e-5)


def test_mmd_against_the_sums_of_its_definition(rng):
    one, two = rng.normal(size=(20, 3)), rng.normal(size=(30, 3)) + 0.5
    every = np.concatenate([one, two])
    scale = ((every[:, None] - every) ** 2).sum(-1).mean()

    def kernel(a, b):
        square = ((a[:, None] - b) ** 2).sum(-1)
        return np.mean([np.exp(-square / (2 * f * scale)) for f in (0.25, 0.5, 1, 2, 4)], axis=0)

    expected = kernel(one, one).mean() + kernel(two, two).mean() - 2 * kernel(one, two).mean()
    found = float(mmd(ops.array(one), ops.array(two)))
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("distance", [coral, mmd])
def test_weights_count_as_repetitions(distance, rng):
    few, other = rng.normal(size=(6, 2)), rng.normal(size=(9, 2))
    times = np.array([1, 2, 3, 1, 1, 4])
    many = np.repeat(few, times, axis=0)
    weighted = float(distance(ops.array(few), ops.array(other), ops.array(times, "float32")))
    repeated = float(distance(ops.array(many), ops.array(other)))
    # the kernel's width follows from the points, of which there are more
    assert weighted == pytest.approx(repeated, rel=1e-4 if distance is coral else 0.2)
    assert float(distance(ops.array(few), ops.array(few))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("distance", [coral, mmd])
def test_a_step_down_the_gradient_brings_samples_together(distance, tf, rng):
    one = tf.Variable(rng.normal(size=(40, 2)) + 2.0)
    two = tf.constant(rng.normal(size=(40, 2)))
    with tf.GradientTape() as tape:
        before = distance(one, two)
    gradient = tape.gradient(before, one)
    one.assign_sub(0.1 * gradient / tf.reduce_max(tf.abs(gradient)))
    assert float(distance(one, two)) < float(before)
