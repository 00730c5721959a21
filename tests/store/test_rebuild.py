"""Configurations that name code, and HDF5 files that are more than arrays, do not reach Keras."""

import json
import shutil

import h5py
import numpy as np
import pytest

from zoo import registry, saving
from zoo.errors import ReleaseError
from zoo.store import rebuild


def build(dtype="float32", units=8, activation="silu", sizes=(3, 3), extra=None):
    """Stand in for a model module's function."""
    return dtype, units, activation, sizes, extra


def anything(**config):
    return config


@pytest.fixture
def config(tmp_path):
    def write(content):
        path = tmp_path / "config.json"
        text = content if isinstance(content, (str, bytes)) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return rebuild.read_config(path, build)

    return write


@pytest.mark.parametrize(
    "good",
    [{}, {"units": 64, "activation": "gelu", "sizes": [64, 64]},
     {"units": 0.5, "extra": {"a": [1, None, True, {"b": "c d"}]}, "activation": "leaky_relu"}],
)  # fmt: skip
def test_plain_words_and_numbers(good, config):
    assert config(good) == good


LAMBDA = {"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None]}}
TFSM = {"class_name": "TFSMLayer", "config": {"filepath": "/tmp/evil"}}
MODULE = {"module": "os", "class_name": "system", "config": "id", "registered_name": "system"}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"activation": LAMBDA}, "activation has a key 'class_name': a configuration names"),
        ({"extra": [TFSM]}, "extra has a key 'class_name'"),
        ({"extra": {"deep": {"deeper": MODULE}}}, "extra.deep.deeper has a key 'module'"),
        ({"extra": {"registered_name": "x"}}, "has a key 'registered_name'"),
        ({"activation": "lambda"}, "activation is 'lambda', allowed: plain words"),
        ({"activation": "os.system('id')"}, "allowed: plain words and numbers"),
        ({"activation": "/etc/passwd"}, "allowed: plain words"),
        ({"activation": "../x"}, "allowed: plain words"),
        ({"activation": "https:"}, "allowed: plain words"),
        ({"activation": "a\n"}, "allowed: plain words"),
        ({"activation": "x" * 129}, "allowed: plain words"),
        ({"activation": "ｌambda"}, "allowed: plain words"),
        ({"units": 10**9}, "units is 1000000000, allowed: up to 1000000"),
        ({"units": -(10**9)}, "allowed: up to"),
        ({"sizes": [1, 10**7]}, "sizes is 10000000, allowed"),
        ({"dtype": "float64"}, "'dtype' is no argument of the model, allowed: units, activation"),
        ({"function": "x"}, "'function' is no argument of the model"),
        ({"extra": [[[[[[[[1]]]]]]]]}, "extra is nested too deeply"),
        ([], "is a list, not a mapping"),
        ("null", "is a NoneType, not a mapping"),
        ('{"units": NaN}', "NaN is not JSON"),
        ('{"units": Infinity}', "Infinity is not JSON"),
        ('{"units": 1e999}', "units is inf, allowed: up to"),
        ('{"units": 1, "units": 2}', "a key stands twice"),
        ("[" * 100_000, "is truncated or damaged"),
        ('{"units": 1' + "0" * 5000 + "}", "is truncated or damaged"),
        (b"\x80\x04\x95", "is truncated or damaged"),
        ("", "is truncated or damaged"),
        (" " * (2**24 + 1), "bytes, allowed: 16777216"),
    ],
)  # fmt: skip
def test_configurations_that_are_more(bad, message, config):
    with pytest.raises(ReleaseError, match=message) as error:
        config(bad)
    assert "config.json" in str(error.value)


def test_a_build_that_takes_anything():
    assert rebuild.check_config({"a": 1}, anything, "x") == {"a": 1}
    with pytest.raises(ReleaseError, match="names no code"):
        rebuild.check_config({"a": MODULE}, anything, "x")
    with pytest.raises(ReleaseError, match="'dtype' is no argument"):
        rebuild.check_config({"dtype": "float16"}, anything, "x")


# --- HDF5


@pytest.fixture
def weights(tmp_path):
    """A good file of weights, open for a change, then checked."""

    def check(change=lambda _: None):
        path = tmp_path / "model.weights.h5"
        with h5py.File(path, "w") as file:
            file["layers/dense/vars/0"] = np.zeros((3, 4), np.float32)
            file["layers/dense/vars"].attrs["name"] = "dense"
            change(file)
        rebuild.check_weights(path)

    return check


def test_plain_arrays(weights):
    weights()


def soft_link(file):
    file["layers/x"] = h5py.SoftLink("/layers/dense")


def external_link(file):
    file["layers/x"] = h5py.ExternalLink("/etc/hostname", "/")


def external_storage(file):
    file.create_dataset("x", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("x", layout)


def shape_bomb(file):
    """Chunked and never written: nothing on disk, a terabyte in memory."""
    file.create_dataset("x", (2**20, 2**18), "f4", chunks=(64, 64))


def decompression_bomb(file):
    file.create_dataset("x", data=np.zeros(10**6, np.float32), compression="gzip")


def many_small(file):
    for index in range(40):
        file.create_dataset(f"x{index}", (2**9,), "f4", chunks=(2**9,))


def text(file):
    file["x"] = "words"


def references(file):
    file.create_dataset("x", data=np.array([file["layers"].ref], h5py.ref_dtype))


def compound(file):
    file["x"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def named_type(file):
    file["x"] = np.dtype("f4")


def loop(file):
    file["layers/dense/again"] = file["layers"]


HDF5 = {
    soft_link: "/layers/x is a SoftLink, not in this file",
    external_link: "/layers/x is a ExternalLink, not in this file",
    external_storage: "/x lies in another file",
    virtual: "/x lies in another file",
    shape_bomb: "/x declares more than the file holds",
    decompression_bomb: "/x is compressed, which weights of the zoo never are",
    many_small: "declares more than the file holds",
    text: "/x is of type object, not numbers",
    references: "/x is of type object, not numbers",
    compound: "not numbers",
    named_type: "/x is neither a group nor an array",
    loop: "is a group that stands twice",
}


@pytest.mark.parametrize("change", HDF5, ids=lambda change: change.__name__)
def test_files_that_are_more(change, weights):
    with pytest.raises(ReleaseError, match=HDF5[change]) as error:
        weights(change)
    assert "model.weights.h5" in str(error.value)


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_files_that_are_none(content, tmp_path):
    path = tmp_path / "model.weights.h5"
    path.write_bytes(content)
    with pytest.raises(ReleaseError, match="cannot be read"):
        rebuild.check_weights(path)


# --- where it matters

NETWORKS = [
    name for name in registry.list_models()
    if registry.versions(name) and registry.find_card(name)[0].kind == "network"
]  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_no_shipped_model_is_refused(name):
    release = registry.find_release(name)
    card, _ = registry.find_card(name)
    rebuild.check_weights(release.path / saving.WEIGHTS)
    path = release.path / saving.CONFIG
    assert rebuild.read_config(path, saving.module_of(card).build) == json.loads(path.read_text())


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", json.dumps({"degree": LAMBDA}).encode(), "names no code"),
        ("model.weights.h5", b"garbage", "cannot be read"),
    ],
)
def test_rebuild_refuses(file, content, message, tmp_path):
    release = registry.find_release("jam_cyl_emulator")
    card, _ = registry.find_card("jam_cyl_emulator")
    shutil.copytree(release.path, tmp_path / "copy")
    (tmp_path / "copy" / file).write_bytes(content)
    with pytest.raises(ReleaseError, match=message):
        saving.rebuild(card, tmp_path / "copy")


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.pkl", "saved_model.pb"])
def test_single_files_are_no_releases(name, tmp_path):
    """There is no way to hand `.keras`, HDF5 or a pickle to `load_model`."""
    from zoo.errors import UnknownModelError
    from zoo.model import load_model

    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(UnknownModelError, match="or the path of a release folder"):
        load_model(tmp_path / name)
