"""Templates behind `zoo new`: a model or a dataset that runs before it is filled with physics."""

from __future__ import annotations

import re
from pathlib import Path

from zoo.errors import InputError

CARD = """\
---
license: bsd-3-clause
library_name: zoo
tags: [astronomy]
zoo:
  kind: exact  # with weights: network, and then also dataset, metrics and recipe
  summary: One line for `zoo list`
  inputs:
    x: {{unit: "", shape: [], range: [0, 1], meaning: what goes in}}
  outputs:
    y: {{unit: "", shape: [], range: [0, 1], meaning: what comes out}}
---
# {name}

What it is for, how it was trained, what it was compared with, its limits, and whether its training
data are a mock. Then how to cite it.
"""

MODULE = '''\
"""One line: what this model predicts from what."""

from __future__ import annotations

import keras


def build(dtype="float32"):
    """Build the Keras model: inputs and outputs of the card, in physical units."""
    x = keras.Input((), dtype=dtype, name="x")
    y = keras.layers.Rescaling(0.5, dtype=dtype, name="y")(x)
    return keras.Model({{"x": x}}, {{"y": y}}, name="{name}")


def example():
    """One object, for the golden output of every release."""
    return {{"x": 0.5}}
'''

BUILDER = '''\
"""One line: what the dataset `{name}` holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets.features import quantity, text

SIZES = {{"train": 8, "validation": 2, "test": 2}}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Split by object, never by view; every example comes from (version, split, index)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {{"1.0.0": "Initial release."}}
    BUILDER_CONFIGS: ClassVar = [
        tfds.core.BuilderConfig(name="tiny", description="A few rows for tests.")
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        features = {{
            "object_id": text("Split and number of the object"),
            "x": quantity("What it is", "km / s", allowed="0 to 1"),
        }}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {{split: self._generate_examples(split) for split in SIZES}}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for index in range(SIZES[split]):
            rng = np.random.default_rng([self.VERSION.major, list(SIZES).index(split), index])
            yield index, {{"object_id": f"{{split}}-{{index}}", "x": rng.uniform()}}
'''

SIDE_FILES = {
    "__init__.py": '"""The dataset `{name}`."""\n',
    "README.md": (
        "# {name}\n\nWhat it holds and how it is made.\n\nConfigs: `tiny`, a few rows for tests.\n"
    ),
    "CITATIONS.bib": (
        "@misc{{{name},\n  title = {{{{{name}}}}},\n  author = {{the zoo developers}},\n"
        "  year = {{2026}}\n}}\n"
    ),
    "TAGS.txt": "content.data-type.tabular\n",
    "checksums.tsv": "",
}


def model(name: str, family: str, root: Path) -> list[Path]:
    """Write `<name>.py` and `<name>.md` into a family's folder of a checkout.

    Raises
    ------
    InputError
        If `root` is no checkout, the name is no Python name, or the files exist.
    """
    folder = root / "zoo" / "models" / family
    files = {folder / f"{name}.py": MODULE, folder / f"{name}.md": CARD}
    if not (folder / "__init__.py").exists():
        files[folder / "__init__.py"] = f'"""Models of the family {family}."""\n'
    return _write(name, root, files)


def dataset(name: str, root: Path) -> list[Path]:
    """Write the folder of a TFDS dataset into a checkout; errors as for `model`."""
    folder = root / "datasets" / name
    files = {folder / file: text for file, text in SIDE_FILES.items()}
    return _write(name, root, files | {folder / f"{name}_dataset_builder.py": BUILDER})


def _write(name: str, root: Path, files: dict[Path, str]) -> list[Path]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(f"the name is {name!r}, allowed: lower-case letters, digits and _")
    if not (root / "zoo" / "models").is_dir():
        raise InputError(f"{root} is no checkout of the zoo; run this in its root")
    if taken := [path for path in files if path.exists()]:
        raise InputError(f"{taken[0]} exists already")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(name=name), encoding="utf-8")
    return list(files)
