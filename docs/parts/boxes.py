"""Dark matter and galaxies in boxes."""

from __future__ import annotations

from typing import Any

from parts.common import results, table


def nbody() -> str:
    """COLA against theory, and its cost."""
    found = results("nbody")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_nbody.py`."
    parts = []
    for row in found.get("power", ()):
        title = f"{row['box_size']:g} Mpc/h, {row['particles']}^3, {row['seeds']} seeds"
        cells = [("P(k) / HMcode-2020", *(f"{value:.2f}" for value in row["ratio"]))]
        cells.append(("standard error", *(f"{value:.2f}" for value in row["error"])))
        parts.append(table((f"{title}: k [h/Mpc]", *(f"{k:.2f}" for k in row["k"])), cells))
    rows = [
        (f"{row['particles']}^3, {row['seeds']} boxes", *(f"{value:.2f}" for value in row["ratio"]))
        for row in found["mass_function"]
    ]
    masses = (f"{m:g}" for m in found["mass_function"][0]["log_mass"])
    parts.append(table(("N(> M) / Watson et al., 25 Mpc/h: log M [Msun/h]", *masses), rows))
    cells = [
        (name, f"{c['cpu_s']:.0f} s", f"{c['peak_gb']:.1f} GB")
        for name, c in found.get("cost", {}).items()
    ]
    parts.append(table(("box, 20 steps, haloes", "CPU", "memory"), cells))
    return "\n\n".join(parts)


def toy_suites() -> str:
    """The toy suites beside CAMELS."""
    found = results("toy_suites")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_toy_suites.py`."
    names = [name for name in found if isinstance(found[name], dict)]
    k = [f"k = {value:g}" for value in found[names[0]]["k"]]
    told = {
        "ratio_scored": "boxes of odd number, scored",
        "ratio_fitted": "boxes of even number, fitted",
        "ratio_median": "median of all near the fiducial cosmology",
    }
    rows = [
        (f"`{name}`", label, *(f"{value:.2f}" for value in found[name][key]))
        for name in names
        for key, label in told.items()
    ]
    rows += [
        (f"`{name}`", "standard error of ours", *(f"{value:.2f}" for value in found[name]["error"]))
        for name in names
    ]
    parts = [table(("P(k), toy over CAMELS", "CAMELS", *k), rows)]
    rows = []
    for name in names:
        if "response" not in found[name]:
            continue
        keys = ("response", "response_error", "response_real")
        for where, *values in zip(k, *(found[name][key] for key in keys), strict=True):
            cells = zip(*values, strict=True)
            rows.append(
                (f"`{name}`", where, *(f"{a:+.2f} ± {e:.2f} ({r:+.2f})" for a, e, r in cells))
            )
    if rows:
        head = ("d ln P / d ln, toy (CAMELS, odd boxes)", "", "omega_m", "sigma_8", "a_sn1")
        parts.append(table(head, rows))
    numbers = ", ".join(f"{found[name]['galaxies']:.0f} in `{name}`" for name in names)
    parts.append(
        f"{found['boxes']} boxes of ours at the fiducial point, {found['varied']} varied; "
        f"galaxies per box: {numbers}."
    )
    return "\n\n".join(parts)


def galaxies() -> str:
    """Baselines and ceilings of galaxies from dark matter."""
    found = results("galaxies")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_galaxies.py`."
    return "\n\n".join(_boxes(name, found[name]) for name in found)


def _boxes(name: str, row: dict[str, Any]) -> str:
    mean = sum(row["galaxies"]) / row["boxes"]
    agreement = row["two_draws"]
    told = (
        f"`{name}`, {row['boxes']} test boxes of {mean:,.0f} galaxies, galaxy counts "
        f"sha256 `{row['sha256'][:12]}`: {row['base_rate']:.3%} of voxels are occupied, so that a "
        f"prediction of nothing has an accuracy of {row['all_zero']['accuracy']:.3%}. Two draws of "
        f"the toy from the same haloes agree on {agreement['precision']:.2f} of voxels, "
        f"{agreement['precision_tolerant']:.2f} with a tolerance of one voxel."
    )
    lines = [told]
    keys = {
        "precision_at_recall_95": "precision at recall 0.95",
        "precision_at_recall_95_tolerant": "within a voxel",
        "average_precision": "average precision",
        "abundance_ratio": "galaxies / truth",
    }
    rows = [
        (f"`{label}`" if "galaxy" in label else label, *(f"{one[key]:.3f}" for key in keys))
        for label, one in row["models"].items()
    ]
    lines.append(table(("expected counts", *keys.values()), rows))
    rows = []
    for label, one in row["clustering"].items():
        pairs = zip(one["ratio"], one["ratio_spread"], strict=True)
        cells = (f"{mean:.2f} ± {spread:.2f}" for mean, spread in pairs)
        correlation = " ".join(f"{value:.2f}" for value in one["r"])
        named = f"`{label}`" if "galaxy" in label else label
        rows.append((named, *cells, correlation, f"{one['abundance']:.2f}"))
    k = next(iter(row["clustering"].values()))["k"]
    head = ("drawn catalogues, P(k) / truth", *(f"k = {value:g}" for value in k))
    lines.append(table((*head, "r(k) with the truth", "galaxies / truth"), rows))
    three = {label: one for label, one in row["clustering"].items() if "bispectrum" in one}
    if three:
        shells = (f"k = {value:.2g}" for value in next(iter(three.values()))["k_bispectrum"])
        rows = [
            (
                f"`{label}`" if "galaxy" in label else label,
                *(f"{value:.2f}" for value in one["bispectrum"]),
            )
            for label, one in three.items()
        ]
        lines.append(table(("B(k, k, k) / truth, median", *shells), rows))
    return "\n\n".join(lines)


PARTS = (nbody, toy_suites, galaxies)
