"""Conditionally independent pixels: every layer against NumPy, and what independence means."""

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from zoo.nn import cips

SIZES = {"sines": 6, "constant": (5, 3), "widths": (8, 4)}


def leaky(x):
    return np.sqrt(2) * np.where(x > 0, x, 0.2 * x)


@pytest.fixture
def generator(keras):
    """Parameters (batch, 4) and positions (batch, P, 2) -> image (batch, P), in float64."""
    parameters = keras.Input((4,), dtype="float64", name="parameters")
    position = keras.Input((None, 2), dtype="float64", name="position")
    style = cips.style_network(parameters, 7, 2)
    return keras.Model([parameters, position], cips.synthesis(style, position, **SIZES))


def draws(batch=3, pixels=11):
    rng = np.random.default_rng(2)
    return rng.normal(size=(batch, 4)), rng.uniform(-1, 1, (batch, pixels, 2))


def test_pixel_norm():
    x = np.random.default_rng(0).normal(size=(5, 9)) * 7
    found = np.asarray(cips.PixelNorm(dtype="float64")(x))
    np.testing.assert_allclose(np.mean(found**2, axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(found[:, :9] / found[:, 9:], x, rtol=1e-12)  # nothing is lost


@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_equal_dense(rate):
    """Unit variance at first whatever the rate, which scales what is learned."""
    layer = cips.EqualDense(400, rate, bias=0.3, dtype="float64")
    x = np.random.default_rng(0).normal(size=(50, 300))
    out = np.asarray(layer(x))
    assert out.std() == pytest.approx(1, rel=0.05)
    assert out.mean() == pytest.approx(0.3, abs=0.05)
    kernel, bias = (np.asarray(w) for w in (layer.kernel, layer.bias))
    wanted = x @ kernel * rate / 300**0.5 + rate * bias
    np.testing.assert_allclose(out, wanted, rtol=1e-9, atol=1e-9)
    layer.bias.assign(bias + 1)
    np.testing.assert_allclose(np.asarray(layer(x)) - out, rate, rtol=1e-6)


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulated_dense(demodulate):
    rng = np.random.default_rng(1)
    pixels, style = rng.normal(size=(2, 6, 5)), rng.normal(size=(2, 3))
    layer = cips.ModulatedDense(4, demodulate, dtype="float64")
    out = np.asarray(layer({"pixels": pixels, "style": style}))
    kernel, bias = np.asarray(layer.kernel), np.asarray(layer.bias)
    for row in range(2):
        factor = np.asarray(layer.affine(style))[row] / 5**0.5
        weights = factor[:, None] * kernel
        if demodulate:
            weights = weights / np.sqrt(np.sum(weights**2, axis=0))
        np.testing.assert_allclose(out[row], leaky(pixels[row] @ weights + bias), rtol=1e-6)
    shared = layer({"pixels": pixels[:1], "style": style})  # the same pixels for all objects
    np.testing.assert_allclose(np.asarray(shared)[0], out[0], rtol=1e-12)
    assert not np.allclose(np.asarray(shared)[1], out[1])


def test_sine_features():
    layer = cips.SineFeatures(8, dtype="float64")
    position = np.random.default_rng(0).uniform(-1, 1, (2, 5, 2))
    found = np.asarray(layer(position))
    assert np.abs(np.asarray(layer.kernel)).max() <= (9 / 2) ** 0.5
    wanted = np.sin(position @ np.asarray(layer.kernel) + np.asarray(layer.bias))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_learned_constant_is_bilinear():
    layer = cips.LearnedConstant(6, 3, dtype="float64")
    rng = np.random.default_rng(0)
    position = np.concatenate([rng.uniform(-1, 1, (40, 2)), [[-1, -1], [1, 1], [1, -1], [0.2, 1]]])
    found = np.asarray(layer(position[None]))[0]
    image = np.asarray(layer.image).reshape(6, 6, 3)  # [y, x]
    axis = np.linspace(-1, 1, 6)
    wanted = RegularGridInterpolator((axis, axis), image)(position[:, ::-1])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    beyond = np.asarray(layer(np.array([[[1.7, 0.0], [1.0, 0.0]]])))[0]
    np.testing.assert_array_equal(beyond[0], beyond[1])


def test_pixels_are_independent(generator):
    """A pixel's value depends on its position and the parameters, on no other pixel or object."""
    parameters, position = draws()
    whole = np.asarray(generator([parameters, position]))
    assert whole.shape == (3, 11)
    np.testing.assert_allclose(
        np.asarray(generator([parameters, position[:, 4:6]])), whole[:, 4:6], rtol=1e-9
    )
    np.testing.assert_allclose(
        np.asarray(generator([parameters[1:2], position[1:2]])), whole[1:2], rtol=1e-9
    )
    np.testing.assert_array_equal(np.asarray(generator([parameters, position])), whole)  # no noise
    other = np.asarray(generator([parameters[::-1], position]))
    assert np.abs(other[0] - whole[0]).min() > 1e-6


def test_generator_by_hand(generator):
    """Two blocks of two layers after the first one, and the sum of two heads."""
    parameters, position = draws(batch=1)
    layers = {layer.name: layer for layer in generator.layers}
    style = np.asarray(layers["style_norm"](parameters))
    for index in range(2):
        style = np.asarray(layers[f"style_{index}"](style))
    sines, constant = (np.asarray(layers[n](position)) for n in ("sines", "constant"))
    pixels, total = np.concatenate([sines, constant], axis=-1), 0.0

    def run(name, pixels):
        return np.asarray(layers[name]({"pixels": pixels, "style": style}))

    pixels = run("first", pixels)
    assert pixels.shape[-1] == 8
    for block, width in enumerate(SIZES["widths"]):
        pixels = run(f"block_{block}_b", run(f"block_{block}_a", pixels))
        assert pixels.shape[-1] == width
        total = total + run(f"head_{block}", pixels)[..., 0]
    np.testing.assert_allclose(np.asarray(generator([parameters, position])), total, rtol=1e-9)


def test_learns_what_depends_on_both(keras, generator):
    """A ring whose height is a parameter: better than any image that is the same for all."""
    rng = np.random.default_rng(3)
    parameters = rng.normal(size=(100, 4))
    position = np.repeat(rng.uniform(-1, 1, (1, 32, 2)), 100, axis=0)
    ring = np.exp(-4 * (np.hypot(position[..., 0], position[..., 1]) - 0.5) ** 2)
    target = ring * (1 + np.tanh(parameters[:, :1]))
    before = [np.asarray(weight).copy() for weight in generator.trainable_variables]
    generator.compile(keras.optimizers.Adam(2e-2), loss="mse", jit_compile=False)
    generator.fit([parameters, position], target, epochs=60, batch_size=25, verbose=0)
    left = np.mean((np.asarray(generator([parameters, position])) - target) ** 2)
    assert left < 0.3 * np.mean((target - target.mean(axis=0)) ** 2)
    for old, weight in zip(before, generator.trainable_variables, strict=True):
        assert np.abs(np.asarray(weight) - old).max() > 0, weight.path
