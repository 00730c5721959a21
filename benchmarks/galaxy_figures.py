"""Pictures of `bench_galaxies.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt

from zoo.evaluation import boxes
from zoo.models.galaxies import occupation

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
CELLS = 16  # along a side, of counts in cells
RADII = np.arange(1.0, 6.1, 0.5)  # [Mpc/h] of voids
MASS = np.arange(10.0, 14.6, 0.25)

Boxes = dict[str, Any]
Grid = Callable[[np.ndarray, float, int], np.ndarray]


def slices(name: str, kept: Boxes) -> None:
    """A slab of a box with galaxies of the truth and of every draw, and the whole box."""
    data, size = kept["data"], kept["size"]
    stem = name.rpartition("/")[2]
    dark = np.asarray(data["dm_counts"][0], float)
    n = len(dark)
    thin = max(1, round(n / 25 * 2))
    panels = {"truth": np.asarray(data["galaxy_position"][0], float)}
    panels |= {label: drawn[0] for label, drawn in kept["draws"].items()}
    figure, axes = plt.subplots(2, 3, figsize=(11, 7.4), layout="constrained")
    log = np.log10(dark[:thin].sum(axis=0) + 1)
    for ax, (label, position) in zip(axes.flat, panels.items(), strict=False):
        ax.imshow(log, origin="lower", extent=(0, size, 0, size), cmap="Greys")
        inside = position[position[:, 0] < thin * size / n]
        ax.plot(inside[:, 2], inside[:, 1], "o", color="C3", ms=2.5, mew=0, alpha=0.7)
        ax.set_title(f"{label}: slab of {thin * size / n:.1f} Mpc/h", fontsize=9)
    whole = axes.flat[-1]
    whole.imshow(
        np.log10(dark.sum(axis=0)), origin="lower", extent=(0, size, 0, size), cmap="Greys"
    )
    whole.set_title("dark matter, whole box projected", fontsize=9)
    figure.savefig(FIGURES / f"galaxies_{stem}_slices.png", dpi=90)
    plt.close(figure)


def statistics(name: str, kept: Boxes, on_grid: Grid) -> None:
    """P(k) with ratios and scatter, r(k), counts in cells, voids, occupation."""
    figure, axes = plt.subplots(2, 4, figsize=(16.5, 7), layout="constrained")
    _clustering(kept, axes[0])
    _counts(kept, axes[1], on_grid)
    _reliability(kept, axes[1, 3])
    figure.savefig(FIGURES / f"galaxies_{name.rpartition('/')[2]}_statistics.png", dpi=90)
    plt.close(figure)


def _clustering(kept: Boxes, axes: Any) -> None:
    for label, one in kept["clustering"].items():
        k = one["k"][0]
        power = boxes.band(one["power"])
        axes[0].loglog(k, power.mean, label=label, lw=1)
        ratio = boxes.band(one["ratio"])
        axes[1].semilogx(k, ratio.mean, lw=1, label=label)
        axes[1].fill_between(k, ratio.low, ratio.high, alpha=0.15)
        axes[2].semilogx(k, one["r"].mean(axis=0), lw=1, label=label)
    spread = boxes.band(one["true"])
    axes[0].fill_between(k, spread.low, spread.high, color="k", alpha=0.15)
    axes[0].loglog(k, spread.mean, "k:", label="truth, scatter of boxes")
    axes[0].set(xlabel="k [h/Mpc]", ylabel="P(k) [(Mpc/h)^3]")
    axes[0].legend(fontsize=7)
    axes[1].axhspan(0.9, 1.1, color="0.9")
    axes[1].set(xlabel="k [h/Mpc]", ylabel="P(k) / truth", ylim=(0, 2))
    axes[2].set(xlabel="k [h/Mpc]", ylabel="r(k) with the truth", ylim=(-0.1, 1.05))
    for one in kept["clustering"].values():
        median = np.median(one["bispectrum"], axis=0)
        axes[3].semilogx(one["k_bispectrum"][0], median, ".-", lw=1)
    axes[3].axhspan(0.9, 1.1, color="0.9")
    axes[3].set(xlabel="k [h/Mpc]", ylabel="B(k, k, k) / truth, median", ylim=(-0.5, 4))


def _reliability(kept: Boxes, axes: Any) -> None:
    for number, one in enumerate(kept["reliability"].values(), 1):
        axes.loglog(one["told"], one["seen"], ".-", lw=1, color=f"C{number}")
    axes.loglog([1e-5, 1], [1e-5, 1], "k:")
    axes.set(xlabel="probability of a galaxy", ylabel="share of voxels with one")
    axes.set(xlim=(1e-5, 1), ylim=(1e-5, 1))


def _counts(kept: Boxes, axes: Any, on_grid: Grid) -> None:
    data, size, n = kept["data"], kept["size"], kept["true"].shape[1]
    everyone = {"truth": [np.asarray(p, float) for p in data["galaxy_position"]], **kept["draws"]}
    for label, drawn in everyone.items():
        style = {"color": "k", "ls": ":"} if label == "truth" else {"lw": 1}
        grids = [on_grid(p, size, n) for p in drawn]
        pdfs = [boxes.counts_in_cells(g, CELLS) for g in grids]
        most = max(map(len, pdfs))
        pdf = np.mean([np.pad(p, (0, most - len(p))) for p in pdfs], axis=0)
        axes[0].loglog(np.arange(most) + 1, pdf, label=label, **style)
        radii = np.concatenate([boxes.void_radii(on_grid(p, size, 32), size, RADII) for p in drawn])
        more = [(radii >= r).sum() / len(drawn) for r in RADII]
        axes[1].semilogy(RADII, np.maximum(more, 0.1), **style)
        counts = [occupied(p, data, row, size) for row, p in enumerate(drawn)]
        mass = np.concatenate(
            [np.asarray(data["halo_mass"][row], float) for row in range(len(drawn))]
        )
        found = boxes.halo_occupation(mass, np.concatenate(counts), MASS)
        axes[2].semilogy((MASS[1:] + MASS[:-1]) / 2, found.mean, **style)
    axes[0].set(xlabel="galaxies in a cell, plus one", ylabel="fraction of cells")
    axes[1].set(xlabel="void radius [Mpc/h]", ylabel="voids above it, per box")
    axes[2].set(xlabel="log halo mass [Msun/h]", ylabel="galaxies per halo", ylim=(1e-3, 300))


def occupied(position: np.ndarray, data: Boxes, row: int, size: float) -> np.ndarray:
    """Galaxies (h,) of each halo of a box."""
    mass, centre, radius = (
        np.asarray(data[key][row], float) for key in ("halo_mass", "halo_position", "halo_radius")
    )
    return occupation.members(position, centre, mass, radius, size)
