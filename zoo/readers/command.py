"""What the command line shares: reading `--set` options and sources, wording results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from zoo.card import Card
from zoo.errors import InputError
from zoo.prediction import Prediction
from zoo.readers import cluster_tables, clusters, dynamite, files, spectra
from zoo.readers.members import Members
from zoo.readers.spectra import Spectra

Observed = dynamite.IfuGalaxy | Members | Spectra | None

GALAXY_SETTINGS = {"inc": u.deg, "beta": u.one, "ml": u.Msun / u.Lsun, "distance": u.Mpc}


def value(name: str, text: str) -> Any:
    """Read '63', '63 deg' or '1,2,3 arcsec'.

    Raises
    ------
    InputError
        If it is no number, or the unit is unknown.
    """
    numbers, _, unit = text.strip().partition(" ")
    try:
        parts = [float(part) for part in numbers.split(",")]
        number = parts[0] if len(parts) == 1 else np.array(parts)
        return number * u.Unit(unit) if unit else number
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name}={text!r}: give a number, or several with commas, and a unit after a space"
        ) from error


def settings(options: tuple[str, ...]) -> dict[str, Any]:
    """Read the `NAME=VALUE` options."""
    out = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals:
            raise InputError(f"--set {option!r}: write NAME=VALUE")
        out[name] = value(name, text)
    return out


def number(name: str, given: Any, unit: u.UnitBase) -> float:
    """One setting as a number of a unit, which is meant where none was given.

    Raises
    ------
    InputError
        If it is several numbers, or its unit does not convert.
    """
    try:
        quantity = given if isinstance(given, u.Quantity) else given * unit
        return float(quantity.to_value(unit))
    except (TypeError, u.UnitConversionError) as error:
        raise InputError(f"{name} is {given}, allowed: a number of {unit}") from error


def inputs(source: Path, values: dict[str, Any], card: Card | None = None) -> tuple[Any, Observed]:
    """Inputs from a file or a galaxy's folder, completed by the settings.

    Of a card that reads velocities of galaxies, the file may be a table of the galaxies around one
    cluster (`zoo.readers.cluster_tables`), and of one that reads spectra a survey's file or a
    folder of them (`zoo.readers.spectra`); without a card it is taken as it is.
    """
    if card is not None and spectra.describes(source, card):
        observed = spectra.read(source, **spectra.settings(values))
        return observed.inputs(), observed
    if card is not None and cluster_tables.describes(source, card):
        members = cluster_tables.read(source, **clusters.settings(values)).cut_for(card)
        return members.inputs(card), members
    if not source.is_dir():
        read = files.read_inputs(source)
        if not isinstance(read, QTable):
            return read | values, None
        for name, setting in values.items():
            if name in read.colnames:
                del read[name]  # assigning to a column would keep its unit
            try:
                read[name] = setting
            except ValueError as error:
                raise InputError(f"--set {name}: one number or one per row ({error})") from error
        return read, None
    galaxy = dynamite.read(source)
    if set(values) != set(GALAXY_SETTINGS):
        wanted = ", ".join(GALAXY_SETTINGS)
        raise InputError(f"{source} needs --set for {wanted}; given: {', '.join(values) or 'none'}")
    numbers = {name: number(name, values[name], unit) for name, unit in GALAXY_SETTINGS.items()}
    return galaxy.inputs(**numbers), galaxy


def report(
    prediction: Prediction,
    observed: Observed,
    as_json: bool,
) -> str:
    """A prediction as text or JSON, with what there is to say about the observation."""
    table = labelled(prediction, observed)
    if as_json:
        columns = {name: _plain(table[name]) for name in table.colnames}
        return json.dumps({"meta": dict(table.meta), "units": prediction.units, "columns": columns})
    if isinstance(observed, Spectra):  # distributions are no reading matter
        table = table[[name for name in table.colnames if table[name].ndim == 1]]
    lines = table.pformat(max_lines=24, max_width=-1)
    if isinstance(observed, Members | Spectra):
        lines += [observed.summary]
    elif observed is not None:
        binned = observed.binned(prediction["vrms"], prediction["surface_brightness"])
        residual = observed.vrms - binned
        lines += [f"{len(binned)} bins: {residual_text(residual)}"]
    return "\n".join(lines)


def labelled(prediction: Prediction, observed: Observed) -> QTable:
    """A prediction as a table, with the names of the objects where they are known."""
    table = prediction.to_table()
    return observed.labelled(table) if isinstance(observed, Spectra) else table


def _plain(column: Any) -> list[Any]:
    """A column as nested lists; JSON has no NaN, so that it becomes None."""
    values = np.asarray(getattr(column, "value", column))
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, np.array(None))
    return values.tolist()


def residual_text(residual: np.ndarray) -> str:
    """Root mean square and median of |observed - model| in words."""
    rms, median = np.sqrt(np.mean(residual**2)), np.median(np.abs(residual))
    return f"rms residual {rms:.1f} km/s, median |residual| {median:.1f} km/s"


def fit_facts(fit: Any, residual: np.ndarray) -> dict[str, Any]:
    """A fit of a galaxy as plain numbers."""
    return {
        "best": fit.best,
        "error": {n: e if np.isfinite(e) else None for n, e in fit.error.items()},
        "chi2": fit.chi2,
        "dof": fit.dof,
        "evaluations": fit.evaluations,
        "rms_residual_km_s": float(np.sqrt(np.mean(residual**2))),
        "median_residual_km_s": float(np.median(np.abs(residual))),
    }


def fit_title(fit: Any) -> str:
    """Best values in one line."""
    best = fit.best
    return f"inc {best['inc']:.1f} deg, beta_z {best['beta']:.2f}, M/L {best['ml']:.2f}"


def fit_text(facts: dict[str, Any]) -> str:
    """A fit of a galaxy in words."""
    units = {"inc": "deg", "beta": "", "ml": "Msun/Lsun"}
    lines = []
    for name, best in facts["best"].items():
        error = facts["error"][name]
        spread = "at its bound" if error is None else f"+- {error:.3f}"
        lines.append(f"{name:<5} {best:8.3f} {spread} {units[name]}".rstrip())
    lines.append(
        f"chi2 {facts['chi2']:.1f} for {facts['dof']} degrees of freedom "
        f"({facts['evaluations']} evaluations; errors widened by sqrt(chi2/dof))"
    )
    lines.append(
        f"rms residual {facts['rms_residual_km_s']:.1f} km/s, "
        f"median |residual| {facts['median_residual_km_s']:.1f} km/s"
    )
    return "\n".join(lines)
