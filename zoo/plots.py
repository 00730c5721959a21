"""Pictures of maps. Every function draws on Axes that it returns, and none calls `show`."""

from __future__ import annotations

from typing import Any

import numpy as np

VRMS_LABEL = r"$V_{\rm rms}$  [km s$^{-1}$]"


def velocity_map(
    axes: Any,
    image: np.ndarray,
    extent: tuple[float, float, float, float],
    *,
    label: str = VRMS_LABEL,
    light: np.ndarray | None = None,
    limits: tuple[float, float] | None = None,
    residual: bool = False,
) -> Any:
    """Draw a map (rows, columns) [km/s] with its colour bar.

    Parameters
    ----------
    extent : (left, right, bottom, top) [arcsec]
    light : (rows, columns), optional
        Surface brightness, drawn as contours 0.5 magnitudes apart.
    limits : (float, float), optional
        Colour range; the 1st to 99th percentile unless given.
    residual : bool
        Use a diverging colour map centred on zero.
    """
    low, high = limits or tuple(np.nanpercentile(image, (1, 99)))
    picture = axes.imshow(
        image,
        origin="lower",
        extent=extent,
        vmin=low,
        vmax=high,
        cmap="RdBu_r" if residual else "viridis",
        interpolation="nearest",
    )
    if light is not None:
        magnitude = -2.5 * np.log10(light / np.nanmax(light))
        x = np.linspace(*_centres(extent[:2], image.shape[1]))
        y = np.linspace(*_centres(extent[2:], image.shape[0]))
        levels = np.arange(0.5, np.nanmax(magnitude), 0.5)
        axes.contour(x, y, magnitude, levels=levels, colors="white", linewidths=0.7)
    axes.set_xlabel("x  [arcsec]")
    axes.set_ylabel("y  [arcsec]")
    clipped = limits is None  # the outermost percents lie beyond the ends of the bar
    extend = "both" if clipped else "neither"
    axes.figure.colorbar(picture, ax=axes, label=label, fraction=0.046, pad=0.03, extend=extend)
    return axes


def observed_and_model(
    observed: np.ndarray,
    model: np.ndarray,
    extent: tuple[float, float, float, float],
    title: str = "",
) -> Any:
    """Observed, model and residual maps (rows, columns) [km/s] side by side, as a Figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.2), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    limits = tuple(np.nanpercentile(observed, (1, 99)))
    residual = observed - model
    width = np.nanpercentile(np.abs(residual), 98)
    velocity_map(panels[0], observed, extent, limits=limits)
    velocity_map(panels[1], model, extent, limits=limits)
    velocity_map(
        panels[2],
        residual,
        extent,
        limits=(-width, width),
        residual=True,
        label=r"observed $-$ model  [km s$^{-1}$]",
    )
    for axes, name in zip(panels, ("observed", "model", "residual"), strict=True):
        axes.set_title(name)
    figure.suptitle(title)
    return figure


def _centres(edges: tuple[float, float], count: int) -> tuple[float, float, int]:
    half = (edges[1] - edges[0]) / count / 2
    return edges[0] + half, edges[1] - half, count
