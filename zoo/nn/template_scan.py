"""Chi-squared scan in redshift with templates, by Fourier transforms on a logarithmic grid."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.nn import template_matrices
from zoo.nn.peaks import highest_peaks
from zoo.nn.template_general import GeneralScan, transformed

SWEEPS = 3  # of the nuisance fit; each leaves a tenth of what the weights differ from the curve
FAINTEST = 2.0  # standard deviations of the mean flux: what the amplitude is at least


class TemplateScan(keras.layers.Layer):
    r"""Marginal likelihood of a spectrum at every redshift of a logarithmic grid.

    A spectrum on bins j of ln(wavelength) is f_j = sum_i c_i T_i[j - k] + sum_m n_m N_mj + noise of
    inverse variance w_j, where a shift k of the templates T is a redshift, ln(1 + z) = k step. The
    nuisance columns N (sky left over, shifted, blurred) have a flat prior, the coefficients c
    independent normal ones of standard deviation `amplitude`: the templates are principal
    components scaled by what they contribute to a library, so that amplitude is the galaxy's
    brightness. Both marginalise in closed form,

        ln L(k) = b' (A + 1 / amplitude^2)^-1 b / 2 - ln det(1 + amplitude^2 A) / 2 + const,
        b = T' W (f - N n),  A = T' [W - W N (N' W N)^-1 N' W] T,

    and b at all redshifts are correlations, which Fourier transforms give at once.

    Where the inverse variance is a number times a known curve, A is that number times one known
    matrix for each redshift, whose eigenvectors are stored, and a spectrum costs a dozen transforms
    (`along_curve`). Any other inverse variance, such as one with gaps or of another instrument, has
    its own A at every redshift (`in_general`), which costs many times as much. The layer decides
    row by row.

    Parameters
    ----------
    bins : int
        Bins of the spectrum, uniform in ln(wavelength).
    step : float
        Their width.
    redshift : (float, float)
        Range that is scanned, in steps of one bin.
    templates, nuisances : int
        Numbers of templates and of nuisance columns.
    agreement : float
        How much an inverse variance may differ from the curve, sum |w - s w0| / sum s w0; 0 where
        no curve is known.
    peaks : int
        At how many of the highest maxima of the likelihood the coefficients are wanted too.
    reach : int
        Shifts; see `highest_peaks`.
    **kwargs
        Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        bins: int,
        step: float,
        redshift: tuple[float, float],
        templates: int = 10,
        nuisances: int = 0,
        agreement: float = 0.0,
        peaks: int = 0,
        reach: int = 20,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.grid = template_matrices.ShiftGrid(bins, step, *redshift)
        self.agreement, self.peaks, self.reach = float(agreement), int(peaks), int(reach)
        lags = len(self.grid.redshift)

        def fixed(name, *shape):
            return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)

        self.templates = fixed("templates", templates, self.grid.window)
        self.trust = fixed("trust", bins)
        self.nuisance = fixed("nuisance", bins, nuisances) if nuisances else None
        if self.agreement:
            self.curve = fixed("curve", bins)
            self.values = fixed("values", lags, templates)
            self.vectors = fixed("vectors", lags, templates, templates)
        self.built = True

    def adapt(
        self,
        templates: np.ndarray,
        curve: np.ndarray | None = None,
        nuisance: np.ndarray | None = None,
        trust: np.ndarray | None = None,
    ) -> None:
        """Set templates (K, window), the curve (bins,), and nuisance columns (bins, J).

        Parameters
        ----------
        trust : (bins,) array, optional
            Factors on every inverse variance: less than 1 where systematic errors exceed noise.
        """
        bins = self.grid.bins
        trust = np.ones(bins) if trust is None else trust
        weight = trust * (np.ones(bins) if curve is None else curve)
        self.templates.assign(templates)
        self.trust.assign(trust)
        if self.nuisance is not None and nuisance is not None:
            nuisance = template_matrices.orthonormal(nuisance, weight)
            self.nuisance.assign(nuisance)
        if self.agreement:
            values, vectors = template_matrices.curve_matrices(
                self.grid, templates, weight, nuisance
            )
            self.curve.assign(curve)
            self.values.assign(values)
            self.vectors.assign(vectors)

    def call(self, inputs):
        """Dict of ``log_likelihood`` (batch, shifts), ``amplitude`` and ``scale`` (batch,).

        `scale` is the mean inverse variance over that of the curve, or itself without a curve.
        Where peaks are wanted, ``height`` and ``peak`` (batch, peaks) are what `highest_peaks`
        finds, and ``coefficients`` (batch, peaks, K) the means of the coefficients' posterior
        there, in units of the amplitude.

        Parameters
        ----------
        inputs : dict
            ``flux`` and ``ivar`` (batch, bins), as `LogRebin` makes them.
        """
        flux, weight = inputs["flux"], inputs["ivar"] * self.trust
        amplitude, scale = self.brightness(flux, weight), self.scale(weight)
        given = (flux, weight, amplitude, scale)
        if not self.agreement:
            found = self.in_general(*given)
        else:
            alike = self.alike(weight, scale)
            found = tf.cond(
                tf.reduce_all(alike),
                lambda: self.along_curve(*given),
                lambda: self._each_its_way(alike, given),
            )
        return found | {"amplitude": amplitude, "scale": scale}

    def _each_its_way(self, alike, given):
        rows = [tf.where(alike)[:, 0], tf.where(tf.logical_not(alike))[:, 0]]
        ways = (self.along_curve, self.in_general)
        parts = [
            way(*(tf.gather(values, index) for values in given))
            for way, index in zip(ways, rows, strict=True)
        ]
        place = tf.concat(rows, axis=0)[:, None]
        return {name: _scattered(place, [part[name] for part in parts]) for name in parts[0]}

    def brightness(self, flux, weight):
        """Mean flux (batch,), or so much that it is seen at all."""
        total = ops.sum(weight, axis=1)
        safe = ops.where(total > 0, total, 1.0)
        return ops.maximum(ops.sum(flux * weight, axis=1), FAINTEST * ops.sqrt(safe)) / safe

    def scale(self, weight):
        """Mean inverse variance over that of the curve (batch,)."""
        known = self.curve * self.trust if self.agreement else self.trust
        return ops.sum(weight, axis=1) / ops.sum(known)

    def alike(self, weight, scale):
        """Whether inverse variances (batch, bins) are `scale` times the curve, nearly."""
        known = self.curve * self.trust
        off = ops.sum(ops.abs(weight - scale[:, None] * known), axis=1)
        return off < self.agreement * ops.sum(weight, axis=1)

    def along_curve(self, flux, weight, amplitude, scale):
        """Likelihood at all shifts where the inverse variance follows the curve.

        The nuisances are fitted with the inverse variance itself, by repeated substitution in
        N' W (f - N n) = 0 with N' W N near `scale`; only the matrices A are those of the curve.
        """
        rest = flux
        if self.nuisance is not None:
            inverse = (1 / scale)[:, None]
            for _ in range(SWEEPS):
                fit = inverse * ops.matmul(weight * rest, self.nuisance)
                rest = rest - ops.matmul(fit, ops.transpose(self.nuisance))
        # (shifts, K, batch) from here on: sums over K then run along whole rows
        b = ops.transpose(self._correlate(weight * rest), (2, 0, 1))
        c = tf.matmul(self.vectors, b, transpose_a=True)
        growth = 1 + (amplitude**2 * scale) * self.values[:, :, None]
        quadratic = amplitude**2 * ops.sum(c * (c / growth), axis=1)
        found = ops.transpose(0.5 * (quadratic - _log_product(growth)))
        if not self.peaks:
            return {"log_likelihood": found}
        height, peak = highest_peaks(found, self.peaks, self.reach)
        rows, count = tf.shape(c)[2], c.shape[1]
        place = peak[..., None] * count + np.arange(count, dtype="int32")
        place = place * rows + tf.range(rows)[:, None, None]
        c, growth = (tf.gather(ops.reshape(values, (-1,)), place) for values in (c, growth))
        shrunk = amplitude[:, None, None] * c / growth
        coefficients = tf.linalg.matvec(tf.gather(self.vectors, peak), shrunk)
        peaks = {"height": height, "peak": peak, "coefficients": coefficients}
        return {"log_likelihood": found} | peaks

    def _correlate(self, values):
        """Sums over j of values_j T[j - k + last] for every template and shift (K, batch, shifts).

        One template after the other: TensorFlow multiplies complex rows of one shape much faster
        than such as it has to broadcast.
        """
        size = self.grid.size
        spectra, rows = transformed(values, size), transformed(self.templates[:, ::-1], size)
        within = slice(self.grid.bins - 1, self.grid.window)
        found = [tf.signal.irfft(spectra * row, [size])[:, within] for row in tf.unstack(rows)]
        return tf.stack(found)

    def in_general(self, flux, weight, amplitude, scale):
        """Likelihood at all shifts for any inverse variance, in double precision, row by row."""
        given = tuple(ops.cast(values, "float64") for values in (flux, weight, amplitude))
        way = GeneralScan(self.grid, self.templates, self.nuisance)

        def one(row):
            found, matrix, right = way(*row)
            if not self.peaks:
                return {"log_likelihood": found}
            height, peak = (v[0] for v in highest_peaks(found[None], self.peaks, self.reach))
            coefficients = way.coefficients(matrix, right, peak)
            peaks = {"height": height, "peak": peak, "coefficients": coefficients}
            return {"log_likelihood": found} | peaks

        shifts, count = len(self.grid.shifts), self.templates.shape[0]
        wanted = {"log_likelihood": tf.TensorSpec((shifts,), tf.float64)}
        if self.peaks:
            wanted["height"] = tf.TensorSpec((self.peaks,), tf.float64)
            wanted["peak"] = tf.TensorSpec((self.peaks,), tf.int32)
            wanted["coefficients"] = tf.TensorSpec((self.peaks, count), tf.float64)
        found = tf.cond(
            tf.shape(flux)[0] > 0,
            lambda: tf.map_fn(one, given, fn_output_signature=wanted),
            lambda: {n: tf.zeros((0, *s.shape), s.dtype) for n, s in wanted.items()},
        )
        return {
            name: values if name == "peak" else ops.cast(values, self.compute_dtype)
            for name, values in found.items()
        }

    def compute_output_spec(self, inputs):
        """(batch, shifts), (batch,) each, and (batch, peaks), (batch, peaks, K)."""
        batch, dtype = inputs["flux"].shape[0], self.compute_dtype
        shapes = {"log_likelihood": (len(self.grid.shifts),), "amplitude": (), "scale": ()}
        if self.peaks:
            shapes["height"] = (self.peaks,)
            shapes["coefficients"] = (self.peaks, self.templates.shape[0])
        found = {n: keras.KerasTensor((batch, *s), dtype=dtype) for n, s in shapes.items()}
        if self.peaks:
            found["peak"] = keras.KerasTensor((batch, self.peaks), dtype="int32")
        return found


def _log_product(values):
    """Sum over the middle axis of the logarithm of values of at least 1.

    A logarithm of the product of two: it costs more than they, and the product of more might be
    too large for single precision.
    """
    half = values.shape[1] // 2
    pairs = values[:, :half] * values[:, half : 2 * half]
    return ops.sum(ops.log(pairs), axis=1) + ops.sum(ops.log(values[:, 2 * half :]), axis=1)


def _scattered(place, parts):
    """Rows of several parts in the order that `place` (rows, 1) gives."""
    values = tf.concat(parts, axis=0)
    return tf.scatter_nd(place, values, tf.shape(values, "int64"))
