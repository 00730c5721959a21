"""`zoo new`: what it writes parses, passes our linter, and runs before it is filled."""

import importlib
import importlib.util
import subprocess
import sys

import pytest
from click.testing import CliRunner

from zoo import card as cards
from zoo import cli, registry, scaffold
from zoo.errors import InputError
from zoo.evaluation import golden
from zoo.model import load_model
from zoo.training.release import export

pytestmark = pytest.mark.filterwarnings(
    # TFDS reads its own metadata through what newer protobuf calls old
    r"ignore:label\(\) is deprecated:DeprecationWarning",
)


@pytest.fixture
def checkout(tmp_path):
    """The folders by which a checkout of the zoo is known."""
    (tmp_path / "zoo" / "models" / "jam").mkdir(parents=True)
    (tmp_path / "zoo" / "models" / "jam" / "__init__.py").touch()
    return tmp_path


def run(*arguments, code=0):
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == code, result.output
    return result.output


def lint(repository, paths):
    """Run the linter with the rules that our own models and datasets obey."""
    pytest.importorskip("ruff")
    python = [path for path in paths if path.suffix == ".py"]
    config = ["--config", repository / "pyproject.toml"]
    ignored = ["--ignore", "ANN,INP001"]  # per-file rules go by our own folders
    for command in (["check", *config, *ignored], ["format", "--check", *config]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", *python],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_model_runs(checkout, repository, tmp_path, monkeypatch):
    paths = scaffold.model("my_model", "jam", checkout)
    assert [path.name for path in paths] == ["my_model.py", "my_model.md"]
    lint(repository, paths)
    card = cards.read_card(paths[1])
    assert card.module == "zoo.models.jam.my_model"
    spec = importlib.util.spec_from_file_location(card.module, paths[0])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, card.module, module)
    monkeypatch.setattr(registry, "all_cards", lambda: {"my_model": card})
    folder = export("my_model", tmp_path / "releases")
    model = load_model(folder)
    assert model.predict({"x": 0.5})["y"] == 0.25
    assert golden.compare(model) == 0


def test_a_new_dataset_builds(checkout, repository, tmp_path, monkeypatch):
    paths = scaffold.dataset("my_mocks", checkout)
    names = {path.name for path in paths}
    assert names == {path.name for path in (repository / "datasets" / "jam_mocks").iterdir()} - {
        "__pycache__", "jam_mocks_dataset_builder.py"
    } | {"my_mocks_dataset_builder.py"}  # fmt: skip
    lint(repository, paths)
    from zoo_datasets import building

    monkeypatch.syspath_prepend(checkout / "datasets")
    module = importlib.import_module("my_mocks.my_mocks_dataset_builder")
    builder = module.Builder(config="tiny", data_dir=tmp_path / "data")
    building.prepare(builder)
    sizes = {name: split.num_examples for name, split in builder.info.splits.items()}
    assert sizes == {"train": 8, "validation": 2, "test": 2}
    assert "my_mocks" in builder.info.citation


def test_commands(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    shown = run("new", "model", "spectrum_net", "--family", "spectra").split()
    assert [path.rpartition("/")[2] for path in shown] == [
        "spectrum_net.py", "spectrum_net.md", "__init__.py"
    ]  # fmt: skip
    assert cards.read_card(checkout / "zoo/models/spectra/spectrum_net.md").family == "spectra"
    assert len(run("new", "dataset", "sky").split()) == 6
    assert "--family is missing, allowed: jam, " in run("new", "model", "other", code=1)
    again = run("new", "model", "spectrum_net", "--family", "spectra", code=1)
    assert again.startswith("Error: ")
    assert "spectrum_net.py exists already" in again


def test_wrong_names_and_places(checkout, tmp_path):
    for name in ("My", "my-model", "1st", "", "a.b", "../a"):
        with pytest.raises(InputError, match="allowed: lower-case letters, digits and _"):
            scaffold.dataset(name, checkout)
    with pytest.raises(InputError, match="is no checkout of the zoo"):
        scaffold.model("fine", "jam", tmp_path / "zoo")
    assert not (checkout / "datasets").exists()
