"""Chi-squared scan in redshift with templates, by Fourier transforms on a logarithmic grid."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.nn import template_matrices

SWEEPS = 3  # of the nuisance fit; each leaves a tenth of what the weights differ from the curve
RIDGE = 1e-7  # of the best seen nuisance column, as prior precision of all of them
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
    its own A at every redshift (`in_general`), which costs some hundred times as much. The layer
    decides row by row.

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
    coefficients : bool
        Whether the coefficients are wanted too.
    agreement : float
        How much an inverse variance may differ from the curve, sum |w - s w0| / sum s w0; 0 where
        no curve is known.
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
        coefficients: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.grid = template_matrices.ShiftGrid(bins, step, *redshift)
        self.agreement, self.coefficients = float(agreement), coefficients
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
        Where they are wanted, ``coefficients`` (batch, shifts, K) are the means of their posterior
        at each redshift, in units of the amplitude.

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
        b = self.correlate(weight * rest, self.templates)
        c = ops.matmul(ops.transpose(b, (2, 0, 1)), self.vectors)
        # shifts come first here, as the product left them
        prior = (amplitude**2)[None, :, None]
        growth = 1 + (prior * scale[None, :, None]) * self.values[:, None]
        found = 0.5 * ops.sum(prior * c**2 / growth - ops.log(growth), axis=-1)
        found = {"log_likelihood": ops.transpose(found)}
        if self.coefficients:
            shrunk = amplitude[None, :, None] * c / growth
            back = ops.matmul(shrunk, ops.transpose(self.vectors, (0, 2, 1)))
            found["coefficients"] = ops.transpose(back, (1, 0, 2))
        return found

    def correlate(self, values, rows):
        """Sums over j of values_j rows[j - k + last] for every shift k (..., rows, shifts)."""
        size = [self.grid.size]
        spectra = _transform(values, size)[..., None, :] * _transform(rows[:, ::-1], size)
        return tf.signal.irfft(spectra, size)[..., self.grid.bins - 1 : self.grid.window]

    def in_general(self, flux, weight, amplitude, scale):
        """Likelihood at all shifts for any inverse variance, in double precision, row by row."""
        given = tuple(ops.cast(values, "float64") for values in (flux, weight, amplitude))
        templates = ops.cast(self.templates, "float64")
        count = templates.shape[0]
        pairs = np.array([(i, j) for i in range(count) for j in range(i, count)])
        place = np.zeros((count, count), int)
        place[pairs[:, 0], pairs[:, 1]] = place[pairs[:, 1], pairs[:, 0]] = np.arange(len(pairs))
        products = ops.take(templates, pairs[:, 0], axis=0) * ops.take(
            templates, pairs[:, 1], axis=0
        )
        unit = ops.eye(count, dtype="float64")

        def one(row):
            flux, weight, amplitude = row
            matrix = self.correlate(weight, products)
            matrix = ops.transpose(ops.take(matrix, place.ravel(), axis=0))
            rest = weight * flux
            if self.nuisance is not None:
                columns = self._own_nuisance(weight)
                rest = rest - ops.matmul(ops.matmul(columns, flux), columns)
                cross = ops.transpose(self.correlate(columns, templates), (2, 0, 1))
                cross = ops.matmul(ops.transpose(cross, (0, 2, 1)), cross)
                matrix = matrix - ops.reshape(cross, ops.shape(matrix))
            b = ops.transpose(self.correlate(rest, templates))
            matrix = unit + amplitude**2 * ops.reshape(matrix, (-1, count, count))
            root = ops.linalg.cholesky(matrix)
            solved = tf.linalg.triangular_solve(root, b[..., None])[..., 0]
            log_det = 2 * ops.sum(ops.log(tf.linalg.diag_part(root)), axis=-1)
            found = 0.5 * (amplitude**2 * ops.sum(solved**2, axis=-1) - log_det)
            if not self.coefficients:
                return {"log_likelihood": found}
            back = tf.linalg.triangular_solve(root, solved[..., None], adjoint=True)[..., 0]
            return {"log_likelihood": found, "coefficients": amplitude * back}

        shapes: dict[str, tuple[int, ...]] = {"log_likelihood": (len(self.grid.shifts),)}
        if self.coefficients:
            shapes["coefficients"] = (len(self.grid.shifts), count)
        found = tf.cond(
            tf.shape(flux)[0] > 0,
            lambda: tf.map_fn(
                one,
                given,
                fn_output_signature={n: tf.TensorSpec(s, tf.float64) for n, s in shapes.items()},
            ),
            lambda: {n: tf.zeros((0, *s), tf.float64) for n, s in shapes.items()},
        )
        return {name: ops.cast(values, self.compute_dtype) for name, values in found.items()}

    def _own_nuisance(self, weight):
        """W N (J, bins) with N' W N = 1 for this weight (bins,), in double precision."""
        nuisance = ops.cast(self.nuisance, "float64")
        columns = weight[:, None] * nuisance
        gram = ops.matmul(ops.transpose(nuisance), columns)
        size = ops.max(tf.linalg.diag_part(gram))
        # a column that this spectrum does not see would have no inverse
        ridge = RIDGE * ops.where(size > 0, size, 1.0) * ops.eye(gram.shape[0], dtype="float64")
        root = ops.linalg.cholesky(gram + ridge)
        return tf.linalg.triangular_solve(root, ops.transpose(columns))

    def compute_output_spec(self, inputs):
        """(batch, shifts), (batch, shifts, K), and (batch,) each."""
        batch, shifts = inputs["flux"].shape[0], len(self.grid.shifts)
        shapes = {"log_likelihood": (batch, shifts), "amplitude": (batch,), "scale": (batch,)}
        if self.coefficients:
            shapes["coefficients"] = (batch, shifts, self.templates.shape[0])
        return {n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}


def _transform(values, size):
    # TensorFlow's own padding forgets an empty batch
    values = tf.convert_to_tensor(values)
    room = [[0, 0]] * (values.shape.rank - 1) + [[0, size[0] - values.shape[-1]]]
    return tf.signal.rfft(tf.pad(values, room), size)


def _scattered(place, parts):
    """Rows of several parts in the order that `place` (rows, 1) gives."""
    values = tf.concat(parts, axis=0)
    return tf.scatter_nd(place, values, tf.shape(values, "int64"))
