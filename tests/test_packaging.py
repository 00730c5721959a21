"""The wheel carries what the source tree has, no more and no less, and predicts the same."""

import configparser
import json
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"zoo": "zoo", "datasets": "zoo_datasets", "saved_models": "zoo_saved_models"}
BESIDE = ["setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"]
CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache", ".DS_Store"}


def shipped():
    """Paths inside the wheel, and the files of the source tree that belong there."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *FOLDERS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    paths = (
        [ROOT / name for name in names.stdout.split("\0") if name]
        if names.returncode == 0
        else [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    )
    for path in paths:
        inner = path.relative_to(ROOT)
        if path.is_file() and not CACHES & set(inner.parts):
            yield str(Path(FOLDERS[inner.parts[0]], *inner.parts[1:])), path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the tree, where no old `build/` can bring files back."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for _, path in shipped():
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for name in BESIDE:
        shutil.copy(ROOT / name, source / name)
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--wheel-dir", out, source],
        cwd=out,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


def test_wheel_holds_exactly_the_sources(wheel):
    expected = {name for name, _ in shipped()}
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert expected - found == set(), "missing from the wheel (folder without __init__.py?)"
    assert found - expected == set(), "in the wheel, but not in the source tree"


def test_wheel_holds_the_same_bytes(wheel):
    with zipfile.ZipFile(wheel) as archive:
        assert [n for n, path in shipped() if archive.read(n) != path.read_bytes()] == []


def test_every_kind_of_file_travels(wheel):
    """The comparison above cannot pass on an empty list."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "zoo/__init__.py" in names
    assert "zoo/py.typed" in names
    assert "zoo_datasets/simulators/__init__.py" in names
    cards = list((ROOT / "zoo" / "models").glob("*/*.md"))
    assert cards
    assert {f"zoo/{card.relative_to(ROOT / 'zoo')}" for card in cards} <= set(names)


def test_wheel_metadata(wheel):
    scope = {}
    exec((ROOT / "zoo" / "version.py").read_text(), scope)  # noqa: S102 (our own one-liner)
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        scripts = configparser.ConfigParser()
        scripts.read_string(archive.read(f"{info}/entry_points.txt").decode())
        licences = [n for n in archive.namelist() if n.startswith(info) and n.endswith("LICENSE")]
    assert metadata["Version"] == scope["__version__"]
    assert set(metadata["Requires-Python"].split(",")) == {">=3.11", "<3.14"}
    assert scripts["console_scripts"]["zoo"] == "zoo.cli:main"
    assert len(licences) == 1


def test_citation_and_changelog_name_this_version():
    scope = {}
    exec((ROOT / "zoo" / "version.py").read_text(), scope)  # noqa: S102 (our own one-liner)
    version = scope["__version__"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_sizes_stay_small(wheel):
    releases = sum(p.stat().st_size for n, p in shipped() if n.startswith("zoo_saved_models/"))
    assert releases < 150e6
    assert wheel.stat().st_size < 100e6


PREDICT = """
import json, sys
from importlib.resources import files
import numpy as np
import zoo, zoo_saved_models

for package in (zoo, zoo_saved_models):
    assert package.__file__.startswith(sys.argv[1]), package.__file__
release = sorted(files("zoo_saved_models").joinpath("jam_cyl").glob("*/release.json"))[-1]
golden = json.loads(release.read_text())["golden"]
prediction = zoo.load_model("jam_cyl").predict(golden["inputs"])
assert golden["outputs"]
for name, value in golden["outputs"].items():
    np.testing.assert_allclose(np.asarray(prediction[name]), value, rtol=1e-4)
print(json.dumps(sorted(golden["outputs"])))
"""


@pytest.mark.stress
def test_installed_wheel_predicts_the_same(wheel, tmp_path):
    """Installed elsewhere, without the source tree, the wheel reproduces its golden output."""
    target, cwd = tmp_path / "installed", tmp_path / "elsewhere"
    cwd.mkdir()
    install = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel]
    subprocess.run([sys.executable, "-m", *install], check=True, cwd=cwd)
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, target],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["surface_brightness", "vrms"]
