"""Maps: axes and units named, colours that can be compared, nothing shown."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from zoo import plots

EXTENT = (-4.0, 4.0, -3.0, 3.0)


@pytest.fixture
def image():
    image = np.add.outer(np.arange(6.0), np.arange(8.0))
    image[0, 0] = np.nan
    return image


def test_velocity_map(image):
    figure = Figure()
    light = np.exp(-np.add.outer(np.linspace(-2, 2, 6) ** 2, np.linspace(-2, 2, 8) ** 2))
    axes = plots.velocity_map(figure.subplots(), image, EXTENT, light=light)
    (picture,) = axes.images
    assert picture.get_extent() == list(EXTENT)
    assert picture.origin == "lower"
    assert picture.get_clim() == pytest.approx(np.nanpercentile(image, (1, 99)))
    assert axes.get_xlabel() == "x  [arcsec]"
    assert axes.get_ylabel() == "y  [arcsec]"
    assert "km s" in figure.axes[1].get_ylabel()
    (contours,) = axes.collections
    assert np.diff(contours.levels) == pytest.approx(0.5)
    corners = np.vstack([path.vertices for path in contours.get_paths()])
    assert np.all(np.abs(corners) < (3.5 + 1e-9, 2.5 + 1e-9))  # pixel centres, not edges
    figure.canvas.draw()


def test_observed_and_model(image):
    figure = plots.observed_and_model(image, image + 1.5, EXTENT, title="a galaxy")
    panels = figure.axes[:3]
    assert [panel.get_title() for panel in panels] == ["observed", "model", "residual"]
    assert figure.get_suptitle() == "a galaxy"
    observed, model, residual = (panel.images[0] for panel in panels)
    assert observed.get_clim() == model.get_clim()
    low, high = residual.get_clim()
    assert low == -high
    assert np.nanmax(residual.get_array()) == -1.5
    assert residual.get_cmap().name != observed.get_cmap().name
    figure.canvas.draw()
