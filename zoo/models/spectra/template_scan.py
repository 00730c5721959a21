"""Redshift of a galaxy by a chi-squared scan with templates; nothing is trained."""

from __future__ import annotations

import keras
import numpy as np

from zoo import splits
from zoo.models.spectra import example as examples
from zoo.models.spectra import sanity, sky_columns
from zoo.nn import template_matrices as matrices
from zoo.nn.log_rebin import LogRebin
from zoo.nn.redshift_posterior import RedshiftPosterior
from zoo.nn.template_scan import TemplateScan

example = examples.galaxy

MOCKS = {"mag_h": "moons_spectra/full", "mag_z": "desi_spectra/full"}  # by the magnitudes' band
LIBRARY_START = 1200.0  # [A], of the library, on the grid of MOONS continued into the ultraviolet
MOONS = (6470.0, 18000.0, 4096)
UNEVEN = 1e-3  # of a sky line, that its columns cannot describe
USUAL = 4.0  # [h], exposure in which that is compared with the noise
INPUTS = ("flux", "ivar", "wavelength")


def build(
    dtype="float32",
    start=6470.0,
    stop=18000.0,
    bins=4096,
    redshift=(0.6, 3.0),
    width=0.003,
    templates=10,
    nuisances=36,
    agreement=0.2,
):
    """Build the scan.

    Parameters
    ----------
    start, stop, bins
        Grid, uniform in ln(wavelength) [A, vacuum].
    redshift : (float, float)
        Range that is scanned, with a flat prior.
    width : float
        Of the bins of `redshift_pdf`.
    templates : int
        Principal components of the library.
    nuisances : int
        Columns that are marginalised: of the sky where `agreement` is positive, else polynomials.
    agreement : float
        See `TemplateScan`; 0 where no noise curve is known.
    """
    rebin = LogRebin(start, stop, bins, name="rebin", dtype=dtype)
    scan = TemplateScan(
        bins,
        rebin.step,
        tuple(redshift),
        templates=templates,
        nuisances=nuisances,
        agreement=agreement,
        name="scan",
        dtype=dtype,
    )
    count = round((redshift[1] - redshift[0]) / width)
    posterior = RedshiftPosterior(
        scan.grid.redshift, redshift[0], width, count, name="posterior", dtype=dtype
    )
    inputs = {name: keras.Input((None,), dtype=dtype, name=name) for name in INPUTS}
    outputs = posterior(scan(rebin(inputs))["log_likelihood"])
    return keras.Model(inputs, outputs, name="template_scan")


def check(columns):
    """Find what is no spectrum; see `sanity.check`."""
    return sanity.check(columns)


def learn(model, data, _settings=None, **_progress):
    """Set templates, noise curve and nuisance columns; no gradient is involved."""
    rebin, scan = model.get_layer("rebin"), model.get_layer("scan")
    count = scan.templates.shape[0]
    columns = 0 if scan.nuisance is None else scan.nuisance.shape[1]
    curve = trust = nuisance = None
    dataset = source(data)
    wavelength, ivar, sky = sky_columns.night(dataset, data)
    if scan.agreement:
        hours = float(data["exposure"][0])
        lines = sky_columns.lines_of(wavelength, sky)
        left = sky_columns.residuals(wavelength, sky, lines)
        curve, seen = on_bins(rebin, wavelength, ivar, np.column_stack([left, lines]))
        nuisance = seen[:, :-1] if columns else None
        trust = 1 / (1 + (UNEVEN * seen[:, -1]) ** 2 * curve * (USUAL / hours))
    elif columns:
        nuisance = np.polynomial.legendre.legvander(np.linspace(-1, 1, rebin.bins), columns - 1)
    if nuisance is not None and nuisance.shape[1] != columns:
        raise ValueError(
            f"nuisances is {columns}; there are {nuisance.shape[1]} columns of the sky"
        )
    templates = dataset.replace("full", "templates")
    library = np.asarray(splits.split(templates, "train")["rest_flux"], float)
    weight = on_bins(rebin, wavelength, ivar, sky[:, None])[0] if curve is None else curve * trust
    seen = matrices.visibility(scan.grid, weight)
    components, share = matrices.library_components(
        in_window(library, scan.grid.rest(rebin.start)), seen, count
    )
    scan.adapt(components, curve, nuisance, trust)
    return {"templates": len(library), "explained": round(float(share.sum()), 6)}


def source(data):
    """Dataset that records come from, "name/config"."""
    return next(name for band, name in MOCKS.items() if band in data)


def on_bins(rebin, wavelength, ivar, columns):
    """Inverse variance (bins,) and columns (bins, J) of pixels, rebinned as spectra are."""
    rows = columns.T
    pixels = {"flux": rows, "ivar": np.broadcast_to(ivar, rows.shape), "wavelength": wavelength}
    double = LogRebin(rebin.start, rebin.stop, rebin.bins, dtype="float64")
    found = {name: np.asarray(values) for name, values in double(pixels).items()}
    return found["ivar"][0], found["flux"].T


def in_window(library, wavelength):
    """The library (spectra, bins) at wavelengths (window,) [A]; beyond its ends their values."""
    step = np.log(MOONS[1] / MOONS[0]) / MOONS[2]
    first = np.ceil(np.log(LIBRARY_START / MOONS[0]) / step)
    place = np.log(wavelength / MOONS[0]) / step - first - 0.5
    place = np.clip(place, 0, library.shape[1] - 1)
    whole = np.minimum(place.astype(int), library.shape[1] - 2)
    share = place - whole
    return (1 - share) * library[:, whole] + share * library[:, whole + 1]
