"""Sersic fits: derivatives, known profiles, the same answer inside a Keras graph."""

import numpy as np
import pytest
from scipy.special import gammaincinv

from zoo.nn import sersic_fit

TRUTH = {"n": 2.7, "ln_q": -0.3, "ln_r": 0.1, "ln_i": 0.2, "turn": 0.3, "x": 0.02, "y": -0.03}


def columns(**changes):
    return {name: np.array([[value]]) for name, value in (TRUTH | changes).items()}


@pytest.fixture
def places():
    return np.random.default_rng(1).normal(0, 1.2, (2, 1, 60))


def test_exponent():
    """Half of the light of a Sersic profile lies within its effective radius."""
    n = np.linspace(2, 8, 30)
    np.testing.assert_allclose(sersic_fit.exponent(n), gammaincinv(2 * n, 0.5), atol=5e-6)


def test_a_profile_by_hand():
    p = columns(turn=0.0, x=0.0, y=0.0, ln_q=np.log(0.5))
    x, y = np.array([[1.2, 0.0]]), np.array([[0.0, 0.6]])
    found = sersic_fit.model(x, y, p)
    b = gammaincinv(2 * 2.7, 0.5)
    expected = 0.2 - b * ((1.2 / np.exp(0.1)) ** (1 / 2.7) - 1)
    np.testing.assert_allclose(found, [[expected, expected]], rtol=1e-4)


@pytest.mark.parametrize("name", sersic_fit.PARAMETERS)
def test_derivatives(places, name):
    step = 1e-6
    above, below = (
        sersic_fit.model(*places, columns(**{name: TRUTH[name] + sign * step})) for sign in (1, -1)
    )
    found = sersic_fit.derivatives(*places, columns())[name]
    np.testing.assert_allclose(found, (above - below) / (2 * step), atol=1e-7)


def test_known_profiles(places):
    image = sersic_fit.model(*places, columns())
    found = sersic_fit.fit(image, *places)
    for name, value in TRUTH.items():
        assert found[name][0, 0] == pytest.approx(value, abs=1e-5), name


def test_what_is_not_free_stays(places):
    image = sersic_fit.model(*places, columns())
    found = sersic_fit.fit(image, *places, free=("n",))
    assert {n for n in TRUTH if found[n][0, 0] != sersic_fit.START[n]} == {"n"}


def test_inside_a_graph(places, keras):
    image = sersic_fit.model(*places, columns(ln_r=0.0, ln_i=0.0, turn=0.0, x=0.0, y=0.0))
    single = (np.asarray(v, "float32") for v in (image, *places))
    found = sersic_fit.fit(*single, free=("n", "ln_q"), ops=keras.ops)
    for name in ("n", "ln_q"):
        assert float(found[name][0, 0]) == pytest.approx(TRUTH[name], abs=2e-5)
