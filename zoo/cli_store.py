"""The commands that bring, check and hand on releases."""

from __future__ import annotations

import json
from pathlib import Path

import click

from zoo.errors import ZooError

FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("pattern")
@click.option("--version", type=int, help="Version; the newest one unless given.")
@click.option("--into", type=FOLDER, help="Store to fill, for a machine without internet.")
def fetch(pattern: str, version: int | None, into: Path | None) -> None:
    """Bring the releases whose names match PATTERN, such as 'jam_*', from stores and mirrors.

    With --into, the store is complete: copy it to a cluster and put it on ZOO_PATH there.
    """
    from zoo import releases

    for folder in releases.fetch(pattern, version, into):
        click.echo(str(folder))


@click.command()
@click.argument("what", required=False)
@click.option("--version", type=int, help="Version; the newest one unless given.")
@click.option("--signature", type=FOLDER, metavar="KEY", help="Public key that must have signed.")
@click.option("--golden/--no-golden", default=True, help="Recompute the golden outputs.")
@click.option("--trust", is_flag=True, help="Recompute them even where the scan refuses.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def verify(
    what: str | None,
    version: int | None,
    signature: Path | None,
    golden: bool,
    trust: bool,
    as_json: bool,
) -> None:
    """Check releases: hash every file, scan the graph, recompute the golden outputs.

    WHAT is a model name or pattern, a release folder, a store or a prepared dataset; all releases
    of this machine unless given.
    """
    from zoo.evaluation import audit

    folders = audit.targets(what, version)
    if golden:
        from zoo.quiet import import_tensorflow

        import_tensorflow()
    reports = audit.reports(folders, signature, golden, trust)
    if as_json:
        click.echo(json.dumps(reports, indent=1))
    else:
        for report in reports:
            head = f"{report['name']} {report['version']}"
            for line in report["problems"]:
                click.echo(f"{head}: {line}", err=True)
            if not report["problems"]:
                click.echo(f"{head}: {', '.join(report['passed'])}")
    bad = sum(bool(report["problems"]) for report in reports)
    if bad:
        raise ZooError(f"{bad} of {len(reports)} did not pass")


@click.command()
@click.argument("source", type=FOLDER)
@click.option("--to", type=FOLDER, required=True, help="Folder of the mirror.")
@click.option("--flat", is_flag=True, help="No folders, as Zenodo and GitHub releases want it.")
def publish(source: Path, to: Path, flat: bool) -> None:
    """Lay out SOURCE as a static mirror that any web server can serve.

    SOURCE is a release folder, a folder of releases, or a prepared dataset.
    """
    from zoo.store.publish import publish as lay_out

    for path in lay_out(source, to, flat):
        click.echo(f"{to}: {path}")


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--key", type=FOLDER, required=True, help="Private key, elliptic curve, PEM.")
def sign(folder: Path, key: Path) -> None:
    """Sign the release in FOLDER (OpenSSF Model Signing; needs the extra `sign`)."""
    from zoo.manifest import read_manifest
    from zoo.store import signing
    from zoo.store.verify import verify as check

    check(folder, read_manifest(folder))
    click.echo(str(signing.sign(folder, key)))


@click.command()
@click.option("--all", "everything", is_flag=True, help="The newest versions too.")
def prune(everything: bool) -> None:
    """Remove superseded versions and leftovers of killed downloads from your own cache."""
    from zoo.store import places
    from zoo.store.prune import prune as run

    removed = run(places.home(), everything)
    for path, size in removed:
        click.echo(f"{path}  {size / 1e6:.1f} MB")
    click.echo(f"{len(removed)} removed, {sum(size for _, size in removed) / 1e6:.1f} MB")


@click.command()
@click.argument("name", required=False)
@click.option("--version", type=int, help="Version; the newest one unless given.")
def path(name: str | None, version: int | None) -> None:
    """Print the folder of the release NAME, or without NAME the search path."""
    from zoo import registry
    from zoo.store import places

    if name is not None:
        found = registry.find_release(registry.find_card(name)[1], version)
        click.echo(str(found.path))
        return
    for store in registry.stores():
        click.echo(str(store))
    for mirror in places.mirrors():
        click.echo(mirror)


COMMANDS = (fetch, verify, publish, sign, prune, path)
