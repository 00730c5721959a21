"""Whatever stands in a manifest, an index, a card or an input: an answer, or one clear error."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo import quantities, registry
from zoo.card import Card, read_card
from zoo.errors import CardError, InputError, ReleaseError
from zoo.manifest import FILE_NAME, Manifest, parse, parse_dataset
from zoo.store import catalogue, mirrors, prepared, rebuild, scan
from zoo.store.ops import ALLOWED
from zoo.store.protos import message

QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def answer(function, error, start):
    """What a function returns, or None if it refuses with a message that says where."""
    try:
        return function()
    except error as refusal:
        message_ = str(refusal)
    assert message_.startswith(start)
    return None


# --- any JSON

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
entries = st.fixed_dictionaries({"sha256": digests, "size": st.integers(0, 2**40)})
segments = st.from_regex(r"[a-z0-9_][a-z0-9_-]{0,10}", fullmatch=True)
good_paths = st.lists(segments, min_size=1, max_size=3).map("/".join)
nasty = st.sampled_from(
    ["..", ".", "", "/", "~", "a/../b", "/etc/passwd", "C:\\x", "a\\b", "a\x00", "a\nb", "CON",
     "a:b", "release.json", "-rf", "a b", "é", "A", "a", "a/b", "x.pkl", "x.py", "x.so", "x.keras",
     "saved_model.pb", "variables/variables.data-00000-of-00001"]
)  # fmt: skip
paths = good_paths | nasty | st.text(max_size=12)
files = st.dictionaries(paths, entries | values, max_size=5)
fields = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("toy") | values,
        "version": st.just(1) | values,
        "files": files | values,
        "golden": st.just({"inputs": {}, "outputs": {}}) | values,
        "config": values,
        "format": st.just(1) | values,
        "mirrors": st.lists(st.just("https://h") | st.text(max_size=9), max_size=2) | values,
        "surprise": values,
    },
)


@QUICK
@given(fields)
def test_any_manifest(content):
    """What is accepted stays inside its folder, on every file system, and cannot act."""
    manifest = answer(lambda: parse(json.dumps(content).encode(), "here"), ReleaseError, "here")
    if manifest is None:
        return
    folder = Path("/store/toy/1")
    names = list(manifest.files)
    for name in names:
        inside = Path(os.path.normpath(folder / name))
        assert inside.is_relative_to(folder)
        assert inside.relative_to(folder).as_posix() == name
        assert not set(name) & set('\\:*?"<>|\x00\n')
        assert Path(name).suffix not in (".py", ".pkl", ".so", ".keras")
    assert len({name.casefold() for name in names}) == len(names)
    assert all(mirror.startswith("https://") for mirror in manifest.mirrors)
    assert parse(manifest.dumps().encode(), "again") == manifest


manifests = st.builds(
    Manifest,
    name=st.just("toy"),
    version=st.integers(1, 99),
    files=st.dictionaries(st.from_regex(r"[a-z]{1,8}\.json", fullmatch=True), entries, max_size=4),
    golden=st.just({"inputs": {"x": 1.0}, "outputs": {"y": [1.5]}}),
    metrics=st.dictionaries(
        st.text(max_size=5),
        st.dictionaries(st.text(max_size=5), st.floats(-1e9, 1e9), max_size=2),
        max_size=2,
    ),
    seed=st.none() | st.integers(),
    commit=st.none() | st.text(max_size=9),
    mirrors=st.lists(st.just("https://h/x"), max_size=2),
)  # fmt: skip


@QUICK
@given(manifests)
def test_what_is_written_is_read(manifest):
    if FILE_NAME in manifest.files:
        return
    assert parse(manifest.dumps().encode(), "x") == manifest


@QUICK
@given(st.binary(max_size=300) | values.map(lambda v: json.dumps(v).encode()))
def test_any_bytes(content):
    for reader in (parse, parse_dataset, catalogue.parse):
        with pytest.raises(ReleaseError):
            reader(content, "here")


@QUICK
@given(st.dictionaries(paths, entries | values, max_size=4))
def test_any_index(content):
    text = json.dumps({"format": 1, "releases": content}).encode()
    try:
        found = catalogue.parse(text, "here")
    except ReleaseError:
        return
    assert all(len(entry["sha256"]) == 64 and entry["size"] > 0 for entry in found.values())


@QUICK
@given(values)
def test_any_configuration(content):
    def build(**anything):
        return anything

    given_ = content if isinstance(content, dict) else {"a": content}
    config = answer(lambda: rebuild.check_config(given_, build, "here"), ReleaseError, "here")
    if config is None:
        return
    text = json.dumps(config)
    assert "class_name" not in text
    assert "://" not in text


@QUICK
@given(values)
def test_any_features_of_a_dataset(tmp_path, content):
    (tmp_path / prepared.FEATURES).write_text(json.dumps(content).replace("NaN", "0"))
    answer(lambda: prepared.check(tmp_path), ReleaseError, str(tmp_path / prepared.FEATURES))


@QUICK
@given(st.text(max_size=30), good_paths)
def test_any_mirror(mirror, path):
    try:
        address = mirrors.url(mirror, path)
    except ReleaseError:
        return
    assert address.startswith(("https://", "file://", "http://"))


@QUICK
@given(st.text(max_size=40))
def test_any_redirect(location):
    """From https nothing leads to plain http or to a file."""
    try:
        target = mirrors.redirected("https://h/x", location)
    except ReleaseError:
        return
    assert target.startswith("https://") or target.lower().startswith("https://")


# --- graphs

op_names = st.sampled_from([*sorted(ALLOWED), "WriteFile", "SaveV2", "f", "g"])


@st.composite
def graphs(draw):
    model = message("SavedModel")()
    graph = model.meta_graphs.add()
    graph.objects.nodes.add()
    for name in draw(st.lists(st.sampled_from(["f", "g", "__h", "MatMul"]), max_size=3)):
        made = graph.graph.library.functions.add()
        made.signature.name = name
        for op in draw(st.lists(op_names, max_size=3)):
            node = made.nodes.add(name=op, op=op)
            if draw(st.booleans()):
                node.attributes.add().value.function.name = draw(op_names)
    for op in draw(st.lists(op_names, max_size=4)):
        graph.graph.nodes.add(name=op, op=op)
    graph.saver.save = draw(op_names)
    return model


@QUICK
@given(graphs())
def test_any_graph(model):
    """No graph with WriteFile passes, nor one where a checkpoint op can be reached."""
    try:
        scan.check(model.SerializeToString())
    except ReleaseError:
        return
    (graph,) = model.meta_graphs
    functions = {f.signature.name: f.nodes for f in graph.graph.library.functions}
    everything = [*graph.graph.nodes, *(node for nodes in functions.values() for node in nodes)]
    assert {node.op for node in everything} <= ALLOWED | set(functions) | {"SaveV2"}
    assert not any(node.op == "SaveV2" for node in graph.graph.nodes)


@QUICK
@given(st.binary(max_size=400))
def test_any_bytes_as_a_graph(content):
    with pytest.raises(ReleaseError):
        scan.check(content)


# --- cards

CARD = """---
zoo:
  kind: exact
  summary: s
  inputs:
    x: {unit: km, shape: [], meaning: m}
  outputs:
    y: {unit: "", shape: [K], meaning: m}
---
prose
"""


@QUICK
@given(st.text(max_size=200))
def test_any_text_as_a_card(tmp_path, text):
    path = tmp_path / "card.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CardError, match=r"card.md"):
        read_card(path)


PIECES = ["exact", "inputs:", "{unit: km", "shape: []", "[K]", "m}", "zoo:", "summary: s", "kind"]
OTHERS = ["", "1", "[]", "{}", "null", "\t", "&a [*a]", "-", ": :", "{a: 1}", "2026-01-01", "1e999"]
pieces = st.sampled_from([*PIECES, "---\n", '""'])
replacements = st.sampled_from([*OTHERS, "'", "!!python/object/apply:os.system [id]"])


@QUICK
@given(pieces, replacements)
def test_damaged_cards(tmp_path, piece, replacement):
    path = tmp_path / "card.md"
    path.write_text(CARD.replace(piece, replacement), encoding="utf-8")
    card = answer(lambda: read_card(path), CardError, "card.md")
    assert card is None or isinstance(card, Card)


# --- inputs

JAM = registry.all_cards()["jam_cyl_emulator"]
numbers = (
    st.floats() | st.integers(-(10**6), 10**6) | st.none() | st.text(max_size=4) | st.booleans()
)
columns = (
    numbers
    | st.lists(numbers, max_size=3)
    | st.lists(st.lists(st.floats(), max_size=2), max_size=2)
)
EXAMPLE = {
    "n_sersic": 3.0, "r_sersic": 8.0, "q_light": 0.75, "q_mass": 0.8, "beta_z": 0.1,
    "inclination": 70.0, "position_angle": 30.0, "ml": 3.0, "intensity_e": 500.0, "distance": 20.0,
}  # fmt: skip


@QUICK
@given(st.sampled_from([*EXAMPLE, "x", "y", "colour"]), columns)
def test_any_input(name, value):
    """Numbers that can be used become float64 columns of one length; all else is an InputError."""
    batch = answer(lambda: quantities.read(JAM, EXAMPLE | {name: value}), InputError, "")
    if batch is None:
        return
    for column in batch.columns.values():
        assert len(column) == batch.size
        for row in column:
            assert np.asarray(row).dtype == np.float64
