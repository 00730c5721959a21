"""Figures show the numbers they were given, and none opens a window."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt

from zoo.evaluation import bands, plots
from zoo.evaluation.learning_curve import fit_power_law


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    def show(*args, **kwargs):
        raise AssertionError(args, kwargs)

    monkeypatch.setattr(plt, "show", show)
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()  # layout and fonts work without a warning
    plt.close("all")


def test_importing_loads_no_matplotlib():
    code = "import sys, zoo.evaluation.plots; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_rank_histogram_counts_and_band():
    values = np.random.default_rng(0).random(1000)
    ax = plots.rank_histogram(values, bins=10)
    outline = ax.patches[-1].get_xy()[:, 1]
    assert set(np.histogram(values, 10, (0, 1))[0]) <= set(outline)
    low, high = bands.histogram_band(1000, 10)
    box = ax.patches[0].get_bbox()
    assert (box.y0, box.y1) == (low, high)


def test_coverage_curve_draws_every_parameter():
    levels = np.linspace(0.05, 0.95, 10)
    covered = np.stack([levels, levels**2], axis=1)
    ax = plots.coverage_curve(levels, covered, 500, labels=["mass", "spin"])
    np.testing.assert_array_equal(ax.lines[-1].get_ydata(), levels**2)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["95% band", "mass", "spin"]


def test_truth_vs_prediction_residuals():
    true = np.array([1.0, 2.0, 3.0])
    upper, lower = plots.truth_vs_prediction(true, true + 0.5, [0.1, 0.1, 0.2], "mass [dex]")
    assert lower.get_xlabel() == "True mass [dex]"
    np.testing.assert_allclose(lower.containers[0].lines[0].get_ydata(), 0.5)
    np.testing.assert_allclose(upper.containers[0].lines[0].get_ydata(), true + 0.5)
    assert "bias 0.5" in upper.texts[0].get_text()


def test_residual_map_is_in_per_cent_and_symmetric():
    true = np.full((3, 4), 100.0)
    model = true.copy()
    model[0, 0], model[1, 1], true[2, 3] = 102.0, 99.0, np.nan
    ax = plots.residual_map(model, true, extent=(-2, 2, -1.5, 1.5), unit="arcsec")
    image = ax.images[0]
    assert image.get_clim() == pytest.approx((-2, 2))
    assert image.get_array()[1, 1] == pytest.approx(-1)
    assert "largest 2 %" in ax.get_title()
    assert ax.get_xlabel() == "x [arcsec]"


def test_learning_curves_share_axes():
    n = np.array([100, 200, 400])
    ax = plots.learning_curve(n, n**-0.5, fit=fit_power_law(n, n**-0.5), label="network")
    assert plots.learning_curve(n, n**-0.2, label="baseline", ax=ax) is ax
    assert ax.get_xscale() == ax.get_yscale() == "log"
    np.testing.assert_allclose(ax.lines[1].get_ydata()[[0, -1]], n[[0, -1]] ** -0.5)


def test_given_axes_are_used():
    figure, axes = plt.subplots(2)
    assert plots.rank_histogram(np.linspace(0, 1, 100), ax=axes[0]) is axes[0]
    assert plots.truth_vs_prediction([1, 2], [1, 2], axes=tuple(axes))[1] is axes[1]
    assert plt.get_fignums() == [figure.number]


def test_bad_maps_are_named():
    with pytest.raises(ValueError, match="needed is"):
        plots.residual_map(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="model / true is empty"):
        plots.residual_map(np.ones((2, 2)), np.full((2, 2), np.nan))
