"""Maps of galaxies by diffusion, and few steps of COLA against many."""

from __future__ import annotations

from typing import Any

import numpy as np

from parts.common import results, table
from zoo import registry

TOLD = (1.0, 3.0, 5.0, 8.0)


def galaxy_vdm() -> str:
    """Spectra, scatter and pixels of drawn maps."""
    found = results("galaxy_vdm")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_galaxy_vdm.py`."
    parts = [_release()]
    rows = found["rows"]
    k = rows["galaxy_vdm"]["k"]
    head = (f"{found['maps']} unseen maps: k [h/Mpc]", *(f"{value:.1f}" for value in k))
    cells = []
    for label, row in rows.items():
        name = f"`{label}`" if label == "galaxy_vdm" else label
        cells.append((f"{name}: P(k) / truth", *(f"{v:.2f}" for v in row["ratio"])))
        cells.append((f"{name}: coverage of the 68 % band", *_two(row["coverage"])))
        cells.append((f"{name}: r(k) with the truth", *_two(row["correlation"])))
    parts.append(table(head, cells))
    head = ("pixels with galaxies, drawn / true", "1", "2", "3-4", "5-9", "10 or more")
    cells = [(label, *_two(row["pixels"])) for label, row in rows.items()]
    parts.append(table(head, cells))
    if "steps" in found:
        parts.append(_steps(found["steps"]))
    return "\n\n".join(parts)


def _release() -> str:
    """The release's own table, over all maps of the test split."""
    names = {
        "power_ratio_worst": "worst P(k) / truth, k = 1 to 10",
        "coverage_mean": "coverage, mean",
        "coverage_lowest": "lowest",
        "coverage_highest": "highest",
        "correlation_k1": "r at k = 1",
        "abundance_ratio": "galaxies / truth",
        "pixel_accuracy": "accuracy",
        "pixel_precision": "precision",
        "pixel_recall": "recall",
    }
    metrics = registry.find_release("galaxy_vdm").manifest.metrics
    rows = [(label, *(f"{row[name]:.3f}" for name in names)) for label, row in metrics.items()]
    return table(("60 unseen maps", *names.values()), rows)


def _steps(rows: list[dict[str, float]]) -> str:
    head = ("steps of a draw", "galaxies / truth", "worst P(k) / truth", "CPU s per draw")
    names = ("abundance", "ratio_worst", "cpu_s_per_draw")
    return table(head, [(str(row["steps"]), *(f"{row[n]:.2f}" for n in names)) for row in rows])


def cola_steps() -> str:
    """Ten steps, with and without a network, over forty."""
    found = results("cola_steps")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_cola_steps.py`."
    titles = {
        "matter": "P(k) of matter / 40 steps",
        "r": "r(k) of matter with 40 steps",
        "galaxies": "P(k) of toy galaxies / 40 steps",
    }
    rows = []
    for name, values in found["rows"].items():
        label, what = name.split(": ")
        if what in titles:
            mean = np.interp(TOLD, found["k"], np.mean(values, axis=0))
            rows.append((f"{titles[what]}: {label}", *_two(mean)))
    head = ("k [h/Mpc]", *(f"{k:g}" for k in TOLD))
    told = (
        f"{found['test']} unseen boxes of {found['size']:g} Mpc/h with {found['particles']}^3 "
        f"particles; the network learned from {found['train']} pairs in "
        f"{found['train_cpu_s']:.0f} CPU s. CPU s per box: {found['cpu_s']['few']:.2f} with 10 "
        f"steps, {found['cpu_s']['many']:.2f} with 40, {found['cpu_s']['network']:.2f} the network."
    )
    return f"{told}\n\n{table(head, rows)}"


def _two(values: Any) -> list[str]:
    return [f"{value:.2f}" for value in values]


PARTS = (galaxy_vdm, cola_steps)
