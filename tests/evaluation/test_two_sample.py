"""Classifier and kernel tests where the best accuracy, or the statistic itself, is known."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import trapezoid

from zoo.evaluation.two_sample import c2st, mmd

TESTS = pytest.mark.parametrize("test", [c2st, mmd])
X = np.linspace(-12, 12, 20_001)


def bimodal_pdf(x):
    """Return the density of a two-peaked distribution of zero mean and unit variance."""
    return (stats.norm.pdf(x, 0.9, np.sqrt(0.19)) + stats.norm.pdf(x, -0.9, np.sqrt(0.19))) / 2


def bimodal(rng, n):
    return rng.choice([-0.9, 0.9], n) + np.sqrt(0.19) * rng.normal(size=n)


@pytest.mark.parametrize(
    ("draw", "pdf"),
    [
        (lambda rng, n: rng.normal(1, 1, n), stats.norm(1, 1).pdf),
        (lambda rng, n: rng.normal(3, 1, n), stats.norm(3, 1).pdf),
        (lambda rng, n: rng.normal(0, 3, n), stats.norm(0, 3).pdf),
        (bimodal, bimodal_pdf),
    ],
    ids=["shift", "large shift", "width", "two peaks"],
)
def test_accuracy_comes_near_the_best_possible(draw, pdf):
    rng = np.random.default_rng(0)
    result = c2st(rng.normal(size=2000), draw(rng, 2000))
    best = trapezoid(np.maximum(stats.norm.pdf(X), pdf(X)), X) / 2
    # 3 sigma of an accuracy from 4,000 points is 0.024; the classifier may lose a little more.
    assert best - 0.03 < result.statistic < best + 0.024
    assert result.p_value == pytest.approx(1 / 201)


@TESTS
def test_equal_distributions_are_rarely_told_apart(test):
    rng = np.random.default_rng(1)
    p_values = np.array(
        [test(*rng.normal(size=(2, 40, 2)), permutations=19, seed=i).p_value for i in range(400)]
    )
    # An exact test has P(p <= 0.2) = 0.2; ties of whole counts make the classifier's smaller.
    assert 0.10 < np.mean(p_values <= 0.2 + 1e-9) < 0.28
    assert np.mean(p_values <= 0.05 + 1e-9) < 0.09


@TESTS
def test_shifted_samples_are_found_and_unit_does_not_matter(test):
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(300, 3)), rng.normal([0.5, 0, 0], size=(300, 3))
    result = test(a, b)
    assert result.p_value < 0.01
    scale = np.array([1e6, 1, 1e-4])
    scaled = test(a * scale + 7, b * scale + 7)
    assert scaled.statistic == pytest.approx(result.statistic, abs=1e-6)


@TESTS
def test_same_seed_same_answer_and_sets_are_balanced(test):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(500, 2)), rng.normal(size=(60, 2))
    first = test(a, b, seed=4)
    assert first == test(a, b, seed=4)
    assert first != test(a, b, seed=5)
    assert first.n_used == 60
    assert test(a, a + 5, max_points=50).n_used == 50


@TESTS
def test_correlation_alone_is_found(test):
    rng = np.random.default_rng(5)
    a = rng.normal(size=(600, 2))
    b = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 600)
    assert test(a, b).p_value < 0.01


def test_mmd_is_its_definition():
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(30, 2)), rng.normal(1, 1, size=(30, 2))
    z = np.concatenate([a, b])
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    square = ((z[:, None] - z[None]) ** 2).sum(axis=-1)
    kernel = np.exp(-square / (2 * np.median(square[np.triu_indices(60, 1)])))
    off = ~np.eye(30, dtype=bool)
    expected = (
        kernel[:30, :30][off].mean() + kernel[30:, 30:][off].mean() - 2 * kernel[:30, 30:].mean()
    )
    assert mmd(a, b, permutations=1).statistic == pytest.approx(expected, rel=1e-10)


@TESTS
def test_constant_columns_say_nothing(test):
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(2, 100, 1))
    ones = np.ones((100, 1))
    with_constant = test(np.hstack([a, ones]), np.hstack([b, ones]))
    assert with_constant.p_value > 0.01
    assert test(ones, ones).p_value == 1.0


@TESTS
@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((30, 2)), np.zeros((30, 3)), "needed are"),
        (np.zeros((30, 2)), np.zeros((19, 2)), "19 points can be used"),
        (np.zeros(30), np.full(30, np.inf), "b has 30 of 30"),
    ],
)
def test_bad_input_is_named(test, a, b, message):
    with pytest.raises(ValueError, match=message):
        test(a, b)
