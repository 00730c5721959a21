"""The commands for one observed galaxy: `plot` and `mge`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("name", type=click.Choice(["jam_cyl"]))
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--distance", required=True, help="Angular-diameter distance, such as '39.96 Mpc'.")
@click.option("--mge", type=click.Path(path_type=Path), help="Gaussians of the light: `zoo mge`.")
@click.option("--pa", type=float, help="Position angle of the major axis [deg], N through E.")
@click.option("--fwhm", type=float, help="Of the PSF [arcsec].")
@click.option("--pixsize", type=float, help="Of the pixels behind a table [arcsec].")
@click.option("--x-axis", type=click.Choice(["west", "east"]), help="Where a table's +x points.")
@click.option("--v-sys", type=float, help="Systemic velocity [km/s]; from the map unless given.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("fit.png"))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def plot(
    name: str,
    source: Path,
    distance: str,
    mge: Path | None,
    output: Path,
    as_json: bool,
    **facts: float | str | None,
) -> None:
    """Fit a galaxy and draw its observed, model and residual maps.

    SOURCE is a folder in the layout of DYNAMITE; or a MaNGA MAPS file, or a table of CALIFA or
    ATLAS3D, which need --mge, --pa, --fwhm and, for tables, --pixsize.

    Inclination, anisotropy and mass-to-light ratio are found by least squares through the model's
    own gradients; mass follows light.
    """
    from astropy import units as u

    from zoo.quiet import import_tensorflow
    from zoo.readers import command, survey

    where = command.number("distance", command.value("distance", distance), u.Mpc)
    galaxy = survey.read(source, mge, **facts)
    import_tensorflow()
    from zoo import plots
    from zoo.inference.galaxy import fit_galaxy
    from zoo.model import load_model

    model = load_model(name)
    fit = fit_galaxy(model, galaxy, where)
    prediction = model.predict(galaxy.inputs(distance=where, **fit.best))
    binned = galaxy.binned(prediction["vrms"], prediction["surface_brightness"])
    result = command.fit_facts(fit, galaxy.vrms - binned)
    figure = plots.observed_and_model(
        galaxy.image(galaxy.vrms),
        galaxy.image(binned),
        galaxy.extent,
        title=f"{source.resolve().name}: {command.fit_title(fit)}",
    )
    figure.savefig(output, dpi=150)
    click.echo(json.dumps(result, indent=1) if as_json else command.fit_text(result))
    click.echo(f"Figure: {output}", err=as_json)


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--zeropoint", type=float, required=True, help="Magnitude of one count.")
@click.option("--sun", type=float, required=True, help="Absolute magnitude of the Sun in the band.")
@click.option("--scale", type=float, help="Of a pixel [arcsec]; from the WCS unless given.")
@click.option("--fwhm", type=float, default=0.0, help="Of the PSF [arcsec].")
@click.option("--sky", type=float, default=0.0, help="Level to subtract [counts].")
@click.option("--extinction", type=float, default=0.0, help="Towards the galaxy [mag].")
@click.option("--minlevel", type=float, default=0.0, help="Faintest level used [counts].")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("mge.ecsv"))
def mge(image: Path, zeropoint: float, sun: float, output: Path, **settings: Any) -> None:
    """Fit Gaussians to the light of the largest galaxy in IMAGE, through mgefit."""
    from zoo.readers import files, photometry

    files.writable(output)
    table = photometry.mge_from_image(image, zeropoint, sun, **settings)
    files.write_table(table, output)
    pa, eps = table.meta["pa"], table.meta["eps"]
    click.echo(f"{output}: {len(table)} Gaussians, pa {pa:.1f} deg, ellipticity {eps:.3f}")
