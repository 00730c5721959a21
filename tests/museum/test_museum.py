"""Releases of every format stay loadable, and the format does not change unnoticed.

`format_<N>/<name>/1/` are releases as the zoo wrote them when N was the format. Pieces are never
changed. When the layout of a release changes: raise `zoo.manifest.FORMAT`, teach `zoo.manifest` to
read the older one, and make the new pieces with

    ZOO_MUSEUM=1 pytest -n0 tests/museum
"""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from zoo import registry
from zoo.card import read_card
from zoo.evaluation import audit, golden
from zoo.manifest import FILE_NAME, FORMAT, read_manifest
from zoo.model import load_model
from zoo.store import scan
from zoo.store.protos import message

HERE = Path(__file__).parent
NAMES = ["toy", "mean"]
PIECES = sorted(HERE.glob(f"format_*/*/*/{FILE_NAME}"))
ADVICE = "the format of releases changed: see the docstring of tests/museum/test_museum.py"


@pytest.fixture(autouse=True)
def _models(monkeypatch):
    """Make the museum's models known to the zoo, as if they were among its families."""
    cards = {}
    for name in NAMES:
        card = read_card(HERE / f"{name}.md")
        spec = importlib.util.spec_from_file_location(card.module, HERE / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, card.module, module)
        spec.loader.exec_module(module)
        cards[name] = card
    monkeypatch.setattr(registry, "all_cards", lambda: cards)


@pytest.fixture
def made(tmp_path, tf, keras):  # noqa: ARG001 (seeded)
    """Releases as today's code writes them."""
    from zoo.training.release import export

    toy = importlib.import_module("zoo.models.museum.toy")
    export("toy", tmp_path, model=toy.build(units=2), config={"units": 2}, seed=1)
    export("mean", tmp_path, config={"factor": 3.0})
    return tmp_path


if "ZOO_MUSEUM" in os.environ:  # only when a format is new

    def test_make_the_pieces(made):
        target = HERE / f"format_{FORMAT}"
        assert not target.exists(), "pieces are never changed"
        shutil.copytree(made, target)


def test_there_is_a_piece_of_every_format():
    have = {(path.parts[-4], path.parts[-3]) for path in PIECES}
    assert have == {(f"format_{n}", name) for n in range(1, FORMAT + 1) for name in NAMES}, ADVICE
    assert sum(p.stat().st_size for p in HERE.rglob("*") if p.is_file()) < 200_000


@pytest.mark.parametrize("piece", PIECES, ids=lambda path: "-".join(path.parts[-4:-2]))
def test_a_piece_is_loaded(piece):
    folder = piece.parent
    manifest = read_manifest(folder)
    (report,) = audit.reports([folder])
    assert report["problems"] == []
    model = load_model(folder)
    assert golden.compare(model) <= golden.TOLERANCE
    if model.card.kind == "classical":
        return
    double = load_model(folder, dtype="float64")  # rebuilt from configuration and weights
    for name, value in double.predict(manifest.golden["inputs"]).items():
        assert np.allclose(value, manifest.golden["outputs"][name], rtol=1e-5)


def layout(folder):
    """What readers of a release rely on: files, fields of the manifest, signatures, arrays."""
    manifest = json.loads((folder / FILE_NAME).read_text())
    found = {
        "files": sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")),
        "fields": {key: type(value).__name__ for key, value in sorted(manifest.items())
                   if key not in ("commit", "dataset", "seed")},
        "pins": sorted({key for entry in manifest["files"].values() for key in entry}),
        "golden": {side: sorted(values) for side, values in manifest["golden"].items()},
        "config": manifest["config"],
    }  # fmt: skip
    if (folder / scan.GRAPH).is_file():
        saved = message("SavedModel")()
        saved.ParseFromString((folder / scan.GRAPH).read_bytes())
        (graph,) = saved.meta_graphs
        found["signatures"] = sorted(
            (entry.key, sorted(t.key for t in entry.value.inputs),
             sorted(t.key for t in entry.value.outputs))
            for entry in graph.signatures
        )  # fmt: skip
        with h5py.File(folder / "model.weights.h5") as file:
            arrays = []
            file.visititems(lambda name, entry: arrays.append((name, getattr(entry, "shape", 0))))
        found["weights"] = sorted(arrays)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_format_has_not_changed(name, made):
    assert layout(made / name / "1") == layout(HERE / f"format_{FORMAT}" / name / "1"), ADVICE


@pytest.mark.parametrize("number", [0, FORMAT + 1, "1", None])
def test_unknown_formats_are_named(number, tmp_path):
    from zoo.errors import ReleaseError

    content = json.loads(PIECES[0].read_text()) | {"format": number}
    (tmp_path / FILE_NAME).write_text(json.dumps(content))
    with pytest.raises(ReleaseError, match=rf"has format {number!r}; this zoo reads {FORMAT}"):
        read_manifest(tmp_path)
