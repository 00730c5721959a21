"""Polar maps: known functions, their principal components, and the symmetries of the sum."""

import numpy as np
import pytest

from zoo.nn.polar import PolarBasis, PolarModes

RADII, ANGLES = np.geomspace(0.01, 7.5, 47), np.linspace(0, 90, 17)


@pytest.fixture(scope="module")
def basis():
    return PolarBasis(RADII, ANGLES, (32, 17))


def positions(seed=0, count=300):
    rng = np.random.default_rng(seed)
    r, t = np.exp(rng.uniform(*np.log(RADII[[0, -1]]), count)), rng.uniform(0, 2 * np.pi, count)
    return r * np.cos(t), r * np.sin(t)


def known(x, y, p=0.7):
    """Smooth in ln r, even in x and y, not a sum of few basis functions."""
    r2 = x**2 + y**2
    return np.log1p(p * r2) + np.exp(-p * x**2) / (1 + y**2 + 0.1 * x**2)


def on_grid(function):
    r, t = RADII[:, None], np.radians(ANGLES)
    return function(r * np.cos(t), r * np.sin(t))


def evaluated(keras, basis, coefficients, x, y):
    tensors = (keras.ops.convert_to_tensor(v, "float64") for v in (x, y))
    radial, angular = (np.asarray(part) for part in basis.functions(*tensors))
    return np.einsum("pa,ab,pb->p", radial, coefficients, angular)


def test_a_basis_function_is_its_own_coefficient(keras, basis):
    """Powers of ln r times cos 2t are exact, also between the nodes of the grid."""
    x, y = positions()

    def function(x, y):
        r2 = x**2 + y**2
        return 0.5 * np.log(r2) ** 2 * (x**2 - y**2) / r2

    ours = evaluated(keras, basis, basis.coefficients(on_grid(function)), x, y)
    np.testing.assert_allclose(ours, function(x, y), atol=1e-11)


def test_interpolation_of_a_known_function(keras, basis):
    x, y = positions()
    ours = evaluated(keras, basis, basis.coefficients(on_grid(known)), x, y)
    assert np.max(np.abs(ours - known(x, y))) < 5e-5
    coarse = PolarBasis(RADII, ANGLES, (12, 5))
    worse = evaluated(keras, coarse, coarse.coefficients(on_grid(known)), x, y)
    assert np.max(np.abs(worse - known(x, y))) > 1e-3


def test_maps_are_even_and_stop_at_the_ends(keras, basis):
    x, y = positions(1)
    coefficients = np.random.default_rng(0).normal(size=basis.shape)
    one = evaluated(keras, basis, coefficients, x, y)
    for a, b in ((-x, y), (x, -y)):
        np.testing.assert_array_equal(one, evaluated(keras, basis, coefficients, a, b))
    inside = evaluated(keras, basis, coefficients, np.array([0.01]), np.array([0.0]))
    centre = evaluated(keras, basis, coefficients, np.array([0.005]), np.array([0.0]))
    np.testing.assert_allclose(inside, centre, rtol=1e-9)
    assert np.isfinite(evaluated(keras, basis, coefficients, np.zeros(1), np.zeros(1))).all()


@pytest.fixture(scope="module")
def family():
    """Maps (n, 2, R, A) that span three dimensions about their mean."""
    rng = np.random.default_rng(3)
    parts = np.stack([on_grid(lambda x, y, p=p: known(x, y, p)) for p in (0.1, 0.3, 0.7, 1.5)])
    weights = rng.normal(size=(40, 3, 2))
    return 1 + np.einsum("nkm,kra->nmra", weights[:, :3], parts[:3]), weights, parts


def test_modes(keras, basis, family):
    maps, _, _ = family
    layer = PolarModes(6, 2, basis, dtype="float64")  # three parts in each of two maps
    layer.adapt(maps)
    amplitudes = layer.project(maps)
    flat = maps.reshape(len(maps), -1)
    _, _, vectors = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    expected = (flat - flat.mean(0)) @ vectors[:6].T
    np.testing.assert_allclose(np.abs(amplitudes), np.abs(expected), atol=1e-8)
    x, y = (np.tile(v, (len(maps), 1)) for v in positions(2, 50))
    values = np.asarray(layer({"amplitudes": amplitudes, "x": x, "y": y}))
    assert values.shape == (40, 2, 50)
    for index in (0, 17):
        for kind in (0, 1):
            sums = evaluated(
                keras, basis, basis.coefficients(maps[index, kind]), x[index], y[index]
            )
            np.testing.assert_allclose(values[index, kind], sums, atol=1e-9)


def test_symbolic_shape(keras, basis):
    layer = PolarModes(6, 2, basis)
    inputs = {"amplitudes": keras.Input((6,)), "x": keras.Input((None,)), "y": keras.Input((None,))}
    assert layer(inputs).shape == (None, 2, None)
    assert layer.trainable_variables == []
