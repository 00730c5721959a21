"""Import rules: what is light stays light, and the layers keep their order."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"tensorflow", "keras", "tf_keras", "tensorflow_probability"}

# From the bottom to the top; a module imports from its own layer and from those below.
# `zoo/__init__.py` is the lazy public API: it names every layer and nobody imports from it.
LAYERS = [
    {"version", "errors", "quiet"},
    {
        "card",
        "conventions",
        "draws",
        "examples",
        "manifest",
        "nn",
        "numeric",
        "packing",
        "plots",
        "prediction",
        "quantities",
        "ranges",
        "splits",
        "store",
        "strategy",
    },
    {"chunking", "models", "prepared_data", "readers", "registry", "releases", "saving"},
    {"posterior"},
    {"citation", "describe", "model"},
    {"evaluation"},
    {"demo", "inference", "scaffold", "training"},
    {"cli", "cli_data", "cli_galaxy", "cli_store", "cli_work"},
]
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}


def python(code, cwd, **env):
    """Run code in a fresh interpreter outside the repository and return what it prints."""
    environment = {**os.environ, **env}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded(code, cwd, roots=HEAVY, **env):
    """Which of the packages `roots` are loaded after the code has run."""
    show = "import sys as _s; print('\\nLOADED', *sorted({m.split('.')[0] for m in _s.modules}))"
    last = python(f"{code}\n{show}", cwd, **env).splitlines()[-1]
    return roots & set(last.split()[1:])


def imports(path, package):
    """Every absolute module name that a file imports, anywhere in it, and its line.

    ``from a import b`` gives ``a.b``: whether `b` is a module or a name in one, `a.b` starts with
    the module that is meant.
    """
    for node in ast.walk(ast.parse(path.read_text(), path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(parents if node.level else []), *([node.module or ""])]).strip(".")
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def sources(folder, package):
    """Python files of an installed folder with the dotted name of the package they are in."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        inner = path.relative_to(ROOT / folder).parent.parts
        yield path, ".".join((package, *inner))


def offences(folder, package, forbidden):
    """Imports in a folder for which forbidden(name) is true, as 'file:line imports name'."""
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path, inside in sources(folder, package)
        for name, line in imports(path, inside)
        if forbidden(name)
    ]


def root_in(*roots):
    return lambda name: name.split(".")[0] in roots


def upwards(path, name):
    """Whether a file of zoo that imports `name` reaches above its own layer."""
    below = path.relative_to(ROOT / "zoo").parts[0].removesuffix(".py")
    parts = name.split(".")
    if below == "__init__" or parts[0] != "zoo":
        return False
    top = len(LAYERS)  # of modules without a layer, for which there is a test of its own
    return len(parts) == 1 or LEVEL.get(parts[1], top) > LEVEL.get(below, top)


# --- what the rules' own checker sees


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import a.b, c", {"a.b", "c"}),
        ("from a import b as d", {"a.b"}),
        ("from . import b", {"zoo.nn.b"}),
        ("from ..card import read", {"zoo.card.read"}),
        ("def f():\n    if True:\n        import a", {"a"}),
        ("x = 'import a'", set()),
    ],
)
def test_reading_imports(code, names, tmp_path):
    (tmp_path / "m.py").write_text(code)
    assert {name for name, _ in imports(tmp_path / "m.py", "zoo.nn")} == names


@pytest.mark.parametrize(
    ("module", "name", "answer"),
    [
        ("card.py", "zoo.model.Model", True),
        ("card.py", "zoo.load_model", True),
        ("card.py", "zoo", True),
        ("store/fetch.py", "zoo.registry", True),
        ("model.py", "zoo.card", False),
        ("saving.py", "zoo.registry.find", False),
        ("card.py", "numpy", False),
        ("cli.py", "zoo.training.loop", False),
    ],
)
def test_reading_layers(module, name, answer):
    assert upwards(ROOT / "zoo" / module, name) is answer


# --- the rules


@pytest.mark.parametrize(
    "code",
    [
        "import zoo",
        "import zoo; zoo.list_models()",
        "import zoo; dir(zoo)",
        "import zoo.cli",
    ],
)
def test_listing_imports_no_tensorflow(code, tmp_path):
    assert loaded(code, tmp_path, HEAVY | {"tensorflow_datasets", "zoo_datasets"}) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"]])
def test_command_line_imports_no_tensorflow(arguments, tmp_path):
    code = (
        "import sys\nfrom zoo.cli import main\n"
        f"sys.argv = ['zoo', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code"
    )
    assert loaded(code, tmp_path) == set()


def test_every_module_of_zoo_has_a_layer():
    tops = {path.name.removesuffix(".py") for path in (ROOT / "zoo").glob("[!_]*.py")}
    tops |= {path.parent.name for path in (ROOT / "zoo").glob("*/*.py")}
    assert tops - set(LEVEL) == set(), "give them a place in LAYERS and in docs/architecture.md"


def test_zoo_imports_nothing_upwards():
    assert [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path, inside in sources("zoo", "zoo")
        for name, line in imports(path, inside)
        if upwards(path, name)
    ] == []


def test_zoo_names_datasets_only_by_string():
    assert offences("zoo", "zoo", root_in("zoo_datasets", "datasets")) == []


@pytest.mark.parametrize(
    ("folder", "package"),
    [("zoo", "zoo"), ("datasets", "zoo_datasets"), ("benchmarks", ""), ("docs", "")],
)
def test_nobody_imports_a_top_level_datasets(folder, package):
    assert offences(folder, package, root_in("datasets")) == []


def test_datasets_do_not_import_zoo():
    assert offences("datasets", "zoo_datasets", root_in("zoo")) == []


def test_simulators_import_physics_only():
    def forbidden(name):
        parts = name.split(".")
        beside = parts[0] == "zoo_datasets" and parts[1:2] != ["simulators"]
        return beside or root_in(*HEAVY, "tensorflow_datasets", "zoo", "jax", "torch")(name)

    assert offences("datasets/simulators", "zoo_datasets.simulators", forbidden) == []


def test_simulators_load_no_tensorflow(tmp_path):
    modules = [
        f"{package}.{path.stem}"
        for path, package in sources("datasets/simulators", "zoo_datasets.simulators")
        if path.stem not in ("__init__", "compiled")  # the latter needs numba, an extra
    ]
    code = f"import importlib\nfor m in {modules!r}: importlib.import_module(m)"
    assert loaded(code, tmp_path, HEAVY | {"zoo"}) == set()


def test_importing_the_datasets_loads_no_tensorflow(tmp_path):
    assert loaded("import zoo_datasets", tmp_path, HEAVY | {"zoo"}) == set()


def test_the_folder_refuses_the_name_datasets():
    code = (
        "try:\n    import datasets\nexcept ImportError as error:\n    print(error)\n"
        "import sys; assert 'tensorflow_datasets' not in sys.modules"
    )
    message = python(code, ROOT, PYTHONPATH="")
    assert "zoo_datasets" in message
    assert "Hugging Face" in message


def test_hugging_face_datasets_lives_beside_us(tmp_path):
    code = (
        "import zoo, zoo_datasets, datasets\n"
        "print(datasets.Dataset.from_dict({'x': [1, 2]}).num_rows, datasets.__file__)"
    )
    rows, path = python(code, tmp_path, PYTHONPATH="", HF_HOME=str(tmp_path)).split()
    assert rows == "2"
    assert ROOT / "datasets" not in Path(path).parents


BUILDER = """
import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import simulators


class Builder(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        feature = tfds.features.Tensor(shape=(2,), dtype=np.float32)
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict({"x": feature}))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        yield 0, {"x": np.ones(2, np.float32)}
"""


def test_a_dataset_is_one_folder(tmp_path):
    """A builder in a new folder is found with no other edit, and needs no TensorFlow to be."""
    package = tmp_path / "zoo_datasets"
    for name in ("__init__.py", "simulators/__init__.py"):
        (package / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "datasets" / name, package / name)
    folder = package / "line_of_sight"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "line_of_sight_dataset_builder.py").write_text(BUILDER)
    (folder / "README.md").write_text("A toy.\n")
    (folder / "CITATIONS.bib").write_text("")
    (folder / "TAGS.txt").write_text("")
    code = (
        "import zoo_datasets, tensorflow_datasets as tfds\n"
        "assert 'line_of_sight' in tfds.list_builders(with_community_datasets=False)"
    )
    assert loaded(code, tmp_path, PYTHONPATH=str(tmp_path)) == set()
    build = (
        "import zoo_datasets, tensorflow_datasets as tfds\n"
        "data = tfds.load('line_of_sight', data_dir='data', split='train', try_gcs=False)\n"
        "print([e['x'].tolist() for e in tfds.as_numpy(data)])"
    )
    assert python(build, tmp_path, PYTHONPATH=str(tmp_path)).endswith("[[1.0, 1.0]]")
