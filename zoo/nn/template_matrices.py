"""What a template scan needs to know beforehand, in NumPy and double precision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.sparse.linalg import svds

INDEPENDENT = 1e-6  # columns whose part that is their own is smaller are left out


@dataclass(frozen=True)
class ShiftGrid:
    """Redshifts as shifts of templates against bins that are uniform in ln(wavelength).

    Bin j of a spectrum shows, at shift k, bin m = j - k + last of the templates' window.

    Attributes
    ----------
    bins : int
        Bins of the spectrum.
    step : float
        Their width in ln(wavelength).
    low, high : float
        Least and largest redshift.
    """

    bins: int
    step: float
    low: float
    high: float

    @cached_property
    def shifts(self) -> np.ndarray:
        """Shifts k, in bins, that lie within the range of redshift."""
        first = np.ceil(np.log1p(self.low) / self.step - 1e-9)
        last = np.floor(np.log1p(self.high) / self.step + 1e-9)
        return np.arange(int(first), int(last) + 1)

    @cached_property
    def redshift(self) -> np.ndarray:
        """Redshift of each shift."""
        return np.expm1(self.shifts * self.step)

    @property
    def window(self) -> int:
        """Bins of the rest frame that any of the shifts brings into view."""
        return self.bins + len(self.shifts) - 1

    def rest(self, start: float) -> np.ndarray:
        """Wavelengths (window,) of the middle of those bins, if the spectrum starts at `start`."""
        place = np.arange(self.window) - self.shifts[-1] + 0.5
        return start * np.exp(self.step * place)

    @property
    def size(self) -> int:
        """Length of the Fourier transforms."""
        return int(next_fast_len(self.window, real=True))

    def correlate(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Sums over j of values_j rows[j - k + last], for every k.

        Parameters
        ----------
        values : (..., bins) array
        rows : (K, window) array

        Returns
        -------
        (..., K, shifts) array
        """
        # as a convolution with the reversed rows, whose first terms may wrap around
        spectra = rfft(values, self.size)[..., None, :] * rfft(rows[:, ::-1], self.size)
        return irfft(spectra, self.size)[..., self.bins - 1 : self.window]


def orthonormal(columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Columns (bins, J) that span the same, with N' W N = 1; zero where they depend on others."""
    root = np.sqrt(weight)[:, None]
    unit, triangle = np.linalg.qr(columns * root / _norm(columns * root))
    own = np.abs(np.diag(triangle)) > INDEPENDENT
    return np.divide(unit * own, root, out=np.zeros_like(unit), where=root > 0)


def _norm(columns: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(columns, axis=0)
    return np.where(norm > 0, norm, 1.0)


def curve_matrices(
    grid: ShiftGrid, templates: np.ndarray, weight: np.ndarray, nuisance: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (shifts, K), vectors (shifts, K, K) of T' [W - W N N' W] T at every shift.

    Parameters
    ----------
    templates : (K, window) array
    weight : (bins,) array
        Inverse variance.
    nuisance : (bins, J) array, optional
        Columns with N' W N = 1.
    """
    templates = np.asarray(templates, float)
    count = len(templates)
    matrix = np.empty((len(grid.shifts), count, count))
    for i in range(count):
        found = grid.correlate(weight, templates[i] * templates[i:])
        matrix[:, i, i:] = found.T
        matrix[:, i:, i] = found.T
    if nuisance is not None:
        cross = grid.correlate((weight[:, None] * nuisance).T, templates)
        matrix -= np.einsum("jks,jls->skl", cross, cross, optimize=True)
    values, vectors = np.linalg.eigh(matrix)
    return np.maximum(values, 0), vectors


def library_components(
    library: np.ndarray, weight: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of a library, each scaled by what it contributes.

    Spectra are divided by their mean signal per bin, and the components are those of the second
    moment, the mean included: a galaxy of amplitude a is then a sum of components with independent
    normal coefficients of standard deviation about a.

    Parameters
    ----------
    library : (spectra, window) array
    weight : (window,) array
        Inverse variance with which each bin is seen, on average over redshift.
    count : int
        Components to keep.

    Returns
    -------
    components : (count, window) array
    share : (count,) array
        Of the total second moment.
    """
    root = np.sqrt(weight / weight.sum())
    signal = library * root
    signal = signal / np.linalg.norm(signal, axis=1, keepdims=True)
    _, sizes, rows = svds(signal, k=count, v0=np.ones(min(signal.shape)))
    order = np.argsort(-sizes)
    scaled = (sizes[:, None] * rows)[order] / np.sqrt(len(library))
    components = np.divide(scaled, root, out=np.zeros_like(scaled), where=root > 0)
    return components, sizes[order] ** 2 / len(library)


def visibility(grid: ShiftGrid, curve: np.ndarray) -> np.ndarray:
    """Mean over the shifts of the inverse variance with which each rest-frame bin is seen."""
    total = np.convolve(np.ones(len(grid.shifts)), curve)  # bin m is j - k + last
    return total / len(grid.shifts)
