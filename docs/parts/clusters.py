"""Masses of galaxy clusters."""

from __future__ import annotations

from parts.common import results, table
from zoo import registry


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


def cluster_studies() -> str:
    """Dependence on richness, robustness, and the cost of the flow."""
    found = results("clusters")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_clusters.py`."
    rows = [
        (kind, f"`{name}`", *(f"{row[k]:.3f}" for k in ("scatter", "sigma_n", "sigma_0")))
        for kind in ("contaminated", "pure")
        for name, row in found[kind].items()
    ]
    head = ("config", "model", "std, 14-15 [dex]", "sigma_N", "sigma_0")
    parts = [table(head, rows)]
    names = [name for name in next(iter(found["robustness"].values())) if name != "rows"]
    rows = []
    for change, by_name in found["robustness"].items():
        pairs = (
            f"{by_name[n]['scatter']:.3f} ({by_name[n]['scatter_unchanged']:.3f}), "
            f"{by_name[n]['bias']:+.3f} ({by_name[n]['bias_unchanged']:+.3f})"
            for n in names
        )
        rows.append((change, f"{by_name['rows']:,}", *pairs))
    head = ("std, bias (unchanged) [dex]", "clusters", *(f"`{name}`" for name in names))
    parts.append(table(head, rows))
    time = found["latency"]
    parts.append(
        f"`cluster_flow`, density map included: {time['predict_ms']:.2f} ms of CPU per cluster "
        f"of a batch, one core; SciPy's kernel density alone {time['scipy_kde_ms']:.1f} ms."
    )
    return "\n\n".join(parts)


PARTS = (clusters, cluster_studies)
