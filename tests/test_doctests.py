"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def with_examples():
    """Names of our modules that hold an example."""
    for folder, package in {"zoo": "zoo", "datasets": "zoo_datasets"}.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "\n    >>> " in path.read_text():
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                yield ".".join((package, *parts)).removesuffix(".__init__")


@pytest.mark.parametrize("name", list(with_examples()))
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert result.attempted > 0
    assert result.failed == 0
