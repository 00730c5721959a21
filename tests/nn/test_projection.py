"""Variable projection: the readout, what a warp learns, and continuing after a kill."""

import os
import subprocess
import sys

import numpy as np
import pytest

from zoo.nn import projection
from zoo.nn.chebyshev import ChebyshevFeatures

DEGREE = 5
SETTINGS = {"steps": 150, "seed": 3}


def network(keras):
    """Polynomials of a coordinate that one hidden layer bends, the identity at the start."""
    keras.utils.set_random_seed(7)
    x = keras.Input((1,), dtype="float64")
    hidden = keras.layers.Dense(6, "tanh", dtype="float64")(x)
    bend = keras.layers.Dense(1, kernel_initializer="zeros", dtype="float64")(hidden)
    unit = keras.layers.Add(dtype="float64")([x, bend])
    return keras.Model(x, ChebyshevFeatures(DEGREE, dtype="float64")(unit))


@pytest.fixture(scope="module")
def data():
    """An exponential, steeper than polynomials of the degree follow."""
    x = np.random.default_rng(0).uniform(-1, 1, (400, 1))
    return x, np.concatenate([np.exp(-6 * (x + 1)), np.sqrt(x + 1.02)], axis=1)


def held_out_error(model):
    x = np.linspace(-0.99, 0.99, 300)[:, None]
    y = np.concatenate([np.exp(-6 * (x + 1)), np.sqrt(x + 1.02)], axis=1)
    return lambda readout: float(np.sqrt(np.mean((np.asarray(model(x)) @ readout - y) ** 2)))


def test_readout():
    rng = np.random.default_rng(1)
    features, truth = rng.normal(size=(60, 5)), rng.normal(size=(5, 3))
    found = projection.readout(features, features @ truth)
    np.testing.assert_allclose(found, truth, atol=1e-6)
    noisy = features @ truth + rng.normal(size=(60, 3))
    expected = np.linalg.lstsq(features, noisy, rcond=None)[0]
    np.testing.assert_allclose(projection.readout(features, noisy), expected, atol=1e-6)
    # a column that is always zero gets no weight instead of an error
    features[:, 2] = 0
    assert np.abs(projection.readout(features, noisy)[2]).max() == 0


def test_a_warp_makes_it_polynomial(keras, data):
    x, y = data
    model = network(keras)
    error = held_out_error(model)
    plain = error(projection.readout(np.asarray(model(x)), y))
    lines = []
    facts = projection.learn(model, x, y, **SETTINGS, say=lines.append)
    warped = error(projection.readout(np.asarray(model(x)), y))
    assert warped < plain / 10
    assert facts["evaluations"] <= SETTINGS["steps"] + 25  # the last line search is finished
    # the loss is that of the judging half; a polynomial on new points does about as well
    assert np.exp(facts["log_mean_square"] / 2) == pytest.approx(warped, rel=1.0)
    assert lines[0].startswith("evaluation ")
    assert f" of {SETTINGS['steps']}" in lines[0]


def test_seed_reproduces(keras, data):
    short = SETTINGS | {"steps": 15}
    losses = [
        projection.learn(network(keras), *data, **short | {"seed": seed})["log_mean_square"]
        for seed in (3, 3, 4)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)
    assert losses[2] != pytest.approx(losses[0], rel=1e-6)


def test_the_loss_is_that_of_least_squares_on_the_other_half(keras, data):
    x, y = data
    model = network(keras)
    facts = projection.learn(model, x, y, steps=15, seed=3)
    features = np.asarray(model(x))
    fit, judge = np.array_split(np.random.default_rng(3).permutation(len(x)), 2)
    left = features[judge] @ projection.readout(features[fit], y[fit]) - y[judge]
    assert facts["log_mean_square"] == pytest.approx(np.log(np.mean(left**2)), abs=1e-5)


KILLED = """
import os, sys
os.environ["KERAS_BACKEND"] = "tensorflow"
import importlib.util
import keras
spec = importlib.util.spec_from_file_location("case", sys.argv[1])
case = importlib.util.module_from_spec(spec)
spec.loader.exec_module(case)
from pathlib import Path
from zoo.nn import projection

seen = []
def say(line):
    seen.append(line)
    if len(seen) == 30:
        os._exit(9)

projection.learn(case.network(keras), *case.data.__wrapped__(), **case.SETTINGS,
                 folder=Path(sys.argv[2]), say=say)
"""


def test_a_killed_run_continues(keras, data, tmp_path):
    through = projection.learn(network(keras), *data, **SETTINGS)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, __file__, str(tmp_path)],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["features.npz"]
    lines = []
    again = projection.learn(network(keras), *data, **SETTINGS, folder=tmp_path, say=lines.append)
    assert lines[0].startswith("continuing after ")
    assert int(lines[0].split()[2]) >= 30
    # the square root of the mean square is the error: both reach the same
    size = float(np.sqrt(np.mean(data[1] ** 2)))
    errors = [np.exp(facts["log_mean_square"] / 2) / size for facts in (through, again)]
    assert errors[0] == pytest.approx(errors[1], abs=1e-3)


def test_weights_of_another_network_are_not_continued(keras, data, tmp_path):
    np.savez(tmp_path / "features.npz", weights=np.ones(3), done=100)
    lines = []
    projection.learn(network(keras), *data, steps=3, seed=1, folder=tmp_path, say=lines.append)
    assert not lines[0].startswith("continuing")
