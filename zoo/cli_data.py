"""The commands ``zoo data ...``: build, list and describe datasets, and make one from a file.

`zoo` names datasets by string and imports no builder; these commands are the one place that loads
``zoo_datasets``, when they are called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from zoo.errors import DataError

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where TFDS keeps datasets, instead of TFDS_DATA_DIR.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


@contextmanager
def _package(tensorflow: bool = True) -> Iterator[Any]:
    """Give access to the modules of zoo_datasets; its errors become the zoo's own."""
    if tensorflow:
        from zoo.quiet import import_tensorflow

        import_tensorflow()
    _silence()
    import_module("zoo_datasets")
    error = import_module("zoo_datasets.errors").DatasetError
    try:
        yield lambda name: import_module(f"zoo_datasets.{name}")
    except error as problem:
        raise DataError(str(problem)) from problem


def ready() -> None:
    """Import TensorFlow and register the datasets, quietly."""
    from zoo.quiet import import_tensorflow

    import_tensorflow()
    _silence()
    import_module("zoo_datasets")


def _silence() -> None:
    """Keep TFDS's and Beam's remarks about their own innards off the screen."""
    import logging

    logging.getLogger("absl").setLevel(logging.ERROR)
    logging.getLogger().setLevel(logging.ERROR)  # Beam warns there about optional packages
    tfds = import_module("tensorflow_datasets")
    tfds.disable_progress_bar()


@click.group()
def data() -> None:
    """Build, list and describe datasets, and make one from your own file."""


@data.command()
@click.argument("name")
@DATA_DIR
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one per core by default.")
@click.option("--runner", help="Simulate on this runner of Apache Beam, e.g. DirectRunner.")
def build(name: str, data_dir: Path | None, workers: int | None, runner: str | None) -> None:
    """Build dataset NAME (name/config), with progress; a killed build continues."""
    with _package() as package:
        folder = package("building").build(name, data_dir, workers, runner=runner)
    click.echo(str(folder))


@data.command("list")
@DATA_DIR
@JSON
def list_(data_dir: Path | None, as_json: bool) -> None:
    """List the datasets that can be built, and which of them are."""
    with _package(tensorflow=False) as package:
        rows = package("listing").datasets(data_dir)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        state = "built" if row["built"] else "-"
        click.echo(f"{row['name']:<36} {row['version']:<8} {state:<6} {row['summary']}")


@data.command()
@click.argument("name")
@DATA_DIR
@JSON
def info(name: str, data_dir: Path | None, as_json: bool) -> None:
    """Show the features of dataset NAME with their units, and its splits."""
    with _package(tensorflow=False) as package:
        facts = package("listing").describe(package("building").builder(name, data_dir))
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    state = f"{facts['bytes'] / 1e6:.1f} MB" if facts["built"] else "not built"
    click.echo(f"{facts['name']}:{facts['version']}  {state}  {facts['folder']}")
    for split, size in facts["splits"].items():
        click.echo(f"  {split:<12} {size}")
    for feature, entry in facts["features"].items():
        shape = "x".join("?" if n is None else str(n) for n in entry["shape"])
        allowed = f" {entry['range']}" if entry["range"] else ""
        click.echo(
            f"  {feature:<16} {shape:<8} {entry['dtype']:<8} {entry['description']}{allowed}"
        )


@data.command()
@click.argument("name")
@click.option("--split", multiple=True, help="Split; all of them by default.")
@click.option("--into", type=click.Path(path_type=Path), help="Folder for the arrays.")
@DATA_DIR
def arrays(name: str, split: tuple[str, ...], into: Path | None, data_dir: Path | None) -> None:
    """Write dataset NAME as memory-mappable .npy files, for fast training of small models."""
    with _package() as package:
        splits = split or tuple(package("building").builder(name, data_dir).info.splits)
        if not splits:
            raise DataError(f"{name} is not built: run `zoo data build {name}`")
        for part in splits:
            click.echo(str(package("arrays").export(name, part, data_dir, into)))


@data.command("from")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Of the dataset; the file's name by default.")
@click.option("--columns", multiple=True, metavar="FEATURE=COLUMN", help="Keep only these.")
@click.option("--units", multiple=True, metavar="FEATURE=UNIT", help="Convert to, or declare.")
@DATA_DIR
def from_file(
    file: Path,
    name: str | None,
    columns: tuple[str, ...],
    units: tuple[str, ...],
    data_dir: Path | None,
) -> None:
    """Make a dataset from FILE (ECSV, CSV, FITS, HDF5 or npz), without a builder class.

    Optional columns: split (train, validation, test, calibration) and object_id.
    """
    from zoo.readers.files import read_inputs

    table = read_inputs(file)
    pairs = _pairs("--columns", columns), _pairs("--units", units)
    with _package() as package:
        folder = package("from_table").store(
            dict(table.items()), name or file.stem.lower(), *pairs, data_dir, source=file.name
        )
    click.echo(str(folder))


@data.command()
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File, instead of stdout.")
@DATA_DIR
def croissant(name: str, output: Path | None, data_dir: Path | None) -> None:
    """Print the Croissant metadata of the built dataset NAME."""
    with _package() as package:
        builder, module = package("building").builder(name, data_dir), package("croissant")
        if output is None:
            click.echo(json.dumps(module.describe(builder), indent=1))
        else:
            click.echo(str(module.write(builder, output)))


@data.command()
@click.argument("name")
@click.option("--version", help="Version; the newest one unless given.")
@DATA_DIR
def fetch(name: str, version: str | None, data_dir: Path | None) -> None:
    """Fetch the prepared dataset NAME (name/config) from a mirror, instead of simulating it."""
    from zoo import prepared_data

    click.echo(str(prepared_data.fetch(name, version, data_dir)))


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """Read 'a=b' options, several in one separated by commas."""
    pairs = [pair for text in given for pair in text.split(",")]
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise DataError(f"{option} {wrong[0]!r}: write it as FEATURE=VALUE")
    return {left.strip(): right.strip() for left, _, right in (p.partition("=") for p in pairs)}
