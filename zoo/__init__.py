"""A model zoo and dataset library for galaxy dynamics, clusters, large-scale structure and spectra.

The public names are loaded when they are first used, so that `import zoo` costs nothing and
listing the models imports no TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.model import load_model as load_model
    from zoo.registry import list_models as list_models
    from zoo.training.release import export as export

_PUBLIC = {
    "load_model": "zoo.model",
    "list_models": "zoo.registry",
    "export": "zoo.training.release",
}

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 (the keys are strings)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
