"""Velocity of lines, and windows around them at rest."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from zoo.models.spectra import nebula_windows
from zoo.models.spectra.nebula_windows import FIRST, PIXELS, STEP, TEMPLATES, WAVELENGTH, WINDOWS
from zoo.nn.line_velocity import C, LineVelocity

WAVE = FIRST + STEP * np.arange(PIXELS)


def nebula(velocity, template=1, flux=100.0, level=1.0, sigma=1.3):
    """A spectrum without noise."""
    out = np.full(PIXELS, level)
    for centre, ratio in zip(WAVELENGTH, TEMPLATES[:, template], strict=True):
        offset = (WAVE - centre * (1 + velocity / C)) / sigma
        out += flux * ratio * np.exp(-0.5 * offset**2) / (sigma * np.sqrt(2 * np.pi))
    return out


@pytest.mark.parametrize("template", range(TEMPLATES.shape[1]))
def test_velocity_of_lines(template):
    velocity = np.array([-480.0, 13.0, 777.7, 2950.0])
    flux = np.stack([nebula(v, template) for v in velocity]).astype(np.float32)
    found = nebula_windows.velocity()({"flux": flux, "ivar": np.ones_like(flux)})
    np.testing.assert_allclose(found["velocity"], velocity, atol=12)  # a fifth of a pixel


def test_significance_is_that_of_the_filter():
    """One line alone: the root of the likelihood ratio is flux over error after the filter."""
    scan = LineVelocity(FIRST, STEP, PIXELS, WAVELENGTH[5:6], np.ones((1, 1)))
    flux = nebula(0.0) * 0
    middle = int(np.searchsorted(WAVE, 6800.0))
    flux[middle] = 50.0
    shape = gaussian_filter1d(np.eye(11)[5], 1.3, truncate=5 / 1.3, mode="constant")
    shape /= shape.sum()
    given = {"flux": flux[None].astype(np.float32), "ivar": np.full((1, PIXELS), 4, np.float32)}
    # over the running mean of 81 pixels, most of whose light is the line's
    expected = 50 * (shape[5] - 1 / 81) / np.sqrt(np.sum(shape**2) / 4)
    velocity = C * (WAVE[middle] / WAVELENGTH[5] - 1)
    found = LineVelocity(
        FIRST,
        STEP,
        PIXELS,
        WAVELENGTH[5:6],
        np.ones((1, 1)),
        (velocity - 400, velocity + 400, 40.0),
    )(given)
    assert float(found["significance"][0]) == pytest.approx(expected, rel=0.01)
    assert float(found["velocity"][0]) == pytest.approx(velocity, abs=2)
    # where nothing lies, the mean that the line raises is all there is
    assert float(scan({**given, "flux": 0 * given["flux"]})["significance"][0]) == 0


def test_masked_pixels_do_not_matter():
    flux = np.stack([nebula(500.0)] * 2).astype(np.float32)
    ivar = np.ones_like(flux)
    hole = np.abs(WAVE - 7500) < 300
    flux[1, hole], ivar[1, hole] = 1e6, 0
    found = nebula_windows.velocity()({"flux": flux, "ivar": ivar})
    np.testing.assert_allclose(found["velocity"][1], found["velocity"][0], atol=1e-3)
    windows = nebula_windows.windows()({"flux": flux, "ivar": ivar, "velocity": found["velocity"]})
    views = np.asarray(windows["views"])
    assert np.isfinite(views).all()
    np.testing.assert_allclose(views[1], views[0], atol=1e-4)


def test_windows_are_at_rest_and_in_units_of_halpha():
    velocity = np.array([0.0, 1500.0], np.float32)
    flux = np.stack([nebula(v) for v in velocity]).astype(np.float32)
    layer = nebula_windows.windows()
    ivar = np.full_like(flux, 25.0)
    found = layer({"flux": flux, "ivar": ivar, "velocity": velocity})
    assert len(layer.places) == sum(len(np.arange(a, b, STEP)) for a, b in WINDOWS)
    views = np.sinh(np.asarray(found["views"], float))
    # the sampling of pixels differs between the two: lines lie within half a pixel
    peak = [layer.places[np.argmax(v[:, 0])] for v in views]
    np.testing.assert_allclose(peak, nebula_windows.HALPHA, atol=0.6 * STEP)
    halpha = np.abs(layer.places - nebula_windows.HALPHA) < 6
    # errors of 0.2; the sum over pixels is the flux over 0.02 of itself: 50
    np.testing.assert_allclose(views[:, halpha, 1].sum(axis=1), 50, rtol=0.1)
    light = views[:, halpha, 0].max(axis=1)
    np.testing.assert_allclose(light, 100 / (1.3 * np.sqrt(2 * np.pi)) / 0.2, rtol=0.5)
    # a level continuum leaves nothing
    edges = [np.argmin(np.abs(layer.places - low)) for low, _ in WINDOWS]
    np.testing.assert_allclose(views[:, edges, 0], 0, atol=1e-2)


def test_lines_outside_the_spectrum_are_zero():
    flux = np.stack([nebula(0.0), nebula(3000.0)]).astype(np.float32)
    layer = nebula_windows.windows()
    given = {"flux": flux, "ivar": np.ones_like(flux)}
    views = np.asarray(layer(given | {"velocity": np.array([0.0, 3000.0], np.float32)})["views"])
    argon = layer.places < 4749
    assert not views[0, argon].any()
    assert views.shape == (2, len(layer.places), 2)
