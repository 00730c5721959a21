"""Redshifts and properties of galaxies from spectra."""

from __future__ import annotations

from typing import Any

from parts.common import results, table

KEYS = {
    "accuracy": "right",
    "accuracy_drop_12": "best 88 %",
    "accuracy_drop_27": "best 73 %",
    "kept_99": "kept at 99 %",
    "kept_99.5": "kept at 99.5 %",
    "catastrophic": "catastrophic",
    "nmad_kms": "NMAD [km/s]",
    "ece": "ECE",
    "pit_ks": "PIT KS",
    "nll": "NLL",
    "crps": "CRPS",
}
PROPERTIES = {
    "nmad": "NMAD",
    "rmse": "rms",
    "coverage_68": "68 % holds",
    "coverage_95": "95 % holds",
}


def spectra() -> str:
    """Metrics of the redshift models on the fixed test spectra and their shifted copies."""
    found = results("spectra")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_spectra.py`."
    parts = [f"{found['rows']:,} test spectra."]
    parts.append(_metrics("nominal", found["nominal"], speed=True))
    if "moonrise" in found:
        count = next(iter(found["moonrise"].values()))["spectra"]
        parts.append(_metrics(f"MOONRISE-like, {count:,} spectra", found["moonrise"]))
    parts += [_metrics(f"shifted: {name}", rows) for name, rows in found["shifted"].items()]
    rows = [
        (f"`{model}`", name, *(f"{row[f'{name}_{k}']:.3f}" for k in PROPERTIES))
        for model, row in found["nominal"].items()
        for name in ("log_mstar", "log_sfr")
        if f"{name}_coverage_68" in row
    ]
    points = [
        (f"`{model}`", name, f"{row[f'{name}_nmad']:.3f}", f"{row[f'{name}_rmse']:.3f}", "", "")
        for model, row in found["nominal"].items()
        for name in ("log_mstar", "log_sfr")
        if f"{name}_nmad" in row and f"{name}_coverage_68" not in row
    ]
    parts.append(table(("model", "[dex]", *PROPERTIES.values()), rows + points))
    parts.append(_pairs(found))
    rows = [
        (
            f"`{model}`",
            how,
            *(f"{row[k]:.3f}" for k in ("before", "after", "removed_for_99")),
        )
        for model, by in found["screening"].items()
        for how, row in by.items()
    ]
    parts.append(table(("screening", "how", "before", "without 27 %", "to remove for 99 %"), rows))
    return "\n\n".join(parts)


def _metrics(title: str, rows: dict[str, Any], speed: bool = False) -> str:
    cells = []
    for model, row in rows.items():
        numbers = [
            f"{row[k]:.0f}" if k == "nmad_kms" else f"{row[k]:.3f}" for k in KEYS if k in row
        ]
        if speed:
            numbers.append(f"{row['spectra_per_cpu_second']:,.0f}")
        cells.append((f"`{model}`", *numbers))
    head = (title, *KEYS.values(), *(("spectra per CPU second",) if speed else ()))
    return table(head, cells)


def _pairs(found: dict[str, Any]) -> str:
    by_set = {"nominal": found.get("paired", {}), **found.get("shifted_paired", {})}
    rows = [
        (
            name,
            f"`{other}`",
            str(row["only_first"]),
            str(row["only_second"]),
            f"{row['p_value']:.1e}",
        )
        for name, pairs in by_set.items()
        for other, row in pairs.items()
    ]
    head = ("paired", "against", "only `redshift_scan` right", "only the other", "McNemar p")
    return table(head, rows)


def spectra_strata() -> str:
    """Success by what an observer chooses."""
    found = results("spectra")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_spectra.py`."
    models = list(found["strata"])
    rows = []
    for name, bins in found["strata"][models[0]].items():
        if not isinstance(bins[0], list):
            shares = (found["strata"][m][name][1] for m in models)
            cells = (f"{share:.3f}" if share is not None else "" for share in shares)
            rows.append((name, str(bins[0]), *cells))
            continue
        for number, (low, high, count, *_) in enumerate(bins):
            cells = (f"{found['strata'][m][name][number][3]:.3f}" for m in models)
            rows.append((f"{name} {low:g} to {high:g}", f"{count:.0f}", *cells))
    return table(("spectra", "number", *(f"`{m}`" for m in models)), rows)


def spectra_scan() -> str:
    """What the parts of the scan are worth, and what they cost."""
    found = results("redshift_scan")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_redshift_scan.py`."
    configs = list(next(iter(found["accuracy"].values())))
    rows = []
    for label, by in found["accuracy"].items():
        cells = (
            f"{by[c]['accuracy']:.3f}; {by[c]['kept_99']:.3f}" if c in by else "" for c in configs
        )
        speed = found["spectra_per_second"][label]
        costs = (f"{speed[k]:,.0f}" for k in ("along the curve", "in general"))
        rows.append((label, *cells, *costs))
    head = ("right; kept at 99 %", *configs, "spectra per CPU second", "any inverse variance")
    return table(head, rows)


def mtopnet_weighting() -> str:
    """M-TOPnet with and without the weighting of spectra by their noise."""
    found = results("mtopnet_weighting")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_mtopnet_weighting.py`."
    bins = [key for key in found["rows"][0] if key.startswith("accuracy_mag_h")]
    rows = [
        (
            "weighted" if row["weighted"] else "not weighted",
            f"{row['accuracy']:.3f} +- {row['standard_error']:.3f}",
            *(f"{row[key]:.3f}" for key in bins),
            *(f"{row[f'{name}_nmad']:.3f}" for name in ("log_mstar", "log_sfr")),
        )
        for row in found["rows"]
    ]
    ranges = (f"m_H {' to '.join(key.split('_')[-2:])}" for key in bins)
    title = f"{found['galaxies']:,} galaxies, {found['epochs']} epochs"
    head = (title, "right", *ranges, "log_mstar NMAD", "log_sfr NMAD")
    return table(head, rows)


def real_spectra() -> str:
    """Redshifts of real spectra beside those of their surveys."""
    found = results("real_spectra")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_real_spectra.py FOLDER`."
    models = [name for name in found["rows"][0] if name.endswith(".desi")]
    rows = []
    for row in found["rows"]:
        cells = []
        for name in models:
            cells += [f"{row[name]['redshift']:.5f}", f"{row[name]['sure']:.3f}"]
        known = row["redshift_survey"]
        rows.append((row["object"], "not given" if known is None else f"{known:.5f}", *cells))
    head = ("spectrum", "survey's redshift")
    for name in models:
        head += (f"`{name}`", "sure")
    return table(head, rows)


PARTS = (spectra, spectra_strata, spectra_scan, mtopnet_weighting, real_spectra)
