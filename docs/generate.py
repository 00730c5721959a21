"""Write the generated parts of README.md and docs/ again, from cards, manifests and results.

    python docs/generate.py [--check]

A generated part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; `--check` changes
nothing and fails if a part is not up to date.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from zoo import registry

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def results(name: str) -> dict[str, Any] | None:
    """Results that a benchmark wrote, or None if it has not been run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def models() -> str:
    """Every model with its tags, what it needs, predicts and weighs."""
    rows = []
    for card in registry.all_cards().values():
        released = [name for name in card.names if registry.versions(name)]
        if not released:
            continue
        manifests = [registry.find_release(name).manifest for name in released]
        size = max(sum(file["size"] for file in m.files.values()) for m in manifests) / 1e6
        tags = [name.partition(".")[2] for name in released if "." in name]
        rows.append(
            (
                f"[`{card.name}`](zoo/models/{card.family}/{card.name}.md)",
                card.kind,
                card.summary + (f"; tags {', '.join(tags)}" if tags else ""),
                ", ".join(f"`{output}`" for output in card.outputs),
                f"{size:.1f} MB" if size else "",
            )
        )
    return table(("model", "kind", "what it is", "predicts", "size"), rows)


def datasets() -> str:
    """Every dataset with its configs, from the builders' own metadata."""
    from zoo_datasets import listing

    rows = [
        (
            f"[`{row['name']}`](datasets/{row['name'].split('/')[0]}/README.md)",
            row["version"],
            row["summary"],
        )
        for row in listing.datasets()
    ]
    return table(("dataset", "version", "what it is"), rows)


def jam_cyl() -> str:
    """Accuracy and speed of the exact model beside jampy."""
    found = results("jam_cyl")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_jam_cyl.py`."
    rows = [(row["setting"], row["row"], f"{row['error']:.1e}") for row in found["accuracy"]]
    psf = "PSF 1.0, pixels 0.8 arcsec, M32"
    rows += [(psf, row["row"], f"{row['error']:.1e}") for row in found["psf"]]
    text = [table(("setting", "against jampy's direct path, refined", "largest error"), rows), ""]
    cores = list(found["speed_ms"])
    speed = [
        (
            name,
            *(f"{found['speed_ms'][core][name]:.2f} ms" for core in cores),
            f"{found['speed_ms'][cores[0]]['jampy 8.1.4 as it comes, one map'] / value:.0f}",
        )
        for name, value in found["speed_ms"][cores[0]].items()
    ]
    head = ("64 x 64 map, 20 x 20 Gaussians", *cores, f"times faster than jampy 8 ({cores[0]})")
    text.append(table(head, speed))
    if found["jampy9_ms"]:
        other = "jampy 9 (spherical alignment: other physics), same map:"
        text += ["", f"{other} {found['jampy9_ms']:.0f} ms."]
    start = ", ".join(f"{name} {value:.2f} s" for name, value in found["start_up_s"].items())
    return "\n".join([*text, "", f"Start-up: {start}."])


def jam_emulator() -> str:
    """Accuracy of the emulator with its baselines, and its latency beside jam_cyl and jampy."""
    found = results("jam_emulator")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_jam_emulator.py`."
    metrics = ("mean_abs", "max_median", "max_p99", "max_worst")
    rows = [
        (
            setting,
            name,
            *(per_cent(row[metric]) for metric in metrics),
            f"{100 * row['max_below_0.001']:.2f} %",
        )
        for setting, by_name in found["accuracy"].items()
        for name, row in by_name.items()
    ]
    head = ("galaxies", "model", "mean", "map-max: median", "99th percentile", "worst", "< 0.1 %")
    times, targets = found["latency_us"], found["targets_us"]
    ours = {name.partition(", per")[0]: name for name in times if ", per" in name}
    kinds = sorted(ours, key=len, reverse=True)  # "216 polar points" before "216 points"
    speed = []
    for name, row in times.items():
        pair = ours[next(kind for kind in kinds if kind in name)]
        single = pair.split(",")[0]
        own = name in (single, pair)
        least = row.get("least", row["median"])
        ratios = [] if own else [f"{least / times[key]['least']:,.0f}" for key in (single, pair)]
        cpu = f"{row['least_cpu']:,.0f}" if "least_cpu" in row else ""
        target = f"{targets[name]:,}" if name in targets else ""
        label = f"emulator, {name}" if own else name
        cells = (label, f"{row['median']:,.0f}", f"{least:,.0f}", cpu, target, "; ".join(ratios))
        speed.append(cells)
    columns = (
        "`predict`, one core",
        "median [us]",
        "least [us]",
        "least CPU [us]",
        "target [us]",
        "times the emulator's least: single; in a batch",
    )
    load = f"Load average of the machine meanwhile: {found['load_average']:.1f} on two cores."
    return "\n".join([table(head, rows), "", table(columns, speed), "", load])


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


def jam_real() -> str:
    """Sersic emulators on the photometry of four galaxies."""
    found = results("jam_real")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_jam_real.py`."
    rows = []
    for galaxy, facts in found.items():
        fit = facts["sersic"]
        shape = f"n {fit['n_sersic']:.1f}, q {fit['q_light']:.2f}, {fit['rms_mag']:.2f} mag"
        for label, row in facts["models"].items():
            errors = (f"{row[k]:.1f}" for k in ("rms_km_s", "rms_free_ml_km_s", "max_km_s"))
            percent = f"{row['mean_per_cent']:.1f} %"
            rows.append((galaxy, shape, label, *errors, percent))
    head = ("galaxy", "best Sersic profile, its rms", "model", "rms [km/s]", "rms, M/L free [km/s]")
    return table((*head, "largest [km/s]", "mean"), rows)


def clusters() -> str:
    """What the estimators of cluster masses reach, from their manifests."""
    rows = []
    metrics = ("scatter", "half_width_68", "bias", "worst_bias", "rmse")
    for name in registry.list_models("cluster_*"):
        if not registry.versions(name):
            continue
        manifest = registry.find_release(name).manifest
        row = manifest.metrics.get(name, {})
        numbers = tuple(f"{row[k]:.3f}" if k in row else "" for k in metrics)
        cover = tuple(f"{row[k]:.3f}" if k in row else "" for k in ("coverage_68", "coverage_95"))
        data = str(manifest.dataset).partition(":")[0].partition("/")[2]
        nll = f"{row['nll']:.3f}" if "nll" in row else ""
        seconds = f"{manifest.training.get('cpu_s', 0):.0f}"
        rows.append((data, f"`{name}`", *numbers, *cover, nll, seconds))
    head = ("config", "model", "std, 14-15 [dex]", "half width", "bias", "worst bias of a bin")
    head += ("rmse, 13.6-15.2", "68 % holds", "95 % holds", "NLL", "training [CPU s]")
    return table(head, sorted(rows))


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


def flows() -> str:
    """Our flows beside sbi on three standard tasks."""
    found = results("flows")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_flows.py`."
    rows = []
    for task, by_name in found["tasks"].items():
        rows += [
            (
                task.replace("_", " "),
                name,
                f"{row['nll']:.3f} ± {row['nll_error']:.3f}",
                f"{row['train_cpu_s']:.0f} s",
                f"{row['sample_wall_s']:.2f} s",
            )
            for name, row in by_name.items()
            if name in ("zoo", "sbi")
        ]
        if "exact_nll" in by_name:
            rows.append((task.replace("_", " "), "exact", f"{by_name['exact_nll']:.3f}", "", ""))
    settings = found["settings"]
    sampling = f"{settings['n_draws']:,} draws x {settings['n_observed']:,} observations"
    head = ("task", "flow", "NLL of held-out pairs [nat]", "training, CPU", f"sampling, {sampling}")
    return table(head, rows)


def store() -> str:
    """Fetching beside pooch, the scan of each model, and what checks add to loading."""
    found = results("store")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_store.py`."
    fetched = [
        (name, f"{row['wall_s']:.3f} s", f"{row['cpu_s']:.3f} s", f"{row['import_s']:.2f} s")
        for name, row in found["fetch_20_mb"].items()
    ]
    scanned = [
        (
            f"`{name}`",
            f"{row['graph_kb']:.0f} kB",
            f"{row['wall_ms']:.0f} ms",
            f"{row['cpu_ms']:.0f} ms",
        )
        for name, row in found["scan"]["models"].items()
    ]
    loaded = [
        (
            f"`{name}`",
            f"{row['load_ms']:.0f} ms",
            f"{row['first_check_ms']:.0f} ms",
            f"{row['warm_check_ms']:.2f} ms",
            f"{100 * row['overhead']:.2f} %",
        )
        for name, row in found["load"].items()
    ]
    tables = (
        table(("20 MB from a server on this machine", "wall", "CPU", "imports"), fetched),
        table(("scan", "graph", "wall", "CPU"), scanned),
        table(("`load_model` from a store", "whole", "checks, first", "warm", "share"), loaded),
    )
    load = f"Load average of the machine meanwhile: {found['load_average']:.1f} on two cores."
    return "\n\n".join([*tables, load])


def per_cent(value: float) -> str:
    """A relative error in per cent, two digits."""
    return f"{100 * value:.2g} %"


PARTS = {
    part.__name__: part
    for part in (
        models,
        datasets,
        jam_cyl,
        jam_emulator,
        map_models,
        jam_real,
        clusters,
        jam_learning,
        jam_ablations,
        fine_tune,
        flows,
        store,
    )
}


def main() -> None:
    """Write, or with `--check` compare, every generated part."""
    stale = []
    for path in (ROOT / "README.md", ROOT / "docs" / "benchmarks.md"):
        old = path.read_text(encoding="utf-8")
        new = old
        for name in re.findall(r"<!-- begin (\w+) -->", old):
            part = f"<!-- begin {name} -->\n{PARTS[name]()}\n<!-- end {name} -->"
            pattern = rf"<!-- begin {name} -->.*?<!-- end {name} -->"
            new = re.sub(pattern, lambda _, part=part: part, new, flags=re.DOTALL)
        if new != old:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(new, encoding="utf-8")
    if "--check" in sys.argv and stale:
        sys.exit(f"not up to date: {', '.join(stale)}; run `make docs`")


if __name__ == "__main__":
    main()
