"""One contract for every dataset: its files, documentation, splits, and what a build gives."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import units as cosmology_units

from zoo_datasets import listing

pytestmark = pytest.mark.filterwarnings(
    # TFDS reads its own metadata through what newer protobuf calls old
    r"ignore:label\(\) is deprecated:DeprecationWarning",
)

NAMES = listing.names()
FILES = {"README.md", "CITATIONS.bib", "TAGS.txt", "checksums.tsv", "__init__.py"}
SPLITS = {"train", "validation", "test", "calibration"}


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def folder(name, repository):
    return repository / "datasets" / name


@pytest.fixture(scope="module")
def configs(name):
    import tensorflow_datasets as tfds

    return tfds.builder_cls(name).BUILDER_CONFIGS


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def tiny(name, data_dir):
    """The tiny config, built from nothing."""
    from zoo_datasets import building

    building.build(f"{name}/tiny", data_dir, workers_=1)
    return building.builder(f"{name}/tiny", data_dir)


@pytest.fixture(scope="module")
def records(tiny):
    """Every record of every split, decoded."""
    import tensorflow_datasets as tfds

    return {split: list(tfds.as_numpy(tiny.as_dataset(split=split))) for split in tiny.info.splits}


def flat(example, prefix=""):
    for key, value in example.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def test_there_are_datasets():
    assert "jam_mocks" in NAMES


# --- the folder


def test_files(folder):
    assert {path.name for path in folder.iterdir()} >= FILES


def test_citations(folder):
    text = (folder / "CITATIONS.bib").read_text()
    entries = re.findall(r"^@(\w+)\{([^,\s]+),", text, re.MULTILINE)
    assert entries
    assert len({key for _, key in entries}) == len(entries)
    assert text.count("{") == text.count("}")
    for entry in re.split(r"^@", text, flags=re.MULTILINE)[1:]:
        fields = set(re.findall(r"^\s*(\w+)\s*=", entry, re.MULTILINE))
        assert {"title", "author", "year"} <= fields
        assert fields & {"doi", "eprint", "url", "journal"}


def test_tags(folder):
    import tensorflow_datasets as tfds

    known = Path(tfds.__file__).parent / "core" / "valid_tags.txt"
    valid = {line.split("#")[0].strip() for line in known.read_text().splitlines()}
    tags = {line.split("#")[0].strip() for line in (folder / "TAGS.txt").read_text().splitlines()}
    assert tags - {""}
    assert tags <= valid


def test_readme_tells_every_config(folder, configs):
    text = (folder / "README.md").read_text()
    assert [c.name for c in configs if f"`{c.name}`" not in text] == []
    assert "tiny" in {c.name for c in configs}
    assert all(c.description for c in configs)


# --- the documentation in the code


def test_every_feature_is_documented_with_its_unit(name):
    from zoo_datasets import building
    from zoo_datasets.features import flat as features
    from zoo_datasets.features import unit_of

    builder = building.builder(f"{name}/tiny")
    for key, feature in features(builder.info.features).items():
        assert feature.doc.desc, key
        if np.dtype(feature.np_dtype).kind in "fiub":
            with u.add_enabled_units(cosmology_units):  # knows littleh
                u.Unit(unit_of(feature))
    assert builder.info.citation
    assert builder.info.description
    assert str(builder.version) in builder.RELEASE_NOTES


# --- what a build gives


def test_splits(tiny, records):
    assert {"train", "validation", "test"} <= set(records) <= SPLITS
    for split, examples in records.items():
        assert len(examples) == tiny.info.splits[split].num_examples > 0


def test_shapes_types_and_values(tiny, records):
    from zoo_datasets.features import flat as features

    for example in (example for examples in records.values() for example in examples):
        values = dict(flat(example))
        for key, feature in features(tiny.info.features).items():
            value = np.asarray(values[key])
            if value.dtype.kind in "OS":
                continue
            assert value.dtype == feature.np_dtype
            assert len(value.shape) == len(feature.shape)
            pairs = zip(value.shape, feature.shape, strict=True)
            assert all(want in {None, have} for have, want in pairs)
            if "may be NaN" not in feature.doc.desc:
                assert np.all(np.isfinite(value)), key


def test_splits_share_no_object(records):
    ids = {split: {e["object_id"] for e in examples} for split, examples in records.items()}
    assert sum(map(len, ids.values())) == len(set.union(*ids.values()))
    # nor the same object under two names
    contents = [
        b"".join(np.asarray(v).tobytes() for k, v in sorted(flat(e)) if k != "object_id")
        for examples in records.values()
        for e in examples
    ]
    assert len(set(contents)) == len(contents)


def test_simulations_do_not_depend_on_workers_or_chunks(tiny, records, tmp_path, monkeypatch):
    from zoo_datasets import chunks, workers

    if not hasattr(tiny, "tasks"):
        pytest.skip("not simulated")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    tasks = [replace(task, per_chunk=max(1, task.size // 3)) for task in tiny.tasks()]
    workers.fill(tasks, workers=2, progress=False)
    for task in tasks:
        again = [record for _, record in chunks.read(task)]
        for one, other in zip(again, records[task.split], strict=True):
            decoded = dict(flat(other))
            # galaxies of shared simulations are painted on what is simulated
            same = one.keys() & decoded.keys() if getattr(tiny, "SHARED", False) else one.keys()
            assert same
            for key, value in ((key, one[key]) for key in same):
                expected = decoded[key]
                if isinstance(expected, bytes):
                    expected = expected.decode()
                np.testing.assert_array_equal(value, expected)


def test_a_build_leaves_only_the_dataset(tiny, data_dir):
    from zoo_datasets import building, chunks

    assert list(Path(data_dir).rglob("incomplete*")) == []
    assert list(chunks.root().rglob(f"{tiny.name}/*/tiny/**/*.npz")) == []
    stamp = (Path(tiny.data_dir) / "dataset_info.json").stat().st_mtime_ns
    building.build(f"{tiny.name}/tiny", data_dir)
    assert (Path(tiny.data_dir) / "dataset_info.json").stat().st_mtime_ns == stamp


def test_tfds_load_needs_nothing_else(name, tiny, data_dir):
    import tensorflow_datasets as tfds

    data = tfds.load(f"{name}/tiny", data_dir=data_dir, split="test", try_gcs=False)
    assert len(data) == tiny.info.splits["test"].num_examples


def test_arrays(tiny, records, data_dir):
    from zoo_datasets.arrays import Uneven, arrays

    for split, examples in records.items():
        memory = arrays(f"{tiny.name}/tiny", split, data_dir)
        for key, value in flat(examples[-1]):
            column = memory[key.replace("/", ".")]
            if isinstance(column, Uneven):
                assert len(column.row_splits) == len(examples) + 1
                last = column.values[column.row_splits[-2] :]
            else:
                assert len(column) == len(examples)
                last = column[-1]
            np.testing.assert_array_equal(
                last, value.decode() if isinstance(value, bytes) else value
            )


@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlcroissant")
def test_croissant(tiny, tmp_path):
    import mlcroissant

    from zoo_datasets import croissant

    path = croissant.write(tiny, tmp_path / "croissant.json")
    issues = mlcroissant.Dataset(str(path)).metadata.issues
    assert issues.errors == set()
    assert issues.warnings == set()
    fields = json.loads(path.read_text())["recordSet"][0]["field"]
    assert {f["name"] for f in fields} == set(tiny.info.features)
