"""Learned maps: all releases, learning curves, ablations, fine-tuning."""

from __future__ import annotations

from typing import Any

from parts.common import per_cent, results, table
from zoo import registry


def map_models() -> str:
    """What releases of maps reach on their test splits, from their manifests."""
    metrics = ("mean_abs", "max_median", "max_p90", "max_p99", "max_worst")
    rows = []
    for name in registry.list_models():
        card, _ = registry.find_card(name)
        if not registry.versions(name) or card.metrics.get("vrms") != "map_errors":
            continue
        manifest = registry.find_release(name).manifest
        for label, row in sorted(manifest.metrics.items(), key=lambda item: item[0] != name):
            data = str(manifest.dataset).partition(":")[0]
            seconds = f"{manifest.training.get('cpu_s', 0):.0f}" if label == name else ""
            below = tuple(f"{100 * row[f'max_below_{t}']:.2f} %" for t in ("0.02", "0.005"))
            numbers = tuple(per_cent(row[metric]) for metric in metrics)
            rows.append((f"`{data}`", label, *numbers, *below, seconds))
    head = ("dataset", "model", "mean", "map-max: median", "90th percentile", "99th percentile")
    head += ("worst", "< 2 %", "< 0.5 %", "training [CPU s]")
    return table(head, rows)


def jam_learning() -> str:
    """Learning curve of the emulator and of the polynomial."""
    found = results("jam_learning")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_jam_learning.py`."
    rows = [
        (
            f"{row['galaxies']:,}",
            row["model"],
            f"{row['degree']} ({row['choice']})",
            per_cent(row["mean_abs"]),
            per_cent(row["max_p99"]),
        )
        for row in found["rows"]
    ]
    head = ("galaxies", "model", "degree", "mean", "map-max: 99th percentile")
    note = (
        f"The warp was learned with at most {found['evaluations']} evaluations of loss and "
        f"gradient; the card's recipe has {found['evaluations_of_the_card']}."
    )
    return "\n".join([table(head, rows), "", note])


def map_learning() -> str:
    """Learning curves of the other models of maps."""
    found = results("map_learning")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_map_learning.py`."
    rows = [
        (
            f"`{row['model']}`",
            f"{row['galaxies']:,}",
            *(per_cent(row[metric]) for metric in ("mean_abs", "max_median", "max_p99")),
            f"{row['seconds']:.0f} s",
        )
        for row in found["rows"]
    ]
    head = ("model", "galaxies", "mean", "map-max: median", "99th percentile", "training")
    return table(head, rows)


def lens_kinematics() -> str:
    """Errors and speed of the lens models beside exact JAM."""
    found = results("lens_kinematics")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_lens_kinematics.py`."
    errors = [
        (
            name,
            f"{row['maps']:,}",
            *(per_cent(row[k]) for k in ("mean", "mean_p90", "mean_worst", "max_median")),
            f"{100 * row['mean_below_0.01']:.1f} %",
            f"{found['training'].get(name, {}).get('cpu_s', 0):.0f}" if "jam" not in name else "0",
        )
        for name, row in found["accuracy"].items()
    ]
    head = ("model", "maps", "mean", "90th percentile", "worst", "map-max: median", "mean < 1 %")
    parts = [table((*head, "training [CPU s]"), errors)]
    times = [(k, f"{v['median'] / 1e3:.2f} ms") for k, v in found["latency_us"].items()]
    parts.append(table(("`predict`, one core", "median"), times))
    ratios = ", ".join(f"{name} {value:.0f}" for name, value in found["ratios"].items())
    parts.append(f"`lens_kinematics_cips` over `lens_kinematics`: {ratios}.")
    return "\n\n".join(parts)


def jam_ablations() -> str:
    """What each symmetry of the photometry network buys, and its learning curve."""
    found = results("jam_ablations")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_jam_ablations.py`."
    metrics = ("mean_abs", "max_median", "max_p90", "max_p99")

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        errors = [per_cent(row[metric]) for metric in metrics]
        return (*errors, f"{100 * row['max_below_0.02']:.1f} %", f"{row['cpu_s']:.0f} s")

    columns = ("mean", "map-max: median", "90th", "99th percentile", "< 2 %", "training, CPU")
    head = f"{found['galaxies']:,} galaxies, {found['steps']:,} steps"
    rows = [(row["row"], *cells(row)) for row in found["ablations"]]
    curve = [(f"{row['galaxies']:,}", *cells(row)) for row in found["curve"]]
    parts = [table((head, *columns), rows), ""]
    head = f"galaxies, as the card, {found['curve_steps']:,} steps"
    return "\n".join([*parts, table((head, *columns), curve)])


def fine_tune() -> str:
    """Errors before and after fine-tuning to a wider prior, and from scratch."""
    found = results("fine_tune")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_fine_tune.py`."
    rows = [
        (
            row["row"],
            f"{row['new_simulations']:,}",
            per_cent(row["new"]["mean_abs"]),
            per_cent(row["new"]["max_p99"]),
            per_cent(row["original"]["mean_abs"]),
            per_cent(row["original"]["max_p99"]),
            f"{row['wall_s']:.0f} s" if row["wall_s"] else "",
        )
        for row in found["rows"]
    ]
    head = (
        "",
        "new simulations",
        "wider prior: mean",
        "99th percentile of map-max",
        "original test split: mean",
        "99th percentile of map-max",
        "training",
    )
    error = {row["row"]: row["new"]["mean_abs"] for row in found["rows"]}
    notes = []
    for size in (200, 1000):
        tuned, fresh = f"fine-tuned, {size:,}, with rehearsal", f"from scratch, {5 * size:,}"
        if tuned in error and fresh in error:
            notes.append(
                f"{size:,} new simulations with rehearsal: {error[tuned] / error[fresh]:.2g} times "
                f"the mean error of {5 * size:,} from scratch."
            )
    return "\n".join([table(head, rows), "", *notes])


PARTS = (map_models, jam_learning, map_learning, lens_kinematics, jam_ablations, fine_tune)
