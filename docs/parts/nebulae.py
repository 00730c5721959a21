"""Nebulae: classes on another code, posteriors beside exact ones, posteriors on another code."""

from __future__ import annotations

from typing import Any

from parts.common import results, table

GAS = {"log_u": "log U", "log_oh": "12 + log O/H", "log_no": "log N/O", "ebv": "E(B-V)"}
LABELS = {
    "source, clean": "source alone, without noise",
    "source, noise": "source alone, with noise: `nebula_nn`",
    "oracle": "oracle: labels of the target",
    "reversal, clean": "gradient reversal, without noise",
    "reversal, noise": "gradient reversal, with noise: `nebula_dann`",
    "source, disturbed": "source alone, with noise, dust and diffuse gas",
    "shift": "aware of the shares: `nebula_shift`",
}


def nebulae() -> str:
    """Classifiers on source and target."""
    found = results("nebulae")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_nebulae.py`."
    diagrams = found["diagrams"]
    rows = [
        (
            "line-ratio diagrams: `nebula_bpt`",
            f"{diagrams['target']['balanced_accuracy']:.3f}",
            f"{diagrams['target']['accuracy']:.3f}",
            "",
            f"{diagrams['target']['ece']:.3f}",
            f"{diagrams['source']['balanced_accuracy']:.3f}",
            f"{diagrams['source']['ece']:.3f}",
        )
    ]
    for name, row in found["summary"].items():
        mean, spread = row["balanced_accuracy"]
        closed, worst = row["gap_closed"]
        gap = "" if name in ("source, clean", "oracle") else f"{closed:.2f} (worst {worst:.2f})"
        rows.append(
            (
                LABELS[name],
                f"{mean:.3f} +- {spread:.3f}",
                f"{row['accuracy']:.3f}",
                gap,
                f"{row['ece']:.3f}",
                f"{row['source_balanced_accuracy']:.3f}",
                f"{row['source_ece']:.3f}",
            )
        )
    own = found["summary"]["shift"]["its_shares"]
    rows.append(
        (
            "the same, for the shares that it estimated",
            f"{own['balanced_accuracy']:.3f}",
            f"{own['accuracy']:.3f}",
            "",
            f"{own['ece']:.3f}",
            "",
            "",
        )
    )
    head = ("", "target, balanced", "target, plain", "gap closed", "ECE", "source, balanced", "ECE")
    return table(head, rows)


def nebula_flow() -> str:
    """The flow beside exact posteriors, and its times."""
    found = results("nebula_flow")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_nebula_flow.py`."
    exact, split, time = (found[n] for n in ("against_exact", "test_split", "thousand_draws"))
    facts = [
        (f"C2ST, mean of {exact['objects']} objects", f"{exact['c2st_mean']:.3f}"),
        ("... with all lines", f"{exact['c2st_mean_all_lines']:.3f}"),
        ("... with lines absent", f"{exact['c2st_mean_lines_absent']:.3f}"),
        ("C2ST, nine of ten below", f"{exact['c2st_90']:.3f}"),
        (
            f"C2ST, mean of the {exact['sound']} whose exact sample counts 250 points or more",
            f"{exact['c2st_mean_sound']:.3f}",
        ),
        ("least effective size of an exact sample", f"{exact['effective_least']:.0f}"),
        (f"NLL, {split['objects']:,} objects", f"{split['nll']:.3f}"),
        ("largest deviation of TARP", f"{split['tarp_largest_deviation']:.3f}"),
        (
            "1,000 draws of one object, wall time on a busy machine",
            f"{1000 * time['objects_1_s']:.1f} ms",
        ),
        ("1,000 draws of 1,000 objects, likewise", f"{time['objects_1000_s']:.2f} s"),
    ]
    rows = [
        (
            label,
            f"{exact['coverage_68_exact'][name]:.3f}",
            f"{exact['coverage_68_flow'][name]:.3f}",
            f"{split[f'coverage_68_{name}']:.3f}",
            f"{split[f'coverage_95_{name}']:.3f}",
            f"{exact['shift_rms'][name]:.2f}",
            f"{exact['width_median'][name]:.2f}",
        )
        for name, label in GAS.items()
    ]
    head = (
        "",
        "68 % exact holds",
        "68 % of the flow holds",
        "... whole split",
        "95 %",
        "shift of the mean / exact width, rms",
        "width / exact width",
    )
    return table(("`nebula_flow`", ""), facts) + "\n\n" + table(head, rows)


def nebula_sbi() -> str:
    """The flow beside `sbi`, for the same simulations and time."""
    found = results("nebula_sbi")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_nebula_sbi.py`."
    rows = []
    for side, label in (("zoo", "`nebula_flow`"), ("sbi", "`sbi`")):
        row = found[side]
        raw = f", as trained {row['nll_as_trained']:.3f}" if "nll_as_trained" in row else ""
        rows.append(
            (
                label,
                f"{row['nll']:.3f} +- {row['nll_error']:.3f}{raw}",
                f"{row['epochs']}",
                f"{row['train_cpu_s']:.0f}",
                f"{1000 * row['one_cpu_s']:.1f} ms",
                f"{row['many_cpu_s']:.2f} s",
            )
        )
    settings = found["settings"]
    gain = f"{found['nll_gain']:+.3f} +- {found['nll_gain_error']:.3f}"
    head = (
        "",
        "NLL [nat]",
        "epochs",
        "training, CPU s",
        "1,000 draws of one object, CPU",
        f"... of {settings['n_observed']} objects",
    )
    below = (
        f"NLL of `sbi` less that of `nebula_flow`, object by object: {gain} nat. Of `sbi`'s draws "
        f"{100 * (1 - found['sbi']['inside']):.1f} % lie outside of the prior."
    )
    return table(head, rows) + "\n\n" + below


def nebula_invariant() -> str:
    """Flows on both codes, and what assumptions do."""
    found = results("nebula_invariant")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_nebula_invariant.py`."
    parts = [_errors(code, found) for code in ("MAPPINGS", "Cloudy")]
    rows = [
        (
            f"{row['assumed_log_oh_off']:+.1f} dex" if row["assumed_log_oh_off"] else "right",
            *(f"{row[f'bias_{name}']:+.3f}" for name in GAS if f"bias_{name}" in row),
        )
        for row in found["assumptions"]
    ]
    shown = [label for name, label in GAS.items() if name != "log_no"]
    parts.append(table(("O/H assumed of the sample", *(f"bias of {n}" for n in shown)), rows))
    return "\n\n".join(parts)


def _errors(code: str, found: dict[str, Any]) -> str:
    rows = [
        (
            f"`{model}`",
            GAS[name],
            *(f"{row[k]:+.3f}" if k == "bias" else f"{row[k]:.3f}" for k in row),
        )
        for model, by in found[code].items()
        for name, row in by.items()
    ]
    keys = ("bias", "scatter", "68 % holds", "... O/H <= 9", "95 % holds", "half width")
    return table((f"{found['regions'][code]:,} regions of {code}", "", *keys), rows)


PARTS = (nebulae, nebula_flow, nebula_sbi, nebula_invariant)
