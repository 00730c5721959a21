"""How the error falls with the number of training simulations: error = amplitude * n^-slope."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zoo.evaluation.arrays import Floats, finite, paired


@dataclass(frozen=True)
class PowerLaw:
    """A power law fitted to a learning curve.

    Attributes
    ----------
    log_amplitude, slope : float
        ln(error) = log_amplitude - slope * ln(n / pivot).
    covariance : ndarray, shape (2, 2)
        Of (log_amplitude, slope).
    pivot : float
        Geometric mean of the fitted n, where amplitude and slope are nearly uncorrelated.
    """

    log_amplitude: float
    slope: float
    covariance: Floats
    pivot: float

    @property
    def slope_error(self) -> float:
        """Return the standard error of the slope."""
        return float(np.sqrt(self.covariance[1, 1]))

    def __call__(self, n: ArrayLike) -> Floats:
        """Return the error that the power law gives for `n` simulations."""
        return np.exp(self.log_amplitude - self.slope * self._log(n))

    def relative_uncertainty(self, n: ArrayLike) -> Floats:
        """Return the standard error of ln(error) at `n`: small values are fractions."""
        x = self._log(n)
        c = self.covariance
        return np.sqrt(c[0, 0] - 2.0 * x * c[0, 1] + x**2 * c[1, 1])

    def size_for(self, error: float) -> float:
        """Return the number of simulations at which the power law reaches `error`.

        Raises
        ------
        ValueError
            If `error` is not positive or the curve does not fall.
        """
        if error <= 0 or self.slope <= 0:
            raise ValueError(f"error is {error} and slope {self.slope}; both must be positive")
        return float(self.pivot * np.exp((self.log_amplitude - np.log(error)) / self.slope))

    def _log(self, n: ArrayLike) -> Floats:
        return np.log(np.asarray(n, np.float64) / self.pivot)


def fit_power_law(n: ArrayLike, error: ArrayLike) -> PowerLaw:
    """Fit a power law to a learning curve by least squares in the logarithms.

    The covariance comes from the residuals, so repeated trainings at one `n` (other seeds, other
    subsets) count as they should; it knows nothing of a floor that lies beyond the data.

    Parameters
    ----------
    n : array_like, shape (k,)
        Numbers of training simulations; at least three values, not all equal.
    error : array_like, shape (k,)
        Positive errors in any unit.

    Raises
    ------
    ValueError
        If shapes differ, a value is not positive, or there are too few points.
    """
    n, error = paired("n", n, "error", error)
    finite("n", n, ndim=1)
    if n.min() <= 0 or error.min() <= 0:
        raise ValueError(f"n and error must be positive; least are {n.min()} and {error.min()}")
    if n.size < 3 or np.ptp(n) == 0:
        raise ValueError(f"n has {n.size} values {n}; at least 3, not all equal, are needed")
    pivot = float(np.exp(np.log(n).mean()))
    design = np.column_stack([np.ones(n.size), -np.log(n / pivot)])
    best, *_ = np.linalg.lstsq(design, np.log(error), rcond=None)
    residual = np.log(error) - design @ best
    variance = residual @ residual / (n.size - 2)
    covariance = variance * np.linalg.inv(design.T @ design)
    return PowerLaw(float(best[0]), float(best[1]), covariance, pivot)
