r"""Second moments in spherical alignment, summed along the line of sight.

With z' towards the observer at inclination i, x' along the projected major axis and y, H of
`jam_sph_intrinsic`,

.. math::

    \nu\langle v_{\rm los}^2\rangle = \nu\left\{y\left[(1 - \beta) + \beta\frac{z'^2}{r^2}\right]
    + H\,\frac{x'^2\sin^2 i}{r^2}\right\}:

the components along theta and phi that are singular on the axis have dropped out. The sum is a
trapezoid rule in :math:`\mathop{\rm asinh}` of the distance from where the light peaks, which
converges exponentially.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter

from zoo_datasets.simulators.jam_sph_forces import Gaussians
from zoo_datasets.simulators.jam_sph_intrinsic import OUTERMOST, Intrinsic

BLOCK = 2**14  # points at once: what is computed there stays in the processor's cache
RADIAL_STEP, ANGLES = 0.03, 96  # of the table: in ln r; nodes in psi
PAD = 12  # rows beyond the ends of the table, over which a spline forgets its continuation


class _Table:
    """Values of sigma_r^2 and H at any position, by bicubic splines in ln r and psi."""

    def __init__(self, intrinsic: Intrinsic) -> None:
        self._p = intrinsic.p
        self._low, self._high = intrinsic.log_r[0, 0], intrinsic.log_r[-1, -1]
        rows = int(np.ceil((self._high - self._low) / RADIAL_STEP)) + 1
        self._per_log_r = (rows - 1) / (self._high - self._low)
        self._per_psi = (ANGLES - 1) / (np.pi / 2)
        log_r = np.linspace(self._low, self._high, rows)
        psi = np.linspace(0, np.pi / 2, ANGLES)
        # continued by point reflection at its ends in ln r; even in psi at its ends there
        self._splines = [
            spline_filter(
                np.pad(values, ((PAD, PAD), (0, 0)), "reflect", reflect_type="odd"), mode="mirror"
            )
            for values in intrinsic.on_grid(log_r, psi)
        ]

    def __call__(self, r2: np.ndarray, z2: np.ndarray) -> list[np.ndarray]:
        log_r = np.clip(0.5 * np.log(r2), self._low, self._high)
        psi = np.arctan2(np.sqrt(self._p * np.maximum(r2 - z2, 0)), np.sqrt(z2))
        at = PAD + (log_r - self._low) * self._per_log_r, psi * self._per_psi
        return [map_coordinates(s, at, mode="mirror", prefilter=False) for s in self._splines]


def project(
    intrinsic: Intrinsic,
    light: Gaussians,
    beta: float,
    inc: float,
    x: np.ndarray,
    y: np.ndarray,
    step: float,
) -> np.ndarray:
    """Second moment times surface density of the light.

    Parameters
    ----------
    intrinsic : Intrinsic
        Second moments, down to the smallest radius of the positions.
    light : Gaussians
    beta : float
    inc : float
        [deg]
    x, y : (n,) array
        Positions along the projected major and minor axis [pc].
    step : float
        Of the trapezoid rule.

    Returns
    -------
    (n,) array [(km/s)2 Lsun / pc2]
    """
    table = _Table(intrinsic)
    sin, cos = np.sin(np.radians(inc)), np.cos(np.radians(inc))
    # the squared elliptical radius is a parabola along the line of sight
    q2 = np.exp(np.mean(np.log(light.q))) ** 2
    lead = sin**2 + cos**2 / q2
    peak = -y * sin * cos * (1 / q2 - 1) / lead
    core = np.sqrt(x**2 / lead + y**2 / (q2 * lead**2))
    end = np.arcsinh(OUTERMOST * light.sigma.max() / core)
    count = int(np.ceil(end.max() / step))
    u = np.linspace(-1, 1, 2 * count + 1)
    moment = np.empty(x.size)
    rows = max(1, BLOCK // u.size)
    for first in range(0, x.size, rows):
        here = slice(first, first + rows)
        at_x, at_y, middle, scale, ends = (v[here, None] for v in (x, y, peak, core, end))
        along = middle + scale * np.sinh(ends * u)
        z2 = (at_y * sin + along * cos) ** 2
        r2 = at_x**2 + at_y**2 + along**2
        radial, excess = table(r2, z2)
        second = radial * ((1 - beta) + beta * along**2 / r2) + excess * (at_x * sin) ** 2 / r2
        second *= scale * np.cosh(ends * u) * (ends / count)
        moment[here] = np.sum(_density(light, r2, z2) * second, axis=1)
    return moment


def _density(light: Gaussians, r2: np.ndarray, z2: np.ndarray) -> np.ndarray:
    nu, m2, q_before = np.zeros_like(r2), r2, 1.0
    for density, sigma, q in zip(*light, strict=True):
        if q != q_before:  # Gaussians of one axis ratio usually follow each other
            m2, q_before = r2 + z2 * (1 / q**2 - 1), q
        nu += density * np.exp(m2 * (-0.5 / sigma**2))
    return nu
