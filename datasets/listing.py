"""What datasets there are, and what is in one."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets.features import flat, unit_of


def names() -> list[str]:
    """Our datasets: the folders with a builder beside this file."""
    folders = Path(__file__).parent.glob("*/*_dataset_builder.py")
    return sorted(p.parent.name for p in folders if p.stem == f"{p.parent.name}_dataset_builder")


def datasets(data_dir: str | Path | None = None) -> list[dict[str, Any]]:
    """One row for each of our datasets and configs, whether built or not."""
    root = Path(data_dir or tfds.core.constants.DATA_DIR).expanduser()
    rows = []
    for name in names():
        cls = tfds.builder_cls(name)
        for config in cls.BUILDER_CONFIGS or [None]:
            full = name if config is None else f"{name}/{config.name}"
            version = str((config and config.version) or cls.VERSION)
            summary = (config and config.description) or (cls.__doc__ or "").strip().split("\n")[0]
            built = (root / full / version / "dataset_info.json").is_file()
            rows.append({"name": full, "version": version, "built": built, "summary": summary})
    return rows


def describe(builder: tfds.core.DatasetBuilder) -> dict[str, Any]:
    """Facts of one dataset as JSON values; sizes of splits only once it is built."""
    info = builder.info
    return {
        "name": builder.name
        + (f"/{builder.builder_config.name}" if builder.builder_config else ""),
        "version": str(builder.version),
        "folder": str(builder.data_dir),
        "built": builder.is_prepared(),
        "bytes": int(info.dataset_size or 0),
        "splits": {name: int(split.num_examples) for name, split in info.splits.items()},
        "features": {
            name: {
                "shape": list(feature.shape),
                "dtype": np.dtype(feature.np_dtype).name,
                "unit": unit_of(feature),
                "range": feature.doc.value_range,
                "description": feature.doc.desc,
            }
            for name, feature in flat(info.features).items()
        },
        "description": info.description,
        "citation": info.citation,
        "homepage": info.homepage,
    }


def unknown(name: str) -> str:
    """Message for a dataset that does not exist."""
    known = [row["name"] for row in datasets()]
    close = difflib.get_close_matches(name, [*known, *names()], n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"no dataset {name!r}.{hint} There are: {', '.join(known)}, and what you have built"
