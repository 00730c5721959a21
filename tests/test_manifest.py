"""Manifests and the files they pin: damage of every kind is found and named."""

import json
import shutil

import pytest

from zoo import registry
from zoo.errors import ReleaseError, UnknownModelError, ZooError
from zoo.manifest import FILE_NAME, Manifest, read_manifest
from zoo.store.verify import pin, verify

DIGEST = "0" * 64
GOOD = {
    "name": "toy",
    "version": 1,
    "files": {"saved_model.pb": {"sha256": DIGEST, "size": 3}},
    "golden": {"inputs": {"x": 1.0}, "outputs": {"y": 2.0}},
}


def written(tmp_path, content):
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / FILE_NAME).write_bytes(data)
    return read_manifest(tmp_path)


def test_what_is_written_is_read(tmp_path):
    manifest = Manifest(**GOOD, metrics={"ours": {"rms": 0.1}}, seed=3, commit="abc", dataset="d")
    assert written(tmp_path, manifest.dumps()) == manifest
    assert manifest.dumps() == read_manifest(tmp_path).dumps()


def test_numbers_that_json_has_not_are_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        Manifest(**(GOOD | {"golden": {"inputs": {"x": float("nan")}, "outputs": {}}})).dumps()


def pinned(name, **entry):
    return {"files": {name: {"sha256": DIGEST, "size": 3} | entry}}


def both(*names):
    return {"files": {name: {"sha256": DIGEST, "size": 3} for name in names}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "has format 2; this zoo reads 1"),
        ({"colour": "red"}, "does not have the fields of a manifest: .*'colour'"),
        ({"name": 5}, "name is 5, not a str"),
        ({"version": "1"}, "version is '1', not a int"),
        ({"files": []}, "files is .*, not a dict"),
        ({"golden": None}, "golden is None, not a dict"),
        (pinned("../../etc/passwd"), "lists '../../etc/passwd', which is not inside the release"),
        (pinned("/etc/passwd"), "lists '/etc/passwd', which is not inside"),
        (pinned("a/../../b"), "not inside the release"),
        (pinned(""), "lists '', which is not inside"),
        (pinned("a", sha256="00"), "'a' needs a sha256 of 64 hex digits and a size"),
        (pinned("a", sha256=DIGEST[:-1] + "G"), "'a' needs a sha256"),
        (pinned("a", size="3"), "'a' needs a sha256 of 64 hex digits and a size"),
        ({"files": {"a": None}}, "'a' needs a sha256"),
        (pinned("a", size=True), "'a' needs a sha256"),
        (pinned("a", size=-1), "'a' needs a sha256"),
        (pinned("a\\..\\b"), "not inside the release"),
        (pinned("C:/a"), "not inside the release"),
        (pinned("a//b"), "not inside the release"),
        (pinned("./a"), "not inside the release"),
        (pinned("a\x00b"), "not inside the release"),
        (pinned(".hidden"), "not inside the release"),
        (pinned("a/b/c/d/e"), "not inside the release"),
        (pinned(FILE_NAME), "lists 'release.json', which is itself"),
        (pinned("model.pkl"), "lists 'model.pkl'; files of this kind are not allowed"),
        (pinned("model.keras"), "files of this kind are not allowed"),
        (pinned("setup.py"), "files of this kind are not allowed"),
        (both("Config.json", "config.json"), "'config.json' beside 'Config.json', which some file"),
        (both("A/x.json", "a/y.json"), "which some file systems cannot tell apart"),
        (both("a", "a/b"), "which some file systems cannot tell apart"),
        ({"mirrors": ["http://h"]}, "mirror 'http://h' is not an https:// URL"),
        ({"mirrors": ["file:///x"]}, "is not an https:// URL"),
        ({"mirrors": "https://h"}, "mirrors is 'https://h', not a list"),
        ({"name": "../toy"}, r"name is '../toy', allowed: name or name.tag"),
        ({"version": 0}, "version is 0, allowed: 1, 2, ..."),
        ({"version": True}, "version is True, not a int"),
        ({"golden": {"inputs": {}}}, "golden has no mapping 'outputs'"),
    ],
)
def test_what_a_manifest_must_not_say(tmp_path, change, message):
    with pytest.raises(ReleaseError, match=message) as error:
        written(tmp_path, GOOD | change)
    assert FILE_NAME in str(error.value)


@pytest.mark.parametrize(
    "content",
    [json.dumps(GOOD)[:-20], "", "not JSON", b"\xff\xfe\x00", json.dumps(GOOD) + "}"],
    ids=["truncated", "empty", "text", "bytes", "too long"],
)
def test_damaged_text(tmp_path, content):
    with pytest.raises(ReleaseError, match="is truncated or damaged"):
        written(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    ['{"name": "a", "name": "b"}', '{"seed": NaN}', "[" * 10_000, '{"seed": 1' + "0" * 5000 + "}"],
    ids=["a key twice", "NaN", "deep", "long number"],
)
def test_json_that_readers_may_take_in_two_ways(tmp_path, content):
    with pytest.raises(ReleaseError, match="is truncated or damaged"):
        written(tmp_path, content)


def test_a_manifest_of_absurd_size(tmp_path):
    with pytest.raises(ReleaseError, match="bytes, allowed: 16777216"):
        written(tmp_path, " " * (2**24 + 1))


@pytest.mark.parametrize("content", ["[]", "3", '"text"', "{}", '{"name": "toy"}'])
def test_json_that_is_no_manifest(tmp_path, content):
    with pytest.raises(ReleaseError, match="does not have the fields of a manifest"):
        written(tmp_path, content)


def test_a_folder_without_manifest(tmp_path):
    with pytest.raises(ReleaseError, match=f"is no release: it holds no {FILE_NAME}"):
        read_manifest(tmp_path)


# --- a real release, damaged


@pytest.fixture
def release(tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(registry.find_release("jam_cyl").path, folder)
    return folder


def test_an_intact_copy_verifies(release):
    verify(release, read_manifest(release))
    assert pin(release) == read_manifest(release).files


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def alter(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index", "config.json"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "has .* bytes, expected .*: it is truncated or altered"),
        (alter, "has sha256 .*, expected .*: it was altered"),
        (lambda path: path.unlink(), "is missing"),
    ],
    ids=["truncated", "altered", "missing"],
)
def test_a_damaged_file_is_found_before_it_is_loaded(release, file, damage, message):
    from zoo.model import load_model

    damage(release / file)
    with pytest.raises(ReleaseError, match=message) as error:
        load_model(release)
    assert f"jam_cyl 1: {release / file}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["empty", "garbage", "half"])
def test_a_saved_model_that_its_manifest_pins_but_nobody_can_read(release, content):
    from zoo.model import load_model

    graph = release / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:100_000] if content is None else content)
    manifest = json.loads((release / FILE_NAME).read_text()) | {"files": pin(release)}
    (release / FILE_NAME).write_text(json.dumps(manifest))
    with pytest.raises(
        ReleaseError, match=r"saved_model.pb: (the SavedModel cannot be read|it holds 0)"
    ):
        load_model(release)


def test_loading_a_release_by_its_path(release, tmp_path):
    from zoo.model import load_model

    model = load_model(release)
    assert (model.name, model.path) == ("jam_cyl", release)
    assert load_model(str(release)).manifest == model.manifest
    manifest = json.loads((release / FILE_NAME).read_text()) | {"name": "nobody"}
    (release / FILE_NAME).write_text(json.dumps(manifest))
    with pytest.raises(UnknownModelError, match="no model 'nobody'"):
        load_model(release)
    (release / FILE_NAME).write_text("{")
    with pytest.raises(ReleaseError, match="truncated or damaged"):
        load_model(release)
    with pytest.raises(UnknownModelError, match=rf"or the path of a release folder.*{FILE_NAME}"):
        load_model(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float16"}, "dtype is 'float16', allowed: 'float32', 'float64'"),
        ({"strategy": "mirrored"}, "strategy is 'mirrored', allowed: 'auto', None, a tf.dist"),
        ({"version": 99}, "jam_cyl has not got version 99; versions here: 1"),
    ],
)
def test_bad_arguments_of_load_model(options, message):
    from zoo.model import load_model

    with pytest.raises(ZooError, match=message):
        load_model("jam_cyl", **options)


def test_golden_check_sees_what_changed(release):
    """A release whose output moved, or became NaN, does not pass."""
    from zoo.evaluation import golden
    from zoo.model import load_model

    model = load_model(release)
    assert golden.compare(model) < golden.TOLERANCE
    outputs = model.manifest.golden["outputs"]
    outputs["vrms"][7] *= 1.001
    with pytest.raises(ReleaseError, match=r"the golden output differs by .*, allowed: 2e-05"):
        golden.compare(model)
    outputs["vrms"][7] = float("nan")
    with pytest.raises(ReleaseError, match="the golden output differs by nan"):
        golden.compare(model)
