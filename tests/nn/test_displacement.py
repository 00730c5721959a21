"""The network that corrects displacements."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.nn import displacement
from zoo_datasets.simulators.nbody import mesh


@pytest.fixture(scope="module")
def moved():
    return np.random.default_rng(1).normal(0, 0.7, (8, 8, 8, 3)).astype(np.float32)


def test_density_is_that_of_the_simulator(moved):
    sites = np.stack(np.indices((8, 8, 8)), axis=-1).reshape(-1, 3)
    position = ((sites + moved.reshape(-1, 3)) * 2) % 16
    expected = mesh.assign(position.astype(np.float32), 16)
    np.testing.assert_allclose(displacement.density(moved, 16), expected, atol=1e-4)


def test_gradient_of_the_density(moved):
    rng = np.random.default_rng(2)
    weight = rng.normal(size=(8, 8, 8)).astype(np.float32)
    start = tf.constant(moved)
    with tf.GradientTape() as tape:
        tape.watch(start)
        value = tf.reduce_sum(displacement.density(start, 8) * weight)
    slope = np.asarray(tape.gradient(value, start))
    step = np.zeros_like(moved)
    step[3, 4, 5, 1] = 1e-3
    change = [
        float(tf.reduce_sum(displacement.density(moved + s * step, 8) * weight)) for s in (1, -1)
    ]
    assert slope[3, 4, 5, 1] == pytest.approx((change[0] - change[1]) / 2e-3, abs=2e-2)


def test_network_begins_as_nothing_and_learns_a_scale(moved):
    import keras

    keras.utils.set_random_seed(1)
    net = displacement.displacement_net(filters=4, scale=0.7)
    np.testing.assert_array_equal(net(moved[None]), moved[None])
    net.compile(keras.optimizers.Adam(1e-2), loss=displacement.loss(8))
    net.fit(moved[None], 1.2 * moved[None], epochs=60, verbose=0)
    before = np.mean((0.2 * moved) ** 2)
    assert np.mean((np.asarray(net(moved[None])[0]) - 1.2 * moved) ** 2) < 0.3 * before


def test_network_knows_no_origin(moved):
    net = displacement.displacement_net(filters=4)
    rng = np.random.default_rng(3)
    for weight in net.trainable_weights:
        weight.assign(rng.normal(0, 0.2, weight.shape))
    rolled = np.roll(moved, 2, axis=0)
    out = np.asarray(net(moved[None])[0])
    np.testing.assert_allclose(net(rolled[None])[0], np.roll(out, 2, axis=0), atol=1e-4)
