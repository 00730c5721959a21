"""How good a classification with probabilities is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zoo.evaluation.arrays import Floats, finite, paired
from zoo.evaluation.spectra import calibration_error

UNKNOWN = 255  # label of an object whose class is not known; it is not judged


def class_errors(predicted: ArrayLike, true: ArrayLike, *chances: ArrayLike) -> dict[str, float]:
    """Summarise predicted classes and, where they are given, their probabilities.

    Parameters
    ----------
    predicted, true : (n,) array
        Numbers of the classes, from 0. Objects whose true label is 255 are left out.
    *chances : (n,) array
        Probability of class 0, of class 1, and so on.

    Returns
    -------
    dict of float
        ``accuracy``; ``balanced_accuracy``, the mean over the classes that occur of the fraction
        found; ``recall_<class>``; with probabilities ``ece``, the expected calibration error of
        that of the predicted class (10 equal bins), and ``nll``, the mean -ln of that of the true
        class.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, or no object has a known class.
    """
    predicted, true = paired("predicted", predicted, "true", true)
    known = true != UNKNOWN
    if not known.any():
        raise ValueError("no object has a known class")
    right = (predicted == true)[known]
    truth = true[known].astype(int)
    recalls = {c: float(right[truth == c].mean()) for c in np.unique(truth).tolist()}
    out = {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(list(recalls.values()))),
        **{f"recall_{c}": value for c, value in recalls.items()},
    }
    given = [values for values in chances if values is not None]
    if given:
        p = finite("probabilities", np.stack([np.asarray(v) for v in given], axis=-1), 2)[known]
        sure = p[np.arange(len(p)), predicted[known].astype(int)]
        out["ece"] = calibration_error(sure, right)
        of_truth = p[np.arange(len(p)), truth]
        out["nll"] = float(-np.mean(np.log(np.maximum(of_truth, np.finfo(np.float32).tiny))))
    return out


def confusion(predicted: ArrayLike, true: ArrayLike, classes: int = 3) -> Floats:
    """Fractions (true class, predicted class) of each true class; rows sum to 1."""
    predicted, true = paired("predicted", predicted, "true", true)
    counts = np.zeros((classes, classes))
    known = true != UNKNOWN
    np.add.at(counts, (true[known].astype(int), predicted[known].astype(int)), 1)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
