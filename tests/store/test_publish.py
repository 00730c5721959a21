"""Mirrors laid out by `zoo publish`, the commands around them, and the way to a fresh machine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from zoo import prepared_data, registry, releases
from zoo.cli import main
from zoo.errors import DataError, ReleaseError
from zoo.manifest import DATASET_FILE, FILE_NAME, read_dataset
from zoo.store import mirrors, prepared, publish, signing, verify

BUNDLED = Path(registry._bundled())


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    assert "Traceback" not in result.output
    return result.output if code == 0 else result.stderr


def real(folder, name="jam_cyl"):
    """A copy of the newest release of the package."""
    newest = max((BUNDLED / name).iterdir(), key=lambda path: int(path.name))
    return Path(shutil.copytree(newest, folder / name / newest.name))


# --- layout


def test_a_mirror_is_plain_files(tmp_path):
    release = real(tmp_path / "releases")
    to = tmp_path / "mirror"
    (path,) = publish.publish(release, to)
    assert path == f"jam_cyl/{release.name}"
    files = {p.relative_to(to).as_posix() for p in to.rglob("*") if p.is_file()}
    manifest = registry.read_manifest(release)
    assert files == {mirrors.INDEX, f"{path}/{FILE_NAME}", *(f"{path}/{n}" for n in manifest.files)}
    index = json.loads((to / mirrors.INDEX).read_text())
    size = (release / FILE_NAME).stat().st_size
    assert index["releases"][path] == {"sha256": verify.digest(release / FILE_NAME), "size": size}
    before = (to / mirrors.INDEX).read_bytes()
    assert publish.publish(tmp_path / "releases", to) == [path]  # again, and as a store
    assert (to / mirrors.INDEX).read_bytes() == before


@pytest.mark.parametrize("flat", [False, True])
def test_what_is_published_is_fetched(flat, tmp_path, fresh, serve, monkeypatch):
    real(tmp_path / "releases")
    publish.publish(tmp_path / "releases", tmp_path / "mirror", flat)
    if flat:
        assert all(path.is_file() for path in (tmp_path / "mirror").iterdir())
    server = serve(tmp_path / "mirror")
    monkeypatch.setenv("ZOO_MIRROR", server.url + ("/{flat}?download=1" if flat else ""))
    (folder,) = releases.fetch("jam_cyl")
    assert folder.is_relative_to(fresh)
    assert verify.pin(folder) == verify.pin(tmp_path / "releases" / "jam_cyl" / folder.name)


def test_a_release_never_changes(tmp_path):
    release = real(tmp_path / "releases")
    publish.publish(release, tmp_path / "mirror")
    manifest = json.loads((release / FILE_NAME).read_text()) | {"seed": 99}
    (release / FILE_NAME).write_text(json.dumps(manifest))
    with pytest.raises(ReleaseError, match=r"has another jam_cyl/\d+ already; a release never"):
        publish.publish(release, tmp_path / "mirror")


def test_what_is_not_whole_or_not_harmless_is_not_published(tmp_path, toy):
    damaged = real(tmp_path / "damaged")
    (damaged / "config.json").write_text("{} ")
    with pytest.raises(ReleaseError, match=r"config.json has sha256 .*: it was altered"):
        publish.publish(damaged, tmp_path / "mirror")
    with pytest.raises(ReleaseError, match="the SavedModel cannot be read"):
        publish.publish(toy(tmp_path / "toys"), tmp_path / "mirror")
    with pytest.raises(ReleaseError, match=r"holds no release.json, no releases and no prepared"):
        publish.publish(tmp_path / "nothing", tmp_path / "mirror")
    assert not (tmp_path / "mirror").exists()


# --- a fresh machine

FRESH = """
import sys
from pathlib import Path
from zoo import registry
registry._bundled = lambda: Path("/nonexistent")
import zoo
model = zoo.load_model("jam_cyl")
golden = model.manifest.golden
print(model.path)
print(model.predict(golden["inputs"])["vrms"][0], golden["outputs"]["vrms"][0])
"""


def test_a_mirror_feeds_a_fresh_machine(tmp_path, fresh):
    """`zoo publish`, `python -m http.server`, and `load_model` with nothing bundled predicts."""
    assert "jam_cyl/" in run("publish", real(tmp_path / "releases"), "--to", tmp_path / "mirror")
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(command, cwd=tmp_path / "mirror", stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as server:  # fmt: skip
        try:
            port = server.stdout.readline().partition(" port ")[2].split()[0]
            environment = os.environ | {"ZOO_MIRROR": f"http://127.0.0.1:{port}"}
            done = subprocess.run([sys.executable, "-c", FRESH], env=environment, text=True,
                                  capture_output=True, check=False)  # fmt: skip
        finally:
            server.terminate()
    assert done.returncode == 0, done.stderr
    path, numbers = done.stdout.splitlines()[-2:]
    assert Path(path).is_relative_to(fresh / "releases")
    ours, golden = map(float, numbers.split())
    assert ours == pytest.approx(golden, rel=2e-5)


# --- commands


def test_fetch_verify_path_and_prune(tmp_path, mirror, fresh, toy, indexed, monkeypatch):
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)
    folder = fresh / "releases" / "jam_cyl" / "7"
    assert run("fetch", "jam_cyl").strip() == str(folder)
    assert run("path", "jam_cyl").strip() == str(folder)
    assert run("path").splitlines()[0] == str(fresh / "releases")
    assert run("path").splitlines()[-1] == mirror.url
    problem = run("verify", "jam_cyl", "--no-golden", code=1)
    assert "the SavedModel cannot be read" in problem
    assert problem.endswith("Error: 1 of 1 did not pass\n")
    toy(mirror.folder, version=8)
    indexed(mirror.folder)
    assert run("fetch", "jam_cyl", "--version", 8).strip() == str(folder.with_name("8"))
    assert "1 removed, 0.0 MB" in run("prune")
    assert not folder.exists()
    into = tmp_path / "carried"
    assert str(into) in run("fetch", "jam_*", "--into", into)


def test_verify_lists_everything(tmp_path):
    folder = real(tmp_path)
    assert "files as in the manifest, graph scanned" in run("verify", folder, "--no-golden")
    (folder / "config.json").write_text("[]\n")
    (folder / "variables" / "variables.index").unlink()
    (folder / "extra.txt").write_text("x")
    (folder / "variables" / "link").symlink_to("/etc")
    text = run("verify", folder, "--no-golden", code=1)
    for part in ("config.json has sha256", "variables.index is missing",
                 "extra.txt is not in the manifest", "link is a symbolic link"):  # fmt: skip
        assert part in text
    (report,) = json.loads(
        CliRunner().invoke(main, ["verify", str(tmp_path), "--no-golden", "--json"]).stdout
    )
    assert len(report["problems"]) == 4
    assert report["passed"] == ["graph scanned"]
    (folder / FILE_NAME).write_text("{")
    assert "is truncated or damaged" in run("verify", folder, "--no-golden", code=1)


def test_verify_recomputes_the_golden_output(tmp_path):
    folder = real(tmp_path)
    assert "golden output within" in run("verify", folder)
    content = json.loads((folder / FILE_NAME).read_text())
    content["golden"]["outputs"]["vrms"][0] *= 1.01
    (folder / FILE_NAME).write_text(json.dumps(content))
    assert "the golden output differs by" in run("verify", folder, code=1)
    content["golden"]["outputs"] = {"nonsense": [1.0]}
    (folder / FILE_NAME).write_text(json.dumps(content))
    assert "the golden pair does not fit the model" in run("verify", folder, code=1)


def test_verify_without_a_name_takes_all(fresh, toy, tmp_path):
    toy(fresh / "releases")
    toy(tmp_path / "store", name="jam_cyl_emulator", version=2)
    assert "1 of 1 did not pass" in run("verify", "--no-golden", code=1)
    assert "jam_cyl_emulator 2: " in run("verify", tmp_path / "store", "--no-golden", code=1)


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fetch", "nothing"], "There is no model 'nothing'"),
        (["fetch", "jam_cyl"], "set ZOO_MIRROR to its URL"),
        (["path", "jam_cyl"], "not got a released version"),
        (["verify", "nothing"], "There is no model 'nothing'"),
        (["verify", "."], "is no release: it holds no release.json"),
        (["publish", ".", "--to", "x"], "holds no release.json, no releases"),
        (["sign", ".", "--key", "x"], "is no release"),
        (["data", "fetch", "jam_mocks/cyl"], "no mirror is known: set ZOO_MIRROR"),
    ],
)
def test_errors_are_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in run(*arguments, code=1)


# --- signatures


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A pair of elliptic keys, and a foreign public one."""
    folder = tmp_path_factory.mktemp("keys")
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make keys with")
    for name in ("own", "foreign"):
        make = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]
        subprocess.run([*make, folder / name], check=True)
        subprocess.run(["openssl", "ec", "-in", folder / name, "-pubout", "-out",
                        folder / f"{name}.pub"], check=True, capture_output=True)  # fmt: skip
    return folder


def test_signatures(keys, tmp_path, fresh, serve, monkeypatch):
    pytest.importorskip("model_signing", reason="the extra `sign` is not installed")
    folder = real(tmp_path / "releases")
    assert run("sign", folder, "--key", keys / "own").strip() == str(folder / "model.sig")
    public = ["--no-golden", "--signature", keys / "own.pub"]
    assert "signed by own.pub" in run("verify", folder, *public)
    foreign = run("verify", folder, "--no-golden", "--signature", keys / "foreign.pub", code=1)
    assert "the signature does not fit" in foreign
    publish.publish(folder, tmp_path / "mirror")
    monkeypatch.setenv("ZOO_MIRROR", serve(tmp_path / "mirror").url)
    (fetched,) = releases.fetch("jam_cyl")
    assert fetched.is_relative_to(fresh)
    assert "signed by own.pub" in run("verify", "jam_cyl", *public)
    content = json.loads((fetched / FILE_NAME).read_text()) | {"seed": 5}
    (fetched / FILE_NAME).write_text(json.dumps(content))
    with pytest.raises(ReleaseError, match="the signature does not fit"):
        signing.check(fetched, keys / "own.pub")


def test_unsigned_releases_and_a_missing_package(keys, tmp_path, monkeypatch):
    folder = real(tmp_path)
    text = run("verify", folder, "--no-golden", "--signature", keys / "own.pub", code=1)
    assert "is not signed: it holds no model.sig" in text
    loaded = [name for name in sys.modules if name.startswith("model_signing.")]
    for name in ("model_signing", *loaded):
        monkeypatch.setitem(sys.modules, name, None)
    text = run("sign", folder, "--key", keys / "own", code=1)
    assert "pip install 'zoo-astro[sign]'" in text


# --- prepared datasets


def dataset(folder, feature="tensorflow_datasets.core.features.scalar.Scalar"):
    """The files of a prepared dataset as far as fetching looks at them."""
    folder = folder / "toys" / "tiny" / "1.0.0"
    (folder / "arrays" / "train").mkdir(parents=True)
    (folder / "arrays" / "train" / "x.npy").write_bytes(b"made when used")
    info = {"name": "toys", "configName": "tiny", "version": "1.0.0", "moduleName": "x.y"}
    (folder / prepared.INFO).write_text(json.dumps(info))
    features = {"featuresDict": {"features": {"x": {"pythonClassName": feature}}}}
    (folder / prepared.FEATURES).write_text(json.dumps(features))
    (folder / "toys-train.tfrecord-00000-of-00001").write_bytes(b"records" * 100)
    return folder


@pytest.fixture
def data_mirror(tmp_path, serve, monkeypatch):
    assert publish.publish(dataset(tmp_path / "built"), tmp_path / "mirror") == [
        "datasets/toys/tiny/1.0.0"
    ]
    server = serve(tmp_path / "mirror")
    monkeypatch.setenv("ZOO_MIRROR", server.url)
    return server


@pytest.mark.usefixtures("fast")
def test_a_prepared_dataset(data_mirror, tmp_path):
    data = tmp_path / "tfds"
    folder = run("data", "fetch", "toys/tiny", "--data-dir", data).strip()
    assert folder == str(data / "toys" / "tiny" / "1.0.0")
    assert set(read_dataset(Path(folder)).files) == {
        "dataset_info.json", "features.json", "toys-train.tfrecord-00000-of-00001"
    }  # fmt: skip
    assert "toys/tiny 1.0.0: files as in the manifest, features scanned" in run("verify", folder)
    (Path(folder) / "arrays").mkdir()
    (Path(folder) / "arrays" / "x.npy").write_bytes(b"made when used")
    count = len(data_mirror.hits("00001"))
    run("data", "fetch", "toys/tiny", "--version", "1.0.0", "--data-dir", data)
    assert len(data_mirror.hits("00001")) == count
    (Path(folder) / "features.json").write_text("{}")
    assert "features.json has 2 bytes" in run("verify", folder, code=1)
    run("data", "fetch", "toys/tiny", "--data-dir", data)
    run("verify", folder)
    for name, version in (("toys/other", None), ("toys/tiny", "2.0.0"), ("toys", None)):
        with pytest.raises(DataError, match=rf"no mirror has {name}.*: toys/tiny/1.0.0"):
            prepared_data.fetch(name, version, data)


@pytest.mark.usefixtures("fast", "data_mirror")
def test_a_prepared_dataset_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    command = r"run `zoo data fetch toys/tiny --data-dir FOLDER`.*set TFDS_DATA_DIR=FOLDER"
    for mirror in (os.environ["ZOO_MIRROR"], ""):
        monkeypatch.setenv("ZOO_MIRROR", mirror)
        with pytest.raises(ReleaseError, match=command):
            prepared_data.fetch("toys/tiny", None, tmp_path)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("feature", ["os.path", "evil.Feature", "tensorflow_datasets.core.utils.X"])
def test_features_that_name_foreign_modules(feature, tmp_path, serve, monkeypatch):
    """TFDS would import them by name."""
    folder = dataset(tmp_path / "built", feature)
    with pytest.raises(ReleaseError, match=f"names the class '{feature}', allowed: those of TFDS"):
        publish.publish(folder, tmp_path / "mirror")
    monkeypatch.setattr(prepared, "check", lambda _: None)
    publish.publish(folder, tmp_path / "mirror")
    monkeypatch.undo()
    monkeypatch.setenv("ZOO_MIRROR", serve(tmp_path / "mirror").url)
    with pytest.raises(ReleaseError, match="names the class"):
        prepared_data.fetch("toys/tiny", None, tmp_path / "tfds")
    assert not (tmp_path / "tfds" / "toys" / "tiny" / "1.0.0").exists()


@pytest.mark.parametrize(
    "content",
    [{"type": "os.path"}, {"a": [{"b": {"python_class_name": "os.path"}}]},
     {"jsonFeature": {"json": json.dumps({"x": {"type": "os.path"}})}}],
)  # fmt: skip
def test_where_classes_are_named(content, tmp_path):
    (tmp_path / prepared.FEATURES).write_text(json.dumps(content))
    with pytest.raises(ReleaseError, match=r"names the class 'os.path'"):
        prepared.check(tmp_path)


def test_no_prepared_dataset(tmp_path):
    with pytest.raises(ReleaseError, match=r"holds no features.json"):
        prepared.check(tmp_path)
    with pytest.raises(ReleaseError, match=r"holds no dataset_info.json"):
        prepared.identity(tmp_path)
    (tmp_path / prepared.INFO).write_text("[]")
    with pytest.raises(ReleaseError, match="holds no facts of a dataset"):
        prepared.identity(tmp_path)
    (tmp_path / DATASET_FILE).write_text("{}")
    with pytest.raises(ReleaseError, match="does not have the fields of a manifest"):
        read_dataset(tmp_path)
