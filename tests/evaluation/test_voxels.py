"""Scores of voxels against brute force on tiny periodic boxes."""

from itertools import product

import numpy as np
import pytest

from zoo.evaluation import voxels

N = 8


@pytest.fixture(scope="module")
def box():
    """Counts, and a score that knows a little of them, with many ties."""
    rng = np.random.default_rng(0)
    count = rng.poisson(0.08, (N, N, N))
    score = np.round(3 * rng.random((N, N, N)) + 2 * (count > 0), 1)
    return score, count


def near(mask):
    """Whether any of the 27 voxels around is occupied, voxel by voxel."""
    out = np.zeros_like(mask)
    for i, j, k in product(range(N), repeat=3):
        out[i, j, k] = any(
            mask[(i + a) % N, (j + b) % N, (k + c) % N] for a, b, c in product((-1, 0, 1), repeat=3)
        )
    return out


def levels(score, true, tolerant):
    """Recall and precision of every threshold, from the highest down."""
    for level in np.unique(score)[::-1]:
        said = score >= level
        wide_said, wide_true = (near(said), near(true)) if tolerant else (said, true)
        yield wide_said[true].mean(), wide_true[said].mean()


@pytest.mark.parametrize("tolerant", [False, True])
@pytest.mark.parametrize("recall", [0.3, 0.95])
def test_precision_at_recall(box, recall, tolerant):
    score, count = box
    expected = next(p for r, p in levels(score, count > 0, tolerant) if r >= recall)
    found = voxels.precision_at_recall(score, count, recall, tolerant)
    assert found == pytest.approx(expected)
    assert voxels.precision_curve(score, count, [recall], tolerant)[0] == found


def test_average_precision(box):
    score, count = box
    area, last = 0.0, 0.0
    for recall, precision in levels(score, count > 0, False):
        area += (recall - last) * precision
        last = recall
    assert voxels.average_precision(score, count) == pytest.approx(area)


def test_average_precision_without_ties_is_the_mean_over_ranks(box):
    _, count = box
    score = np.random.default_rng(3).permutation(N**3).reshape(N, N, N)
    ranked = (count > 0).ravel()[np.argsort(-score.ravel())]
    precision = np.cumsum(ranked) / np.arange(1, N**3 + 1)
    assert voxels.average_precision(score, count) == pytest.approx(precision[ranked].mean())
    assert voxels.average_precision(count, count) == 1
    flat = voxels.average_precision(np.zeros((N, N, N)), count)
    assert flat == pytest.approx((count > 0).mean())  # no information: the base rate


@pytest.mark.parametrize("tolerant", [False, True])
def test_scores_of_a_mask(box, tolerant):
    score, count = box
    said, true = score > 2.5, count > 0
    wide_said, wide_true = (near(said), near(true)) if tolerant else (said, true)
    found = voxels.mask_errors(said, count, tolerant)
    assert found["recall"] == pytest.approx(wide_said[true].mean())
    assert found["precision"] == pytest.approx(wide_true[said].mean())
    assert found["accuracy"] == pytest.approx((said == true).mean())
    assert found["lift"] == pytest.approx(found["precision"] / true.mean())
    nothing = voxels.mask_errors(np.zeros_like(count), count, tolerant)
    assert nothing["recall"] == 0
    assert np.isnan(nothing["precision"])


def test_two_draws_of_independent_voxels_agree_by_chance_only():
    rng = np.random.default_rng(4)
    p = np.where(rng.random((24, 24, 24)) < 0.1, 0.7, 0.001)
    first, second = rng.random((2, *p.shape)) < p
    expected = (p**2).sum() / p.sum()
    found = voxels.mask_errors(first, second)
    assert found["recall"] == pytest.approx(expected, abs=0.05)
    assert found["precision"] == pytest.approx(expected, abs=0.05)


def test_reliability_of_a_calibrated_probability():
    rng = np.random.default_rng(5)
    p = 10 ** rng.uniform(-4, 0, (48, 48, 48))
    predicted, observed, number = voxels.reliability(p, rng.random(p.shape) < p, bins=6)
    assert number.sum() == p.size
    error = np.sqrt(predicted / number)
    assert (np.abs(observed - predicted) < 4 * error).all()
    assert (np.diff(predicted) > 0).all()
    assert 10**-0.5 < predicted[-1] < 1  # the last bin ends at 1
    empty = voxels.reliability(np.ones((2, 2, 2)), np.ones((2, 2, 2)), bins=3)
    np.testing.assert_array_equal(empty, [[np.nan, np.nan, 1], [np.nan, np.nan, 1], [0, 0, 8]])


def test_summary_is_of_its_parts(box):
    score, count = box
    rng = np.random.default_rng(6)
    other = rng.permutation(count.ravel()).reshape(count.shape)
    found = voxels.galaxy_errors(np.stack([score, score]), np.stack([count, other]))
    both = (count, other)
    assert found == pytest.approx(
        {
            "average_precision": np.mean([voxels.average_precision(score, c) for c in both]),
            "precision_at_recall_95": np.mean([voxels.precision_at_recall(score, c) for c in both]),
            "precision_at_recall_95_tolerant": np.mean(
                [voxels.precision_at_recall(score, c, tolerant=True) for c in both]
            ),
            "base_rate": np.mean([(c > 0).mean() for c in both]),
            "abundance_ratio": score.sum() / count.sum(),
        }
    )
    assert all(isinstance(value, float) for value in found.values())


@pytest.mark.parametrize(
    ("score", "true", "message"),
    [
        (np.ones((1, 4, 4, 4)), np.ones((4, 4, 4)), r"needed: both \(boxes, n, n, n\)"),
        (np.ones((1, 4, 4, 5)), np.ones((1, 4, 4, 5)), r"true has shape \(4, 4, 5\)"),
        (np.ones((1, 4, 4, 4)), np.zeros((1, 4, 4, 4)), "no occupied voxel"),
        (np.full((1, 4, 4, 4), np.nan), np.ones((1, 4, 4, 4)), "score has values that are not"),
        (np.ones((1, 4, 4, 4)), np.full((1, 4, 4, 4), -1), "true has values that are negative"),
    ],
)
def test_impossible_boxes_are_named(score, true, message):
    with pytest.raises(ValueError, match=message):
        voxels.galaxy_errors(score, true)


def test_impossible_probabilities_are_named():
    with pytest.raises(ValueError, match="probability runs from 0 to 2"):
        voxels.reliability([0, 2], [1, 1])
    with pytest.raises(ValueError, match="predicted has shape"):
        voxels.mask_errors(np.ones((4, 4, 4)), np.ones((8, 8, 8)))
