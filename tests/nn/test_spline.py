"""The spline against TensorFlow Probability's."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.nn.flows.spline import SMALLEST_BIN, SMALLEST_SLOPE, spline


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(23)
    raw = rng.normal(0, 1.5, (300, 3, 3 * 6 - 1))
    x = rng.uniform(-3, 3, (300, 3))
    x[0] = [-2.0, 0.0, 2.0]  # the ends are identity points
    share = tf.nn.softmax(tf.reshape(raw[..., :12], [300, 3, 2, 6])) * (1 - 6 * SMALLEST_BIN)
    sizes = 4.0 * (share + SMALLEST_BIN)
    one = np.log(np.expm1(1 - SMALLEST_SLOPE))
    theirs = tfp.bijectors.RationalQuadraticSpline(
        bin_widths=sizes[:, :, 0],
        bin_heights=sizes[:, :, 1],
        knot_slopes=tf.nn.softplus(raw[..., 12:] + one) + SMALLEST_SLOPE,
        range_min=-2.0,
    )
    return raw, x, theirs


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_same_numbers_as_tfp(case, direction):
    raw, x, theirs = case
    value, log_det = getattr(spline(6, 2.0), direction)(tf.constant(raw), tf.constant(x))
    np.testing.assert_allclose(value, getattr(theirs, direction)(x), atol=1e-9)
    expected = getattr(theirs, f"{direction}_log_det_jacobian")(x, event_ndims=1)
    np.testing.assert_allclose(log_det, expected, atol=1e-7)


def test_raw_zeros_are_the_identity():
    x = np.linspace(-6, 6, 101)[:, None]
    value, log_det = spline().forward(tf.zeros([101, 1, 29], tf.float64), tf.constant(x))
    np.testing.assert_allclose(value, x, atol=1e-12)
    np.testing.assert_allclose(log_det, 0, atol=1e-12)
