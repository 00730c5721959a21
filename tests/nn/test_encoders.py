"""Standardisation and the encoders of vectors, sets and images."""

import numpy as np
import pytest

from zoo.nn.image_encoder import ImageEncoder
from zoo.nn.joined_encoder import JoinedEncoder
from zoo.nn.set_encoder import SetEncoder
from zoo.nn.standardize import Standardize
from zoo.nn.vector_encoder import VectorEncoder


def members(rng, n=6, size=9):
    return {
        "r": rng.uniform(0, 2, (n, size)).astype("float32"),
        "velocity": rng.normal(0, 300, (n, size, 2)).astype("float32"),
    }


@pytest.fixture
def rng():
    return np.random.default_rng(17)


@pytest.fixture
def encoder():
    made = SetEncoder({"r": (None,), "velocity": (None, 2)}, hidden=8, width=4, see_count=True)
    made.adapt(members(np.random.default_rng(1), 50))
    return made


def test_standardisation_and_back(rng):
    values = rng.normal([5.0, -1e4, 3.0], [0.1, 2e3, 0.0], (500, 3)).astype("float32")
    values[::3, 1] = np.nan
    layer = Standardize(3)
    layer.adapt(values)
    standard = layer(values).numpy()
    np.testing.assert_allclose(np.nanmean(standard, axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.nanstd(standard, axis=0), [1, 1, 0], atol=1e-4)
    assert np.isnan(standard[::3, 1]).all()
    np.testing.assert_allclose(layer.undo(standard), values, rtol=1e-4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 2)), r"shape \(4, 2\); expected \(..., 3\)"),
        (np.array([[0, 1, 2], [0, np.inf, 2]]), "feature 1 is infinite"),
    ],
)
def test_impossible_statistics_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Standardize(3).adapt(values)


def test_vector_encoder_joins_in_order(rng):
    encoder = VectorEncoder({"redshift": (), "colours": (3,)})
    inputs = {
        "colours": rng.normal(4, 2, (100, 3)).astype("float32"),
        "redshift": rng.uniform(0, 1, 100).astype("float32"),
    }
    encoder.adapt(inputs)
    joined = np.concatenate([inputs["redshift"][:, None], inputs["colours"]], axis=1)
    expected = (joined - joined.mean(axis=0)) / joined.std(axis=0)
    np.testing.assert_allclose(encoder(inputs), expected, atol=1e-4)


def test_set_encoder_ignores_order_and_padding(encoder, rng):
    inputs = members(rng)
    context = encoder(inputs).numpy()
    order = rng.permutation(9)
    shuffled = {name: value[:, order] for name, value in inputs.items()}
    np.testing.assert_allclose(encoder(shuffled), context, atol=1e-5)
    padded = {
        name: np.concatenate([value, np.full_like(value[:, :5], np.nan)], axis=1)
        for name, value in inputs.items()
    }
    np.testing.assert_allclose(encoder(padded), context, atol=1e-5)
    trimmed = encoder.trim(padded)
    for name, value in inputs.items():
        np.testing.assert_array_equal(trimmed[name], value)
    # The members do matter.
    assert np.abs(encoder({**inputs, "r": inputs["r"] + 1}) - context).max() > 1e-3


def test_set_encoder_with_few_members_or_values(encoder, rng):
    inputs = members(rng)
    nobody = {name: np.full_like(value, np.nan) for name, value in inputs.items()}
    assert np.isfinite(encoder(nobody)).all()
    assert encoder.trim(nobody)["r"].shape == (6, 0)
    assert np.isfinite(encoder(encoder.trim(nobody))).all()
    # A missing value of a present member stands for the training mean.
    unknown = {**inputs, "r": np.full_like(inputs["r"], np.nan)}
    mean = {**inputs, "r": np.full_like(inputs["r"], encoder.standardize.mean.numpy()[0])}
    np.testing.assert_allclose(encoder(unknown), encoder(mean), atol=1e-5)


def test_number_of_members_is_seen_on_demand_only(encoder, rng):
    inputs = members(rng)
    twice = {name: np.concatenate([value, value], axis=1) for name, value in inputs.items()}
    assert np.abs(encoder(twice) - encoder(inputs)).max() > 1e-3
    blind = SetEncoder(encoder.input_shapes, hidden=8, width=4)
    blind.adapt(inputs)
    np.testing.assert_allclose(blind(twice), blind(inputs), atol=1e-5)


def test_image_encoder_sees_where(rng):
    encoder = ImageEncoder({"light": (16, 16), "maps": (16, 16, 2)}, filters=(4, 4), width=3)
    inputs = {
        "light": rng.normal(9, 3, (5, 16, 16)).astype("float32"),
        "maps": rng.normal(0, 100, (5, 16, 16, 2)).astype("float32"),
    }
    encoder.adapt(inputs)
    expected = [inputs["light"].mean(), *inputs["maps"].mean(axis=(0, 1, 2))]
    np.testing.assert_allclose(encoder.standardize.mean, expected, rtol=1e-4)
    context = encoder(inputs).numpy()
    assert context.shape == (5, 3)
    mirrored = {name: value[:, ::-1] for name, value in inputs.items()}
    assert np.abs(encoder(mirrored) - context).max() > 1e-3


def test_joined_encoder_is_its_parts(encoder, rng):
    numbers = VectorEncoder({"z": ()})
    joined = JoinedEncoder([encoder, numbers])
    inputs = {**members(rng), "z": rng.uniform(size=6).astype("float32")}
    joined.adapt(inputs)
    context = joined(inputs).numpy()
    np.testing.assert_allclose(
        context[:, :4], encoder({k: inputs[k] for k in encoder.input_shapes}), atol=1e-6
    )
    np.testing.assert_allclose(context[:, 4:], numbers({"z": inputs["z"]}), atol=1e-6)
    with pytest.raises(ValueError, match=r"\['z'\] are read by two"):
        JoinedEncoder([numbers, VectorEncoder({"z": ()})])
