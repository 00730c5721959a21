"""What `load_model` returns: one interface for every model of the zoo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from zoo import posterior, quantities, registry, releases, saving
from zoo import strategy as strategies
from zoo.card import Card
from zoo.chunking import chunks, joined
from zoo.draws import Draws
from zoo.errors import InputError
from zoo.manifest import FILE_NAME, Manifest, read_manifest
from zoo.packing import packed
from zoo.prediction import Prediction
from zoo.quantities import Batch
from zoo.ranges import Outside, Violation, inside, refuse, warn

Signature = Callable[..., dict[str, Any]]


def load_model(
    name: str | Path,
    version: int | None = None,
    *,
    strategy: Any = "auto",
    dtype: str = "float32",
    trust: bool = False,
) -> Model:
    """Load a pretrained model, from this machine or, if it is not here, from a mirror.

    Parameters
    ----------
    name : str or Path
        `name` or `name.tag` from `zoo.list_models()`, or the path of a release folder.
    version : int, optional
        The newest one unless given.
    strategy : tf.distribute.Strategy, "auto" or None
        "auto" takes the current scope's, else Mirrored where more than one GPU is visible.
    dtype : {"float32", "float64"}
        "float64" rebuilds the model from code and weights, for work at double precision.
    trust : bool
        Load a SavedModel that did not come with the package even if it could do more than compute.

    Raises
    ------
    UnknownModelError
        If there is no such model or version; the message lists what there is.
    ReleaseError
        If files are missing, truncated or altered, cannot be fetched, or could do harm.
    """
    if dtype not in ("float32", "float64"):
        raise InputError(f"dtype is {dtype!r}, allowed: 'float32', 'float64'")
    if (folder := Path(name)).is_dir() and (folder / FILE_NAME).is_file():
        release = registry.Release(folder, read_manifest(folder))
        card, full_name = registry.find_card(release.manifest.name)
    else:
        card, full_name = registry.find_card(str(name))
        release = releases.obtain(full_name, version)
    releases.admit(release, trust)
    return Model(card, full_name, release.path, release.manifest, strategy, dtype)


class Model:
    """A pretrained model: physical units in, physical units out.

    Attributes
    ----------
    card : Card
        What people say about the model: inputs, outputs, limits.
    manifest : Manifest
        What the program recorded about this release: files, metrics, versions.
    """

    def __init__(
        self, card: Card, name: str, path: Path, manifest: Manifest, strategy: Any, dtype: str
    ) -> None:
        self.card, self.name, self.path, self.manifest = card, name, path, manifest
        self.dtype = dtype
        self._module = saving.module_of(card)
        self._strategy = strategies.resolve(strategy)
        self._signatures = self._load()

    def __repr__(self) -> str:
        return f"<zoo model {self.name} version {self.manifest.version}: {self.card.summary}>"

    @cached_property
    def keras_model(self) -> Any:
        """The Keras model rebuilt from code and weights, for gradients and fine-tuning."""
        return saving.rebuild(self.card, self.path, dtype=self.dtype)

    def like(self, keras_model: Any) -> Model:
        """The same interface around another Keras model of this architecture, e.g. a baseline.

        A classical model takes a config in its place.
        """
        if self.card.kind == "classical":
            other = copy(self)
            vars(other).update(_signatures=saving.classical(self.card, keras_model))
            return other
        entries = saving.functions(self.card, keras_model)
        signatures = {n: packed(saving.concrete(*entry)) for n, entry in entries.items()}
        other = copy(self)
        vars(other).update(keras_model=keras_model, _strategy=None, _signatures=signatures)
        return other

    def predict(
        self,
        x: Mapping[str, Any] | Table,
        batch_size: int | None = None,
        outside: Outside = "warn",
        group: str | None = None,
    ) -> Prediction:
        """Predict the outputs of the card.

        Parameters
        ----------
        x : mapping or astropy Table
            Inputs by name: numbers in the card's units, Quantities in any convertible unit, or
            lists of arrays where objects differ in length. Inputs of the card's rank describe one
            object and come back without a batch axis; one rank more is a batch; in a batch,
            inputs of the card's rank are shared by all objects.
        batch_size : int, optional
            Objects per call of the graph; it bounds the memory and changes no number.
        outside : {"warn", "raise", "nan"}
            For rows outside the card's ranges: warn once and predict, raise, or return NaN. Rows
            for which no answer exists raise unless this is "nan".
        group : str, optional
            Column of a long table of members that tells which object each belongs to.

        Raises
        ------
        InputError
            Naming the field, the value and what is allowed.
        """
        if outside not in ("raise", "warn", "nan"):
            raise InputError(f"outside is {outside!r}, allowed: 'raise', 'warn', 'nan'")
        size = self._size(batch_size)
        batch = self._read(x, group, size, outside)
        dtype = np.dtype(self.dtype)
        answers = (
            (index, self._run({n: v.astype(dtype, copy=False) for n, v in columns.items()}))
            for index, columns in chunks(batch, size)
        )
        outputs = joined(self.card, batch, answers, self.dtype)
        in_domain = inside(batch.violations, batch.size)
        if batch.violations and outside == "warn":
            warn(self.name, in_domain, batch.violations)
        return self._prediction(outputs, in_domain, batch, outside)

    def sample(
        self,
        x: Mapping[str, Any] | Table,
        n: int,
        seed: int = 0,
        batch_size: int | None = None,
        group: str | None = None,
    ) -> Draws:
        """Draw from the posterior of every object.

        Parameters
        ----------
        x, batch_size, group
            As for `predict`; rows outside the card's ranges warn.
        n : int
            Draws per object; the first k do not depend on n.
        seed : int
            The same seed gives the same draws, whatever the batch size, device or strategy.

        Returns
        -------
        Draws
            Parameter -> (batch, n) array, (n,) for a single object.

        Raises
        ------
        InputError
            If the model has no posterior, or as `predict`.
        """
        signature = self._asked("sample")
        size = self._size(batch_size)
        batch = self._read(x, group, size, "warn")
        if batch.violations:
            warn(self.name, inside(batch.violations, batch.size), batch.violations)
        return posterior.draw(self.card, signature, batch, n, seed, size, self.dtype)

    def log_prob(
        self,
        x: Mapping[str, Any] | Table,
        theta: Any,
        batch_size: int | None = None,
        group: str | None = None,
    ) -> np.ndarray:
        """Natural logarithm of the posterior density (batch,), per unit of the card.

        Parameters
        ----------
        x, batch_size, group
            As for `predict`.
        theta : mapping or array
            Parameters by name, one number per object, or an array (batch, parameters). A single
            object may be asked at any number of them.

        Raises
        ------
        InputError
            If the model has no posterior, or theta does not fit its parameters.
        """
        signature = self._asked("log_prob")
        size = self._size(batch_size)
        batch = self._read(x, group, size, "warn")
        return posterior.density(self.card, signature, batch, theta, size, self.dtype)

    @property
    def has_posterior(self) -> bool:
        """Whether `log_prob` has an answer."""
        return "log_prob" in self._signatures

    def _asked(self, what: str) -> Signature:
        if what not in self._signatures:
            raise InputError(f"{self.name} has no posterior, so there is no {what}")
        return self._signatures[what]

    def _size(self, batch_size: int | None) -> int:
        size = self.card.batch_size if batch_size is None else batch_size
        if not isinstance(size, (int, np.integer)) or size < 1:
            raise InputError(f"batch_size is {size!r}, allowed: an integer of 1 or more")
        return int(size)

    def _read(
        self, x: Mapping[str, Any] | Table, group: str | None, size: int, outside: Outside
    ) -> Batch:
        batch = quantities.read(self.card, x, group)
        refuse(batch.violations, outside)
        found = self._check(batch, size)
        refuse(found, outside)
        batch.violations += found
        return batch

    def _load(self) -> dict[str, Signature]:
        if self.card.kind == "classical":
            return saving.classical(self.card, self.manifest.config)
        if self.dtype == "float64":
            entries = saving.functions(self.card, self.keras_model)
            signatures = {n: saving.concrete(*entry) for n, entry in entries.items()}
        elif self._strategy is None:
            signatures = saving.load_signatures(self.path)
        else:
            with self._strategy.scope():
                signatures = saving.load_signatures(self.path)
        if self._strategy is None:
            return {name: packed(signature) for name, signature in signatures.items()}
        return {
            name: strategies.distribute(
                signature, signature.structured_input_signature[1], self._strategy
            )
            for name, signature in signatures.items()
        }

    def _run(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        signature, restore = "serving_default", None
        if hasattr(self._module, "route"):
            signature, columns, restore = self._module.route(columns)
        answers = self._signatures[signature](**columns)
        outputs = {name: np.asarray(value) for name, value in answers.items()}
        return restore(outputs) if restore else outputs

    def _check(self, batch: Batch, size: int) -> list[Violation]:
        """Ask the model's own module about rows that the ranges of the card cannot judge."""
        found: dict[tuple[str, bool], Violation] = {}
        if hasattr(self._module, "check"):
            for index, columns in chunks(batch, size):
                for part in self._module.check(columns):
                    empty = replace(part, rows=np.zeros(batch.size, dtype=bool))
                    whole = found.setdefault((part.field, part.impossible), empty)
                    whole.rows[index] |= part.rows
        return list(found.values())

    def _prediction(
        self, outputs: dict[str, Any], in_domain: np.ndarray, batch: Batch, outside: Outside
    ) -> Prediction:
        if outside == "nan" and not in_domain.all():
            for name, value in outputs.items():
                outputs[name] = [
                    row if good else np.full_like(row, np.nan)
                    for row, good in zip(value, in_domain, strict=True)
                ]
                if isinstance(value, np.ndarray):
                    outputs[name] = np.stack(outputs[name])
        if batch.single:
            outputs = {name: value[0] for name, value in outputs.items()}
            in_domain = in_domain[0]
        for name, spec in self.card.outputs.items():
            outputs[name] = quantities.attach(spec, outputs[name], batch.has_units)
        meta = {"model": self.name, "version": self.manifest.version}
        return Prediction(outputs, in_domain, self.card, meta)
