"""Search path, offline work, pins, memory, trust: what is loaded, and whether it may be."""

import json
import os
import shutil
import socket
import stat
import time

import pytest

import zoo
from zoo import registry, releases
from zoo.errors import ReleaseError, UnknownModelError
from zoo.manifest import FILE_NAME, read_manifest
from zoo.store import places
from zoo.store.memory import FILE, Memory


@pytest.fixture(autouse=True)
def _fresh(fresh, fast):
    """An empty machine, and short waits."""


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """Two shared stores on ZOO_PATH."""
    stores = [tmp_path / "shared1", tmp_path / "shared2"]
    monkeypatch.setenv("ZOO_PATH", os.pathsep.join(map(str, stores)))
    return stores


# --- where


def test_the_order_of_search(shared, fresh, tmp_path, toy):
    bundled = tmp_path / "bundled"
    places_ = [*shared, fresh / "releases", bundled]
    assert registry.stores() == places_
    for place in reversed(places_):
        toy(place)
        assert registry.find_release("jam_cyl").path == place / "jam_cyl" / "7"
    assert registry.versions("jam_cyl") == [7]


def test_versions_of_all_places(shared, fresh, tmp_path, toy):
    toy(shared[0], version=2)
    toy(shared[1], version=10)
    toy(fresh / "releases", version=3)
    toy(tmp_path / "bundled", version=4)
    (shared[0] / "jam_cyl" / "٣").mkdir()
    (shared[0] / "jam_cyl" / "01").mkdir()
    assert registry.versions("jam_cyl") == [2, 3, 4, 10]
    assert registry.find_release("jam_cyl").path == shared[1] / "jam_cyl" / "10"
    assert registry.find_release("jam_cyl", 4).bundled
    assert not registry.find_release("jam_cyl", 3).bundled


def test_incomplete_copies_are_passed_over(shared, fresh, toy):
    first, second = toy(shared[0]), toy(fresh / "releases")
    (first / "config.json").unlink()
    assert registry.find_release("jam_cyl").path == second
    (second / "saved_model.pb").write_bytes(b"short")
    release = registry.find_release("jam_cyl")  # nothing is whole: the error comes at loading
    with pytest.raises(ReleaseError, match=r"jam_cyl 7: .*config.json is missing"):
        releases.admit(release)


def test_a_store_cannot_override_what_the_package_pins(shared, tmp_path, toy):
    toy(tmp_path / "bundled")
    other = toy(
        shared[0],
        files={
            "saved_model.pb": b"Graph" * 1000,
            "config.json": b"{}\n",
            "variables/variables.index": b"index" * 10,
            "variables/variables.data-00000-of-00001": b"data" * 100,
        },
    )
    release = registry.find_release("jam_cyl")
    assert release.path == other
    assert release.manifest == read_manifest(tmp_path / "bundled" / "jam_cyl" / "7")
    with pytest.raises(ReleaseError, match=r"saved_model.pb has sha256"):
        releases.admit(release)


def test_a_folder_that_holds_another_release(shared, toy):
    toy(shared[0], name="jam_cyl_emulator")
    (shared[0] / "jam_cyl_emulator").rename(shared[0] / "jam_cyl")
    with pytest.raises(ReleaseError, match="is of jam_cyl_emulator 7, not of jam_cyl 7"):
        registry.find_release("jam_cyl")


# --- from mirrors


def test_obtain_asks_mirrors_only_if_need_be(mirror, toy, fresh, monkeypatch):
    with pytest.raises(UnknownModelError, match="not got a released version; versions here: none"):
        releases.obtain("jam_cyl")
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)
    assert releases.obtain("jam_cyl").path == fresh / "releases" / "jam_cyl" / "7"
    count = len(mirror.seen)
    assert releases.obtain("jam_cyl").manifest.version == 7
    toy(fresh / "releases", version=5)
    assert releases.obtain("jam_cyl", 5).manifest.version == 5
    assert len(mirror.seen) == count
    with pytest.raises(UnknownModelError, match=r"not got version 9 here or on http.*there: 7"):
        releases.obtain("jam_cyl", 9)
    with pytest.raises(UnknownModelError, match=r"not got a release here or on .* there: none"):
        releases.obtain("jam_cyl_emulator")


def test_fetch_without_any_mirror():
    with pytest.raises(UnknownModelError, match="no mirror is known: set ZOO_MIRROR to its URL"):
        releases.fetch("jam_cyl")
    with pytest.raises(UnknownModelError, match=r"none of jam_cyl, .* has a release here or on a"):
        releases.fetch("jam_*")
    with pytest.raises(UnknownModelError, match="There is no model 'nothing'"):
        releases.fetch("nothing")


def test_patterns(mirror, toy, indexed, monkeypatch):
    toy(mirror.folder, name="jam_cyl_emulator", version=2)
    indexed(mirror.folder)
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)
    found = zoo.fetch("jam_cyl*")
    assert [(p.parent.name, p.name) for p in found] == [("jam_cyl", "7"), ("jam_cyl_emulator", "2")]


def test_a_manifest_without_files_is_fetched(mirror, tmp_path, fresh):
    """Large releases are committed as a manifest, which names its own mirrors."""
    pinned = tmp_path / "bundled" / "jam_cyl" / "7"
    pinned.mkdir(parents=True)
    shutil.copy(mirror.folder / "jam_cyl" / "7" / FILE_NAME, pinned)
    release = releases.obtain("jam_cyl")
    with pytest.raises(ReleaseError, match=r"config.json is missing"):
        releases.admit(release)
    content = json.loads((pinned / FILE_NAME).read_text())
    content["mirrors"] = ["https://example.invalid/zoo"]
    (pinned / FILE_NAME).write_text(json.dumps(content))
    os.environ["ZOO_MIRROR"] = mirror.url
    try:
        release = releases.obtain("jam_cyl")
    finally:
        del os.environ["ZOO_MIRROR"]
    assert release.path == fresh / "releases" / "jam_cyl" / "7"
    assert "/index.json" not in mirror.hits()  # the package's manifest decides
    assert release.manifest.mirrors == ["https://example.invalid/zoo"]


def test_a_mirror_cannot_change_what_the_package_pins(mirror, toy, tmp_path, monkeypatch):
    pinned = tmp_path / "bundled" / "jam_cyl" / "7"
    pinned.mkdir(parents=True)
    shutil.copy(mirror.folder / "jam_cyl" / "7" / FILE_NAME, pinned)
    toy(mirror.folder, files={"saved_model.pb": b"Graph" * 1000})
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)
    with pytest.raises(ReleaseError, match=r"saved_model.pb could not be fetched: .* has sha256"):
        releases.obtain("jam_cyl")


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("index.json", b"<html>", "index.json of http.* is truncated or damaged"),
        ("index.json", b'{"format": 2}', "is no index of format 1"),
        ("index.json", b'{"format": 1}', "lists no releases"),
        ("index.json", b'{"format": 1, "releases": {"jam_cyl/7": {}}}', "needs a sha256 and"),
        ("index.json", b'{"format": 1, "releases": {"jam_cyl/7": {"sha256": "x", "size": 1}}}',
         "needs a sha256"),
        ("index.json", b" " * (2**24 + 1), "sends more than the 16777216 bytes"),
        ("jam_cyl/7/release.json", b"{}", r"has sha256 .*, its index says"),
    ],
)  # fmt: skip
def test_bad_indices(path, content, message, mirror, monkeypatch, fresh):
    (mirror.folder / path).write_bytes(content)
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)
    with pytest.raises(ReleaseError, match=message):
        releases.fetch("jam_cyl")
    assert not (fresh / "releases").exists()


def test_an_index_that_calls_things_by_other_names(mirror, toy, indexed, monkeypatch):
    toy(mirror.folder, name="jam_cyl_emulator", version=2)
    shutil.copy(mirror.folder / "jam_cyl_emulator/2" / FILE_NAME, mirror.folder / "jam_cyl/7")
    indexed(mirror.folder)
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)
    with pytest.raises(ReleaseError, match="gave jam_cyl_emulator 2 for jam_cyl 7"):
        releases.fetch("jam_cyl")


def test_a_mirror_whose_manifest_names_foreign_files(mirror, indexed, monkeypatch, tmp_path):
    path = mirror.folder / "jam_cyl/7" / FILE_NAME
    content = json.loads(path.read_text())
    content["files"]["../../../evil.json"] = content["files"]["config.json"]
    path.write_text(json.dumps(content))
    indexed(mirror.folder)
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)
    with pytest.raises(ReleaseError, match=r"lists '../../../evil.json', which is not inside"):
        releases.fetch("jam_cyl")
    assert not list(tmp_path.rglob("evil.json"))


# --- offline


@pytest.fixture
def offline(monkeypatch):
    """ZOO_OFFLINE, on a machine where opening any socket is an error."""

    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_offline_names_the_command(monkeypatch, mirror, offline):  # noqa: ARG001 (in this order)
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)
    with pytest.raises(ReleaseError) as error:
        releases.obtain("jam_cyl", 7)
    assert "run `zoo fetch jam_cyl --version 7 --into STORE`, copy STORE here" in str(error.value)
    assert "set ZOO_PATH=STORE" in str(error.value)
    with pytest.raises(ReleaseError, match="run `zoo fetch jam_cyl --into STORE`"):
        releases.obtain("jam_cyl")
    assert mirror.seen == []
    monkeypatch.delenv("ZOO_MIRROR")
    for ask in (releases.obtain, releases.fetch):
        with pytest.raises(ReleaseError, match=r"run `zoo fetch jam_cyl --version 7 --into STORE`"):
            ask("jam_cyl", 7)


def test_a_store_carried_to_a_machine_without_internet(monkeypatch, mirror, tmp_path, request):
    store = tmp_path / "carried"
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)
    releases.fetch("jam_*", into=store)
    monkeypatch.delenv("ZOO_MIRROR")
    request.getfixturevalue("offline")
    for path in sorted(store.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    monkeypatch.setenv("ZOO_PATH", str(store))
    assert releases.obtain("jam_cyl").path == store / "jam_cyl" / "7"
    assert releases.fetch("jam_cyl") == [store / "jam_cyl" / "7"]
    for path in store.rglob("*"):
        path.chmod(0o755)


def test_offline_a_folder_is_still_a_mirror(monkeypatch, mirror, offline, fresh):  # noqa: ARG001
    monkeypatch.setenv("ZOO_MIRROR", f"{mirror.url} {mirror.folder.as_uri()}")
    assert releases.fetch("jam_cyl") == [fresh / "releases" / "jam_cyl" / "7"]


@pytest.mark.parametrize(
    ("value", "answer"),
    [("1", True), ("yes", True), ("0", False), ("", False), ("false", False), ("No", False)],
)
def test_what_offline_means(value, answer, monkeypatch):
    monkeypatch.setenv("ZOO_OFFLINE", value)
    assert places.offline() is answer


def test_places_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_PATH", os.pathsep.join(["~/a", "", "/b"]))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.shared() == [tmp_path / "a", places.Path("/b")]
    monkeypatch.delenv("ZOO_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert places.home() == tmp_path / "cache" / "zoo" / "releases"
    monkeypatch.setenv("ZOO_TIMEOUT", "soon")
    assert places.timeout() == 30
    monkeypatch.setenv("ZOO_TIMEOUT", "-1")
    assert places.timeout() > 0


# --- memory


@pytest.fixture
def known(fresh, toy, monkeypatch):
    """A release that was admitted once, long after its files were written."""
    folder = toy(fresh / "releases")
    monkeypatch.setattr(releases.scan, "scan", lambda _: None)
    later = time.time() + 100
    monkeypatch.setattr(time, "time", lambda: later)
    release = registry.find_release("jam_cyl")
    releases.admit(release)
    return release, folder


def count_hashes(monkeypatch):
    calls = []
    original = releases.verify.digest_of
    monkeypatch.setattr(
        releases.verify, "digest_of", lambda file: calls.append(file.name) or original(file)
    )
    return calls


def test_unchanged_files_are_not_hashed_again(known, monkeypatch):
    release, folder = known
    calls = count_hashes(monkeypatch)
    releases.admit(release)
    assert calls == []
    (folder / "config.json").touch()
    releases.admit(release)
    assert len(calls) == 1


def test_a_change_that_keeps_size_and_time_is_seen(known):
    """The change time gives it away."""
    release, folder = known
    graph = folder / "saved_model.pb"
    before = graph.stat()
    graph.write_bytes(b"Graph" * 1000)
    os.utime(graph, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ReleaseError, match=r"saved_model.pb has sha256"):
        releases.admit(release)


def test_verify_never_asks_the_memory(known, fresh, monkeypatch):
    from zoo.evaluation import audit

    _, folder = known
    calls = count_hashes(monkeypatch)
    (report,) = audit.reports([folder], golden=False)
    assert len(calls) == 4
    memory = fresh / "releases" / FILE
    lies = {key: [*value[:-1], "0" * 64] if value else []
            for key, value in json.loads(memory.read_text()).items()}  # fmt: skip
    memory.write_text(json.dumps(lies))
    (report,) = audit.reports([folder], golden=False)
    assert report["problems"] == []


def test_files_that_have_just_been_written_are_not_remembered(fresh, toy, monkeypatch):
    toy(fresh / "releases")
    monkeypatch.setattr(releases.scan, "scan", lambda _: None)
    release = registry.find_release("jam_cyl")
    releases.admit(release)
    calls = count_hashes(monkeypatch)
    releases.admit(release)
    assert len(calls) == 4


@pytest.mark.parametrize("mode", [0o666, 0o622, 0o620])
def test_a_memory_that_others_can_write_is_not_believed(mode, known, fresh, monkeypatch):
    release, _ = known
    memory = fresh / "releases" / FILE
    assert stat.S_IMODE(memory.stat().st_mode) == 0o600
    memory.chmod(mode)
    calls = count_hashes(monkeypatch)
    releases.admit(release)
    assert len(calls) == 4


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 3}', "\x00"])
def test_a_damaged_memory_is_forgotten(text, known, fresh, monkeypatch):
    release, _ = known
    (fresh / "releases" / FILE).write_text(text)
    calls = count_hashes(monkeypatch)
    releases.admit(release)
    assert len(calls) == 4


def test_a_memory_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.store.memory.MOST", 10)
    memory = Memory(tmp_path)
    tmp_path.chmod(0o700)
    for index in range(20):
        memory.note(str(index))
    memory.save()
    kept = Memory(tmp_path)
    assert [kept.passed(str(index)) for index in (9, 10, 19)] == [False, True, True]


# --- trust


def test_what_the_scan_refuses_needs_trust(fresh, toy):
    from zoo.model import load_model

    folder = toy(fresh / "releases")
    for name in ("jam_cyl", folder):
        with pytest.raises(ReleaseError, match=r"trust=True would load it all the same") as error:
            load_model(name)
        assert "saved_model.pb: the SavedModel cannot be read" in str(error.value)
    with (
        pytest.warns(UserWarning, match="was loaded without a scan, because trust=True says so"),
        pytest.raises(ReleaseError, match=r"the SavedModel in .* cannot be read"),  # TensorFlow's
    ):
        load_model("jam_cyl", trust=True)


def test_trust_does_not_extend_to_hashes(fresh, toy):
    folder = toy(fresh / "releases")
    (folder / "saved_model.pb").write_bytes(b"Graph" * 1000)
    with pytest.raises(ReleaseError, match=r"saved_model.pb has sha256"):
        releases.admit(registry.find_release("jam_cyl"), trust=True)


def test_a_real_model_that_writes_a_file_is_not_loaded(fresh, tf, tmp_path):
    """Signed and sealed by its manifest, and still refused; the file never appears."""
    from zoo.manifest import Manifest
    from zoo.model import load_model
    from zoo.store.verify import pin

    written = tmp_path / "written"

    def writes(x):
        tf.io.write_file(str(written), "hello")
        return {"y": x}

    folder = fresh / "releases" / "jam_cyl" / "8"
    function = tf.function(writes).get_concrete_function(x=tf.TensorSpec([None], name="x"))
    tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": function})
    (folder / "fingerprint.pb").unlink()
    manifest = Manifest("jam_cyl", 8, pin(folder), {"inputs": {}, "outputs": {}})
    (folder / FILE_NAME).write_text(manifest.dumps())
    with pytest.raises(ReleaseError, match="op 'WriteFile' at node 'WriteFile' of function"):
        load_model("jam_cyl")
    assert not written.exists()
    with pytest.warns(UserWarning, match="without a scan"):
        model = load_model("jam_cyl", trust=True, strategy=None)
    assert model.manifest.version == 8
