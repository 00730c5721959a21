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
    """Every model with what it needs, predicts and weighs."""
    rows = []
    for name in registry.list_models():
        card, _ = registry.find_card(name)
        if not registry.versions(name):
            continue
        manifest = registry.find_release(name).manifest
        size = sum(entry["size"] for entry in manifest.files.values()) / 1e6
        rows.append(
            (
                f"[`{name}`](zoo/models/{card.family}/{card.name}.md)",
                card.kind,
                card.summary,
                ", ".join(f"`{output}`" for output in card.outputs),
                f"{size:.1f} MB",
            )
        )
    return table(("model", "kind", "what it is", "predicts", "size"), rows)


def datasets() -> str:
    """Every dataset with its configs, from the builders' own metadata."""
    import importlib

    catalogue = importlib.import_module("zoo_datasets.catalogue")
    rows = [
        (f"[`{row['name']}`](datasets/{row['name']}/README.md)", row["version"],
         ", ".join(f"`{config}`" for config in row["configs"]), row["summary"])
        for row in catalogue.rows()
    ]
    return table(("dataset", "version", "configs", "what it is"), rows)


def jam_cyl() -> str:
    """Accuracy and speed of the exact model beside jampy."""
    found = results("jam_cyl")
    if found is None:
        return "Not measured yet: `python benchmarks/bench_jam_cyl.py`."
    rows = [(row["setting"], row["row"], f"{row['error']:.1e}") for row in found["accuracy"]]
    rows += [("PSF 1.0, pixels 0.8 arcsec, M32", r["row"], f"{r['error']:.1e}") for r in found["psf"]]
    text = [table(("setting", "against jampy's direct path, refined", "largest error"), rows), ""]
    cores = list(found["speed_ms"])
    speed = [
        (name, *(f"{found['speed_ms'][core][name]:.2f} ms" for core in cores),
         f"{found['speed_ms'][cores[0]]['jampy 8.1.4 as it comes, one map'] / value:.0f}")
        for name, value in found["speed_ms"][cores[0]].items()
    ]
    head = ("64 x 64 map, 20 x 20 Gaussians", *cores, f"times faster than jampy 8 ({cores[0]})")
    text.append(table(head, speed))
    if found["jampy9_ms"]:
        text += ["", f"jampy 9 (spherical alignment: other physics), same map: {found['jampy9_ms']:.0f} ms."]
    start = ", ".join(f"{name} {value:.2f} s" for name, value in found["start_up_s"].items())
    return "\n".join([*text, "", f"Start-up: {start}."])


PARTS = {"models": models, "datasets": datasets, "jam_cyl": jam_cyl}


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
