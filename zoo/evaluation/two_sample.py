"""Do two sets of points come from one distribution? A classifier test and a kernel test.

Both p-values come from permuting the labels, so they hold for any sample size. Columns are scaled
by the mean and standard deviation of the pooled points, which know nothing of the labels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist, squareform

from zoo.evaluation.arrays import Floats, finite

FOLDS = 5
RIDGE = 1e-3
FOURIER_FEATURES = 100
MAX_QUADRATIC_COLUMNS = 20


@dataclass(frozen=True)
class TwoSampleTest:
    """Outcome of a two-sample test.

    Attributes
    ----------
    statistic : float
        Accuracy of the classifier (0.5: cannot be told apart; 1: always), or squared MMD.
    p_value : float
        Probability of a statistic at least as large if both sets had one distribution.
    n_used : int
        Points taken from each set.
    """

    statistic: float
    p_value: float
    n_used: int


def c2st(
    a: ArrayLike, b: ArrayLike, max_points: int = 2000, permutations: int = 200, seed: int = 0
) -> TwoSampleTest:
    """Classifier two-sample test (Lopez-Paz & Oquab 2017, ICLR, arXiv 1610.06545).

    The classifier is ridge regression of the label on linear, quadratic and random Fourier
    features (Rahimi & Recht 2007), five-fold cross-validated. It is smooth and global: a difference
    that only a deep network sees is missed, so the accuracy is a lower limit of the best one.

    Parameters
    ----------
    a, b : array_like, shape (n, d) or (n,)
        The larger set is thinned at random to the size of the smaller one, so that chance is 0.5.
    max_points : int
        Points used of each set at most.
    permutations : int
        Of the labels, within each fold; the p-value is not below 1 / (permutations + 1).
    seed : int
        Of thinning, folds, features and permutations.

    Raises
    ------
    ValueError
        If the numbers of columns differ, a value is not finite, or a set has fewer than 20 points.
    """
    rng = np.random.default_rng(seed)
    a, b = _balanced(a, b, max_points, rng)
    n = len(a)
    x = _features(_standardised(np.concatenate([a, b])), rng)
    # Folds hold as many points of either set, and labels are permuted within folds only: under
    # the null hypothesis every such permutation is as likely as the true labels.
    fold = np.concatenate([rng.permutation(np.arange(n) % FOLDS) for _ in range(2)])
    label = np.repeat([-1.0, 1.0], n)
    labels = np.empty((2 * n, permutations + 1))
    labels[:, 0] = label
    for k in range(FOLDS):
        rows = fold == k
        labels[rows] = label[rows, np.newaxis]
        labels[rows, 1:] = rng.permuted(labels[rows, 1:], axis=0)
    right = np.zeros(permutations + 1)
    for k in range(FOLDS):
        train, test = fold != k, fold == k
        gram = x[train].T @ x[train]
        gram += RIDGE * train.sum() * np.eye(x.shape[1])
        predicted = x[test] @ np.linalg.solve(gram, x[train].T @ labels[train])
        right += (predicted * labels[test] > 0).sum(axis=0)
    # Counts of right answers are compared, not accuracies: equal ones must compare as equal.
    p_value = np.mean(right >= right[0])
    return TwoSampleTest(float(right[0] / (2 * n)), float(p_value), n)


def mmd(
    a: ArrayLike, b: ArrayLike, max_points: int = 1000, permutations: int = 500, seed: int = 0
) -> TwoSampleTest:
    """Maximum mean discrepancy with a Gaussian kernel (Gretton et al. 2012, JMLR 13, 723).

    The statistic is the unbiased estimate of the squared MMD (their eq. 3), which may be negative;
    the kernel is exp(-r^2 / (2 s^2)) with s the median distance of the pooled points.

    Parameters
    ----------
    a, b, max_points, permutations, seed
        As for `c2st`; memory grows as 32 max_points^2 bytes, about 100 MB for 1,000 points.

    Raises
    ------
    ValueError
        As `c2st`.
    """
    rng = np.random.default_rng(seed)
    a, b = _balanced(a, b, max_points, rng)
    n = len(a)
    square = pdist(_standardised(np.concatenate([a, b])), "sqeuclidean")
    kernel = squareform(np.exp(-square / (2.0 * _median_positive(square))))
    member = np.zeros((2 * n, permutations + 1))
    member[:n] = 1.0
    member[:, 1:] = rng.permuted(member[:, 1:], axis=0)
    # The diagonal of `kernel` is zero (squareform), which is what the unbiased sums leave out.
    both = kernel @ member
    within_a = np.einsum("ij,ij->j", member, both)
    total = kernel.sum()
    across = both.sum(axis=0) - within_a
    within_b = total - within_a - 2.0 * across
    value = (within_a + within_b) / (n * (n - 1)) - 2.0 * across / n**2
    p_value = np.mean(value >= value[0] - 1e-12)
    return TwoSampleTest(float(value[0]), float(p_value), n)


def _balanced(
    a: ArrayLike, b: ArrayLike, max_points: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    a, b = finite("a", a), finite("b", b)
    a = a[:, np.newaxis] if a.ndim == 1 else a
    b = b[:, np.newaxis] if b.ndim == 1 else b
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"a has shape {a.shape} and b {b.shape}; needed are (n, d) and (m, d)")
    n = min(len(a), len(b), max_points)
    if n < 4 * FOLDS:
        raise ValueError(f"{n} points can be used of each set; at least {4 * FOLDS} are needed")
    return tuple(rng.choice(x, n, replace=False, shuffle=False) for x in (a, b))  # type: ignore[return-value]


def _standardised(x: Floats) -> Floats:
    std = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(std > 0, std, 1.0)


def _features(x: Floats, rng: np.random.Generator) -> Floats:
    columns = [x]
    if x.shape[1] <= MAX_QUADRATIC_COLUMNS:
        i, j = np.triu_indices(x.shape[1])
        columns.append(x[:, i] * x[:, j])
    near = pdist(rng.choice(x, min(len(x), 500), replace=False), "sqeuclidean")
    frequency = rng.normal(size=(x.shape[1], FOURIER_FEATURES)) / np.sqrt(_median_positive(near))
    phase = rng.uniform(0.0, 2.0 * np.pi, FOURIER_FEATURES)
    columns.append(np.cos(x @ frequency + phase))
    return np.column_stack([_standardised(np.column_stack(columns)), np.ones(len(x))])


def _median_positive(square: Floats) -> float:
    """Return the median of the squared distances that are not zero, 1 if all are."""
    positive = square[square > 0]
    return float(np.median(positive)) if positive.size else 1.0
