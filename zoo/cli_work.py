"""Commands that make and judge models: train, export, evaluate, fine-tune, cite, new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from zoo.errors import InputError


@click.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), required=True, help="Folder of releases.")
def export(name: str, into: Path) -> None:
    """Write a release of model NAME with its manifest."""
    from zoo.quiet import import_tensorflow

    import_tensorflow()
    from zoo.training.release import export as write

    click.echo(str(write(name, into)))


@click.command()
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


@click.command()
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


@click.command("fine-tune")
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


@click.command()
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


@click.group()
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


COMMANDS = (export, train, evaluate, fine_tune, cite, new)
