"""Croissant metadata (MLCommons, version 1.1) of a prepared dataset, from its DatasetInfo."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import listing
from zoo_datasets.errors import DatasetError
from zoo_datasets.features import flat

_TERMS = (
    "arrayShape citeAs column containedIn equivalentProperty extract field fileObject fileProperty "
    "fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path recordSet "
    "references regex repeated replace samplingRate separator source subField transform"
)
CONTEXT = {  # the vocabulary of the standard
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
TYPES = {"f": "sc:Float", "i": "sc:Integer", "u": "sc:Integer", "b": "sc:Boolean"}
LICENSE = "https://opensource.org/license/bsd-3-clause"


def describe(builder: tfds.core.DatasetBuilder) -> dict[str, Any]:
    """Croissant metadata as JSON-LD values.

    Raises
    ------
    DatasetError
        If the dataset is not built: its files and their hashes are part of the metadata.
    """
    info = builder.info
    if not builder.is_prepared():
        raise DatasetError(f"{info.full_name} is not built: run `zoo data build` first")
    ours = builder.name in listing.names()
    optional = {
        "url": info.homepage,
        "citeAs": info.citation,
        "license": LICENSE if ours else None,  # a user's own data bear whatever licence they bear
    }
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": info.full_name.replace("/", "_").replace(":", "_"),
        "description": info.description,
        "version": str(builder.version),
        "datePublished": _built(builder).date().isoformat(),
        **{key: value for key, value in optional.items() if value},
        "distribution": _files(builder),
        "recordSet": [_records(info, split) for split in info.splits],
    }


def write(builder: tfds.core.DatasetBuilder, path: Path | None = None) -> Path:
    """Write the metadata beside the dataset's files, or to `path`, complete or not at all."""
    path = path or Path(builder.data_dir) / "croissant.json"
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_text(json.dumps(describe(builder), indent=1) + "\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _built(builder: tfds.core.DatasetBuilder) -> datetime:
    """Time at which the dataset was prepared."""
    return datetime.fromtimestamp(
        (Path(builder.data_dir) / "dataset_info.json").stat().st_mtime, UTC
    )


def _files(builder: tfds.core.DatasetBuilder) -> list[dict[str, Any]]:
    """Every file with its hash, and a set of the files of each split."""
    out: list[dict[str, Any]] = []
    for name, split in builder.info.splits.items():
        files = [Path(path) for path in split.filepaths]
        ids = [path.name for path in files]
        out += [
            {
                "@type": "cr:FileObject",
                "@id": path.name,
                "name": path.name,
                "contentUrl": path.name,
                "contentSize": f"{path.stat().st_size} B",
                "encodingFormat": "application/x-tfrecord",
                "sha256": _sha256(path),
            }
            for path in files
        ]
        out.append(
            {
                "@type": "cr:FileSet",
                "@id": f"{name}-files",
                "name": f"{name}-files",
                "description": f"TFRecord files of split {name}",
                "containedIn": [{"@id": i} for i in ids],
                "encodingFormat": "application/x-tfrecord",
                "includes": f"*-{name}.tfrecord-*",
            }
        )
    return out


def _records(info: tfds.core.DatasetInfo, split: str) -> dict[str, Any]:
    fields = []
    for name, feature in flat(info.features).items():
        kind = np.dtype(feature.np_dtype).kind
        entry = {
            "@type": "cr:Field",
            "@id": f"{split}/{name}",
            "name": name,
            "description": feature.doc.desc or name,
            "dataType": TYPES.get(kind, "sc:Text"),
            "source": {"fileSet": {"@id": f"{split}-files"}, "extract": {"column": name}},
        }
        if feature.shape:
            shape = ",".join(str(-1 if size is None else size) for size in feature.shape)
            entry |= {"isArray": True, "arrayShape": shape}
        fields.append(entry)
    return {"@type": "cr:RecordSet", "@id": split, "name": split, "field": fields}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
