"""Figures of calibration, errors and learning curves.

Every function draws into the axes it is given, or into new ones, and returns them; none shows or
saves. Matplotlib is imported when a figure is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from zoo.evaluation.arrays import finite, paired
from zoo.evaluation.bands import ecdf_band, histogram_band
from zoo.evaluation.calibration import unit_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from zoo.evaluation.learning_curve import PowerLaw

BAND: dict[str, Any] = {"color": "0.85", "linewidth": 0}
GUIDE: dict[str, Any] = {"color": "0.3", "linewidth": 1}


def _axes(ax: Axes | None, **figure: Any) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(layout="constrained", **figure)[1]


def rank_histogram(
    pit_values: ArrayLike, bins: int = 20, level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """Draw the histogram of PIT values with the band that uniform ones stay in, all bins at once.

    A hump in the middle means a posterior that is too wide, raised ends one too narrow, a slope one
    that is biased (rising to the right: it predicts too low).

    Parameters
    ----------
    pit_values : array_like, shape (n_obs,)
        From `zoo.evaluation.calibration.pit`, or `Tarp.pit`.
    bins : int
    level : float
        Probability of the band.
    ax : Axes, optional
    """
    values = finite("pit_values", unit_interval(pit_values), ndim=1)
    low, high = histogram_band(values.size, bins, level)
    ax = _axes(ax, figsize=(4.5, 3.2))
    ax.axhspan(low, high, **BAND, label=f"{level:.0%} band, all bins together")
    ax.axhline(values.size / bins, **GUIDE)
    ax.hist(values, bins, range=(0.0, 1.0), histtype="stepfilled", alpha=0.6, edgecolor="C0")
    ax.set(xlim=(0, 1), xlabel="Rank of the truth / number of draws")
    ax.set_ylabel(f"Objects per bin (of {values.size:,})")
    ax.margins(y=0.25)
    ax.legend(loc="upper center", frameon=False, fontsize="small")
    return ax


def coverage_curve(
    levels: ArrayLike,
    coverage: ArrayLike,
    n_obs: int,
    *,
    labels: list[str] | None = None,
    band: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the coverage of credible regions against their nominal level.

    Below the diagonal a posterior is overconfident.

    Parameters
    ----------
    levels : array_like, shape (k,)
        Nominal levels in [0, 1].
    coverage : array_like, shape (k,) or (k, d)
        From `calibration.coverage` or `tarp.expected_coverage`.
    n_obs : int
        Number of observations behind every point; sets the simultaneous band.
    labels : list of str, optional
        One for each of the d curves.
    band : float
        Probability of the band.
    ax : Axes, optional
    """
    levels, covered = finite("levels", levels, ndim=1), finite("coverage", coverage)
    curves = covered.reshape(levels.size, -1)
    inner = np.linspace(0.0, 1.0, 101)[1:-1]
    ax = _axes(ax, figsize=(3.8, 3.8))
    ax.fill_between(inner, *ecdf_band(n_obs, inner, band), **BAND, label=f"{band:.0%} band")
    ax.plot([0, 1], [0, 1], **GUIDE)
    for i, curve in enumerate(curves.T):
        ax.plot(levels, curve, label=labels[i] if labels else None)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set(xlabel="Nominal credibility", ylabel=f"Fraction of truths inside (of {n_obs:,})")
    ax.legend(loc="upper left", frameon=False, fontsize="small")
    return ax


def truth_vs_prediction(
    true: ArrayLike,
    predicted: ArrayLike,
    error: ArrayLike | None = None,
    label: str = "value",
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Draw predictions against the truth, with a panel of residuals below.

    Parameters
    ----------
    true, predicted : array_like, shape (n,)
        In the same unit.
    error : array_like, shape (n,), optional
        Predicted standard deviations, drawn as bars.
    label : str
        The quantity and its unit, for the axes.
    axes : pair of Axes, optional
        Upper and lower panel.

    Returns
    -------
    tuple of Axes
    """
    true, predicted = paired("true", true, "predicted", predicted)
    finite("true", true, ndim=1)
    bars = None if error is None else paired("true", true, "error", error)[1]
    if axes is None:
        from matplotlib import pyplot as plt

        _, axes = plt.subplots(
            2, 1, sharex=True, figsize=(4.2, 5.2), height_ratios=(3, 1), layout="constrained"
        )
    upper, lower = axes
    many = true.size > 300
    style: dict[str, Any] = {
        "fmt": ".",
        "markersize": 2 if many else 5,
        "elinewidth": 0.5,
        "rasterized": many,
    }
    style |= {"alpha": 0.4 if many else 0.8}
    residual = predicted - true
    upper.errorbar(true, predicted, bars, **style)
    lower.errorbar(true, residual, bars, **style)
    upper.axline((true.mean(), true.mean()), slope=1, **GUIDE, zorder=3)
    lower.axhline(0, **GUIDE, zorder=3)
    upper.set_ylabel(f"Predicted {label}")
    lower.set(xlabel=f"True {label}", ylabel="Predicted − true")
    text = f"bias {residual.mean():.3g}\nscatter {residual.std():.3g}\nn = {true.size:,}"
    upper.text(0.04, 0.96, text, transform=upper.transAxes, va="top", fontsize="small")
    return axes


def residual_map(
    model: ArrayLike,
    true: ArrayLike,
    extent: tuple[float, float, float, float] | None = None,
    unit: str = "pixel",
    ax: Axes | None = None,
) -> Axes:
    """Draw the relative error of one map, 100 (model / true - 1), in per cent.

    The colour scale is symmetric and ends at the largest error, which the title states.

    Parameters
    ----------
    model, true : array_like, shape (ny, nx)
        First row at the bottom; NaN where there is no pixel.
    extent : tuple of float, optional
        Left, right, bottom, top of the map in `unit`.
    unit : str
        Of the axes, such as arcsec.
    ax : Axes, optional
    """
    model, true = np.asarray(model, np.float64), np.asarray(true, np.float64)
    if model.shape != true.shape or true.ndim != 2:
        raise ValueError(f"model has shape {model.shape} and true {true.shape}; needed is (ny, nx)")
    per_cent = 100.0 * (model / true - 1.0)
    present = np.abs(finite("model / true", per_cent[~np.isnan(per_cent)]))
    ax = _axes(ax, figsize=(4.6, 3.8))
    limit = present.max() or 1.0
    image = ax.imshow(
        per_cent, origin="lower", extent=extent, cmap="RdBu_r", vmin=-limit, vmax=limit
    )
    ax.set_facecolor("0.8")
    ax.figure.colorbar(image, ax=ax, label="Model / true − 1 [%]")
    ax.set(xlabel=f"x [{unit}]", ylabel=f"y [{unit}]")
    ax.set_title(f"mean {present.mean():.2g} %, largest {present.max():.2g} %", fontsize="medium")
    return ax


def learning_curve(
    n: ArrayLike,
    error: ArrayLike,
    *,
    fit: PowerLaw | None = None,
    label: str = "model",
    ylabel: str = "Error",
    ax: Axes | None = None,
) -> Axes:
    """Draw error against number of training simulations, both logarithmic.

    Call again with the same `ax` to set a baseline beside the model.

    Parameters
    ----------
    n, error : array_like, shape (k,)
        Both positive.
    fit : PowerLaw, optional
        Drawn as a line with its 1 sigma band over the range of `n`.
    label : str
        Of the points, for the legend.
    ylabel : str
        The error with its unit.
    ax : Axes, optional
    """
    from matplotlib.ticker import LogLocator

    n, error = paired("n", n, "error", error)
    ax = _axes(ax, figsize=(4.5, 3.4))
    (points,) = ax.loglog(n, error, "o", markersize=5, label=label)
    if fit is not None:
        grid = np.geomspace(n.min(), n.max(), 100)
        line, width = fit(grid), fit.relative_uncertainty(grid)
        colour = points.get_color()
        slope = rf"$\propto n^{{{-fit.slope:.2f} \pm {fit.slope_error:.2f}}}$"
        ax.plot(grid, line, color=colour, linewidth=1, label=slope)
        ax.fill_between(
            grid, line * np.exp(-width), line * np.exp(width), color=colour, alpha=0.2, linewidth=0
        )
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_minor_formatter("")
    ax.set(xlabel="Training simulations", ylabel=ylabel)
    ax.legend(frameon=False, fontsize="small")
    return ax
