"""Pictures of `bench_galaxy_networks.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt

FIGURES = Path(__file__).parents[1] / "docs" / "figures"


def slices(suite: str, kept: dict[str, Any]) -> None:
    """A slab of the first box: matter and truth; of each model p and a draw."""
    names = [name for name in kept["models"] if not name.startswith("galaxy_hod.3")]
    size = kept["size"]
    thick = len(kept["matter"]) // 16
    matter = np.log10(1 + kept["matter"][:thick].sum(axis=0))
    figure, axes = plt.subplots(
        2, len(names) + 1, figsize=(2.7 * (len(names) + 1), 5.6), layout="constrained"
    )
    extent = (0, size, 0, size)
    axes[0, 0].imshow(matter, origin="lower", extent=extent, cmap="magma")
    axes[0, 0].set_title(f"matter, {size / 16:.1f} Mpc/h deep", fontsize=9)
    _dots(axes[1, 0], kept["true"][0][:thick].sum(axis=0), matter, extent)
    axes[1, 0].set_title("galaxies of the toy", fontsize=9)
    for column, name in zip(axes.T[1:], names, strict=True):
        one = kept["models"][name]
        shown = np.log10(np.clip(one["score"], 1e-4, 1))
        image = column[0].imshow(
            shown, origin="lower", extent=extent, cmap="viridis", vmin=-4, vmax=0
        )
        column[0].set_title(name, fontsize=9)
        _dots(column[1], one["draw"], matter, extent)
        column[1].set_title("a draw", fontsize=9)
    figure.colorbar(image, ax=axes[0], label="log10 p (largest along the slab)", fraction=0.02)
    for ax in axes.flat:
        ax.set(xticks=(0, 10, 20), yticks=(0, 10, 20))
    figure.savefig(FIGURES / f"galaxy_networks_{suite}_slices.png", dpi=90)
    plt.close(figure)


def _dots(ax: Any, counts: np.ndarray, matter: np.ndarray, extent: tuple[float, ...]) -> None:
    ax.imshow(matter, origin="lower", extent=extent, cmap="gray_r", alpha=0.6)
    y, x = np.nonzero(counts)
    scale = extent[1] / len(counts)
    ax.scatter((x + 0.5) * scale, (y + 0.5) * scale, s=1.5, c="crimson", lw=0)
    ax.set(xlim=(0, extent[1]), ylim=(0, extent[1]), aspect="equal")


def statistics(suite: str, kept: dict[str, Any], recalls: tuple[float, ...]) -> None:
    """P(k) over the truth with the scatter of boxes, r(k), precision by recall."""
    figure, axes = plt.subplots(1, 3, figsize=(14, 4.3), layout="constrained")
    for index, (name, one) in enumerate(kept["models"].items()):
        color, k = f"C{index}", one["k"]
        mean, spread = one["ratio"].mean(axis=0), one["ratio"].std(axis=0)
        axes[0].semilogx(k, mean, color=color, lw=1.2, label=name)
        axes[0].fill_between(k, mean - spread, mean + spread, color=color, alpha=0.12, lw=0)
        axes[1].semilogx(k, one["r"].mean(axis=0), color=color, lw=1.2)
        axes[2].semilogy(recalls, one["precision"], color=color, lw=1.2, marker=".", ms=4)
    base = np.mean(kept["true"] > 0)
    axes[0].axhspan(0.9, 1.1, color="0.9", zorder=0)
    axes[0].axvline(5, color="0.6", lw=0.8, ls=":")
    axes[0].set(xlabel="k [h/Mpc]", ylabel="P(k) of a draw / truth", ylim=(0.4, 2.0))
    axes[0].legend(fontsize=7)
    axes[1].axhline(0.9, color="0.6", lw=0.8, ls=":")
    axes[1].set(xlabel="k [h/Mpc]", ylabel="r(k) of a draw with the truth", ylim=(0, 1.02))
    axes[2].axhline(base, color="0.6", lw=0.8, ls=":")
    axes[2].text(0.12, base * 1.1, "base rate", fontsize=8, color="0.4")
    axes[2].set(xlabel="recall of occupied voxels", ylabel="precision", ylim=(base / 2, 1))
    figure.savefig(FIGURES / f"galaxy_networks_{suite}_statistics.png", dpi=90)
    plt.close(figure)
