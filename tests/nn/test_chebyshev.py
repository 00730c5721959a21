"""Chebyshev polynomials, their products and the domain, against NumPy's."""

import itertools

import numpy as np
import pytest
from numpy.polynomial import chebyshev as truth

from zoo.nn.chebyshev import ChebyshevFeatures, Domain, chebyshev, total_degree


@pytest.mark.parametrize("count", [1, 2, 3, 9, 64, 101])
def test_polynomials(keras, count):
    x = np.linspace(-1, 1, 40).reshape(4, 10)
    ours = np.asarray(chebyshev(keras.ops.convert_to_tensor(x, "float64"), count))
    assert ours.shape == (4, 10, count)
    np.testing.assert_allclose(ours, truth.chebvander(x, count - 1), atol=2e-12)


def test_polynomials_in_single_precision(keras):
    x = np.linspace(-1, 1, 500, dtype="float32")
    ours = np.asarray(chebyshev(keras.ops.convert_to_tensor(x), 32))
    np.testing.assert_allclose(ours, truth.chebvander(x.astype(float), 31), atol=2e-5)


def test_total_degree():
    powers = total_degree(3, 4)
    assert len(powers) == 35  # (3 + 4)! / (3! 4!)
    assert {tuple(row) for row in powers.tolist()} == {
        row for row in itertools.product(range(5), repeat=3) if sum(row) <= 4
    }


def test_features_are_products(keras):
    x = np.random.default_rng(1).uniform(-1, 1, (7, 3))
    features = np.asarray(ChebyshevFeatures(4, dtype="float64")(x))
    columns = [truth.chebvander(x[:, dim], 4) for dim in range(3)]
    for term, powers in enumerate(total_degree(3, 4)):
        product = np.prod([columns[dim][:, k] for dim, k in enumerate(powers)], axis=0)
        np.testing.assert_allclose(features[:, term], product, atol=1e-14)
    symbolic = ChebyshevFeatures(4)(keras.Input((3,)))
    assert symbolic.shape == (None, features.shape[1])


def test_a_polynomial_of_the_degree_is_in_their_span():
    x = np.random.default_rng(1).uniform(-1, 1, (200, 2))
    y = 3 * x[:, 0] ** 3 * x[:, 1] - x[:, 1] ** 4 + 0.5
    for degree, exact in ((4, True), (3, False)):
        features = np.asarray(ChebyshevFeatures(degree, dtype="float64")(x))
        left = np.linalg.lstsq(features, y, rcond=None)[1]
        assert (left.size and left[0] < 1e-20) == exact


def test_domain():
    layer = Domain(2, dtype="float64")
    layer.adapt(np.array([[1.0, -3.0], [5.0, 7.0], [2.0, 0.0]]))
    mapped = np.asarray(layer(np.array([[1.0, 7.0], [3.0, 2.0], [-100.0, 100.0]])))
    np.testing.assert_allclose(mapped, [[-1, 1], [0, 0], [-1, 1]])
    assert layer.trainable_variables == []
