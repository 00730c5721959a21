"""Dark matter and galaxies in boxes."""

from __future__ import annotations

from parts.common import results, table


def nbody() -> str:
    """COLA against theory, and its cost."""
    found = results("nbody")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_nbody.py`."
    parts = []
    for row in found["power"]:
        title = f"{row['box_size']:g} Mpc/h, {row['particles']}^3, {row['seeds']} seeds"
        cells = [("P(k) / HMcode-2020", *(f"{value:.2f}" for value in row["ratio"]))]
        cells.append(("standard error", *(f"{value:.2f}" for value in row["error"])))
        parts.append(table((f"{title}: k [h/Mpc]", *(f"{k:.2f}" for k in row["k"])), cells))
    row = found["mass_function"]
    cells = [("N(> M) / Watson et al.", *(f"{value:.2f}" for value in row["ratio"]))]
    title = f"25 Mpc/h, {row['particles']}^3, {row['seeds']} seeds: log M [Msun/h]"
    parts.append(table((title, *(f"{m:g}" for m in row["log_mass"])), cells))
    cells = [
        (name, f"{c['wall_s']:.0f} s", f"{c['cpu_s']:.0f} s", f"{c['peak_gb']:.1f} GB")
        for name, c in found["cost"].items()
    ]
    parts.append(table(("box, 20 steps, haloes", "wall, two cores", "CPU", "memory"), cells))
    return "\n\n".join(parts)


def toy_suites() -> str:
    """The toy suites beside CAMELS."""
    found = results("toy_suites")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_toy_suites.py`."
    parts = []
    names = [name for name in found if isinstance(found[name], dict)]
    rows = [
        (
            f"`{name}`",
            f"{cut} star particles, {'fitted' if cut == 10 else 'scored'}",
            f"{found[name][f'galaxies_{cut}']:.0f}",
            *(f"{value:.2f}" for value in found[name][f"ratio_{cut}"]),
        )
        for name in names
        for cut in (10, 33)
    ]
    k = [f"k = {value:g}" for value in found[names[0]]["k"]]
    parts.append(table(("P(k) over CAMELS, median", "cut", "galaxies", *k), rows))
    rows = []
    for name in names:
        for cut in (10, 33):
            if f"response_{cut}" not in found[name]:
                continue
            for number, where in enumerate(k):
                pairs = zip(
                    found[name][f"response_{cut}"][number],
                    found[name][f"response_real_{cut}"][number],
                    strict=True,
                )
                cells = (f"{ours:+.2f} ({real:+.2f})" for ours, real in pairs)
                rows.append((f"`{name}`", str(cut), where, *cells))
    if rows:
        head = ("d ln P / d ln, ours (CAMELS)", "cut", "", "omega_m", "sigma_8", "a_sn1")
        parts.append(table(head, rows))
    parts.append(f"{found['boxes']} boxes at the fiducial point, {found['varied']} varied.")
    return "\n\n".join(parts)


PARTS = (nbody, toy_suites)
