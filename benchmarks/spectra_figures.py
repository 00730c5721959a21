"""Pictures of `bench_spectra.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt

from zoo.evaluation import spectra

FOLDER = Path(__file__).parents[1] / "docs" / "figures"
LABELS = {
    "mag_h": "m_H [AB]",
    "redshift": "redshift",
    "log_sfr": "log SFR [Msun/yr]",
    "exposure": "exposure [h]",
    "flux_halpha": "F(H alpha) [1e-17 erg/s/cm2]",
}
SHOWN = 3  # good and bad predictions


def save(figure: Any, name: str) -> None:
    """Write a figure into the folder of the documentation."""
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"spectra_{name}.png", dpi=100)
    plt.close(figure)


def success(strata: dict[str, Any]) -> None:
    """Fraction of right redshifts against what an observer chooses or wants to know."""
    figure, axes = plt.subplots(
        1, len(LABELS), figsize=(15, 3.2), sharey=True, layout="constrained"
    )
    for ax, (name, label) in zip(axes, LABELS.items(), strict=True):
        for colour, (model, rows) in enumerate(strata.items()):
            low, high, _, share, error = np.array(rows[name]).T
            middle = (
                np.sqrt(np.maximum(low, 0.1) * high) if name == "flux_halpha" else (low + high) / 2
            )
            ax.errorbar(middle, share, error, fmt="o-", ms=3, color=f"C{colour}", label=model)
        ax.set(xlabel=label, ylim=(0, 1.03))
        if name == "flux_halpha":
            ax.set_xscale("log")
    axes[0].set_ylabel("fraction with abs(dz) < 0.01")
    axes[0].legend(fontsize=7)
    save(figure, "success")


def calibration(found: dict[str, Any], data: dict[str, Any]) -> None:
    """Reliability of the confidence, and ranks of the truth."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.6), layout="constrained")
    true = np.asarray(data["redshift"], float)
    for model, prediction in found.items():
        z, pdf, edges = parts(prediction)
        sure = spectra.confidence(z, pdf, edges)
        good = abs(z - true) < spectra.RIGHT
        which = np.minimum((sure * 10).astype(int), 9)
        used = [b for b in range(10) if (which == b).sum() > 10]
        x, y = ([values[which == b].mean() for b in used] for values in (sure, good))
        left.plot(x, y, "o-", ms=4, label=model)
        right.hist(spectra.pit(true, pdf, edges), 25, (0, 1), histtype="step", density=True)
    left.plot([0, 1], [0, 1], "k:")
    left.set(xlabel="confidence", ylabel="fraction right")
    left.legend(fontsize=8)
    right.axhline(1, color="k", ls=":")
    right.set(xlabel="rank of the truth in the PDF", ylabel="density")
    save(figure, "calibration")


def parts(prediction: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Redshifts, PDFs and the edges of their bins."""
    z, pdf, grid = (np.asarray(prediction[f"redshift{n}"], float) for n in ("", "_pdf", "_grid"))
    centre = grid[0] if grid.ndim == 2 else grid
    step = centre[1] - centre[0]
    return z, pdf, np.append(centre - step / 2, centre[-1] + step / 2)


def redshifts(found: dict[str, Any], data: dict[str, Any]) -> None:
    """Predicted against true redshift, for each model."""
    figure, axes = plt.subplots(
        1,
        len(found),
        figsize=(4 * len(found), 3.8),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, (model, prediction) in zip(axes[0], found.items(), strict=True):
        good = abs(np.asarray(prediction["redshift"]) - data["redshift"]) < spectra.RIGHT
        ax.plot(data["redshift"], prediction["redshift"], ",", color="C0")
        ax.set(title=f"{model}: {good.mean():.3f} right", xlabel="true redshift", ylim=(0.6, 3))
    axes[0, 0].set_ylabel("predicted redshift")
    save(figure, "redshifts")


def examples(name: str, prediction: dict[str, Any], data: dict[str, Any], good: np.ndarray) -> None:
    """Good and bad predictions: the spectrum, smoothed, and the PDF with the truth."""
    z, pdf, edges = parts(prediction)
    sure = spectra.confidence(z, pdf, edges)
    order = np.argsort(-sure)
    picks = [("right", order[good[order]]), ("wrong", order[~good[order]])]
    figure, axes = plt.subplots(
        2 * SHOWN, 2, figsize=(11, 2 * 2 * SHOWN), width_ratios=(2, 1), layout="constrained"
    )
    row = 0
    for label, rows in picks:
        for place in np.linspace(0.1, 0.9, SHOWN):
            if not len(rows):
                continue
            i = rows[int(place * (len(rows) - 1))]
            left, right = axes[row]
            row += 1
            weight = np.asarray(data["ivar"][i], float)
            box = np.ones(31)
            total = np.convolve(weight, box, "same")
            flux = np.convolve(weight * data["flux"][i], box, "same") / np.maximum(total, 1e-30)
            wave = np.asarray(data["wavelength"], float) / 1e4
            wave = wave[i] if wave.ndim == 2 else wave
            left.plot(wave, np.where(total > 0, flux, np.nan), lw=0.5, color="0.4")
            left.plot(wave, data["flux_true"][i], lw=0.7, color="C3")
            top = np.nanpercentile(flux, 99.5)
            left.set(ylim=(-0.5 * abs(top), 1.8 * abs(top)), ylabel="1e-17 erg/s/cm2/A")
            magnitude, hours, true = (data[n][i] for n in ("mag_h", "exposure", "redshift"))
            facts = f"m_H {magnitude:.1f}, {hours:.0f} h, z {true:.3f}"
            left.set_title(f"{label}: {facts}", fontsize=8)
            right.plot((edges[1:] + edges[:-1]) / 2, np.maximum(pdf[i], 1e-6))
            right.axvline(true, color="C3", ls=":")
            right.set(yscale="log", ylim=(1e-6, 2), title=f"confidence {sure[i]:.2f}")
    axes[-1, 0].set_xlabel("wavelength [micron]")
    axes[-1, 1].set_xlabel("redshift (truth dotted)")
    save(figure, f"examples_{name.partition('.')[0]}")


def embedding(name: str, prediction: dict[str, Any], data: dict[str, Any]) -> None:
    """Two principal components of the embedding, coloured by what was never trained on."""
    if "embedding" not in prediction:
        return
    values = np.asarray(prediction["embedding"], float)
    values = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-9)
    _, _, axes_of = np.linalg.svd(values, full_matrices=False)
    flat = values @ axes_of[:2].T
    shown = ("redshift", "mag_h", "a_v", "sigma_v", "metallicity", "is_passive")
    figure, axes = plt.subplots(1, len(shown), figsize=(17, 3), layout="constrained")
    for ax, column in zip(axes, shown, strict=True):
        colour = np.asarray(data[column], float)
        low, high = np.quantile(colour, (0.02, 0.98))
        points = ax.scatter(*flat.T, c=colour, s=1, vmin=low, vmax=high or 1, cmap="viridis")
        figure.colorbar(points, ax=ax)
        ax.set(title=column, xticks=[], yticks=[])
    save(figure, f"embedding_{name.partition('.')[0]}")
