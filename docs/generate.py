"""Write the generated parts of README.md and docs/ again, from cards, manifests and results.

    python docs/generate.py [--check]

A generated part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`, where NAME is a
function of `docs/parts`; `--check` changes nothing and fails if a part is not up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from parts import (
    boxes,
    catalogue,
    clusters,
    galaxy_networks,
    galaxy_vdm,
    jam,
    jam_learned,
    nebula_spectra,
    nebulae,
    spectra,
    tools,
)

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md")
MODULES = (
    catalogue,
    jam,
    jam_learned,
    clusters,
    spectra,
    nebulae,
    nebula_spectra,
    boxes,
    galaxy_networks,
    galaxy_vdm,
    tools,
)
PARTS = {part.__name__: part for module in MODULES for part in module.PARTS}


def main() -> None:
    """Write, or with `--check` compare, every generated part."""
    stale = []
    for path in PAGES:
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
