"""Between a Keras model and the files of a release.

A release holds a SavedModel (serves without any Python of ours) and, where there are weights,
`model.weights.h5` beside `config.json` (rebuild, fine-tune, change the dtype).
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from zoo.card import Card
from zoo.errors import ReleaseError
from zoo.store import rebuild as safe

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


def module_of(card: Card) -> ModuleType:
    """The Python module that stands beside a card; never taken from a downloaded file."""
    return importlib.import_module(card.module)


def rebuild(card: Card, folder: Path | None = None, dtype: str = "float32", **config: Any) -> Any:
    """The Keras model of a card, with the weights of a release folder if one is given.

    Raises
    ------
    ReleaseError
        If the weights are truncated or belong to another architecture, or if configuration or
        weights are more than plain words and numbers.
    """
    if folder is not None and (folder / CONFIG).is_file():
        config = safe.read_config(folder / CONFIG, module_of(card).build)
    model = module_of(card).build(dtype=dtype, **config)
    if folder is not None and model.weights:
        try:
            safe.check_weights(folder / WEIGHTS)
            model.load_weights(folder / WEIGHTS)
        except (OSError, ValueError) as error:
            raise ReleaseError(f"{folder / WEIGHTS} cannot be read: {error}") from error
    return model


def classical(card: Card, config: dict[str, Any]) -> dict[str, Any]:
    """What a classical model can be asked, as functions of keyword arrays.

    Its `build(**config)` returns an object with `predict(columns)` and, where it has a posterior,
    `sample(columns)` and `log_prob(columns)`; what distinguishes these inputs from the card's are
    the arrays `seed` (batch, 2) and `n` (batch,), or `theta` (batch, parameters).
    """
    build = module_of(card).build
    estimator = build(**safe.check_config(config, build, "the manifest's config"))
    signatures = {"serving_default": lambda **columns: estimator.predict(columns)}
    if hasattr(estimator, "sample"):
        signatures["sample"] = lambda **columns: estimator.sample(columns)
    if hasattr(estimator, "log_prob"):
        signatures["log_prob"] = lambda **columns: estimator.log_prob(columns)
    return signatures


def functions(card: Card, model: Any) -> dict[str, tuple[Any, dict[str, Any]]]:
    """What a model can be asked: signature name -> (function of a dict, {input: TensorSpec})."""
    import tensorflow as tf

    specs = {
        tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    }
    module = module_of(card)
    extra = module.signatures(model) if hasattr(module, "signatures") else {}
    return {"serving_default": (lambda inputs: model(inputs, training=False), specs)} | extra


def concrete(function: Any, specs: dict[str, Any]) -> Any:
    """Trace a function of a dict into one of keyword tensors."""
    import tensorflow as tf

    return tf.function(lambda **inputs: function(inputs)).get_concrete_function(**specs)


def write(card: Card, model: Any, folder: Path, config: dict[str, Any]) -> None:
    """Write the SavedModel and the weights of a model into an empty folder."""
    import tensorflow as tf

    # A plain tf.Module is far smaller than Keras' own export, and deterministic.
    module = tf.Module()
    module.model_variables = [weight.value for weight in model.weights]
    signatures = {name: concrete(*entry) for name, entry in functions(card, model).items()}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    for empty in ("assets", "variables"):
        if (folder / empty).is_dir() and not any((folder / empty).iterdir()):
            (folder / empty).rmdir()
    (folder / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    if model.weights:
        model.save_weights(folder / WEIGHTS)


def load_signatures(folder: Path) -> dict[str, Any]:
    """The signatures of a release's SavedModel, as functions of keyword tensors.

    Raises
    ------
    ReleaseError
        If TensorFlow cannot read it.
    """
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ReleaseError(f"the SavedModel in {folder} cannot be read: {error}") from error
    signatures = dict(loaded.signatures)
    # The functions hold their variables weakly: the loaded object has to live as long.
    for signature in signatures.values():
        signature._zoo_owner = loaded  # noqa: SLF001
    return signatures
