"""A model zoo and dataset library for galaxy dynamics, clusters, large-scale structure and spectra.

The public names are loaded when they are first used, so that `import zoo` costs nothing and
listing the models imports no TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.citation import bibtex as cite
    from zoo.describe import model as info
    from zoo.evaluation.evaluate import evaluate
    from zoo.evaluation.golden import check as verify
    from zoo.model import load_model
    from zoo.registry import list_models
    from zoo.releases import fetch
    from zoo.training.fine_tune import fine_tune
    from zoo.training.release import export
    from zoo.training.train import train

_PUBLIC = {  # name here -> module, name there
    "cite": ("zoo.citation", "bibtex"),
    "evaluate": ("zoo.evaluation.evaluate", "evaluate"),
    "export": ("zoo.training.release", "export"),
    "fetch": ("zoo.releases", "fetch"),
    "fine_tune": ("zoo.training.fine_tune", "fine_tune"),
    "info": ("zoo.describe", "model"),
    "list_models": ("zoo.registry", "list_models"),
    "load_model": ("zoo.model", "load_model"),
    "train": ("zoo.training.train", "train"),
    "verify": ("zoo.evaluation.golden", "check"),
}

__all__ = [
    "__version__",
    "cite",
    "evaluate",
    "export",
    "fetch",
    "fine_tune",
    "info",
    "list_models",
    "load_model",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    module, there = _PUBLIC[name]
    return getattr(import_module(module), there)


def __dir__() -> list[str]:
    return sorted(__all__)
