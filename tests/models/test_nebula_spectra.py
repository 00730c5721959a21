"""Kinds of ionised gas in MUSE spectra: the network and the diagrams beside it."""

from functools import lru_cache

import numpy as np
import pytest

from zoo import splits
from zoo.models.spectra import nebula_line_fit, nebula_spectra, nebula_spectra_bpt, nebula_windows
from zoo.models.spectra.nebula_windows import CLASSES
from zoo_datasets.nebula_spectra.observe import observe
from zoo_datasets.simulators.muse import gas, instrument, record
from zoo_datasets.simulators.muse.lines import INDEX

SMALL = {"filters": (8, 8), "width": 16, "nodes": 11, "dropout": 0.0}


@lru_cache(maxsize=2)
def sights(count, seed=0):
    """Records of the simulator by column."""
    rows = [record.record(np.random.default_rng([seed, i]), "train", i) for i in range(count)]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def inputs(seen):
    wave = np.broadcast_to(seen["wavelength"], seen["flux"].shape)
    given = {"flux": seen["flux"], "ivar": seen["ivar"], "wavelength": wave}
    return {name: np.asarray(value, np.float32) for name, value in given.items()}


# --- what both look at


def test_grid_lines_and_line_spread_are_those_of_the_simulator():
    """The zoo repeats what the simulator says, since models do not import datasets."""
    wave = instrument.wavelength()
    assert len(wave) == nebula_windows.PIXELS
    np.testing.assert_allclose(
        [nebula_windows.FIRST, nebula_windows.LAST], wave[[0, -1]], atol=1e-3
    )
    assert nebula_windows.CLASSES == gas.CLASSES
    assert nebula_line_fit.LSF == instrument.LSF
    from zoo_datasets.simulators.muse.lines import WAVELENGTH

    theirs = WAVELENGTH[[INDEX[name] for name in nebula_windows.LINES]]
    np.testing.assert_allclose(nebula_windows.WAVELENGTH, theirs, atol=0.06)


def test_every_line_of_the_windows_is_inside_one():
    from zoo_datasets.simulators.muse.lines import NAMES, WAVELENGTH

    inside = [any(a < w < b for a, b in nebula_windows.WINDOWS) for w in WAVELENGTH]
    missed = {n for n, found in zip(NAMES, inside, strict=True) if not found}
    assert missed == {"HeII4686", "ArIV4711"} | {f"Pa{n}" for n in range(9, 15)}


# --- fits of lines


def test_fluxes_of_fitted_lines():
    """Against the fluxes behind mocks, without dust or continuum; their scatter is the error."""
    rng = np.random.default_rng(3)
    flux = np.zeros((40, instrument.PIXELS))
    truth = np.zeros((40, 5))
    names = ("Hbeta", "OIII5007", "Halpha", "NII6583")
    for i in range(40):
        ratios, _ = gas.component("snr", rng.random(gas.DRAWS))
        wave = record.WAVELENGTH
        record.add(flux[i], wave, 100 * ratios, 60.0 * i, 40.0)
        both = ratios[INDEX["SII6716"]] + ratios[INDEX["SII6731"]]
        truth[i] = 100 * np.array([*(ratios[INDEX[n]] for n in names), both])
    ivar = np.full_like(flux, 1.0)
    noisy = flux + rng.standard_normal(flux.shape)
    found = nebula_line_fit.lines(noisy, ivar)
    seen = found["is_limit"] == 0
    z = ((found["flux"] - truth) / found["flux_error"])[seen]
    assert seen.mean() > 0.8
    assert abs(np.median(z)) < 0.4
    assert 0.7 < 1.48 * np.median(np.abs(z - np.median(z))) < 1.5


def test_lines_outside_the_data_are_absent():
    flux = np.random.default_rng(1).standard_normal((3, instrument.PIXELS))
    ivar = np.ones_like(flux)
    ivar[:, instrument.wavelength() > 6000] = 0
    found = nebula_line_fit.lines(np.where(ivar > 0, flux, 0), ivar)
    assert np.isnan(found["flux"][:, 2:]).all()
    assert np.isnan(found["line"][:, 2:]).all()


# --- the diagrams


def test_diagrams_learn_frequencies():
    data = sights(300)
    config = nebula_spectra_bpt.learn(data, {})
    model = nebula_spectra_bpt.build(**config)
    np.testing.assert_allclose(model.chances.sum(axis=-1), 1, atol=2e-3)
    bright = data | {"quality": np.full(300, 150.0, np.float32)}
    found = model.predict(inputs(observe(bright, draw=1)))
    right = np.mean(found["label"] == data["label"])
    assert right > 0.5  # guessing: 0.25
    np.testing.assert_allclose(sum(found[f"label_{n}"] for n in CLASSES), 1, atol=2e-3)
    np.testing.assert_allclose(sum(found[n] for n in CLASSES), 1, atol=2e-3)


# --- the network


def test_outputs(keras):  # noqa: ARG001 (seeded)
    model = nebula_spectra.build(**SMALL)
    given = inputs(observe(sights(6)))
    found = {n: np.asarray(v) for n, v in model(given).items()}
    np.testing.assert_allclose(sum(found[n] for n in CLASSES), 1, rtol=1e-5)
    np.testing.assert_allclose(sum(found[f"label_{n}"] for n in CLASSES), 1, rtol=1e-5)
    best = np.argmax([found[f"label_{n}"] for n in CLASSES], axis=0)
    np.testing.assert_array_equal(found["label"], best)
    # absent pixels change nothing, nor does the order of magnitude of the flux
    more = {
        n: np.concatenate([v, np.full((6, 4), np.nan)], 1).astype(np.float32)
        for n, v in given.items()
    }
    scaled = given | {"flux": 100 * given["flux"], "ivar": given["ivar"] / 1e4}
    for other in (more, scaled):
        again = {n: np.asarray(v) for n, v in model(other).items()}
        for name in ("label_hii", "dig", "velocity"):
            np.testing.assert_allclose(again[name], found[name], rtol=2e-3, atol=1e-3)


def test_velocity_does_not_matter(keras):  # noqa: ARG001 (seeded)
    """The same gas, noiseless, at any velocity: the same answer but for the sampling of pixels."""
    model = nebula_spectra.build(**SMALL)
    rng = np.random.default_rng(2)
    ratios, _ = gas.component("hii", rng.random(gas.DRAWS))
    flux = np.zeros((4, instrument.PIXELS))
    velocity = (-400.0, 0.0, 900.0, 2900.0)
    for row, v in zip(flux, velocity, strict=True):
        record.add(row, record.WAVELENGTH, 100 * ratios, v, 25.0)
    seen = {"flux": flux, "ivar": np.full_like(flux, 20.0), "wavelength": instrument.wavelength()}
    found = model(inputs(seen))
    np.testing.assert_allclose(found["velocity"], velocity, atol=15)
    spread = np.ptp(np.asarray(found["hii"]))
    assert spread < 0.1


def test_batches_are_fresh_and_resume(keras):  # noqa: ARG001 (seeded)
    model = nebula_spectra.build(**SMALL)
    data = sights(60)

    def epoch(number, seed=1):
        given = nebula_spectra.Sightings(model, data, seed)
        given.batch_size = 32
        given.begin(number)
        assert len(given) == 2
        return given[0]

    first, again, second = epoch(0), epoch(0), epoch(1)
    np.testing.assert_array_equal(first[0]["views"], again[0]["views"])
    assert not np.array_equal(first[0]["views"], second[0]["views"])
    fixed = epoch(3, seed=None)
    np.testing.assert_array_equal(fixed[1]["label"], data["label"][:32])
    np.testing.assert_allclose(fixed[1]["shares"].sum(axis=-1), 1, rtol=1e-5)
    part = splits.observed(nebula_spectra.DATASET, splits.rows(data, slice(0, 32)))
    np.testing.assert_array_equal(part["flux"], observe(splits.rows(data, slice(0, 32)))["flux"])


def test_it_learns_and_is_calibrated(keras):  # noqa: ARG001 (seeded)
    from zoo.training import fitting

    model = nebula_spectra.build(**SMALL)
    data = sights(300)
    settings = {"epochs": 8, "batch_size": 32, "learning_rate": 5e-3}
    facts = fitting.fit(nebula_spectra.lesson(model, data, data), settings, None, None)
    assert facts["curve"]["label_accuracy"][-1] > 0.5  # guessing: 0.25
    nebula_spectra.calibrate(model, data)
    for name in ("answers", "shares"):
        assert 0.2 < float(model.get_layer(name).temperature) < 5


def test_temperature_of_logits_that_are_too_sure():
    """Labels drawn from softmax(logits): three times the logits need a temperature of 3."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((20_000, 4))
    label = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    found = nebula_spectra.best_temperature(3 * logits, np.eye(4)[label])
    assert found == pytest.approx(3, rel=0.05)


# --- the release


def test_a_cube_from_the_command_line(tmp_path):
    """`zoo predict` on a cube in the layout of MUSE: what `predict` gives, spaxel by spaxel."""
    from astropy.io import fits
    from click.testing import CliRunner

    from zoo import load_model
    from zoo.cli import main

    data = sights(6, seed=5) | {"quality": np.full(6, 100.0, np.float32)}
    seen = observe(data)
    cube = np.full((instrument.PIXELS, 2, 4), np.nan)
    variance = np.full_like(cube, np.nan)
    places = [(i // 3, i % 3) for i in range(6)]
    for i, (y, x) in enumerate(places):
        cube[:, y, x], variance[:, y, x] = 1e3 * seen["flux"][i], 1e6 / seen["ivar"][i]
    words = {"CTYPE3": "AWAV", "CUNIT3": "Angstrom", "CRVAL3": 4750.0, "CRPIX3": 1.0, "CD3_3": 1.25}
    unit = "10**(-20)*erg/s/cm**2/Angstrom"
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for name, values, text in (("DATA", cube, unit), ("STAT", variance, f"({unit})**2")):
        hdu = fits.ImageHDU(values.astype(np.float32), fits.Header(words), name=name)
        hdu.header["BUNIT"] = text
        hdus.append(hdu)
    hdus.writeto(tmp_path / "cube.fits")
    output = tmp_path / "maps.fits"
    found = CliRunner().invoke(
        main, ["predict", "nebula_spectra", str(tmp_path / "cube.fits"), "-o", str(output)]
    )
    assert found.exit_code == 0, found.output
    assert "air, converted to vacuum" in found.output
    assert "6 spaxels" in found.output
    alone = load_model("nebula_spectra").predict(
        {name: seen[name] for name in ("flux", "ivar", "wavelength")}
    )
    with fits.open(output) as maps:
        assert np.isnan(maps["LABEL"].data[:, 3]).all()
        for name in ("dig", "label_hii", "velocity"):
            values = [maps[name.upper()].data[place] for place in places]
            np.testing.assert_allclose(values, alone[name], rtol=1e-3, atol=2e-3)
        right = [maps["LABEL"].data[place] for place in places] == data["label"]
    assert right.mean() >= 0.5  # guessing: 0.25
    refused = CliRunner().invoke(main, ["predict", "nebula_spectra", str(tmp_path / "cube.fits")])
    assert refused.exit_code == 1
    assert "needs -o" in refused.output
