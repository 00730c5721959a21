"""``zoo data``: what it prints, datasets from a user's file, and its errors."""

import errno
import json

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable
from click.testing import CliRunner

from zoo.cli import Commands
from zoo.cli_data import data

pytestmark = pytest.mark.filterwarnings(r"ignore:label\(\) is deprecated:DeprecationWarning")


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """Run `zoo ...` with an empty data directory."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    main = Commands("zoo")
    main.add_command(data)

    def run(*arguments, fails=False):
        where = ["--data-dir", str(tmp_path / "data")]
        result = CliRunner().invoke(main, [*map(str, arguments), *where])
        assert result.exit_code == (1 if fails else 0), result.output
        if fails:
            assert result.stderr.splitlines()[-1].startswith("Error: ")
            assert "Traceback" not in result.stderr
        return result.stderr if fails else result.stdout

    return run


@pytest.fixture
def table():
    return QTable(
        {
            "radius": np.arange(20.0) * u.kpc,
            "image": np.arange(120.0).reshape(20, 2, 3),
            "count": np.arange(20),
            "kind": ["spiral"] * 20,
            "object_id": np.arange(20) // 2,
        }
    )


def load(name, tmp_path, split="train"):
    import tensorflow_datasets as tfds

    return list(tfds.as_numpy(tfds.load(name, data_dir=tmp_path / "data", split=split)))


def test_list_and_info(zoo):
    rows = {row["name"]: row for row in json.loads(zoo("data", "list", "--json"))}
    assert rows["jam_mocks/tiny"]["built"] is False
    assert "jam_mocks/cyl" in zoo("data", "list")
    facts = json.loads(zoo("data", "info", "jam_mocks/cyl", "--json"))
    assert facts["features"]["vrms"] == {
        "shape": [64, 64],
        "dtype": "float32",
        "unit": "km / s",
        "range": None,
        "description": "Root of the second velocity moment on the map [km / s]",
    }
    assert facts["built"] is False
    assert "not built" in zoo("data", "info", "jam_mocks/cyl")


def test_build_then_use(zoo, tmp_path):
    folder = zoo("data", "build", "jam_mocks/tiny").strip()
    assert folder == str(tmp_path / "data" / "jam_mocks" / "tiny" / "1.0.0")
    rows = {row["name"]: row for row in json.loads(zoo("data", "list", "--json"))}
    assert rows["jam_mocks/tiny"]["built"] is True
    facts = json.loads(zoo("data", "info", "jam_mocks/tiny", "--json"))
    assert facts["splits"] == {"train": 12, "validation": 4, "test": 4}
    paths = zoo("data", "arrays", "jam_mocks/tiny", "--split", "test").split()
    vrms = np.load(f"{paths[0]}/vrms.npy", mmap_mode="r")
    assert vrms.shape == (4, 64, 64)
    examples = load("jam_mocks/tiny", tmp_path, "test")
    np.testing.assert_array_equal(vrms, [e["vrms"] for e in examples])
    assert json.loads(zoo("data", "croissant", "jam_mocks/tiny"))["name"] == "jam_mocks_tiny_1.0.0"


def test_unknown_names(zoo):
    assert "Did you mean 'jam_mocks/cyl'" in zoo("data", "build", "jam_mock/cyl", fails=True)
    assert "no dataset 'jam_mocks/nope'" in zoo("data", "info", "jam_mocks/nope", fails=True)
    assert "zoo data build jam_mocks/cyl" in zoo("data", "arrays", "jam_mocks/cyl", fails=True)
    assert "is not built" in zoo("data", "croissant", "jam_mocks/cyl", fails=True)


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".h5", ".npz"])
def test_from_file(zoo, table, tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    if suffix == ".npz":
        plain = {name: getattr(table[name], "value", table[name]) for name in table.columns}
        np.savez(path, **plain)
    elif suffix == ".h5":
        import h5py

        with h5py.File(path, "w") as file:
            for name in ("radius", "image", "count", "object_id"):
                file[name] = getattr(table[name], "value", table[name])
            file["radius"].attrs["unit"] = "kpc"
            file["kind"] = [b"spiral"] * 20
    else:
        table.write(path)
    zoo("data", "from", path, "--units", "radius=kpc" if suffix == ".npz" else "radius=Mpc")
    splits = {s: load("mine", tmp_path, s) for s in ("train", "validation", "test")}
    examples = [e for part in splits.values() for e in part]
    assert len(examples) == 20
    factor = 1 if suffix == ".npz" else 1e-3
    by_count = {int(e["count"]): e for e in examples}
    np.testing.assert_allclose([by_count[i]["radius"] for i in range(20)], factor * np.arange(20))
    np.testing.assert_array_equal(by_count[7]["image"], table["image"][7])
    assert by_count[3]["kind"] == b"spiral"
    ids = [{e["object_id"] for e in part} for part in splits.values()]
    assert sum(map(len, ids)) == 10  # both rows of an object in one split
    facts = json.loads(zoo("data", "info", "mine", "--json"))
    assert facts["features"]["radius"]["unit"] == ("kpc" if suffix == ".npz" else "Mpc")


def test_from_file_with_splits_and_chosen_columns(zoo, table, tmp_path):
    table["split"] = ["train"] * 12 + ["test"] * 8
    table.write(tmp_path / "a.ecsv")
    zoo("data", "from", tmp_path / "a.ecsv", "--name", "b", "--columns", "r=radius,n=count")
    assert [e["n"] for e in load("b", tmp_path)] == list(range(12))
    (example, *_) = load("b", tmp_path, "test")
    assert example.keys() == {"object_id", "r", "n"}
    assert "exists" in zoo("data", "from", tmp_path / "a.ecsv", "--name", "b", fails=True)


def test_wrong_files(zoo, table, tmp_path):
    path = tmp_path / "a.ecsv"
    table.write(path)

    def fails(*arguments):
        message = zoo("data", "from", path, *arguments, fails=True)
        assert not (tmp_path / "data" / "a").exists()
        return message

    assert "no column 'mass', there are: radius" in fails("--columns", "m=mass")
    assert "not convertible" in fails("--units", "radius=s")
    assert "parsecs" in fails("--units", "radius=parsecs")
    assert "'mass'" in fails("--units", "mass=kg")
    assert "FEATURE=VALUE" in fails("--units", "radius")
    assert "lower-case" in fails("--name", "My Table")
    assert "is not a file" in zoo("data", "from", tmp_path / "none.ecsv", fails=True)
    table["split"] = ["train", "test"] * 10
    table.write(path, overwrite=True)
    assert "is in train and in test" in fails()
    table["split"] = ["learn"] * 20
    table.write(path, overwrite=True)
    assert "split = 'learn', allowed: train" in fails()
    del table["split"]
    table["radius"][3] = np.nan * u.kpc
    table.write(path, overwrite=True)
    assert "radius has values that are not finite" in fails()
    table["radius"] = MaskedColumn(np.arange(20.0), mask=np.arange(20) == 2)
    table.write(path, overwrite=True)
    assert "radius has masked values" in fails()
    path.write_text("not ECSV")
    assert "cannot be read" in fails()


def test_full_disk_while_tfds_writes(zoo, tmp_path, monkeypatch):
    from tensorflow_datasets.core import writer

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer.Writer, "finalize", full)
        message = zoo("data", "build", "jam_mocks/tiny", fails=True)
    assert "is full" in message
    assert list((tmp_path / "data").rglob("*.tfrecord*")) == []
    zoo("data", "build", "jam_mocks/tiny")


def test_too_little_room_is_said_before_writing(zoo, tmp_path, monkeypatch):
    from zoo_datasets import building

    monkeypatch.setattr(building.shutil, "disk_usage", lambda _: type("U", (), {"free": 1000}))
    message = zoo("data", "build", "jam_mocks/tiny", fails=True)
    assert "0 MB free" in message
    assert not (tmp_path / "data" / "jam_mocks").exists()


def test_leftovers_of_killed_builds_go(zoo, tmp_path):
    left = tmp_path / "data" / "jam_mocks" / "tiny" / "incomplete.ABC123_1.0.0"
    left.mkdir(parents=True)
    zoo("data", "build", "jam_mocks/tiny")
    assert not left.exists()
