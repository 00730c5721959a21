"""Pictures of `bench_nebula_spectra.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.colors import ListedColormap

from zoo.models.spectra.nebula_windows import CLASSES

FOLDER = Path(__file__).parents[1] / "docs" / "figures"
NAMES = {"hii": "H II region", "pn": "planetary nebula", "snr": "remnant (toy)", "dig": "diffuse"}
COLOURS = ("#d1495b", "#2e86ab", "#5e548e", "#edae49")
CUTS = ((4820, 5080), (6260, 6820))  # A
EDGES = np.linspace(0, 1, 11)


def save(figure: Any, name: str) -> None:
    """Write a figure into the folder of the documentation."""
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"nebula_spectra_{name}.png", dpi=110)
    plt.close(figure)


def examples(seen: dict[str, Any]) -> None:
    """A spectrum of each class, all but pure, at S/N 50; at rest around the strong lines."""
    figure, axes = plt.subplots(
        4, 2, figsize=(10, 8), layout="constrained", gridspec_kw={"width_ratios": [1, 2.1]}
    )
    for number, (name, row) in enumerate(zip(CLASSES, axes, strict=True)):
        index = int(np.argmax(seen[name] >= 0.999))
        wave = seen["wavelength"] / (1 + seen["velocity"][index] / 299792.458)
        near = np.abs(wave - 6564.6) < 6
        top = seen["flux"][index][near].max()
        for ax, (low, high) in zip(row, CUTS, strict=True):
            part = (wave > low) & (wave < high)
            ax.step(wave[part], seen["flux"][index][part] / top, color="0.6", lw=0.8, where="mid")
            ax.plot(
                wave[part],
                seen["flux_true"][index][part].astype(float) / top,
                color=COLOURS[number],
                lw=1,
            )
            ax.set(xlim=(low, high))
        row[0].set_ylabel(f"{NAMES[name]}\nflux / peak of H$\\alpha$")
    for ax in axes[-1]:
        ax.set_xlabel("wavelength at rest, vacuum [$\\AA$]")
    save(figure, "examples")


def quality(rows: dict[str, Any]) -> None:
    """Accuracy, mean absolute error of the shares and calibration against S/N."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    labels = {"accuracy": "accuracy", "share_mae": "mean abs. error of shares", "ece": "ECE"}
    for ax, (key, label) in zip(axes, labels.items(), strict=True):
        for colour, (model, by) in enumerate(rows.items()):
            x = [float(q) for q in by]
            ax.plot(x, [row[key] for row in by.values()], "o-", color=f"C{colour}", label=model)
        ax.set(xscale="log", xlabel="S/N of H$\\alpha$", ylabel=label, ylim=(0, None))
        ax.set_xticks(x, [f"{v:g}" for v in x], minor=False)
        ax.minorticks_off()
        ax.axvline(20, color="0.8", zorder=0)
    axes[0].axhline(0.8, color="0.5", ls=":")
    axes[0].set_ylim(0, 1)
    axes[1].axhline(0.08, color="0.5", ls=":")
    axes[2].axhline(0.03, color="0.5", ls=":")
    axes[0].legend(fontsize=8, loc="lower right")
    save(figure, "quality")


def confusions(tables: dict[str, Any], judged: float) -> None:
    """Confusion matrices, rows of which sum to 1."""
    figure, axes = plt.subplots(1, len(tables), figsize=(9, 4), layout="constrained")
    for ax, (model, values) in zip(axes, tables.items(), strict=True):
        table = np.array(values)
        ax.imshow(table, cmap="Blues", vmin=0, vmax=1)
        for (i, j), value in np.ndenumerate(table):
            ax.text(j, i, f"{value:.2f}", ha="center", color="w" if value > 0.5 else "k")
        ax.set_xticks(range(4), CLASSES)
        ax.set_yticks(range(4), CLASSES)
        ax.set(xlabel="predicted", ylabel="true", title=f"{model}, S/N {judged:g}")
    save(figure, "confusion")


def calibration(found: dict[str, Any], data: dict[str, Any]) -> None:
    """How often classes are right against how sure the network is; shares against their truth."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    sure = np.max([found[f"label_{name}"] for name in CLASSES], axis=0)
    right = found["label"] == data["label"]
    place = np.clip(np.digitize(sure, EDGES) - 1, 0, 9)
    many = [b for b in range(10) if np.sum(place == b) >= 30]
    axes[0].plot(
        [sure[place == b].mean() for b in many], [right[place == b].mean() for b in many], "o-"
    )
    axes[0].plot([0.2, 1], [0.2, 1], color="0.7", zorder=0)
    axes[0].set(xlabel="probability of the predicted class", ylabel="fraction right")
    for name, colour in zip(CLASSES, COLOURS, strict=True):
        middle = EDGES[:-1] + 0.05
        place = np.clip(np.digitize(found[name], EDGES) - 1, 0, 9)
        true = np.asarray(data[name], float)
        mean = [true[place == b].mean() if np.sum(place == b) > 10 else np.nan for b in range(10)]
        axes[1].plot(middle, mean, "o-", ms=4, color=colour, label=NAMES[name])
    axes[1].plot([0, 1], [0, 1], color="0.7", zorder=0)
    axes[1].set(xlabel="predicted share (posterior mean)", ylabel="mean of the true share")
    axes[1].legend(fontsize=8)
    save(figure, "calibration")


def maps(found: dict[str, Any], truth: dict[str, Any]) -> None:
    """A mock cube: true classes and shares, and what was predicted."""
    figure, axes = plt.subplots(2, 4, figsize=(12, 6), layout="constrained")
    classes = ListedColormap(COLOURS)
    seen = np.isfinite(found["label"])
    rows = (("true", truth), ("predicted", found))
    for row, (word, image) in zip(axes, rows, strict=True):
        label = np.where(seen, image["label"], np.nan)
        shown = row[0].imshow(label, cmap=classes, vmin=-0.5, vmax=3.5, origin="lower")
        row[0].set_title(f"class, {word}")
        for ax, name in zip(row[1:3], ("dig", "snr"), strict=True):
            share = np.where(seen, image[name], np.nan)
            part = ax.imshow(share, cmap="magma", vmin=0, vmax=1, origin="lower")
            ax.set_title(f"{NAMES[name]}: {word} share", fontsize=10)
    bar = figure.colorbar(shown, ax=axes[:, 0], ticks=range(4), location="left", shrink=0.6)
    bar.ax.set_yticklabels(CLASSES)
    figure.colorbar(part, ax=axes[:, 2], shrink=0.6)
    for ax, (values, title) in zip(
        axes[:, 3],
        ((truth["quality"], "S/N of H$\\alpha$"), (found["dig_std"], "error of the diffuse share")),
        strict=True,
    ):
        image = ax.imshow(np.where(seen, values, np.nan), cmap="viridis", origin="lower")
        ax.set_title(title)
        figure.colorbar(image, ax=ax, shrink=0.8)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    save(figure, "cube")
