"""Networks from dark matter to galaxies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from parts.common import results, table

RELEASES = Path(__file__).parents[2] / "saved_models"

VOXELS = {
    "average_precision": "AP",
    "precision_at_recall_95": "precision at recall 0.95",
    "precision_at_recall_95_tolerant": "one voxel tolerant",
    "accuracy": "mask: accuracy",
    "recall": "recall",
    "precision": "precision",
    "recall_tolerant": "recall, tolerant",
    "precision_tolerant": "precision, tolerant",
}
DRAWS = {
    "abundance_ratio": "expected number / true",
    "drawn_abundance": "drawn / true",
    "power_ratio_1": "P(k) / true: k = 1",
    "power_ratio_2": "2",
    "power_ratio_5": "5",
    "power_ratio_10": "10",
    "power_worst": "worst band to 5",
    "correlation_1": "r(k): k = 1",
    "correlation_2": "2",
    "correlation_5": "5",
    "correlation_10": "10",
    "wall_s_box": "wall s per box",
    "cpu_s_box": "CPU s",
}


MODELS = (
    "galaxy_threshold.all", "galaxy_hod.3_all", "galaxy_hod.5_all", "galaxy_inception.tng",
    "galaxy_intensity.tng",
)  # fmt: skip


def galaxy_networks() -> str:
    """Metrics of the manifests on one test split, and the parts that were measured."""
    every = {name: metrics for name in MODELS if (metrics := _manifest(name))}
    first = every.get("galaxy_intensity.tng", {"base_rate": 0.0, "accuracy_all_zero": 0.0})
    base, zero = first["base_rate"], first["accuracy_all_zero"]
    told = (
        f"Test split of `toy_tng_all`, five boxes of 256^3, base rate {100 * base:.3f} %; saying "
        f"that there are no galaxies has an accuracy of {zero:.5f}, a recall of 0 and no power."
    )
    parts = [told]
    parts += [_models(every, names) for names in (VOXELS, DRAWS)]
    found = results("galaxy_networks") or {}
    for key, one in found.items():
        if key.startswith("table_"):
            parts.append(
                f"The pictures' boxes alone ({one['boxes']} of them), with all rows drawn:"
            )
            parts.append(_models(one["models"], DRAWS))
        elif key.startswith("responses_"):
            parts.append(_responses(key.removeprefix("responses_"), one))
    if "cross" in found:
        parts.append(_cross(found["cross"]))
    if "ablation" in found:
        rows = [
            (label, f"{one['validation_loss']:.4f}", f"{one['average_precision']:.3f}")
            for label, one in found["ablation"].items()
        ]
        parts.append(table(("intensity on `toy_tng`, short", "loss, validation", "AP, test"), rows))
    return "\n\n".join(parts)


def _manifest(name: str) -> dict[str, float]:
    """Metrics of the newest release of a model, none if there is no release."""
    paths = sorted((RELEASES / name).glob("*/release.json"), key=lambda p: int(p.parent.name))
    if not paths:
        return {}
    metrics: dict[str, float] = json.loads(paths[-1].read_text(encoding="utf-8"))["metrics"][name]
    return metrics


def _models(models: dict[str, dict[str, float]], names: dict[str, str]) -> str:
    rows = [
        (f"`{model}`", *(f"{one[key]:.3g}" if key in one else "" for key in names))
        for model, one in models.items()
    ]
    return table(("model", *names.values()), rows)


def _cross(one: dict[str, Any]) -> str:
    names = {k: v for k, v in DRAWS.items() if k in one["before"]}
    cases = {"as it is": one["before"], f"continued on {one['train_boxes']}": one["after"]}
    rows = [(label, *(f"{row[key]:.3g}" for key in names)) for label, row in cases.items()]
    title = f"`galaxy_intensity.tng` on {one['boxes']} boxes of `toy_simba_all`"
    return table((title, *names.values()), rows)


def _responses(suite: str, one: dict[str, Any]) -> str:
    names = ("omega_m", "sigma_8", "a_sn1")
    ours, toys = one["model"], one["toy"]
    rows = [(q, *(f"{ours[q][n]:+.2f} ({toys[q][n]:+.2f})" for n in names)) for q in toys]
    alone = one["a_sn1_alone"]
    rows.append(("number, A_SN1 alone", "", "", f"{alone['model']:+.2f} ({alone['toy']:+.2f})"))
    title = f"d ln / d ln, network (toy), {one['boxes']} boxes of `{suite}_varied`"
    return table((title, *names), rows)


PARTS = (galaxy_networks,)
