"""A release over shards with Apache Beam: the same answers, resumed, and bad shards named."""

import json

import numpy as np
import pytest
from astropy.table import QTable
from click.testing import CliRunner

from zoo import registry
from zoo.cli import main
from zoo.errors import InputError
from zoo.inference import shards
from zoo.model import load_model
from zoo.saving import module_of

NAME = "jam_sph_emulator"


@pytest.fixture
def collection(tmp_path):
    """Three shards of unlike length, one of them ECSV."""
    example = module_of(registry.find_card(NAME)[0]).example()
    numbers = {n: v for n, v in example.items() if np.ndim(v) == 0}
    rng = np.random.default_rng(0)
    folder = tmp_path / "in"
    folder.mkdir()
    given = {}
    for name, count in (("a.npz", 3), ("b.npz", 2), ("c.ecsv", 1)):
        given[name] = {n: v * rng.uniform(0.99, 1, count) for n, v in numbers.items()}
        if name.endswith("npz"):
            np.savez(folder / name, **given[name])
        else:
            QTable(given[name]).write(folder / name)
    return folder, given


def test_shards(collection, tmp_path):
    folder, _ = collection
    (folder / "notes.txt").write_text("no shard")
    (folder / "redrock-1.fits").write_text("beside a coadd")
    assert [path.name for path in shards.find(folder)] == ["a.npz", "b.npz", "c.ecsv"]
    assert shards.find(folder / "a.npz") == [folder / "a.npz"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no shards"):
        shards.find(tmp_path / "empty")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        shards.find(tmp_path / "absent")


def test_folder_for_answers(tmp_path):
    """One release a folder; no folder of something else."""
    from zoo.inference import bulk

    bulk._claim(tmp_path / "new", "m", 1)
    bulk._claim(tmp_path / "new", "m", 1)
    with pytest.raises(InputError, match=r"holds answers of .*'version': 1.*, not of .*2"):
        bulk._claim(tmp_path / "new", "m", 2)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="holds other files"):
        bulk._claim(tmp_path, "m", 1)


def test_beam(collection, tmp_path):
    """DirectRunner gives what `predict` gives; a second run does what is left and nothing else."""
    folder, given = collection
    out = tmp_path / "out"
    (folder / "d.npz").write_text("damaged")
    call = ["predict", NAME, str(folder), "--runner", "DirectRunner", "-o", str(out)]
    first = CliRunner().invoke(main, call)
    assert first.exit_code == 1
    assert "3 shards, 0 skipped, 1 failed; 6 objects in" in first.stdout
    assert "d.npz cannot be read" in (out / "d.npz.error").read_text()
    model = load_model(NAME, strategy=None)
    for name, columns in given.items():
        table = QTable.read(out / f"{name}.fits")
        assert len(table) == len(columns["ml"])
        expected = model.predict(columns)
        for key, values in expected.items():
            np.testing.assert_allclose(table[key].value, values, rtol=1e-5)
    facts = json.loads((out / "zoo.json").read_text())
    assert facts == {"model": NAME, "version": model.manifest.version}
    before = (out / "a.npz.fits").stat().st_mtime_ns
    (out / "b.npz.fits").unlink()
    np.savez(folder / "d.npz", **given["a.npz"])
    second = CliRunner().invoke(main, call)
    assert second.exit_code == 0, second.output
    assert "2 shards, 2 skipped, 0 failed; 5 objects in" in second.stdout
    assert (out / "b.npz.fits").is_file()
    assert not (out / "d.npz.error").exists()
    assert (out / "a.npz.fits").stat().st_mtime_ns == before


def test_the_command_needs_a_folder(collection):
    folder, _ = collection
    done = CliRunner().invoke(main, ["predict", NAME, str(folder), "--runner", "DirectRunner"])
    assert done.exit_code == 1
    assert "--runner needs -o, a folder for the answers" in done.output
