"""Compare the cluster mocks with the published relations, and freeze parameters and table.

    python benchmarks/bench_cluster_mocks.py [--quick]

Writes `datasets/cluster_phase_space/validation.json`, the table and the figures of
`docs/cluster_mocks.md`. `--quick` prints the table of a tenth of the clusters and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from zoo_datasets.simulators.clusters import parameters, relations, validation

ROOT = Path(__file__).parents[1]
FROZEN = ROOT / "datasets" / "cluster_phase_space" / "validation.json"
PAGE = ROOT / "docs" / "cluster_mocks.md"
FIGURES = ROOT / "docs" / "figures"
ROWS = {
    "slope": ("slope of log sigma on log M, M > 10^14.5", "{:.4f}"),
    "sigma_15": ("sigma at 10^15 Msun/h [km/s]", "{:.0f}"),
    "std": ("std of the residual, 14 < log M < 15 [dex]", "{:.3f}"),
    "width": ("16 to 84 % width of the residual [dex]", "{:.3f}"),
}


def markdown(table: dict[str, Any], cpu_s: dict[str, float]) -> str:
    """The table of the page."""
    lines = ["| | set | published | mock | difference |", "|---|---|---|---|---|"]
    for name in validation.CUTS:
        row = table[name]
        for key, (label, form) in ROWS.items():
            mocks, published = row["mock"][key], row["published"][key]
            value = f"{form.format(mocks)} +- {form.format(row['error'][key])}"
            lines.append(
                f"| {label} | {name} | {form.format(published)} | {value} "
                f"| {100 * (mocks / published - 1):+.1f} % |"
            )
    inter = table["interlopers"]
    for log_mass, mocks, other in zip(*(inter[k] for k in inter), strict=True):
        lines.append(
            f"| share of interlopers, log M = {log_mass} +- 0.2 | contaminated "
            f"| {other:.2f} (prototype) | {mocks:.3f} | {mocks - other:+.3f} |"
        )
    ends = [
        f"{name} slope {row['slope']:.4f}, std {row['std']:.3f} dex"
        for name, row in ((name, table[name]["mock_below_15.2"]) for name in validation.CUTS)
    ]
    lines += ["", f"Of masses below 10^15.2 only: {'; '.join(ends)}."]
    cost = ", ".join(f"`{name}` {1e3 * t:.2f} ms" for name, t in cpu_s.items())
    return "\n".join([*lines, "", f"CPU time of one mock on one core: {cost}."])


def relation_figure(catalogues: dict[str, Any], table: dict[str, Any]) -> None:
    """Dispersion against mass with the published relation, residuals, interlopers."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 7.2), layout="constrained")
    for ax, (name, clusters) in zip(axes[0], catalogues.items(), strict=True):
        sigma = relations.dispersions(clusters)
        ax.hist2d(
            clusters.log_mass,
            np.log10(sigma),
            bins=(60, 60),
            cmap="Greys",
            rasterized=True,
            range=((13.5, 15.35), (2.2, 3.35)),
        )
        centres = np.arange(13.55, 15.35, 0.1)
        near = [np.log10(sigma[abs(clusters.log_mass - x) < 0.05]) for x in centres]
        for q, style in ((16, ":"), (50, "-"), (84, ":")):
            ax.plot(centres, [np.percentile(s, q) for s in near], f"C0{style}", label=_label(q))
        published = relations.PUBLISHED[name]
        line = np.log10(published["sigma_15"]) + published["slope"] * (centres - 15)
        ax.plot(centres, line, "C3--", label="Ho et al. 2019, fitted above 14.5")
        ax.set(title=name, xlabel="log M200c [Msun/h]", ylabel="log sigma [km/s]")
        ax.legend(fontsize=8, loc="upper left")
    bins = np.linspace(-1.5, 1.5, 61)
    for name, clusters in catalogues.items():
        fit = table[name]["mock"]
        log_sigma = np.log10(relations.dispersions(clusters) / fit["sigma_15"])
        residual = log_sigma / fit["slope"] + 15 - clusters.log_mass
        residual = residual[(clusters.log_mass > 14) & (clusters.log_mass < 15)]
        label = f"{name}: std {fit['std']:.3f} ({table[name]['published']['std']:.3f} published)"
        axes[1, 0].hist(residual, bins, density=True, histtype="step", label=label)
    axes[1, 0].set(xlabel="log M from sigma - log M [dex]", ylabel="density")
    axes[1, 0].legend(fontsize=8, loc="upper left", bbox_to_anchor=(0, 1.0))
    axes[1, 0].set(ylim=(0, 1.3 * axes[1, 0].get_ylim()[1]))
    inter = table["interlopers"]
    axes[1, 1].plot(inter["log_mass"], inter["mock"], "o-", label="mock")
    axes[1, 1].plot(inter["log_mass"], inter["prototype"], "s--", label="prototype")
    axes[1, 1].set(xlabel="log M200c [Msun/h]", ylabel="share of interlopers", ylim=(0, 0.6))
    axes[1, 1].legend(fontsize=8)
    figure.savefig(FIGURES / "cluster_mocks_relations.png", dpi=90)
    plt.close(figure)


def _label(q: int) -> str | None:
    return {16: None, 50: "mock, median", 84: "mock, 16 and 84 %"}[q]


def phase_space_figure() -> None:
    """Three clusters of each of two configs, members and interlopers apart."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(9, 5.4), layout="constrained", sharey=True)
    for row, config in zip(axes, ("contaminated", "sdss"), strict=True):
        p = parameters.named(config)
        for ax, log_mass in zip(row, (14.0, 14.5, 15.0), strict=True):
            changes = parameters.CONFIGS[config] | {"log_mass": (log_mass - 1e-6, log_mass)}
            one = validation.catalogue(changes, 1, seed=3)
            r = np.hypot(one.x, one.y)
            for chosen, colour, label in (
                (one.member, "C0", "member"),
                (~one.member, "C1", "other"),
            ):
                ax.plot(r[chosen], one.v[chosen], ".", ms=3, color=colour, label=label)
            ax.axvline(one.r200[0], color="grey", lw=0.8)
            ax.set(xlim=(0, p.r_max), ylim=(-p.v_max, p.v_max), title=f"{config}, {log_mass}")
            ax.set(xlabel="R [Mpc/h]")
        row[0].set(ylabel="v [km/s]")
    axes[0, 0].legend(fontsize=8)
    figure.savefig(FIGURES / "cluster_mocks_phase_space.png", dpi=90)
    plt.close(figure)


def main() -> None:
    """Measure, print, and write what is frozen, the page's table and its figures."""
    import matplotlib as mpl

    mpl.use("agg")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer clusters; writes nothing")
    arguments = parser.parse_args()
    n = 3000 if arguments.quick else 20000
    catalogues = {name: validation.catalogue(cuts, n) for name, cuts in validation.CUTS.items()}
    table = validation.measure(catalogues)
    cpu_s = {
        name: float(f"{validation.seconds_per_cluster(name):.2g}")
        for name in ("contaminated", "pure", "sdss", "wide")
    }
    text = markdown(table, cpu_s)
    print(text)
    if arguments.quick:
        return
    facts = validation.frozen() | {"table": table, "table_sha256": parameters.digest(table)}
    facts["cpu_s_per_cluster"] = cpu_s
    FROZEN.write_text(json.dumps(facts, indent=1) + "\n")
    begin, end = (f"<!-- {word} cluster_mocks -->" for word in ("begin", "end"))
    page = PAGE.read_text(encoding="utf-8")
    page = re.sub(f"(?<={begin}\n).*?(?={end})", f"\n{text}\n\n", page, flags=re.DOTALL)
    PAGE.write_text(page, encoding="utf-8")
    FIGURES.mkdir(exist_ok=True)
    relation_figure(catalogues, table)
    phase_space_figure()


if __name__ == "__main__":
    main()
