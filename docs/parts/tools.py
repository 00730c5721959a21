"""Flows, and fetching releases."""

from __future__ import annotations

from parts.common import results, table


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


PARTS = (flows, store)
