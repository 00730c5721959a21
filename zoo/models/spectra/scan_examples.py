"""What the scan finds in the spectra of a split, computed once, for a network to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from zoo import splits
from zoo.models.spectra import sky_columns

CHUNK = 200
SPOILED = 4  # one spectrum in so many has a systematic error, if they are wanted
SKY, SCALE = 0.01, 0.1  # rms of the sky left over, and of the flux scale
TARGETS = ("log_mstar", "log_sfr")


def examples(
    model: Any, dataset: str, data: dict[str, Any], draw: int = 0, *, spoil: bool = False
) -> dict[str, np.ndarray]:
    """Candidates of every spectrum and the truth.

    Parameters
    ----------
    model : keras.Model
        With the layers `rebin`, `scan` and `candidates`.
    dataset : str
        "name/config".
    data : dict
        Records of one of its splits.
    draw : int
        Realisation of the noise.
    spoil : bool
        Whether to add systematic errors to every fourth spectrum.

    Returns
    -------
    dict of arrays
        ``features``, ``log_mass``, ``log_amplitude`` for `CoefficientPrior`; ``owner`` (n,), which
        candidate the true redshift belongs to; ``redshift`` and the targets.
    """
    layers = [model.get_layer(name) for name in ("rebin", "scan", "candidates")]
    log_z = layers[2].log_z

    @tf.function(reduce_retracing=True)
    def found(flux: Any, ivar: Any, wavelength: Any) -> Any:
        inputs = {"flux": flux, "ivar": ivar, "wavelength": wavelength}
        scan = layers[1](layers[0](inputs))
        return layers[2](scan) | {"log_amplitude": tf.math.log(scan["amplitude"])}

    parts: list[dict[str, np.ndarray]] = []
    for rows, given in observed(dataset, data, draw, spoil=spoil):
        wave = np.broadcast_to(given["wavelength"], given["flux"].shape)
        seen = found(*(tf.constant(v, tf.float32) for v in (given["flux"], given["ivar"], wave)))
        part = {name: np.asarray(values) for name, values in seen.items()}
        truth = np.log1p(np.asarray(data["redshift"][rows], float))
        place = np.clip(np.rint((truth - log_z[0]) / (log_z[1] - log_z[0])), 0, len(log_z) - 1)
        part["owner"] = part["owner"][np.arange(len(truth)), place.astype(int)]
        part["features"] = part["features"].astype(np.float16)
        del part["log_z"]
        for name in ("redshift", *TARGETS):
            part[name] = np.asarray(data[name][rows], np.float32)
        parts.append(part)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def observed(
    dataset: str, data: dict[str, Any], draw: int, *, spoil: bool
) -> Iterator[tuple[slice, dict[str, Any]]]:
    """Spectra of a split in chunks, with the slice of rows of each."""
    rng = np.random.default_rng(draw)
    sky = None
    for start in range(0, len(data["redshift"]), CHUNK):
        rows = slice(start, start + CHUNK)
        given = splits.observed(dataset, splits.rows(data, rows), draw)
        if spoil:
            if sky is None:
                _, _, sky = sky_columns.night(dataset, data)
            _spoil(rng, given["flux"], sky)
        yield rows, given


def _spoil(rng: np.random.Generator, flux: np.ndarray, sky: np.ndarray) -> None:
    """Leave sky, or bend the flux scale, in one spectrum of eight each."""
    place = np.linspace(0, 1, len(sky))
    for row in range(0, len(flux), 2 * SPOILED):
        families = np.interp(place, np.linspace(0, 1, 16), 1 + 0.3 * rng.standard_normal(16))
        flux[row] += SKY * rng.standard_normal() * families * sky
    waves = np.cos(np.pi * np.arange(1, 7)[:, None] * place)
    for row in range(SPOILED, len(flux), 2 * SPOILED):
        flux[row] *= 1 + SCALE * np.sqrt(2 / 6) * (rng.standard_normal(6) @ waves)
