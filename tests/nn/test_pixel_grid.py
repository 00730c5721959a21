"""Pixels of one instrument on one linear grid."""

import numpy as np
import pytest

from zoo.models.spectra import nebula_windows
from zoo.nn.pixel_grid import PixelGrid
from zoo_datasets.simulators.muse import instrument


def test_bins_against_numpy():
    rng = np.random.default_rng(1)
    wave = np.sort(rng.uniform(995, 1055, (4, 90)), axis=1).astype(np.float32)
    flux, ivar = rng.normal(size=(2, 4, 90)).astype(np.float32)
    ivar = ivar**2
    flux[0, 3], ivar[1, 5] = np.nan, 0
    found = PixelGrid(1000.0, 2.0, 20)({"flux": flux, "ivar": ivar, "wavelength": wave})
    good = np.isfinite(flux) & (ivar > 0)
    for row in range(4):
        edges = 1000 + 2.0 * np.arange(21)
        weight, _ = np.histogram(wave[row][good[row]], edges, weights=ivar[row][good[row]])
        light, _ = np.histogram(wave[row][good[row]], edges, weights=(ivar * flux)[row][good[row]])
        np.testing.assert_allclose(found["ivar"][row], weight, rtol=3e-4)
        expected = np.divide(light, weight, out=np.zeros(20), where=weight > 0)
        np.testing.assert_allclose(found["flux"][row], expected, rtol=1e-3, atol=1e-4)


def test_pixels_of_muse_are_bins_one_to_one():
    """So that the noise of bins stays independent; a cube that begins elsewhere fits as well."""
    rng = np.random.default_rng(2)
    flux = rng.normal(size=(2, instrument.PIXELS)).astype(np.float32)
    ivar = np.full_like(flux, 2)
    wave = instrument.wavelength().astype(np.float32)
    shared = np.broadcast_to(wave, flux.shape)
    found = nebula_windows.grid()({"flux": flux, "ivar": ivar, "wavelength": shared})
    np.testing.assert_allclose(found["flux"], flux, rtol=1e-6)
    np.testing.assert_array_equal(found["ivar"], ivar)
    part = {"flux": flux[:, 40:], "ivar": ivar[:, 40:], "wavelength": shared[:, 40:] + 0.2}
    shifted = nebula_windows.grid()(part)
    assert np.mean(np.asarray(shifted["ivar"])[:, 40:] > 0) > 0.999
    assert not np.asarray(shifted["ivar"])[:, :40].any()


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match=r"step = -1"):
        PixelGrid(1.0, -1.0, 10)
