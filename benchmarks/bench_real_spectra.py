"""Redshifts of real spectra, beside those of their surveys.

    python benchmarks/bench_real_spectra.py FOLDER [--releases FOLDER]

Every spectrum in a folder (DESI coadds with redrock's files beside them, SDSS, LEGA-C, AAOmega) by
`template_scan.desi` and `redshift_scan.desi`: redshift, how sure the model is, and the survey's own
redshift where the file gives one. Nothing was trained or chosen on these spectra, except that the
noise of the mocks is as large as that of two of the coadds.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results" / "real_spectra.json"
MODELS = {"template_scan.desi": "confidence", "redshift_scan.desi": "quality"}


def main() -> None:
    """Read, predict, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--releases", type=Path, help="look for releases in this folder first")
    options = parser.parse_args()
    import zoo
    from zoo.errors import OutsideRangeWarning
    from zoo.readers import spectra

    warnings.simplefilter("ignore", OutsideRangeWarning)
    given = spectra.read(options.folder)
    rows: list[dict[str, Any]] = [
        {
            "object": one.object_id,
            "survey": one.survey,
            "pixels": int(np.count_nonzero(one.ivar > 0)),
            "redshift_survey": float(one.redshift) if np.isfinite(one.redshift) else None,
        }
        for one in given.spectra
    ]
    for name, sure in MODELS.items():
        folders = sorted((options.releases / name).glob("[0-9]*")) if options.releases else []
        found = zoo.load_model(folders[-1] if folders else name).predict(given.inputs())
        for number, row in enumerate(rows):
            row[name] = {
                "redshift": float(found["redshift"][number]),
                "redshift_std": float(found["redshift_std"][number]),
                "sure": float(found[sure][number]),
            }
        print(name, [(row["object"], row[name], row["redshift_survey"]) for row in rows])
    RESULTS.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
