"""Integral-field kinematics of one galaxy with its light, whatever file they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u
from scipy.spatial import cKDTree

from zoo.conventions.checks import number
from zoo.errors import InputError

FWHM = np.sqrt(8 * np.log(2))  # of a Gaussian, in its sigma


@dataclass(frozen=True)
class IfuGalaxy:
    """Observed second moments of a galaxy in Voronoi bins, and its light.

    Attributes
    ----------
    x, y : (P,) float [arcsec]
        Pixels that belong to a bin, along the projected major and minor axis.
    bin_index : (P,) int
        Row of the bin tables that each pixel belongs to.
    vrms, error : (B,) float [km/s]
        sqrt((V - v_sys)^2 + sigma^2) of each bin and its formal error.
    v_sys : float [km/s]
    surf, sigma, qobs : (K,) float
        Gaussians of the light [Lsun/pc2, arcsec, -].
    sigmapsf, normpsf : (M,) float
        Gaussians of the PSF [arcsec, fraction].
    pixsize : float [arcsec]
    shape : (rows, columns) of the pixel map, and `flat`, where in it each pixel lies.
    extent : (left, right, bottom, top) [arcsec] of the pixel map on the detector.
    angle : float [deg]
        From the detector's x axis to the major axis, as the file gives it.
    """

    x: np.ndarray
    y: np.ndarray
    bin_index: np.ndarray
    vrms: np.ndarray
    error: np.ndarray
    v_sys: float
    surf: np.ndarray
    sigma: np.ndarray
    qobs: np.ndarray
    sigmapsf: np.ndarray
    normpsf: np.ndarray
    pixsize: float
    shape: tuple[int, int]
    flat: np.ndarray
    extent: tuple[float, float, float, float]
    angle: float

    def inputs(self, inc: float, beta: float, ml: float, distance: float) -> dict[str, object]:
        """Inputs of the JAM models for mass that follows light [deg, -, Msun/Lsun, Mpc]."""
        light = {"surf_lum": self.surf, "sigma_lum": self.sigma, "qobs_lum": self.qobs}
        mass = {"surf_pot": ml * self.surf, "sigma_pot": self.sigma, "qobs_pot": self.qobs}
        psf = {"sigmapsf": self.sigmapsf, "normpsf": self.normpsf, "pixsize": self.pixsize}
        place = {"xbin": self.x, "ybin": self.y, "distance": distance, "inc": inc, "beta": beta}
        return light | mass | psf | place

    def binned(self, vrms: np.ndarray, light: np.ndarray) -> np.ndarray:
        """Second moment of each bin: pixels (P,) averaged with their light, as a spectrum is."""
        total = np.bincount(self.bin_index, light, minlength=len(self.vrms))
        moment = np.bincount(self.bin_index, light * vrms**2, minlength=len(self.vrms))
        return np.sqrt(moment / total)

    def image(self, values: np.ndarray) -> np.ndarray:
        """Bin values (B,) as the pixel map they were measured on, NaN elsewhere."""
        out = np.full(self.shape, np.nan)
        out.flat[self.flat] = values[self.bin_index]
        return out


def systemic_velocity(x: np.ndarray, y: np.ndarray, v: np.ndarray, pixel: float) -> float:
    """Velocity of the centre: the mean over pairs of pixels on opposite sides of it [km/s].

    An axisymmetric galaxy has V(-x, -y) = -V(x, y) about it, whatever the shape of the field.
    """
    distance, mirror = cKDTree(np.column_stack((x, y))).query(np.column_stack((-x, -y)))
    paired = distance < 0.75 * pixel
    if not paired.any():
        raise InputError("no two pixels lie on opposite sides of the centre: v_sys is unknown")
    return float(np.mean((v + v[mirror])[paired]) / 2)


def second_moments(
    v: np.ndarray, dv: np.ndarray, squared_sigma: np.ndarray, dsquared: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """V_rms and its formal error [km/s].

    Parameters
    ----------
    v, dv : (B,) float [km/s]
        Mean velocity about the systemic one, and its error.
    squared_sigma, dsquared : (B,) float [km2/s2]
        Dispersion squared and its error. Noise makes it negative where the dispersion is below
        the instrument's; V^2 + sigma^2 is unbiased nevertheless.
    """
    vrms = np.sqrt(v**2 + squared_sigma)
    return vrms, np.hypot(v * dv, dsquared / 2) / vrms


def gaussian_psf(fwhm: Any) -> tuple[np.ndarray, np.ndarray]:
    """Dispersion [arcsec] and weight of one Gaussian of a FWHM [arcsec]; 0 is no PSF.

    Raises
    ------
    InputError
        If it is negative or no number.
    """
    return np.array([float(number("fwhm", fwhm, u.arcsec, 0)) / FWHM]), np.array([1.0])
