"""Kinds of ionised gas from MUSE spectra."""

from __future__ import annotations

from parts.common import results, table

MISSING = "Not measured yet: `python benchmarks/bench_nebula_spectra.py`."
KEYS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "ece": "ECE",
    "share_mae": "shares, MAE",
    "share_error_ratio": "error over predicted error",
    "share_coverage_68": "68 % holds",
}
NAMES = ("hii", "pn", "snr", "dig")


def nebula_spectra() -> str:
    """Accuracy and shares against the ratio of signal to noise."""
    found = results("nebula_spectra")
    if found is None:
        return MISSING
    judged = str(found["judged"])
    rows = [
        (f"`{model}`", quality, *(f"{row[k]:.3f}" if k in row else "" for k in KEYS))
        for model, by in found["quality"].items()
        for quality, row in by.items()
    ]
    rows += [
        (f"`{model}`", f"{judged}, pure", *(f"{row[k]:.3f}" if k in row else "" for k in KEYS))
        for model, row in found["pure"].items()
    ]
    intro = (
        f"{found['rows']:,} test lines of sight, seen at several ratios of signal to noise of H "
        "alpha. The diagrams' probabilities are frequencies among mocks at all of them, 5 to 200."
    )
    parts = [intro, table(("model", "S/N", *KEYS.values()), rows)]
    rows = [
        (f"`{model}`", *(f"{row[judged][f'recall_{i}']:.3f}" for i in range(4)))
        for model, row in found["quality"].items()
    ]
    parts.append(table((f"found at S/N {judged}", *NAMES), rows))
    first = next(iter(found["main"].values()))
    head = [f"{low:g} to {high:g} ({count})" for low, high, count, _ in first[:-1]]
    rows = [
        (f"`{model}`", *(f"{accuracy:.3f}" for *_, accuracy in bins))
        for model, bins in found["main"].items()
    ]
    parts.append(table(("right, by the main share", *head, f"pure ({first[-1][2]})"), rows))
    costs = ", ".join(f"`{m}` {ms:.2f} ms" for m, ms in found["cpu_ms"].items())
    cube = found["cube"]
    parts.append(
        f"CPU time per spectrum: {costs}. A mock cube of {cube['spaxels']:,} spaxels, read, "
        f"predicted and written to maps: {cube['spaxels_per_cpu_second']:,.0f} spaxels per CPU "
        f"second ({cube['spaxels_per_second']:,.0f} per second on a busy machine); of its "
        f"{cube['bright']:,} spaxels with S/N above {judged}, "
        f"{100 * cube['accuracy_bright']:.1f} % get the right class, shares err by "
        f"{cube['share_mae_bright']:.3f}."
    )
    return "\n\n".join(parts)


PARTS = (nebula_spectra,)
