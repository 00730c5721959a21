"""Release manifests: the facts about a release that the program writes (`release.json`)."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import ReleaseError

FILE_NAME = "release.json"
FORMAT = 1  # raise it, and keep reading the older ones, whenever the layout of a release changes
_DIGEST = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Manifest:
    """What `release.json` holds.

    Attributes
    ----------
    files : dict
        Relative path -> `{"sha256": hex digest, "size": bytes}` for every file of the release.
    metrics : dict
        Row -> {metric: value}; baselines are rows beside the model's own.
    golden : dict
        `{"inputs": {name: value}, "outputs": {name: value}}` of one small prediction.
    """

    name: str
    version: int
    files: dict[str, dict[str, Any]]
    golden: dict[str, dict[str, Any]]
    format: int = FORMAT
    dataset: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    commit: str | None = None

    def dumps(self) -> str:
        """The manifest as text, in a stable order and layout."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read and check `release.json` of a release folder.

    Raises
    ------
    ReleaseError
        If the file is missing, truncated, from a newer zoo, or names files outside the folder.
    """
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(**content)
    except FileNotFoundError as error:
        raise ReleaseError(f"{folder} is no release: it holds no {FILE_NAME}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReleaseError(f"{path} is truncated or damaged: {error}") from error
    except TypeError as error:
        raise ReleaseError(f"{path} does not have the fields of a manifest: {error}") from error
    if manifest.format != FORMAT:
        raise ReleaseError(f"{path} has format {manifest.format!r}; this zoo reads {FORMAT}")
    kinds = {"name": str, "version": int, "files": dict, "golden": dict, "config": dict}
    for key, kind in kinds.items():
        if not isinstance(getattr(manifest, key), kind):
            raise ReleaseError(
                f"{path}: {key} is {getattr(manifest, key)!r}, not a {kind.__name__}"
            )
    for name, entry in manifest.files.items():
        parts = Path(name).parts
        if Path(name).is_absolute() or ".." in parts or not parts:
            raise ReleaseError(f"{path} lists {name!r}, which is not inside the release")
        pinned = entry if isinstance(entry, dict) else {}
        if not (_DIGEST.match(str(pinned.get("sha256"))) and isinstance(pinned.get("size"), int)):
            raise ReleaseError(f"{path}: {name!r} needs a sha256 of 64 hex digits and a size")
    return manifest
