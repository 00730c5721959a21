"""Is my data like the training set? Joint tests, and a report for each input."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Table
from scipy import stats

from zoo.evaluation.arrays import Floats, finite
from zoo.evaluation.two_sample import TwoSampleTest, c2st, mmd

# Up to here the Kolmogorov-Smirnov p-value is exact; beyond, the asymptotic one is close and fast.
EXACT_KS_SIZE = 500


@dataclass(frozen=True)
class DomainShift:
    """Comparison of a user's inputs with those a model was trained on.

    Attributes
    ----------
    classifier : TwoSampleTest
        Accuracy with which the two sets are told apart from all inputs together.
    kernel : TwoSampleTest
        Squared maximum mean discrepancy of all inputs together.
    inputs : astropy.table.Table
        One row for each input; see `to_table`.
    """

    classifier: TwoSampleTest
    kernel: TwoSampleTest
    inputs: Table

    @property
    def p_value(self) -> float:
        """Return one p-value for "nothing shifted": Bonferroni over the three kinds of test.

        With many objects harmless shifts become significant too: look at the accuracy and at the
        median shifts before discarding data.
        """
        smallest = min(self.classifier.p_value, self.kernel.p_value, self.inputs["p_value"].min())
        return float(min(1.0, 3.0 * smallest))

    def to_table(self) -> Table:
        """Return the report of the inputs, with the joint tests in its metadata.

        Columns: ``input``; ``ks`` (Kolmogorov-Smirnov distance); ``p_value`` (corrected for the
        number of inputs after Holm 1979); ``median_shift`` (median minus training median, in
        training interquartile ranges); ``outside`` (fraction beyond the training minimum or
        maximum). The largest distance comes first.
        """
        table = self.inputs.copy()
        table.sort("ks", reverse=True)
        table.meta = {
            "c2st_accuracy": self.classifier.statistic,
            "c2st_p_value": self.classifier.p_value,
            "mmd2": self.kernel.statistic,
            "mmd_p_value": self.kernel.p_value,
            "p_value": self.p_value,
        }
        return table


def compare(
    data: Mapping[str, Any] | Table, training: Mapping[str, Any] | Table, seed: int = 0
) -> DomainShift:
    """Compare named inputs with those of a training set.

    Parameters
    ----------
    data, training : mapping of str to array_like or Quantity, shape (n,), or Table
        The same names in both, one scalar per object: summarise maps and sets first (for example
        by peak, extent and number). Where units are given they are converted.
    seed : int
        Of thinning, folds and permutations; equal seeds give equal reports.

    Raises
    ------
    ValueError
        If names differ, an input is not a finite column, units do not convert, or there are fewer
        than 20 objects in either set.
    """
    names = _same_names(data, training)
    pairs = {name: _columns(name, data[name], training[name]) for name in names}
    for which, columns in zip(("data", "training"), zip(*pairs.values(), strict=True), strict=True):
        lengths = dict(zip(names, map(len, columns), strict=True))
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{which} has inputs of unequal length: {lengths}")
    a, b = (np.column_stack(columns) for columns in zip(*pairs.values(), strict=True))
    rows = [_one_input(name, *pairs[name]) for name in names]
    table = Table(rows=rows, names=("input", "ks", "p_value", "median_shift", "outside"))
    table["p_value"] = holm(np.array(table["p_value"], np.float64))
    for column, text in _DESCRIPTIONS.items():
        table[column].info.description = text
    return DomainShift(c2st(a, b, seed=seed), mmd(a, b, seed=seed), table)


_DESCRIPTIONS = {
    "ks": "Kolmogorov-Smirnov distance",
    "p_value": "of the distance, Holm-corrected",
    "median_shift": "in interquartile ranges of the training set",
    "outside": "fraction beyond the training range",
}


def holm(p_values: Floats) -> Floats:
    """Return p-values corrected for their number after Holm (1979, Scand. J. Statist. 6, 65)."""
    order = np.argsort(p_values)
    factor = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * factor))
    return corrected


def _same_names(data: Mapping[str, Any] | Table, training: Mapping[str, Any] | Table) -> list[str]:
    names, have = list(training.keys()), list(data.keys())
    if not names:
        raise ValueError("training has no inputs; at least one is needed")
    if set(names) != set(have):
        missing, unknown = sorted(set(names) - set(have)), sorted(set(have) - set(names))
        raise ValueError(f"data lacks {missing} and has unknown {unknown}; allowed are {names}")
    return names


def _columns(name: str, data: Any, training: Any) -> tuple[Floats, Floats]:
    for which, values in (("data", data), ("training", training)):
        if np.ma.is_masked(values):
            raise ValueError(f"{which} {name} has masked values; remove those objects first")
    units = [getattr(values, "unit", None) for values in (data, training)]
    if (units[0] is None) != (units[1] is None):
        raise ValueError(f"{name}: unit is {units[0]} in data but {units[1]} in training")
    if units[0] is not None:
        try:
            data = u.Quantity(data).to_value(units[1])
        except u.UnitConversionError as error:
            raise ValueError(f"{name}: {error}") from None
        training = u.Quantity(training).value
    return finite(f"data {name}", data, ndim=1), finite(f"training {name}", training, ndim=1)


def _one_input(name: str, data: Floats, training: Floats) -> tuple[str, float, float, float, float]:
    size = max(len(data), len(training))
    ks = stats.ks_2samp(data, training, method="exact" if size <= EXACT_KS_SIZE else "asymp")
    shift = np.median(data) - np.median(training)
    width = stats.iqr(training)
    # A constant training input has no width: any shift of it is infinitely many widths.
    in_widths = shift / width if width > 0 else (np.sign(shift) * np.inf if shift else 0.0)
    outside = np.mean((data < training.min()) | (data > training.max()))
    return name, float(ks.statistic), float(ks.pvalue), float(in_widths), float(outside)
