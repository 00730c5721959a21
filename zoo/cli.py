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
    units, or a folder of those; --set air=1 where wavelengths are in air and the file is silent.

    With --runner, every file of the folder SOURCE (or every TFRecord of a prepared dataset) is
    answered by a FITS table in the folder OUTPUT; a run that was stopped continues.
    """
    from zoo import registry
    from zoo.quiet import import_tensorflow
    from zoo.readers import command, files

    card, _ = registry.find_card(name)  # before the seconds that importing TensorFlow takes
    if runner is not None:
        _predict_shards(name, source, output, runner, options, settings, outside)
        return
    if output is not None:
        files.writable(output)
    values = command.settings(settings)
    inputs, observed = command.inputs(source, values, None if group else card)
    import_tensorflow()
    from zoo.model import load_model

    prediction = load_model(name).predict(inputs, group=group, outside=outside)
    if output is not None:
        files.write_table(command.labelled(prediction, observed), output)
        click.echo(f"{output}: {', '.join(prediction)}")
        return
    click.echo(command.report(prediction, observed, as_json))


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


@main.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), required=True, help="Folder of releases.")
def export(name: str, into: Path) -> None:
    """Write a release of model NAME with its manifest."""
    from zoo.quiet import import_tensorflow

    import_tensorflow()
    from zoo.training.release import export as write

    click.echo(str(write(name, into)))


@main.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path("releases"))
@click.option("--limit", type=click.IntRange(min=1), help="Train on the first so many records.")
@click.option("--epochs", type=click.IntRange(min=1), help="In place of the card's.")
@click.option("--seed", type=int, help="In place of the card's.")
def train(name: str, into: Path, limit: int | None, **changes: int | None) -> None:
    """Rebuild the release of NAME from its dataset; a killed run continues."""
    from zoo.cli_data import ready

    ready()
    from zoo.training.train import train as run

    given: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    click.echo(str(run(name, into, limit=limit, say=_progress(), **given)))


@main.command()
@click.argument("name")
@click.option("--version", type=int, help="Version; the newest one unless given.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Judge on this file, or the test split of NAME/CONFIG, instead.",
)
@click.option("--predictions", type=click.Path(path_type=Path), help="Judge these beside ours.")
@click.option("--baselines/--no-baselines", default=True, help="Compute their rows too.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def evaluate(
    name: str,
    version: int | None,
    data: Path | None,
    predictions: Path | None,
    baselines: bool,
    as_json: bool,
) -> None:
    """Recompute the metric table of NAME (or of a release folder) on its test split.

    With --data, also say whether the file is like the training set.
    """
    from zoo.cli_data import ready

    ready()
    from zoo.evaluation import evaluate as judge

    table = judge.evaluate(name, version, data=data, predictions=predictions, baselines=baselines)
    shift = None
    if data is not None:
        from zoo.model import load_model

        card = load_model(name, version).card
        shift = judge.shift(card, judge.judged_on(card, data))
    if as_json:
        click.echo(json.dumps(table, indent=1))
        return
    click.echo(judge.text(table))
    if shift is not None:
        click.echo(f"\nLike the training set? p = {shift.p_value:.3g}")
        click.echo("\n".join(shift.to_table().pformat()))


@main.command("fine-tune")
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--into", type=click.Path(path_type=Path), default=Path("releases"))
@click.option("--epochs", type=click.IntRange(min=1), help="In place of the card's.")
@click.option("--rehearse/--no-rehearse", default=True, help="Train on the original data too.")
def fine_tune(name: str, data: Path, into: Path, epochs: int | None, rehearse: bool) -> None:
    """Continue NAME on new simulations; judged before and after, on new and original test data."""
    from zoo.cli_data import ready

    ready()
    from zoo.evaluation.evaluate import text
    from zoo.training.fine_tune import fine_tune as run

    changes = {} if epochs is None else {"epochs": epochs}
    folder, table = run(name, data, into, rehearse=rehearse, say=_progress(), **changes)
    click.echo(text(table))
    click.echo(str(folder))


@main.command()
@click.argument("names", nargs=-1, required=True)
def cite(names: tuple[str, ...]) -> None:
    """Print the BibTeX entries of models, of their datasets and of the zoo."""
    from zoo import citation

    click.echo(citation.bibtex(*names))


def _progress() -> Any:
    """Lines of progress that replace each other on a terminal; silence elsewhere."""
    import sys

    if not sys.stderr.isatty():
        return None
    return lambda line: click.echo(f"\r\x1b[K{line}", nl=False, err=True)


@main.group()
def new() -> None:
    """Start a model or a dataset from a template, in a checkout of the zoo."""


@new.command("model")
@click.argument("name")
@click.option("--family", type=click.Choice(["jam", "clusters", "galaxies", "spectra"]))
def new_model(name: str, family: str) -> None:
    """Write <NAME>.py and <NAME>.md into a family's folder."""
    from zoo import scaffold

    if family is None:
        raise InputError("--family is missing, allowed: jam, clusters, galaxies, spectra")
    for path in scaffold.model(name, family, Path.cwd()):
        click.echo(str(path))


@new.command("dataset")
@click.argument("name")
def new_dataset(name: str) -> None:
    """Write the folder of a TFDS dataset."""
    from zoo import scaffold

    for path in scaffold.dataset(name, Path.cwd()):
        click.echo(str(path))


def _mount() -> None:
    from zoo import cli_galaxy, cli_store
    from zoo.cli_data import data

    main.add_command(data)
    for command in cli_store.COMMANDS:
        main.add_command(command)
    main.add_command(cli_galaxy.plot)
    main.add_command(cli_galaxy.mge)


_mount()
