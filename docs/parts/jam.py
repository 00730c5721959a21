"""Exact JAM, the emulator of Sersic galaxies, and real photometry."""

from __future__ import annotations

from parts.common import per_cent, results, table


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


PARTS = (jam_cyl, jam_emulator, jam_real)
