"""From a recipe to a release: training, evaluation and fine-tuning of a toy network."""

import json
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from click.testing import CliRunner

from zoo import card as cards
from zoo import citation, cli, registry, splits
from zoo.errors import CardError, DataError, InputError, ReleaseError, UnknownModelError
from zoo.evaluation.evaluate import evaluate, text
from zoo.evaluation.files import from_file
from zoo.training import fitting, loop
from zoo.training.fine_tune import divide, fine_tune
from zoo.training.release import export
from zoo.training.train import train

pytestmark = [
    # TFDS reads its own metadata through what newer protobuf calls old
    pytest.mark.filterwarnings(r"ignore:label\(\) is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::zoo.errors.OutsideRangeWarning"),
]

CARD = """\
---
license: bsd-3-clause
library_name: zoo
tags: [astronomy]
zoo:
  kind: network
  summary: The period of a pendulum
  dataset: pendula/small:1.0.0
  inputs:
    length: {unit: m, shape: [], range: [0.1, 2], valid: "(0, inf)", meaning: of the string}
    gravity: {unit: m / s2, shape: [], range: [2, 15], valid: "(0, inf)", meaning: acceleration}
  outputs:
    period: {unit: s, shape: [], meaning: of small swings}
  metrics: {period: scalar_errors}
  recipe:
    config: {width: 12}
    seed: 5
    epochs: 12
    batch_size: 4
    learning_rate: 0.05
    fine_tune: {epochs: 3, learning_rate: 0.01, freeze: [hidden]}
---
# pendulum
"""


def build(dtype="float32", width=12):
    import keras

    inputs = {n: keras.Input((), dtype=dtype, name=n) for n in ("length", "gravity")}
    columns = [keras.layers.Reshape((1,), dtype=dtype, name=f"{n}_")(t) for n, t in inputs.items()]
    x = keras.layers.Concatenate(dtype=dtype, name="columns")(columns)
    x = keras.layers.Normalization(dtype=dtype, name="scale")(x)
    if width:
        x = keras.layers.Dense(width, "tanh", dtype=dtype, name="hidden")(x)
    x = keras.layers.Dense(1, dtype=dtype, name="head")(x)
    period = keras.layers.Reshape((), dtype=dtype, name="period")(x)
    return keras.Model(inputs, {"period": period}, name="pendulum")


def adapt(model, data):
    model.get_layer("scale").adapt(np.stack([data["length"], data["gravity"]], axis=1))


def lesson(model, data, validation):
    import keras

    def pairs(part):
        return {n: part[n].astype("float32") for n in ("length", "gravity")}, part["period"]

    return keras.Model(model.inputs, model.output["period"]), pairs(data), pairs(validation)


def baselines(data):
    model = build(width=0)
    adapt(model, data)
    scaled = np.stack([data["length"], data["gravity"]], 1)
    scaled = (scaled - scaled.mean(0)) / scaled.std(0)
    design = np.c_[scaled, np.ones(len(scaled))]
    best = np.linalg.lstsq(design, data["period"], rcond=None)[0]
    model.get_layer("head").set_weights([best[:2, None], best[2:]])
    return {"linear": model}


def example():
    return {"length": 1.0, "gravity": 9.81}


def pendula(seed, rows, longest=2.0):
    rng = np.random.default_rng(seed)
    length, gravity = rng.uniform(0.1, longest, rows), rng.uniform(2, 15, rows)
    return {
        "length": length,
        "gravity": gravity,
        "period": 2 * np.pi * np.sqrt(length / gravity),
        "object_id": np.array([f"{seed}-{row}" for row in range(rows)]),
    }


DATA = {"train": pendula(1, 200), "validation": pendula(2, 60), "test": pendula(3, 80)}


@pytest.fixture(scope="module", autouse=True)
def _toy(tmp_path_factory):
    """A zoo whose models are `pendulum`, its variants, and ours."""
    root = tmp_path_factory.mktemp("zoo")
    (root / "toys").mkdir()
    path = root / "toys" / "pendulum.md"
    path.write_text(CARD)
    module = types.ModuleType("zoo.models.toys.pendulum")
    for function in (build, adapt, lesson, baselines, example):
        setattr(module, function.__name__, function)
    known = registry.all_cards() | {"pendulum": cards.read_card(path)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)
        patch.setattr(registry, "all_cards", lambda: known)
        patch.setattr(splits, "split", _split)
        patch.setattr(splits, "features", lambda _: list(DATA["train"]))
        yield


def _split(dataset, name):
    assert dataset == "pendula/small:1.0.0"
    return DATA[name]


@pytest.fixture
def card():
    return registry.find_card("pendulum")[0]


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return train("pendulum", tmp_path_factory.mktemp("releases"))


def changed(monkeypatch, card, **changes):
    """The toy with other facts on its card."""
    known = registry.all_cards() | {"pendulum": replace(card, **changes)}
    monkeypatch.setattr(registry, "all_cards", lambda: known)
    return known["pendulum"]


def learned(card, folder=None, **changes):
    settings = loop.recipe(card, **changes)
    return loop.train(card, DATA["train"], DATA["validation"], settings, folder=folder)


def validation_loss(model):
    x = {n: DATA["validation"][n].astype("float32") for n in ("length", "gravity")}
    return float(np.mean((np.asarray(model(x)["period"]) - DATA["validation"]["period"]) ** 2))


# --- the loop


def test_it_learns_and_keeps_the_best_epoch(card, tmp_path, monkeypatch):
    losses = []
    keep = fitting.Best.keep

    def spy(self, student, epoch, loss):
        losses.append(loss)
        keep(self, student, epoch, loss)

    monkeypatch.setattr(fitting.Best, "keep", spy)
    trained = learned(card, tmp_path, learning_rate=0.1)
    facts = trained.facts
    assert len(losses) == facts["epochs"] == 12
    assert facts["examples"] == 200
    assert facts["best_epoch"] == 1 + int(np.argmin(losses))
    assert facts["validation_loss"] == min(losses)
    assert validation_loss(trained.model) == pytest.approx(min(losses), rel=1e-4)
    assert min(losses) < 0.1 * np.var(DATA["validation"]["period"])
    assert facts["wall_s"] > 0
    assert list((tmp_path / "logs").rglob("events.out.tfevents.*"))


def test_seeds_reproduce(card):
    one, same, other = (
        validation_loss(learned(card, epochs=3, seed=seed).model) for seed in (1, 1, 2)
    )
    assert one == pytest.approx(same, rel=1e-5)
    assert other != pytest.approx(one, rel=1e-3)


def test_a_killed_run_continues(card, tmp_path, monkeypatch):
    settings = {"epochs": 14}
    through = learned(card, tmp_path / "through", **settings)
    keep = fitting.Best.keep

    def killed(self, student, epoch, loss):
        if epoch == 6:
            raise KeyboardInterrupt
        keep(self, student, epoch, loss)

    with monkeypatch.context() as patch:
        patch.setattr(fitting.Best, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            learned(card, tmp_path / "killed", **settings)
    counted = tmp_path / "killed" / fitting.CHECKPOINTS / "spent.json"
    before = json.loads(counted.read_text())
    counted.write_text(json.dumps(before | {"wall_s": before["wall_s"] + 1000}))
    epochs = []

    def spy(self, student, epoch, loss):
        epochs.append(epoch)
        keep(self, student, epoch, loss)

    with monkeypatch.context() as patch:
        patch.setattr(fitting.Best, "keep", spy)
        again = learned(card, tmp_path / "killed", **settings)
    assert epochs == list(range(6, 14))
    assert again.facts["cpu_s"] > before["cpu_s"] > 0
    assert again.facts["wall_s"] > before["wall_s"] + 1000
    assert through.facts["wall_s"] < 1000
    errors = [np.sqrt(trained.facts["validation_loss"]) for trained in (through, again)]
    assert errors[0] == pytest.approx(errors[1], abs=1e-3)


def test_the_best_epoch_outlives_a_kill(tmp_path):
    class Student:
        def save_weights(self, path):
            path.write_text("weights")

    fitting.Best(tmp_path).keep(Student(), 3, 0.5)
    again = fitting.Best(tmp_path)
    assert (again.epoch, again.loss) == (4, 0.5)
    again.weights.unlink()
    again.keep(Student(), 5, 0.6)
    again.keep(Student(), 6, float("nan"))
    assert not again.weights.exists()


def test_divergence_is_one_clear_error(card, monkeypatch):
    monkeypatch.setitem(DATA["validation"], "period", np.full(60, np.nan))
    with pytest.raises(DataError, match="training diverged: the loss on the validation split"):
        learned(card, epochs=1)


def test_recipe(card):
    assert loop.recipe(card, seed=9) | {"fine_tune": {}} == {
        "config": {"width": 12},
        "seed": 9,
        "epochs": 12,
        "batch_size": 4,
        "learning_rate": 0.05,
        "fine_tune": {},
    }
    with pytest.raises(CardError, match="pendulum: recipe has no epoch; it knows config, seed"):
        loop.recipe(card, epoch=1)
    for wrong in ({"optimizer": "sgd"}, {"fine_tune": {"optimizer": "sgd"}}):
        with pytest.raises(CardError, match="recipe has no optimizer"):
            loop.recipe(replace(card, recipe=card.recipe | wrong))


def test_freezing_holds_for_fine_tuning_only(card):
    start = build()
    before = [np.asarray(w) for w in start.get_layer("hidden").weights]
    settings = loop.recipe(card, epochs=2)
    tuned = loop.train(card, DATA["train"], DATA["validation"], settings, start=start).model
    for old, new in zip(before, tuned.get_layer("hidden").weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))
    scratch = learned(card, epochs=2).model
    assert scratch.get_layer("hidden").trainable
    wrong = settings | {"fine_tune": {"freeze": ["hiden"]}}
    with pytest.raises(CardError, match=r"freeze names no layer of the model: \['hiden'\]"):
        loop.train(card, DATA["train"], DATA["validation"], wrong, start=start)


# --- train: a release with its table


def test_release(release):
    manifest = registry.read_manifest(release)
    assert release.name == "1"
    assert sorted(path.name for path in release.parent.iterdir()) == ["1"]
    assert manifest.dataset == "pendula/small:1.0.0"
    assert manifest.seed == 5
    assert manifest.config == {"width": 12}
    assert {"examples", "epochs", "validation_loss", "wall_s", "cpu_s"} <= set(manifest.training)
    assert set(manifest.metrics) == {"pendulum", "linear"}
    ours, linear = manifest.metrics["pendulum"], manifest.metrics["linear"]
    assert set(ours) == {"rmse", "bias", "scatter", "half_width_68"}
    assert ours["rmse"] < 0.5 * linear["rmse"]
    residual = DATA["test"]["period"] - np.mean(DATA["test"]["period"])
    assert linear["rmse"] < np.sqrt(np.mean(residual**2))
    assert evaluate(release) == manifest.metrics


def test_nothing_is_left_if_evaluation_fails(card, tmp_path, monkeypatch):
    changed(monkeypatch, card, metrics={"period": "hit_rate"})
    with pytest.raises(CardError, match="no metric 'hit_rate', allowed: map_errors, scalar_errors"):
        train("pendulum", tmp_path, epochs=1)
    assert list((tmp_path / "pendulum").iterdir()) == []
    changed(monkeypatch, card, metrics={})
    with pytest.raises(CardError, match=r"the card names no `zoo.metrics`"):
        train("pendulum", tmp_path, epochs=1)
    assert list((tmp_path / "pendulum").iterdir()) == []


def test_where_a_run_keeps_its_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    train("pendulum", tmp_path, epochs=1)
    train("pendulum", tmp_path, epochs=1, limit=40)
    runs = list((tmp_path / "home" / "training" / "pendulum").iterdir())
    assert len(runs) == 2  # another limit is another run
    assert [path.name for run in runs for path in run.iterdir()] == ["logs", "logs"]
    second = registry.read_manifest(tmp_path / "pendulum" / "2")
    assert second.training["examples"] == 40


def test_a_limit_beyond_the_split(tmp_path):
    with pytest.raises(InputError, match="limit is 201, allowed: up to 200"):
        train("pendulum", tmp_path, limit=201)
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_a_dataset(tmp_path):
    with pytest.raises(DataError, match="jam_cyl is not made from a dataset"):
        train("jam_cyl", tmp_path)
    with pytest.raises(DataError, match="jam_cyl is not made from a dataset"):
        evaluate("jam_cyl")


def test_export_of_a_network_without_release(tmp_path):
    with pytest.raises(ReleaseError, match="no release to export; train it: zoo train pendulum"):
        export("pendulum", tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- evaluate: anyone's data, anyone's predictions


def written(tmp_path, columns, name="data.ecsv"):
    units = {"length": u.m, "gravity": u.m / u.s**2, "period": u.s}
    table = QTable({n: v * units[n] if n in units else v for n, v in columns.items()})
    table.write(tmp_path / name, overwrite=True)
    return tmp_path / name


def test_evaluate_on_a_file(release, tmp_path):
    path = written(tmp_path, DATA["test"])
    on_split = registry.read_manifest(release).metrics
    assert evaluate(release, data=path)["linear"] == pytest.approx(on_split["linear"], rel=1e-5)
    table = QTable.read(path)
    table["length"] = table["length"].to(u.km)
    table["period"] = table["period"].to(u.ms)
    table.write(path, overwrite=True)
    (row,) = evaluate(release, data=path, baselines=False).values()
    assert row == pytest.approx(on_split["pendulum"], rel=1e-4, abs=1e-7)


def test_someone_elses_predictions(release, tmp_path):
    truth = DATA["test"]
    off = {"period": truth["period"] + 0.25, "object_id": truth["object_id"]}
    table = evaluate(release, predictions=written(tmp_path, off, "theirs.ecsv"))
    assert list(table) == ["pendulum", "theirs.ecsv", "linear"]
    assert table["theirs.ecsv"]["bias"] == pytest.approx(0.25)
    assert table["theirs.ecsv"]["scatter"] == pytest.approx(0, abs=1e-12)
    scaled = QTable({"period": (truth["period"] + 0.25) * 1e3 * u.ms})
    scaled.write(tmp_path / "ms.ecsv")
    again = evaluate(release, predictions=tmp_path / "ms.ecsv", baselines=False)
    assert again["ms.ecsv"]["bias"] == pytest.approx(0.25)
    for wrong, message in (
        ({"period": truth["period"][:-1]}, "period has 79 rows, the split has 80"),
        ({"perriod": truth["period"]}, "lacks period"),
        (off | {"object_id": truth["object_id"][::-1]}, "object_id is not that of the split"),
        (off | {"period": np.where(truth["length"] > 1, np.nan, 1.0)}, "period cannot be judged"),
    ):
        path = written(tmp_path, wrong, "wrong.ecsv")
        with pytest.raises(DataError, match=message):
            evaluate(release, predictions=path)
    np.savez(tmp_path / "one.npz", period=1.0)
    with pytest.raises(DataError, match="period has 0 rows, the split has 80"):
        evaluate(release, predictions=tmp_path / "one.npz")


def test_text():
    shown = text({"ours": {"rmse": 0.012345, "bias": 1.0}, "a longer label": {"rmse": 5.0}})
    assert shown.splitlines() == [
        "            ours  a longer label",
        "rmse      0.0123               5",
        "bias           1             nan",
    ]


def wrong_files():
    rows = pendula(9, 30)
    yield {n: v for n, v in rows.items() if n != "gravity"}, DataError, r"lacks gravity \[m / s2\]"
    yield {n: v for n, v in rows.items() if n != "period"}, DataError, "no true period to judge"
    yield rows | {"lenght": rows["length"]}, DataError, "column 'lenght'. Did you mean 'length'"
    yield {n: v[:0] for n, v in rows.items()}, DataError, "same number of rows, above 0"
    yield rows | {"length": -rows["length"]}, InputError, r"length = -.*allowed: \(0, inf\)"


@pytest.mark.parametrize(("columns", "kind", "message"), list(wrong_files()))
def test_wrong_files(release, tmp_path, columns, kind, message):
    path = written(tmp_path, columns)
    with pytest.raises(kind, match=message):
        evaluate(release, data=path)
    with pytest.raises(kind, match=message):
        fine_tune(release, path, tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_wrong_units_and_masks(card, tmp_path):
    path = written(tmp_path, DATA["test"])
    table = QTable.read(path)
    table["length"] = table["length"].value * u.kg
    table.write(path, overwrite=True)
    with pytest.raises(InputError, match=r"data.ecsv: length is in kg, not m$"):
        from_file(card, path)
    np.savez(tmp_path / "a.npz", **{**DATA["test"], "period": DATA["test"]["period"][:7]})
    with pytest.raises(DataError, match="'period': 7"):
        from_file(card, tmp_path / "a.npz")
    with pytest.raises(InputError, match="is not a file"):
        from_file(card, tmp_path / "none.ecsv")
    path.write_text(path.read_text()[:300])
    with pytest.raises(InputError, match=r"cannot be read as .ecsv"):
        from_file(card, path)


# --- fine-tuning


def test_fine_tuning(release, tmp_path):
    path = written(tmp_path, pendula(10, 200, longest=4.0))
    folder, table = fine_tune(release, path, tmp_path / "new", epochs=8)
    assert list(table) == [
        "before, new data",
        "before, original test split",
        "after, new data",
        "after, original test split",
    ]
    manifest = registry.read_manifest(folder)
    assert manifest.metrics == table
    assert manifest.training["started_from"] == "pendulum version 1"
    assert manifest.training["new_examples"] == 160
    assert manifest.training["examples"] == 360
    assert manifest.training["epochs"] == 8  # asked for, over the card's 3
    assert table["after, new data"]["rmse"] < 0.7 * table["before, new data"]["rmse"]
    original = registry.read_manifest(release).metrics["pendulum"]
    assert table["before, original test split"] == pytest.approx(original)
    alone, table = fine_tune(release, path, tmp_path / "new", rehearse=False)
    assert alone.name == "2"
    facts = registry.read_manifest(alone).training
    assert (facts["examples"], facts["epochs"]) == (160, 3)


def test_training_that_needs_more_than_the_file_has(release, tmp_path, monkeypatch):
    path = written(tmp_path, pendula(10, 50))
    module = sys.modules["zoo.models.toys.pendulum"]
    monkeypatch.setattr(module, "adapt", lambda _, data: data["amplitude"])
    with pytest.raises(DataError, match=r"data.ecsv lacks amplitude, which the training reads"):
        fine_tune(release, path, tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("kind", [str, bytes, int])
def test_rows_of_one_object_stay_together(kind):
    objects = np.repeat(np.arange(100), 3)
    ids = objects if kind is int else objects.astype("S" if kind is bytes else "U")
    parts = divide({"object_id": ids, "row": np.arange(300), "object": objects})
    sets = [set(parts[split]["object"]) for split in ("train", "validation", "test")]
    assert [len(s) for s in sets] == [80, 10, 10]
    assert len(set.union(*sets)) == 100
    assert sorted(np.concatenate([p["row"] for p in parts.values()])) == list(range(300))
    again = divide({"object_id": ids, "row": np.arange(300)})
    np.testing.assert_array_equal(again["test"]["row"], parts["test"]["row"])


def test_given_splits():
    names = np.array(["train"] * 3 + ["validation", "test", "calibration"])
    parts = divide({"x": np.arange(6), "split": names.astype("S")})
    assert {split: part["x"].tolist() for split, part in parts.items()} == {
        "train": [0, 1, 2],
        "validation": [3],
        "test": [4],
    }
    for columns, message in (
        ({"split": np.array(["train", "test"] * 3)}, "every split needs rows: .*'validation': 0"),
        ({"split": np.array(["learn", *names[1:]])}, "split = 'learn', allowed: train, "),
        (
            {"split": names, "object_id": np.array(list("aabbcd"))},
            "object_id = 'b' is in train and",
        ),
        ({"object_id": np.zeros(6)}, "every split needs rows: .* of 6"),
    ):
        with pytest.raises(DataError, match=message):
            divide({"x": np.arange(6)} | columns)


# --- citations


def test_cite():
    text = citation.bibtex("jam_cyl", "jam_cyl_emulator")
    assert text.count("@article{cappellari2008jam,") == 1
    assert "simon" in text.lower()  # of the dataset
    assert text.rstrip().endswith("}")
    assert text.count("{") == text.count("}")
    assert "@software{zoo," in text
    with pytest.raises(UnknownModelError, match="Did you mean 'jam_cyl'"):
        citation.bibtex("jam_cil")


# --- the command line


def run(*arguments, code=0):
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output if code else result.stdout


def test_commands(tmp_path):
    folder = run("train", "pendulum", "--into", tmp_path, "--epochs", 3, "--seed", 8).strip()
    assert folder == str(tmp_path / "pendulum" / "1")
    assert registry.read_manifest(tmp_path / "pendulum" / "1").seed == 8
    table = json.loads(run("evaluate", folder, "--json"))
    assert set(table) == {"pendulum", "linear"}
    path = written(tmp_path, pendula(10, 60))
    shown = run("evaluate", folder, "--data", path, "--no-baselines")
    assert shown.splitlines()[0].split() == ["pendulum"]
    assert "Like the training set? p = " in shown
    tuned = run("fine-tune", folder, "--data", path, "--into", tmp_path, "--epochs", 1)
    assert "before, new data" in tuned
    assert tuned.rstrip().endswith(str(tmp_path / "pendulum" / "2"))
    assert "@software{zoo," in run("cite", "jam_cyl")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "pendulun"], "Did you mean 'pendulum'?"),
        (["train", "jam_cyl"], "jam_cyl is not made from a dataset"),
        (["train", "pendulum", "--limit", 1000], "limit is 1000, allowed: up to 200"),
        (["evaluate", "pendulum"], "pendulum has not got a released version; versions here: none"),
        (["evaluate", "FOLDER", "--data", "none.fits"], "none.fits is not a file"),
        (["evaluate", "FOLDER", "--predictions", "x.ecsv"], "lacks period"),
        (["fine-tune", "FOLDER", "--data", "none.fits"], "none.fits is not a file"),
        (["fine-tune", "FOLDER", "--data", "x.ecsv"], "x.ecsv lacks gravity"),
        (["export", "pendulum", "--into", "."], "train it: zoo train pendulum"),
        (["cite", "nothing"], "There is no model 'nothing'"),
    ],
)
def test_errors_are_one_line(release, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    QTable({"length": np.ones(3) * u.m}).write("x.ecsv")
    given = (release if argument == "FOLDER" else argument for argument in arguments)
    output = run(*given, code=1).strip()
    assert output.startswith("Error: ")
    assert message in output
    assert "\n" not in output
    assert [path.name for path in tmp_path.iterdir()] == ["x.ecsv"]


@pytest.mark.parametrize(
    "arguments",
    [["train"], ["train", "pendulum", "--epochs", "0"], ["fine-tune", "pendulum"], ["cite"],
     ["evaluate", "pendulum", "--version", "one"]],
)  # fmt: skip
def test_wrong_usage_exits_with_2(arguments):
    assert run(*arguments, code=2).startswith("Usage: ")
