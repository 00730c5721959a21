"""Card and release of a model together, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from zoo import registry
from zoo.card import Field


def model(name: str, version: int | None = None) -> dict[str, Any]:
    """Facts of the card and, where there is a release, of its manifest; JSON types only."""
    card, full_name = registry.find_card(name)
    facts: dict[str, Any] = {
        "name": full_name,
        "kind": card.kind,
        "summary": card.summary,
        "dataset": card.dataset,
        "metadata": card.metadata,
        "inputs": [_entry(field) for field in card.inputs.values()],
        "outputs": [_entry(field) for field in card.outputs.values()],
        "prose": card.prose,
        "release": None,
    }
    if version is not None or registry.versions(full_name):
        release = asdict(registry.find_release(full_name, version).manifest)
        release.pop("golden")
        facts["release"] = release
    return facts


def text(facts: dict[str, Any]) -> str:
    """The facts as a page to read."""
    lines = [f"{facts['name']} ({facts['kind']}): {facts['summary']}", ""]
    for side in ("inputs", "outputs"):
        lines.append(side)
        for entry in facts[side]:
            extent = f", {entry['range'][0]:g} to {entry['range'][1]:g}" if entry["range"] else ""
            default = f", default {entry['default']:g}" if entry["default"] is not None else ""
            lines.append(f"  {entry['signature']:<34} {entry['meaning']}{extent}{default}")
    release = facts["release"]
    if release is None:
        lines.append("no release")
    else:
        size = sum(entry["size"] for entry in release["files"].values())
        lines.append(
            f"release {release['version']}: {size / 1e6:.2f} MB, commit {release['commit']}"
        )
        for row, metrics in release["metrics"].items():
            values = ", ".join(f"{key} {value:.3g}" for key, value in metrics.items())
            lines.append(f"  {row}: {values}")
    return "\n".join([*lines, "", facts["prose"]])


def _entry(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "signature": field.signature,
        "unit": field.unit,
        "shape": list(field.shape),
        "range": list(field.range) if field.range else None,
        "valid": str(field.valid) if field.valid else None,
        "default": field.default,
        "meaning": field.meaning,
    }
