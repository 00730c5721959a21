"""The command line. Each command imports its implementation when it is called."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import click

from zoo.errors import InputError, ZooError
from zoo.version import __version__


class Commands(click.Group):
    """A group whose commands show the zoo's own errors in one line and exit with code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; files that cannot be read or written are errors of the same kind."""
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning  # type: ignore[assignment]  # needs two arguments
                return super().invoke(ctx)
        except (ZooError, OSError) as error:
            raise click.ClickException(str(error)) from error


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    click.echo(f"{category.__name__}: {message}", err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="zoo")
def main() -> None:
    """Pretrained models and datasets for galaxy dynamics, clusters, galaxies and spectra."""


@main.command("list")
@click.argument("pattern", default="*")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def list_(pattern: str, as_json: bool) -> None:
    """List the models whose names match PATTERN, such as 'jam_*'."""
    from zoo import registry

    rows = []
    for name in registry.list_models(pattern):
        card, _ = registry.find_card(name)
        have = registry.versions(name)
        rows.append({"name": name, "kind": card.kind, "versions": have, "summary": card.summary})
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        shown = ",".join(map(str, row["versions"])) or "no release"
        click.echo(f"{row['name']:<28} {row['kind']:<10} {shown:<10} {row['summary']}")


@main.command()
@click.argument("name")
@click.option("--version", type=int, help="Version; the newest one unless given.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def info(name: str, version: int | None, as_json: bool) -> None:
    """Show what a model reads and predicts, and the facts of its release."""
    from zoo import describe

    facts = describe.model(name, version)
    click.echo(json.dumps(facts, indent=1) if as_json else describe.text(facts))


@main.command()
@click.argument("name")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE[ UNIT]", help="An input.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="ECSV, FITS, HDF5 or npz.")
@click.option("--group", help="Column that tells the object of each row of a table of members.")
@click.option("--outside", type=click.Choice(["warn", "raise", "nan"]), default="warn")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.option("--runner", help="Apache Beam's, such as DirectRunner: SOURCE is a folder of shards.")
@click.option("--beam", "options", multiple=True, metavar="NAME=VALUE", help="An option of Beam.")
def predict(
    name: str,
    source: Path,
    settings: tuple[str, ...],
    output: Path | None,
    group: str | None,
    outside: Any,
    as_json: bool,
    runner: str | None,
    options: tuple[str, ...],
) -> None:
    """Predict with model NAME from SOURCE.

    SOURCE is a file with the model's inputs as columns or datasets, or a folder of a galaxy in the
    layout of DYNAMITE, which needs --set inc, beta, ml and distance, or, for models of clusters, a
    table of galaxies: R and v with --set redshift, or sky positions and redshifts; --set h. For
    models of spectra it is a file of DESI, SDSS, ESO, AAOmega or moons1d, a table of pixels with
    units, or a folder of those; --set air=1 where wavelengths are in air and the file is silent; or
    a cube with DATA and STAT as MUSE's, answered by maps of all spaxels in OUTPUT (FITS).

    With --runner, every file of the folder SOURCE (or every TFRecord of a prepared dataset) is
    answered by a FITS table in the folder OUTPUT; a run that was stopped continues.
    """
    from zoo import registry
    from zoo.quiet import import_tensorflow
    from zoo.readers import command, files, muse

    card, _ = registry.find_card(name)  # before the seconds that importing TensorFlow takes
    if runner is not None:
        _predict_shards(name, source, output, runner, options, settings, outside)
        return
    if output is not None:
        files.writable(output)
    values = command.settings(settings)
    if muse.describes(source, card):
        _predict_cube(name, muse.read(source, card, **muse.settings(values)), output, outside)
        return
    inputs, observed = command.inputs(source, values, None if group else card)
    import_tensorflow()
    from zoo.model import load_model

    prediction = load_model(name).predict(inputs, group=group, outside=outside)
    if output is not None:
        files.write_table(command.labelled(prediction, observed), output)
        click.echo(f"{output}: {', '.join(prediction)}")
        return
    click.echo(command.report(prediction, observed, as_json))


def _predict_cube(name: str, cube: Any, output: Path | None, outside: Any) -> None:
    from zoo.inference import cube as cubes
    from zoo.quiet import import_tensorflow

    path = cubes.writable(output)
    click.echo(cube.summary)
    import_tensorflow()
    from zoo.model import load_model

    done = cubes.predict(load_model(name), cube, path, outside=outside)
    click.echo(f"{path}: {done} spaxels")


def _predict_shards(
    name: str,
    source: Path,
    output: Path | None,
    runner: str,
    options: tuple[str, ...],
    settings: tuple[str, ...],
    outside: Any,
) -> None:
    from zoo.quiet import import_tensorflow
    from zoo.readers import command

    if output is None:
        raise InputError("--runner needs -o, a folder for the answers")
    values = command.settings(settings)
    import_tensorflow()
    from zoo.inference.bulk import run

    done = run(
        name, source, output, runner=runner, options=options, settings=values, outside=outside
    )
    click.echo(str(done))
    if done.failed:
        raise InputError(f"{done.failed} shards failed; why stands in {output}/*.error")


@main.command()
@click.argument("name")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-n", "draws", type=click.IntRange(min=1), default=1000, help="Draws per object.")
@click.option("--seed", type=click.IntRange(min=0), default=0)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE[ UNIT]", help="An input.")
@click.option("--group", help="Column that tells the object of each row of a table of members.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="As predict's."
)
def sample(
    name: str,
    source: Path,
    draws: int,
    seed: int,
    settings: tuple[str, ...],
    group: str | None,
    output: Path,
) -> None:
    """Draw from the posterior of model NAME for the objects in SOURCE.

    OUTPUT is ECSV, FITS, HDF5 or npz: a row per object, all its draws in a cell of each column.
    """
    from zoo import registry
    from zoo.quiet import import_tensorflow
    from zoo.readers import command, files

    card, _ = registry.find_card(name)
    files.writable(output)
    inputs, _ = command.inputs(source, command.settings(settings), None if group else card)
    import_tensorflow()
    from zoo.model import load_model

    found = load_model(name).sample(inputs, draws, seed, group=group)
    files.write_table(found.to_table(), output)
    click.echo(f"{output}: {', '.join(found)}, {draws} draws each")


@main.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("demo"))
def demo(output: Path) -> None:
    """Predict the second-moment map of M32, with a figure."""
    from zoo.demo import run

    run(output, click.echo)


def _mount() -> None:
    from zoo import cli_galaxy, cli_store, cli_work
    from zoo.cli_data import data

    main.add_command(data)
    for command in (*cli_work.COMMANDS, *cli_store.COMMANDS):
        main.add_command(command)
    main.add_command(cli_galaxy.plot)
    main.add_command(cli_galaxy.mge)


_mount()
