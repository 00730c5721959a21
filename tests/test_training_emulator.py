"""The whole way on a tiny dataset: build, train, evaluate, fine-tune jam_cyl_emulator."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from zoo import cli, registry, splits
from zoo.errors import DataError
from zoo.model import load_model
from zoo.models.jam import jam_cyl_emulator

pytestmark = [
    # TFDS reads its own metadata through what newer protobuf calls old
    pytest.mark.filterwarnings(r"ignore:label\(\) is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::zoo.errors.OutsideRangeWarning"),
]
CONFIG = {"degree": 1, "modes": 6, "warp": [3], "counts": [20, 9]}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """An empty folder where TFDS keeps datasets."""
    from tensorflow_datasets.core import constants

    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "DATA_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def tiny(data_dir):  # noqa: ARG001 (the dataset lies there)
    """The emulator, made small and from `jam_mocks/tiny`."""
    card = registry.find_card("jam_cyl_emulator")[0]
    recipe = card.recipe | {"config": CONFIG, "epochs": 5}
    card = replace(card, dataset="jam_mocks/tiny:1.0.0", recipe=recipe)
    known = registry.all_cards() | {card.name: card}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "all_cards", lambda: known)
        # The baseline's own 495 terms would be fitted to 12 galaxies here.
        patch.setattr(jam_cyl_emulator, "baselines", lambda _: {})
        yield card


def run(*arguments, code=0):
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout.strip()


def test_the_whole_way(tiny, data_dir, tmp_path):
    name = tiny.name
    for command in (["train", name], ["evaluate", name]):
        refused = run(*command, code=1)
        assert refused.startswith("Error: ")
        assert "jam_mocks/tiny is not built: run `zoo data build jam_mocks/tiny`" in refused
        assert refused.count("\n") == 1
    run("data", "build", "jam_mocks/tiny", "--data-dir", data_dir)
    folder = run("train", name, "--into", tmp_path)
    model = load_model(folder)
    assert model.manifest.training["examples"] == 12
    metrics = model.manifest.metrics[name]
    assert metrics["mean_abs"] < 0.1  # 12 galaxies, 6 modes
    test = splits.split("jam_mocks/tiny", "test")
    assert set(splits.features("jam_mocks/tiny:1.0.0")) == set(test)
    inputs = {n: test[n] for n in jam_cyl_emulator.SCALARS}
    error = np.abs(model.predict(inputs)["vrms"] / test["vrms"] - 1)
    assert metrics["mean_abs"] == pytest.approx(error.mean(), rel=1e-5)
    assert f"{metrics['max_worst']:.3g}" in run("evaluate", folder)

    rows = splits.rows(splits.split("jam_mocks/tiny", "train"), slice(None))
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as file:
        for feature, values in rows.items():
            file[feature] = values.astype("S") if values.dtype.kind == "U" else values
        file["inclination"].attrs["unit"] = "deg"
        file["split"] = [b"train"] * 8 + [b"validation"] * 2 + [b"test"] * 2
    shown = run("fine-tune", folder, "--data", path, "--into", tmp_path).splitlines()
    assert shown[-1] == str(tmp_path / name / "2")
    assert shown[0].split("  ")[-1] == "after, original test split"
    with h5py.File(path, "a") as file:
        del file["rho_polar"]
    refused = run("fine-tune", folder, "--data", path, "--into", tmp_path, code=1)
    assert "mine.h5 lacks rho_polar, which the training reads" in refused
    assert sorted(p.name for p in (tmp_path / name).iterdir()) == ["1", "2"]


def test_missing_datasets_and_splits(data_dir):
    with pytest.raises(DataError, match="no dataset 'jam_mockz/cyl'"):
        splits.features("jam_mockz/cyl:1.0.0")
    run("data", "build", "jam_mocks/tiny", "--data-dir", data_dir)
    with pytest.raises(DataError, match="has no split 'calibration', only "):
        splits.split("jam_mocks/tiny", "calibration")
