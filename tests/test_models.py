"""The contract of every model: what card, code, manifest, SavedModel and `predict` owe each other.

It runs over whatever cards and releases there are; a new model adds nothing here.
"""

import functools
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from zoo import quantities, registry, saving
from zoo.card import KINDS
from zoo.evaluation import golden
from zoo.manifest import FILE_NAME
from zoo.model import load_model
from zoo.store import verify

NAMES = registry.list_models()
RELEASES = [(name, version) for name in NAMES for version in registry.versions(name)]
# What only models with a graph have; a classical estimator is Python.
SERVED = [release for release in RELEASES if registry.find_card(release[0])[0].kind != "classical"]
ROWS = 5

every_card = pytest.mark.parametrize("name", NAMES)
every_release = pytest.mark.parametrize(("name", "version"), RELEASES)
every_served = pytest.mark.parametrize(("name", "version"), SERVED)


@pytest.fixture(autouse=True)
def _seeded():
    """Set no seeds: nothing here draws, and TensorFlow would forget its functions each time."""


@functools.cache
def load(name, version, dtype="float32"):
    return load_model(name, version, dtype=dtype, strategy=None)


def example(name):
    """The model's own example as (1, ...) columns."""
    card, _ = registry.find_card(name)
    return card, quantities.read(card, saving.module_of(card).example()).columns


def varied(card, columns, rows=ROWS):
    """Several objects like the example, each moved a little towards the middle of the ranges."""
    out = {}
    for name, column in columns.items():
        bounds = card.inputs[name].range
        if card.inputs[name].shape == ("N", "N", "N"):  # a periodic box, moved in space
            out[name] = np.concatenate([np.roll(column, row, 1) for row in range(rows)])
            continue
        if bounds is None:
            out[name] = np.repeat(column, rows, axis=0)
            continue
        wide = bounds[0] > 0 and bounds[1] > 100 * bounds[0]
        middle = np.sqrt(np.prod(bounds)) if wide else np.mean(bounds)
        steps = [0.002 * row for row in range(rows)]
        moved = [column * (middle / column) ** e if wide else column + e * (middle - column)
                 for e in steps]  # fmt: skip
        out[name] = np.concatenate(moved)
    return out


def uneven(card, columns):
    """The same objects, of which row i lacks the last i elements along axes of free length."""
    out = {}
    for name, column in columns.items():
        free = [isinstance(length, str) for length in card.inputs[name].shape]
        out[name] = [
            row[
                tuple(
                    slice(max(1, n - i) if f else n) for n, f in zip(row.shape, free, strict=True)
                )
            ]
            for i, row in enumerate(column)
        ]
        if not card.inputs[name].shape:
            out[name] = column
    for cube in out.keys() & {"dm_counts", "dm_map"}:  # of fewer voxels, each as large as before
        rows = zip(out["box_size"], out[cube], columns[cube], strict=True)
        out["box_size"] = np.array([b * len(few) / len(whole) for b, few, whole in rows])
    return out


def row_of(columns, row):
    return {name: column[row] for name, column in columns.items()}


def rows_of(columns, rows):
    return {name: [column[row] for row in rows] for name, column in columns.items()}


def assert_close(ours, truth, tolerance=golden.TOLERANCE):
    """Compare outputs relative to the largest value of each, as float32 sums deserve."""
    assert set(ours) == set(truth)
    for name in truth:
        a, b = np.asarray(ours[name]), np.asarray(truth[name])
        assert a.shape == b.shape, name
        assert np.all(np.isfinite(b)), name
        assert np.max(np.abs(a - b), initial=0) <= tolerance * np.max(np.abs(b), initial=0), name


# --- card and code


@every_card
def test_card(name):
    card, full_name = registry.find_card(name)
    assert full_name == name
    assert card.kind in KINDS
    assert card.inputs
    assert card.outputs
    for field in (*card.inputs.values(), *card.outputs.values()):
        u.Unit(field.unit)
        assert field.meaning, field.name
    for field in card.outputs.values():
        assert field.default is None
        assert not field.scalar
    assert {"license", "library_name", "tags"} <= set(card.metadata)
    assert card.prose.startswith(f"# {card.name}\n")
    assert "\n" not in card.summary
    assert card.recipe or card.kind != "network"
    assert not card.recipe or card.kind != "exact"
    assert registry.versions(name), "the model has no release"


@every_card
def test_module(name):
    card, _ = registry.find_card(name)
    module = saving.module_of(card)
    assert module.__doc__
    for function in ("example",) if card.kind == "classical" else ("build", "example"):
        assert getattr(module, function).__doc__, function


@every_card
def test_example_is_good_input(name):
    card, _ = registry.find_card(name)
    batch = quantities.read(card, saving.module_of(card).example())
    assert batch.single
    assert batch.violations == []


# --- manifest and files


@every_release
def test_manifest(name, version):
    card, _ = registry.find_card(name)
    release = registry.find_release(name, version)
    manifest = release.manifest
    assert (manifest.name, manifest.version) == (name, version)
    assert manifest.dataset == card.dataset
    assert re.fullmatch(r"[0-9a-f]{12}\+?", manifest.commit)
    assert {"tensorflow", "keras", "numpy", "zoo-astro"} <= set(manifest.libraries)
    assert (release.path / FILE_NAME).read_text() == manifest.dumps()
    needed = {key for key, field in card.inputs.items() if not field.optional}
    assert needed <= set(manifest.golden["inputs"]) <= set(card.inputs)
    assert set(manifest.golden["outputs"]) == set(card.outputs)
    if card.kind == "network":
        assert bool(manifest.metrics) == bool(card.metrics)
        assert manifest.seed is not None


@every_release
def test_files_are_those_of_the_manifest(name, version):
    release = registry.find_release(name, version)
    assert release.manifest.files == verify.pin(release.path)
    assert "fingerprint.pb" not in release.manifest.files
    # one published network has 2.8 million weights, twice in a release; ours are far smaller
    limit = 25e6 if name == "mtopnet" else 10e6
    assert sum(entry["size"] for entry in release.manifest.files.values()) < limit


@every_release
def test_golden_output(name, version):
    assert golden.compare(load(name, version)) <= golden.TOLERANCE


# --- SavedModel


def specs(name, version):
    """Inputs and outputs of each signature of a SavedModel, as TensorSpecs by name."""
    signatures = saving.load_signatures(registry.find_release(name, version).path)
    return {
        key: (signature.structured_input_signature[1], signature.structured_outputs)
        for key, signature in signatures.items()
    }


@every_served
def test_signature_is_the_card(name, version):
    card, _ = registry.find_card(name)
    inputs, outputs = specs(name, version)["serving_default"]
    # Another choice, such as a polar grid in place of positions, has a signature of its own.
    others = set().union(*(given for given, _ in specs(name, version).values()))
    assert set(inputs) <= set(card.inputs) <= others
    assert all(card.inputs[key].optional for key in set(card.inputs) - set(inputs))
    assert set(outputs) == set(card.outputs)
    for tensors, fields in ((inputs, card.inputs), (outputs, card.outputs)):
        for key in tensors:
            field = fields[key]
            own = [n if isinstance(n, int) else None for n in field.shape]
            assert tensors[key].shape.as_list() == [None, *own], key
            assert tensors[key].dtype.name == "float32", key


@every_served
def test_every_signature_is_plain_tensors_with_a_free_batch_axis(name, version, tf):
    for inputs, outputs in specs(name, version).values():
        for tensor in (*inputs.values(), *outputs.values()):
            assert type(tensor) is tf.TensorSpec
            assert tensor.shape.rank >= 1
            assert tensor.shape[0] is None
        assert {tensor.dtype.name for tensor in inputs.values()} <= {"float32", "int32"}


ALONE = """
import json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("zoo", "zoo_datasets", "zoo_saved_models"):
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
import numpy as np
import tensorflow as tf

worst = {}
for folder in sys.argv[1:]:
    with open(folder + "/release.json") as file:
        golden = json.load(file)["golden"]
    loaded = tf.saved_model.load(folder)
    inputs = {n: tf.constant([v], tf.float32) for n, v in golden["inputs"].items()}
    serves = [s for s in loaded.signatures.values()
              if set(s.structured_input_signature[1]) == set(inputs)]
    errors = [0.0 if serves else np.inf]
    for outputs in (signature(**inputs) for signature in serves):
        for name, value in golden["outputs"].items():
            scale = np.max(np.abs(value)) or 1.0  # a class may be number 0
            error = np.abs(outputs[name].numpy()[0] - np.array(value)) / scale
            errors.append(np.max(error))
    worst[folder] = float(np.max(errors))
assert not [name for name in sys.modules if name.split(".")[0].startswith("zoo")]
print(json.dumps(worst))
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Golden error of every SavedModel in one process that cannot import any code of ours."""
    folders = [str(registry.find_release(*release).path) for release in SERVED]
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, *folders],
        cwd=tmp_path_factory.mktemp("alone"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@every_served
def test_saved_model_needs_no_code_of_ours(name, version, alone):
    assert alone[str(registry.find_release(name, version).path)] <= golden.TOLERANCE


@every_served
def test_rebuilt_from_code_and_weights(name, version, tf):
    card, columns = example(name)
    model = load(name, version)
    tensors = {key: np.float32(column) for key, column in varied(card, columns).items()}
    tensors = {key: tf.constant(column) for key, column in tensors.items()}
    keys = [k for k, (inputs, _) in specs(name, version).items() if set(inputs) == set(tensors)]
    assert keys
    for key in keys:
        function, _ = saving.functions(card, model.keras_model)[key]
        served = saving.load_signatures(model.path)[key](**tensors)
        rebuilt = {key: np.asarray(value) for key, value in function(tensors).items()}
        assert_close(rebuilt, {key: value.numpy() for key, value in served.items()})


@every_served
def test_float64(name, version):
    _, columns = example(name)
    single, double = (load(name, version, dtype) for dtype in ("float32", "float64"))
    outputs = double.predict(row_of(columns, 0))
    assert {value.dtype.name for value in outputs.values()} == {"float64"}
    # sums over thousands of pixels, four thousand times through a sigmoid
    tolerance = 1e-3 if name == "mtopnet" else 1e-4
    assert_close(single.predict(row_of(columns, 0)), outputs, tolerance)


# --- predict


@every_release
def test_prediction_has_units_and_a_table(name, version):
    card, columns = example(name)
    model = load(name, version)
    plain = model.predict(row_of(columns, 0))
    assert list(plain) == list(card.outputs)
    assert plain.units == {key: field.unit for key, field in card.outputs.items()}
    assert plain.in_domain.shape == ()
    assert plain.in_domain
    other = {
        key: (value * u.Unit(card.inputs[key].unit)).decompose()
        for key, value in row_of(columns, 0).items()
    }
    measured = model.predict(other)
    assert_close({key: value.value for key, value in measured.items()}, plain)
    for table in (plain.to_table(), measured.to_table(), model.predict(columns).to_table()):
        assert isinstance(table, QTable)
        assert table.meta == {"model": name, "version": version}
        assert table["in_domain"].all()
        for key, field in card.outputs.items():
            assert table[key].unit == u.Unit(field.unit)
            assert np.array_equal(np.ravel(table[key].value), np.ravel(plain[key]))
    for key, field in card.outputs.items():
        assert measured[key].unit == u.Unit(field.unit)


@every_release
@pytest.mark.parametrize("shape", [varied, lambda *args: uneven(args[0], varied(*args))],
                         ids=["even", "uneven"])  # fmt: skip
def test_numbers_do_not_depend_on_the_batch(name, version, shape):
    card, columns = example(name)
    model = load(name, version)
    objects = shape(card, columns)
    alone = [model.predict(row_of(objects, row)) for row in range(ROWS)]
    assert any(not np.array_equal(alone[0][key], alone[-1][key]) for key in card.outputs)
    order = np.random.default_rng(1).permutation(ROWS)
    for rows, size in ((range(ROWS), None), (range(ROWS), 1), (range(ROWS), 2), (order, 3)):
        together = model.predict(rows_of(objects, rows), batch_size=size)
        assert together.in_domain.shape == (ROWS,)
        for place, row in enumerate(rows):
            assert_close({key: value[place] for key, value in together.items()}, alone[row])


@every_release
def test_inputs_of_one_object_are_shared_by_a_batch(name, version):
    card, columns = example(name)
    model = load(name, version)
    objects = varied(card, columns)
    truth = model.predict(row_of(columns, 0))
    for key in objects:
        if card.inputs[key].range is None:
            continue
        mixed = row_of(columns, 0) | {key: objects[key]}
        batch = model.predict(mixed)
        assert_close({k: v[0] for k, v in batch.items()}, truth)
        last = model.predict(row_of(columns, 0) | {key: objects[key][-1]})
        assert_close({k: v[-1] for k, v in batch.items()}, last)
        return


@every_release
def test_empty_batch(name, version):
    card, _ = registry.find_card(name)
    empty = load(name, version).predict({key: [] for key in card.inputs})
    assert empty.in_domain.shape == (0,)
    for key, field in card.outputs.items():
        assert len(empty[key]) == 0
        assert empty[key].ndim == 1 + len(field.shape)
    assert len(empty.to_table()) == 0


# --- devices


@pytest.fixture(scope="module")
def strategies(tf):
    return {
        "one device": tf.distribute.OneDeviceStrategy("CPU:1"),
        "mirrored": tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
    }


@every_served
@pytest.mark.parametrize("which", ["one device", "mirrored"])
def test_strategies_agree_without_retracing(name, version, which, strategies, monkeypatch):
    card, columns = example(name)
    objects = varied(card, columns)
    truth = load(name, version).predict(objects)
    strategy = strategies[which]
    traces, run = [], strategy.run
    monkeypatch.setattr(strategy, "run", lambda *a, **k: traces.append(1) or run(*a, **k))
    model = load_model(name, version, strategy=strategy)
    assert_close(model.predict(objects, batch_size=3), truth)  # 3 and 2 rows for two replicas
    assert_close(model.predict(objects, batch_size=1), truth)  # a replica without rows
    assert_close(model.predict(objects), truth)
    assert len(traces) == 1


@every_served
def test_strategy_of_the_scope_is_taken(name, version, strategies):
    _, columns = example(name)
    with strategies["mirrored"].scope():
        model = load_model(name, version)
    assert model._strategy is strategies["mirrored"]
    assert_close(model.predict(columns), load(name, version).predict(columns))


@every_served
def test_signatures_are_traced_already(name, version, tf):
    kind = tf.types.experimental.ConcreteFunction
    signatures = saving.load_signatures(load(name, version).path)
    assert signatures
    assert all(isinstance(signature, kind) for signature in signatures.values())
