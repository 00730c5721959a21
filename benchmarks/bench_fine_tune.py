"""Fine-tune `jam_cyl_emulator` to a wider prior, and count the simulations that the release saves.

    python benchmarks/bench_fine_tune.py [--quick] [--release FOLDER]

The wider prior (`wide_sersic.py`) has Sersic indices of 1 to 6 and axis ratios from 0.45; its 6,500
galaxies are simulated once, in minutes, and kept in the user's cache. From scratch the emulator
gets 1,000 or 5,000 of them to train on; fine-tuning starts from the release and gets a fifth of
that, 200 or 1,000, beside the release's own training split; or 1,000 alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import wide_sersic

import zoo
from zoo import splits
from zoo.evaluation.evaluate import rate
from zoo.evaluation.files import from_file
from zoo.training import loop
from zoo.training.fine_tune import divide, fine_tune

RESULTS = Path(__file__).parent / "results" / "fine_tune.json"
SHARE = 5  # fine-tuning gets a fifth of what training from scratch gets
SCRATCH = (1000, 5000)
Rows = list[dict[str, Any]]


def row(name: str, simulations: int, facts: dict[str, Any], new: Any, old: Any) -> dict[str, Any]:
    """One line of the table: errors on the new and on the original test split."""
    out = {"row": name, "new_simulations": simulations, "new": new, "original": old}
    print(
        f"{name:<42} {simulations:5} simulations  {facts.get('wall_s', 0):6.0f} s   "
        f"new {new['mean_abs']:.1e} {new['max_p99']:.1e}   "
        f"original {old['mean_abs']:.1e} {old['max_p99']:.1e}",
        flush=True,
    )
    return out | {"wall_s": facts.get("wall_s"), "cpu_s": facts.get("cpu_s")}


def from_scratch(release: Any, parts: dict[str, Any], size: int, changes: dict[str, Any]) -> Any:
    """Train by the card's recipe on the first galaxies of the wider prior."""
    data = splits.rows(parts["train"], slice(size))
    settings = loop.recipe(release.card, **changes)
    trained = loop.train(release.card, data, parts["validation"], settings)
    judged = release.like(trained.model)
    old = splits.split("jam_mocks/cyl", "test")
    name = f"from scratch, {size:,}"
    return row(name, size, trained.facts, rate(judged, parts["test"]), rate(judged, old))


def tuned(
    release: Any, columns: dict[str, Any], changes: dict[str, Any], size: int, rehearse: bool
) -> Rows:
    """Fine-tune the release with the first new galaxies, as a user's file has them."""
    split = np.asarray(columns["split"]).astype(str)
    keep = np.ones(len(split), bool)
    keep[np.flatnonzero(split == "train")[size:]] = False
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "new.h5"
        wide_sersic.write(file, {n: _text(v)[keep] for n, v in columns.items()})
        folder, table = fine_tune(release.path, file, scratch, rehearse=rehearse, **changes)
        facts = json.loads((folder / "release.json").read_text())["training"]
    before = row("the release, before", 0, {}, *_pair(table, "before"))
    name = f"fine-tuned, {size:,}, {'with' if rehearse else 'without'} rehearsal"
    return [before, row(name, size, facts, *_pair(table, "after"))]


def _pair(table: dict[str, Any], when: str) -> tuple[Any, Any]:
    return table[f"{when}, new data"], table[f"{when}, original test split"]


def _text(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    return values if values.dtype.kind == "f" else values.astype(str)


def main() -> None:
    """Train, fine-tune, print the table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 evaluations; writes no results")
    parser.add_argument("--release", default="jam_cyl_emulator", help="name or release folder")
    arguments = parser.parse_args()
    changes = {"epochs": 20} if arguments.quick else {}
    release = zoo.load_model(arguments.release)
    columns = from_file(release.card, wide_sersic.file())
    parts = divide(columns)
    # Without rehearsal 200 galaxies leave most of the polynomials' terms to chance: not tried.
    small, large = (size // SHARE for size in SCRATCH)
    rows = tuned(release, columns, changes, small, rehearse=True)
    rows += tuned(release, columns, changes, large, rehearse=True)[1:]
    rows += tuned(release, columns, changes, large, rehearse=False)[1:]
    rows += [from_scratch(release, parts, size, changes) for size in SCRATCH]
    if not arguments.quick:
        prior = {name: list(limits) for name, limits in wide_sersic.PRIOR.items()}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"prior": prior, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
