"""Model cards: the facts about a model that people write, in YAML above prose.

A card `<name>.md` beside `<name>.py` carries Hugging Face model-card metadata plus one block
`zoo:` with what the code needs to know: kind, inputs, outputs, dataset and recipe. Reading a card
imports neither TensorFlow nor astropy, so that listing stays fast.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from zoo.errors import CardError

KINDS = ("exact", "network", "classical")  # `classical` models have no Keras graph to serve
TYPES = {
    "kind": str,
    "summary": str,
    "inputs": dict,
    "outputs": dict,
    "tags": dict,
    "dataset": str,
    "recipe": dict,
    "metrics": dict,
    "hints": dict,
    "batch_size": int,
}
REQUIRED = ("kind", "summary", "inputs", "outputs")
_INTERVAL = re.compile(r"^([\[(])\s*([^,\s]+)\s*,\s*([^,\s]+)\s*([\])])$")


@dataclass(frozen=True)
class Interval:
    """A real interval such as `(0, 1]`, for values without which an answer does not exist."""

    low: float
    high: float
    open_low: bool
    open_high: bool

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Read the usual mathematical notation, `inf` included."""
        match = _INTERVAL.match(str(text).strip())
        if match is None:
            raise ValueError(f"{text!r} is not an interval such as '(0, 1]' or '[0, inf)'")
        left, low, high, right = match.groups()
        return cls(float(low), float(high), left == "(", right == ")")

    def holds(self, low: float, high: float) -> bool:
        """Whether all values from low to high lie inside."""
        above = low > self.low if self.open_low else low >= self.low
        return above and (high < self.high if self.open_high else high <= self.high)

    def __str__(self) -> str:
        brackets = "[("[self.open_low], "])"[self.open_high]
        return f"{brackets[0]}{self.low:g}, {self.high:g}{brackets[1]}"


@dataclass(frozen=True)
class Field:
    """One input or output of a model.

    Attributes
    ----------
    unit : str
        An astropy unit; empty for a pure number.
    shape : tuple
        Without the batch axis. Integers are fixed lengths, names (`K`, `P`) are lengths that may
        differ from object to object and agree between the fields that share the name.
    range : tuple of float or None
        Where the model has been trained or tried; values outside are flagged.
    valid : Interval or None
        Outside it the quantity is meaningless (a negative width) and no answer exists.
    default : float or None
        Value of an input that is not given; None makes the input mandatory.
    scalar : bool
        Whether one number may stand for all elements along the last axis.
    optional : bool
        Whether the input may be left out, which asks for the model's own default (such as a map).
    """

    name: str
    unit: str
    shape: tuple[int | str, ...]
    meaning: str
    range: tuple[float, float] | None = None
    valid: Interval | None = None
    default: float | None = None
    scalar: bool = False
    optional: bool = False

    def holds(self, low: float, high: float) -> bool:
        """Whether values from low to high are inside both `range` and `valid`."""
        inside = self.range is None or (self.range[0] <= low and high <= self.range[1])
        return inside and (self.valid is None or self.valid.holds(low, high))

    @property
    def signature(self) -> str:
        """How the field is described in messages, e.g. `sigma_lum [arcsec] (K)`."""
        unit = f" [{self.unit}]" if self.unit else ""
        shape = f" ({', '.join(map(str, self.shape))})" if self.shape else ""
        return f"{self.name}{unit}{shape}"


@dataclass(frozen=True)
class Card:
    """Everything that a model card states; see `read_card`.

    `hints` tells what to do about names that a model does not know on purpose.
    """

    name: str
    kind: str
    summary: str
    inputs: dict[str, Field]
    outputs: dict[str, Field]
    path: Path
    tags: tuple[str, ...] = ()
    variants: dict[str, Card] = field(default_factory=dict)
    dataset: str | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    batch_size: int = 256
    metadata: dict[str, Any] = field(default_factory=dict)
    prose: str = ""

    @property
    def module(self) -> str:
        """Dotted name of the module that builds the model; it stands beside the card."""
        return f"zoo.models.{self.path.parent.name}.{self.path.stem}"

    @property
    def family(self) -> str:
        """Folder of the card: jam, clusters, galaxies or spectra."""
        return self.path.parent.name

    @property
    def parameters(self) -> tuple[str, ...]:
        """Outputs of which there is a posterior, told by their quantiles beside them."""
        return tuple(name for name in self.outputs if f"{name}_quantiles" in self.outputs)

    @property
    def names(self) -> tuple[str, ...]:
        """The model's name, or one `name.tag` per tag with the default tag first."""
        return tuple(f"{self.name}.{tag}" for tag in self.tags) or (self.name,)


def read_card(path: Path) -> Card:
    """Read and check one card.

    Raises
    ------
    CardError
        Naming the file, the key and what is expected there.
    """
    front, prose = _split(path)
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # C is ten times faster
        metadata = yaml.load(front, Loader=loader)  # noqa: S506 (both are safe loaders)
    except yaml.YAMLError as error:
        raise CardError(f"{path.name}: the front matter is not YAML: {error}") from error
    block = metadata.get("zoo") if isinstance(metadata, dict) else None
    if not isinstance(block, dict):
        raise CardError(f"{path.name}: the front matter has no mapping `zoo:`")
    for key in REQUIRED:
        if key not in block:
            raise CardError(f"{path.name}: `zoo.{key}` is missing")
    for key, value in block.items():
        if key not in TYPES:
            raise CardError(f"{path.name}: unknown key `zoo.{key}`, allowed: {', '.join(TYPES)}")
        if not isinstance(value, TYPES[key]):
            raise CardError(f"{path.name}: zoo.{key} is {value!r}, not a {TYPES[key].__name__}")
    if block["kind"] not in KINDS:
        raise CardError(f"{path.name}: zoo.kind is {block['kind']!r}, allowed: {', '.join(KINDS)}")
    tags = block.pop("tags", {})
    rest = {key: value for key, value in metadata.items() if key != "zoo"}
    variants = {
        tag: _card(path, _merged(block, changes or {}), tuple(tags), rest, prose)
        for tag, changes in tags.items()
    }
    if variants:
        return replace(next(iter(variants.values())), variants=variants)
    return _card(path, block, (), rest, prose)


def _card(
    path: Path, block: dict[str, Any], tags: tuple[str, ...], metadata: dict[str, Any], prose: str
) -> Card:
    return Card(
        name=path.stem,
        kind=block["kind"],
        summary=block["summary"],
        inputs=_fields(path, "inputs", block["inputs"]),
        outputs=_fields(path, "outputs", block["outputs"]),
        path=path,
        tags=tags,
        dataset=block.get("dataset"),
        recipe=block.get("recipe", {}),
        # null takes away from a tag what its dataset cannot judge
        metrics={o: m for o, m in block.get("metrics", {}).items() if m is not None},
        hints=block.get("hints", {}),
        batch_size=block.get("batch_size", 256),
        metadata=metadata,
        prose=prose,
    )


def _merged(block: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A block with the changes of a tag on top, mapping by mapping."""
    out = dict(block)
    for key, value in changes.items():
        old = out.get(key)
        out[key] = (
            _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return out


def _split(path: Path) -> tuple[str, str]:
    text = path.read_text(encoding="utf-8")
    parts = text.split("\n---\n", 1)
    if not text.startswith("---\n") or len(parts) != 2:
        raise CardError(f"{path.name}: a card starts with YAML between two lines `---`")
    return parts[0][4:], parts[1].strip()


def _fields(path: Path, where: str, entries: dict[str, Any]) -> dict[str, Field]:
    fields = {}
    for name, entry in entries.items():
        try:
            fields[name] = _field(name, dict(entry))
        except (TypeError, ValueError, KeyError) as error:
            raise CardError(f"{path.name}: zoo.{where}.{name}: {error}") from error
    return fields


def _field(name: str, entry: dict[str, Any]) -> Field:
    for key in ("unit", "shape", "meaning"):
        if key not in entry:
            raise ValueError(f"{key!r} is missing")
    if not isinstance(entry["shape"], list):
        raise TypeError(f"shape is {entry['shape']!r}, not a list such as [K] or []")
    # YAML reads 1e8 as a string, so numbers are converted here.
    bounds = entry.pop("range", None)
    if bounds is not None:
        low, high = map(float, bounds)
        if not low < high:
            raise ValueError(f"range {bounds} is empty")
        bounds = (low, high)
    valid = entry.pop("valid", None)
    default = entry.pop("default", None)
    if default is not None and not math.isfinite(default := float(default)):
        raise ValueError(f"default {default} is not finite")
    return Field(
        name=name,
        unit=entry.pop("unit") or "",
        shape=tuple(entry.pop("shape")),
        range=bounds,
        valid=None if valid is None else Interval.parse(valid),
        default=default,
        **entry,
    )
