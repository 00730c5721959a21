"""Marginal likelihood of one spectrum whose inverse variance follows no known curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

RIDGE = 1e-7  # of the best seen nuisance column, as prior precision of all of them


class GeneralScan:
    """A scan row by row: matrices A of its own for every spectrum, in double precision.

    The formulas are those of `TemplateScan`. What depends on the templates alone is computed once.

    Parameters
    ----------
    grid : ShiftGrid
        Bins and shifts.
    templates : (K, window) tensor
    nuisance : (bins, J) tensor or None
    """

    def __init__(self, grid: Any, templates: Any, nuisance: Any) -> None:
        self.grid = grid
        templates = ops.cast(templates, "float64")
        self.count = templates.shape[0]
        pairs = [(i, j) for i in range(self.count) for j in range(i, self.count)]
        self.place = np.zeros((self.count, self.count), int)
        for number, (i, j) in enumerate(pairs):
            self.place[i, j] = self.place[j, i] = number
        one, other = np.transpose(pairs)
        products = ops.take(templates, one, axis=0) * ops.take(templates, other, axis=0)
        self.pairs = transformed(products[:, ::-1], grid.size)
        self.templates = transformed(templates[:, ::-1], grid.size)
        self.nuisance = None if nuisance is None else ops.cast(nuisance, "float64")
        self.one, self.other = one, other

    def __call__(self, flux: Any, weight: Any, amplitude: Any) -> tuple[Any, Any, Any]:
        """Likelihood (shifts,), matrices (K (K + 1) / 2, shifts) and right sides (K, shifts).

        The posterior mean of the coefficients, in units of the amplitude, solves
        (1 + amplitude^2 A) c = amplitude b; the matrices are those on the left.

        Parameters
        ----------
        flux, weight : (bins,) tensors
            Spectrum and inverse variance, float64.
        amplitude : () tensor
        """
        matrix = correlated(weight, self.pairs, self.grid)
        rest = weight * flux
        if self.nuisance is not None:
            columns = self._own_nuisance(weight)
            rest = rest - ops.matmul(ops.matmul(columns, flux), columns)
            cross = ops.transpose(correlated(columns, self.templates, self.grid), (2, 1, 0))
            seen = ops.transpose(ops.matmul(cross, ops.transpose(cross, (0, 2, 1))), (1, 2, 0))
            matrix = matrix - tf.gather_nd(seen, np.stack([self.one, self.other], axis=1))
        diagonal = np.equal(self.one, self.other).astype(float)[:, None]
        matrix = diagonal + amplitude**2 * matrix
        right = amplitude * correlated(rest, self.templates, self.grid)
        return self._likelihood(matrix, right), matrix, right

    def _likelihood(self, matrix, right):
        """Half of b' M^-1 b - ln det M, by elimination at all shifts at once."""
        rows = [
            tf.concat([tf.gather(matrix, self.place[i, i:]), right[i : i + 1]], axis=0)
            for i in range(self.count)
        ]
        found = tf.zeros_like(right[0])
        for i in range(self.count):
            pivot, row = rows[i][0], rows[i][1:]
            share = row / pivot
            for j in range(i + 1, self.count):
                k = j - i - 1
                rows[j] = rows[j] - share[k] * row[k:]
            found = found + share[-1] * row[-1] - ops.log(pivot)
        return 0.5 * found

    def coefficients(self, matrix, right, shifts):
        """Coefficients over the amplitude (count, K) at some shifts (count,)."""
        few = tf.gather(tf.gather(matrix, shifts, axis=1), self.place.ravel())
        few = ops.reshape(ops.transpose(few), (-1, self.count, self.count))
        root = ops.linalg.cholesky(few)
        values = ops.transpose(tf.gather(right, shifts, axis=1))[..., None]
        return tf.linalg.cholesky_solve(root, values)[..., 0]

    def _own_nuisance(self, weight):
        """W N (J, bins) with N' W N = 1 for this weight (bins,)."""
        columns = weight[:, None] * self.nuisance
        gram = ops.matmul(ops.transpose(self.nuisance), columns)
        size = ops.max(tf.linalg.diag_part(gram))
        # a column that this spectrum does not see would have no inverse
        ridge = RIDGE * ops.where(size > 0, size, 1.0) * ops.eye(gram.shape[0], dtype="float64")
        root = ops.linalg.cholesky(gram + ridge)
        return tf.linalg.triangular_solve(root, ops.transpose(columns))


def correlated(values: Any, rows: Any, grid: Any) -> Any:
    """Sums over j of values_j row[j - k + last] for every shift k (..., rows, shifts).

    Parameters
    ----------
    values : (..., bins) tensor
    rows : (rows, frequencies) tensor
        Of the reversed rows, as `transformed` makes them.
    """
    spectra = transformed(values, grid.size)[..., None, :] * rows
    return tf.signal.irfft(spectra, [grid.size])[..., grid.bins - 1 : grid.window]


def transformed(values: Any, size: int) -> Any:
    """Fourier transform of real rows that zeros continue to `size`."""
    # TensorFlow's own padding forgets an empty batch
    values = tf.convert_to_tensor(values)
    room = [[0, 0]] * (values.shape.rank - 1) + [[0, size - values.shape[-1]]]
    return tf.signal.rfft(tf.pad(values, room), [size])
