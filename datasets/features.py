"""TFDS features whose documentation carries the unit, where programs find it as well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

_UNIT = re.compile(r"\[([^\[\]]*)\]$")


def quantity(
    description: str,
    unit: str,
    shape: tuple[int | None, ...] = (),
    dtype: Any = np.float32,
    allowed: str | None = None,
) -> tfds.features.FeatureConnector:
    """Feature with a unit.

    Parameters
    ----------
    description : str
        What it is; "[unit]" is appended.
    unit : str
        As astropy reads it, "1" where there is none.
    shape : tuple
        Shape in one record; None along an axis of any length.
    allowed : str, optional
        Range of the values, such as "5 to 20".
    """
    doc = tfds.features.Documentation(desc=f"{description} [{unit}]", value_range=allowed)
    if shape:
        return tfds.features.Tensor(shape=shape, dtype=dtype, doc=doc)
    return tfds.features.Scalar(dtype=dtype, doc=doc)


def text(description: str) -> tfds.features.FeatureConnector:
    """Feature of characters."""
    return tfds.features.Text(doc=tfds.features.Documentation(desc=description))


def unit_of(feature: tfds.features.FeatureConnector) -> str | None:
    """Return the unit of a feature, None where its documentation tells none."""
    found = _UNIT.search(feature.doc.desc or "")
    return found[1] if found else None


def flat(features: tfds.features.FeaturesDict) -> Mapping[str, tfds.features.FeatureConnector]:
    """Features by name, those of nested dictionaries as "outer/inner"."""
    out: dict[str, tfds.features.FeatureConnector] = {}
    for name, feature in features.items():
        if isinstance(feature, tfds.features.FeaturesDict):
            out |= {f"{name}/{inner}": value for inner, value in flat(feature).items()}
        else:
            out[name] = feature
    return out
