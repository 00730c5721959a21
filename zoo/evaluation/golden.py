"""Whether a release still says what it said when it was made."""

from __future__ import annotations

import numpy as np

from zoo.errors import ReleaseError
from zoo.model import Model, load_model
from zoo.store.verify import verify

TOLERANCE = 2e-5  # relative to the largest output: float32 sums differ between processors


def check(name: str, version: int | None = None) -> float:
    """Recompute the golden output of a release and return the largest relative difference.

    Raises
    ------
    ReleaseError
        If a file differs from the manifest, or an output from the golden one.
    """
    model = load_model(name, version)
    verify(model.path, model.manifest, links=True)  # every file, whatever loading remembered
    return compare(model)


def compare(model: Model) -> float:
    """Largest difference from the golden output, relative to the largest value of each output."""
    golden = model.manifest.golden
    prediction = model.predict(golden["inputs"])
    differences = []
    for name, values in golden["outputs"].items():
        expected = np.asarray(values)
        difference = np.max(np.abs(np.asarray(prediction[name]) - expected), initial=0)
        differences.append(difference / np.max(np.abs(expected), initial=1e-300))
    worst = float(np.max(differences))  # unlike max(), it passes NaN on
    if not worst <= TOLERANCE:
        raise ReleaseError(
            f"{model.name} {model.manifest.version}: the golden output differs by {worst:.1e} of "
            f"its largest value, allowed: {TOLERANCE:.0e}"
        )
    return worst
