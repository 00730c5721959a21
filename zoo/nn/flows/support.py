"""From bounded physical parameters to the real line and back, with the Jacobian."""

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

Bounds = tuple[float | None, float | None]

# The map bends within about a twentieth of the width from a bound and is straight between.
_SHARPNESS = 20.0
# Keeps the logarithm finite for a parameter that lies on its bound.
_SMALLEST_FRACTION = 1e-20


class Support:
    """The prior's box, parameter by parameter.

    A parameter with two bounds goes through a straight line with soft ends: with the fraction
    ``p = (theta - low) / (high - low)``,
    ``p = [softplus(k u) - softplus(k (u - 1))] / k``, whose slope is one except near the bounds,
    where u runs off to infinity. A posterior that is narrow within its prior keeps its shape,
    which a logit or a normal quantile would bend. One bound: the logarithm of the distance to
    it. No bound: the identity.

    Parameters
    ----------
    bounds : mapping of str to (low, high)
        Physical bounds by parameter name; None for an open side.

    Raises
    ------
    ValueError
        If there is no parameter, or low is not below high.
    """

    def __init__(self, bounds: Mapping[str, Bounds]) -> None:
        if not bounds:
            raise ValueError("parameters: at least one is needed.")
        for name, (low, high) in bounds.items():
            if low is not None and high is not None and not low < high:
                raise ValueError(f"parameter {name!r}: bounds ({low}, {high}); low < high needed.")
        self.names = tuple(bounds)
        self.bounds = tuple(bounds.values())
        # Parameters of one kind are mapped together: a few operations instead of a few for each.
        kinds: dict[tuple[bool, bool], list[int]] = {}
        for i, (low, high) in enumerate(self.bounds):
            kinds.setdefault((low is None, high is None), []).append(i)
        self._columns = list(kinds.values())
        self._order = np.argsort(np.concatenate(self._columns))

    def _parts(self, values: tf.Tensor) -> list[tuple]:
        """Columns of one kind with their bounds, each an array or None."""
        if len(self._columns) == 1:
            return [(values, *self._bounds(self._columns[0]))]
        return [
            (tf.gather(values, columns, axis=1), *self._bounds(columns))
            for columns in self._columns
        ]

    def _bounds(self, columns: list[int]) -> list[np.ndarray | None]:
        pairs = zip(*(self.bounds[i] for i in columns), strict=True)
        return [None if side[0] is None else np.array(side, "float64") for side in pairs]

    def _join(self, parts: list[tf.Tensor]) -> tf.Tensor:
        """Columns of all kinds, in the order of the parameters."""
        if len(parts) == 1:
            return parts[0]
        return tf.gather(tf.concat(parts, axis=1), self._order, axis=1)

    def check(self, theta: np.ndarray) -> None:
        """Refuse parameters that are not finite or outside their bounds.

        Parameters
        ----------
        theta : numpy.ndarray
            Shape (batch, n_parameters), physical units.

        Raises
        ------
        ValueError
            Naming the parameter, the value and the bounds.
        """
        if theta.ndim != 2 or theta.shape[1] != len(self.names):
            raise ValueError(f"theta: shape {theta.shape}; expected (batch, {len(self.names)}).")
        for name, (low, high), column in zip(self.names, self.bounds, theta.T, strict=True):
            bad = ~np.isfinite(column)
            if low is not None:
                bad |= column < np.asarray(low, column.dtype)
            if high is not None:
                bad |= column > np.asarray(high, column.dtype)
            if bad.any():
                raise ValueError(
                    f"parameter {name!r}: value {column[bad][0]}; must be finite and within "
                    f"({low}, {high})."
                )

    def to_line(self, theta: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Unbounded parameters and ``log |du/dtheta|``.

        Parameters
        ----------
        theta : tensor
            Shape (batch, n_parameters), physical units.

        Returns
        -------
        u : tensor
            Shape (batch, n_parameters).
        log_jacobian : tensor
            Shape (batch,); -inf where any parameter lies outside its bounds.
        """
        mapped = [_to_line(*part) for part in self._parts(theta)]
        return (
            self._join([u for u, _ in mapped]),
            tf.add_n([tf.reduce_sum(log_jacobian, axis=-1) for _, log_jacobian in mapped]),
        )

    def from_line(self, u: tf.Tensor) -> tf.Tensor:
        """Physical parameters, never outside their bounds; shape (batch, n_parameters)."""
        return self._join([_from_line(*part) for part in self._parts(u)])


def _to_line(theta: tf.Tensor, low: np.ndarray | None, high: np.ndarray | None):
    if low is None and high is None:
        return theta, tf.zeros_like(theta)
    if low is not None and high is not None:
        width = high - low
        below = tf.maximum((theta - low) / width, _SMALLEST_FRACTION)
        above = tf.maximum((high - theta) / width, _SMALLEST_FRACTION)
        k = _SHARPNESS
        # ``1 - exp(-k p)`` from either side: no cancellation, no overflow.
        from_low, from_high = -tf.math.expm1(-k * below), -tf.math.expm1(-k * above)
        u = below + (tf.math.log(from_low) - tf.math.log(from_high)) / k
        slope = 1 / from_low + 1 / from_high - 1
        log_jacobian = tf.math.log(slope) - np.log(width)
        inside = (theta >= low) & (theta <= high)
    else:
        distance = theta - low if low is not None else high - theta
        inside = distance > 0
        u = tf.math.log(tf.where(inside, distance, tf.ones_like(distance)))
        log_jacobian = -u
    return u, tf.where(inside, log_jacobian, tf.constant(-math.inf, theta.dtype))


def _from_line(u: tf.Tensor, low: np.ndarray | None, high: np.ndarray | None) -> tf.Tensor:
    if low is None and high is None:
        return u
    if low is not None and high is not None:
        width = high - low
        # The distance to the nearer bound, in units of the width.
        outward = tf.minimum(u, 1 - u)
        k = _SHARPNESS
        near = width * (tf.nn.softplus(k * outward) - tf.nn.softplus(k * (outward - 1))) / k
        theta = tf.where(u < 0.5, low + near, high - near)
    else:
        theta = low + tf.exp(u) if low is not None else high - tf.exp(u)
    dtype = u.dtype.as_numpy_dtype
    # Both limits: an exponential overflows.
    return tf.minimum(
        tf.maximum(theta, _inner(low, math.inf, dtype)), _inner(high, -math.inf, dtype)
    )


def _inner(bounds: np.ndarray | None, towards: float, dtype) -> np.ndarray:
    """The bounds in this precision, on the inner side: 0.1 in float32 is above 0.1."""
    if bounds is None:
        return np.array(-towards, dtype)
    rounded = bounds.astype(dtype)
    outside = rounded < bounds if towards > 0 else rounded > bounds
    return np.where(outside, np.nextafter(rounded, dtype(towards)), rounded).astype(dtype)
