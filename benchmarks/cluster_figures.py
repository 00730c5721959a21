"""Figures of `bench_clusters.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binom

FOLDER = Path(__file__).parents[1] / "docs" / "figures"
LABELS = {
    "cluster_msigma": "M-sigma",
    "cluster_virial": "virial",
    "cluster_mamposst": "MAMPOSSt",
    "cluster_cnn1d": "CNN 1D",
    "cluster_cnn2d": "CNN 2D",
    "cluster_flow": "flow",
}
MASS = "log M200c [Msun/h]"


def label(name: str) -> str:
    """Short name of a model."""
    base, _, tag = name.partition(".")
    return LABELS[base] + (" + N" if tag.endswith("_n") else "")


def save(figure: Any, name: str) -> None:
    """Write a small PNG."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / f"clusters_{name}.png", dpi=80)


def truth(kind: str, found: dict[str, Any]) -> None:
    """Prediction and residual against the true mass, a column for each method."""
    columns = len(found)
    figure = Figure(figsize=(2.3 * columns + 0.5, 4.6), layout="constrained")
    axes = figure.subplots(2, columns, sharex=True, sharey="row", height_ratios=(2, 1.3))
    for (upper, lower), (name, entry) in zip(axes.T, found.items(), strict=True):
        true = np.asarray(entry["data"]["log_mass"], float)
        residual = entry["residual"]
        upper.hist2d(true, true + residual, 60, [(13.5, 15.35), (13, 16)], cmap="Blues", cmin=1)
        upper.plot([13.5, 15.35], [13.5, 15.35], "k", lw=0.8)
        edges = np.linspace(13.5, 15.3, 19)
        place = np.digitize(true, edges) - 1
        good = [i for i in range(18) if np.count_nonzero(place == i) > 20]
        centres = (edges[good] + edges[np.array(good) + 1]) / 2
        bands = np.array([np.quantile(residual[place == i], (0.16, 0.5, 0.84)) for i in good])
        lower.fill_between(centres, bands[:, 0], bands[:, 2], color="C0", alpha=0.3, lw=0)
        lower.plot(centres, bands[:, 1], "C0")
        lower.axhline(0, color="k", lw=0.8)
        upper.set_title(label(name), fontsize=10)
        quoted = (true > 14) & (true < 15)
        lower.set_title(f"std {residual[quoted].std():.3f} dex (14-15)", fontsize=8)
        lower.set_xlabel(f"true {MASS}", fontsize=8)
    axes[0, 0].set_ylabel(f"predicted {MASS}", fontsize=8)
    axes[0, 0].set_ylim(13, 16)
    axes[1, 0].set_ylabel("residual [dex]", fontsize=8)
    axes[1, 0].set_ylim(-0.7, 0.7)
    save(figure, f"truth_{kind}")


def richness(kind: str, found: dict[str, Any], metrics: dict[str, Any]) -> None:
    """Scatter in deciles of richness, and the fit of the two terms."""
    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    axes = figure.subplots()
    for i, (name, entry) in enumerate(found.items()):
        true = np.asarray(entry["data"]["log_mass"], float)
        rows = (true > 13.9) & (true < 15.1)
        n = np.asarray(entry["data"]["richness"], float)[rows]
        parts = np.array_split(np.argsort(n, kind="stable"), 10)
        middle = np.array([np.median(n[part]) for part in parts])
        scatter = [entry["residual"][rows][part].std(ddof=1) for part in parts]
        fit = metrics[name]
        text = f"{label(name)}: {fit['sigma_n']:.3f}, {fit['sigma_0']:.3f}"
        axes.plot(middle, scatter, "o", ms=4, color=f"C{i}", label=text)
        curve = np.sqrt(fit["sigma_n"] ** 2 * 100 / middle + fit["sigma_0"] ** 2)
        axes.plot(middle, curve, color=f"C{i}", lw=1)
    axes.set_xscale("log")
    axes.set_ylim(0, None)
    axes.set_xlabel("galaxies N")
    axes.set_ylabel("std of the residual [dex]")
    axes.legend(title="sigma_N (at N = 100), sigma_0 [dex]", fontsize=7, title_fontsize=7)
    save(figure, f"richness_{kind}")


def calibration(found: dict[str, Any]) -> None:
    """Histogram of the ranks with its 99 % band, and coverage by terciles."""
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    ranks, bins = found["ranks"], 20
    left.hist(ranks, bins, (0, 1), color="C0", alpha=0.6)
    low, high = binom.ppf((0.005, 0.995), len(ranks), 1 / bins)
    left.axhspan(low, high, color="0.5", alpha=0.3, label="99 % if uniform")
    left.set_ylim(0, 1.5 * len(ranks) / bins)
    left.set_xlabel("rank of the truth in its posterior")
    left.set_ylabel("clusters")
    left.legend(fontsize=7)
    coverage = found["coverage"]
    x = np.array([float(level) for level in coverage["all"]])
    right.plot(x, np.array(list(coverage["all"].values())) - x, "k-o", label="all", ms=4)
    for i, (name, thirds) in enumerate((n, c) for n, c in coverage.items() if n != "all"):
        for j, third in enumerate(thirds):
            text = f"terciles of {name}" if j == 0 else None
            y = np.array(list(third.values())) - x
            right.plot(x, y, color=f"C{i}", ls=("-", "--", ":")[j], lw=1, label=text)
    right.axhspan(-0.01, 0.01, color="0.5", alpha=0.3)
    right.set_ylim(-0.04, 0.04)
    right.set_xlabel("level of the central interval")
    right.set_ylabel("coverage - level")
    right.legend(fontsize=7)
    save(figure, "calibration")


def robustness(found: dict[str, Any]) -> None:
    """Scatter and bias of each case beside those of the same clusters unchanged."""
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    axes = figure.subplots(1, 2)
    cases = list(found)
    names = [name for name in found[cases[0]] if name != "rows"]
    for panel, what in zip(axes, ("scatter", "bias"), strict=True):
        for i, name in enumerate(names):
            place = np.arange(len(cases)) + 0.12 * (i - len(names) / 2)
            now = [found[case][name][what] for case in cases]
            before = [found[case][name][f"{what}_unchanged"] for case in cases]
            panel.vlines(place, before, now, color=f"C{i}", lw=2)
            panel.plot(place, now, "o", color=f"C{i}", ms=4, label=label(name))
        panel.set_xticks(range(len(cases)), [case.replace(" of ", "\nof ") for case in cases])
        panel.tick_params(axis="x", labelsize=6)
        panel.set_ylabel(f"{what} at 14-15 [dex]")
    axes[1].axhline(0, color="k", lw=0.8)
    axes[0].legend(fontsize=7)
    axes[0].set_title("line: from the same clusters unchanged", fontsize=8)
    save(figure, "robustness")


def saliency(found: dict[str, Any]) -> None:
    """What a cell of the map does to the posterior mean, and what a galaxy's velocity does."""
    figure = Figure(figsize=(10.4, 2.9), layout="constrained")
    axes = figure.subplots(1, 4)
    extent = (0, 1.6, 0, 2200)
    for panel, (name, entry) in zip(axes, found["maps"].items(), strict=False):
        # a change of the map that keeps its sum: the mean gradient cannot be felt
        weight = entry["density"] / entry["density"].sum()
        # per relative change of the density: the steep root of empty cells would drown the rest
        gradient = (entry["gradient"] - np.sum(entry["gradient"] * weight)) * weight
        largest = np.quantile(np.abs(gradient), 0.995)
        shown = panel.imshow(
            gradient, origin="lower", extent=extent, aspect="auto", cmap="RdBu_r",
            vmin=-largest, vmax=largest,
        )  # fmt: skip
        panel.contour(entry["density"], 5, extent=extent, colors="k", linewidths=0.4)
        panel.set_title(f"log M = {name}", fontsize=9)
        panel.set_xlabel("R [Mpc/h]", fontsize=8)
        figure.colorbar(shown, ax=panel).set_label("d log M / d ln density", fontsize=7)
    axes[0].set_ylabel("|v| [km/s]", fontsize=8)
    one = found["galaxies"]
    largest = np.quantile(np.abs(one["gradient"]), 0.95) * 1000
    shown = axes[3].scatter(
        one["r_proj"], one["v_los"], c=1000 * one["gradient"], cmap="RdBu_r", s=12,
        vmin=-largest, vmax=largest, edgecolors="k", linewidths=0.2,
    )  # fmt: skip
    axes[3].set_title(f"one cluster, log M = {found['log_mass']:.2f}", fontsize=9)
    axes[3].set_xlabel("R [Mpc/h]", fontsize=8)
    figure.colorbar(shown, ax=axes[3]).set_label("d log M / d v [dex per 1000 km/s]", fontsize=7)
    save(figure, "saliency")
