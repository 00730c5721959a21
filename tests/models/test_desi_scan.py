"""The tags for DESI: they learn from their own mocks, and read the spectra of surveys."""

import numpy as np
import pytest

from zoo import load_model, registry, splits
from zoo.models.spectra import redshift_scan, template_scan
from zoo.readers import spectra as reader
from zoo.training import loop
from zoo_datasets.desi_spectra.observe import observe
from zoo_datasets.simulators.spectra import desi_record

CONFIG = {"start": 3600.0, "stop": 9824.0, "redshift": (0.0, 1.6), "width": 0.001}
CONFIG |= {"templates": 6, "nuisances": 4, "agreement": 0.0}
TINY = CONFIG | {"candidates": 8, "hidden": 16, "state": 6}
FILES = {  # redshift of each, as its survey gives it
    "NGC4636_SDSS_DR12.fits": 0.00303,
    "coadd-4-80613-thru20210324.fits": 0.36874,
}


def galaxies(n, seed):
    rows = [desi_record.record(np.random.default_rng([seed, i]), "test", i) for i in range(n)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module")
def mocks():
    return galaxies(90, 3)


@pytest.fixture(scope="module", autouse=True)
def asked():
    """Names of the libraries that were asked for."""
    rows = [desi_record.template(np.random.default_rng([4, i]), "train", i) for i in range(60)]
    library = {"rest_flux": np.array([row["rest_flux"] for row in rows])}
    names = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "split", lambda name, _: names.append(name) or library)
        yield names


@pytest.fixture(scope="module")
def scan(mocks):
    model = template_scan.build(**CONFIG)
    template_scan.learn(model, mocks)
    return model


def columns(data, rows=slice(None)):
    seen = observe(splits.rows(data, rows))
    wave = np.broadcast_to(seen["wavelength"], seen["flux"].shape)
    return {"flux": seen["flux"], "ivar": seen["ivar"], "wavelength": np.float32(wave)}


def test_redshifts_of_mocks(scan, mocks, asked):
    assert set(asked) == {"desi_spectra/templates"}
    bright = np.flatnonzero(mocks["mag_z"] < 21)[:12]
    found = np.asarray(scan(columns(mocks, bright))["redshift"])
    assert np.mean(np.abs(found - mocks["redshift"][bright]) < 0.01) > 0.8


def test_it_learns_from_its_own_mocks(mocks):
    card, _ = registry.find_card("redshift_scan")
    settings = loop.recipe(card, config=TINY, epochs=20, batch_size=32, learning_rate=5e-3)
    few = splits.rows(mocks, slice(20))
    model = loop.train(card, mocks, few, settings).model
    found = {n: np.asarray(v) for n, v in model(columns(mocks, slice(16))).items()}
    error = found["log_mstar"] - mocks["log_mstar"][:16]
    assert np.median(np.abs(error)) < 0.45 * np.std(mocks["log_mstar"][:16])
    assert found["redshift_pdf"].shape == (16, 1600)
    assert list(redshift_scan.baselines(mocks).values()) == ["template_scan.desi"]


@pytest.mark.parametrize("name", FILES)
def test_real_redshifts(scan, test_data, name):
    one = reader.read(test_data / "spectra/real_spectra" / name)
    given = {n: np.float32(values[0])[None] for n, values in one.inputs().items()}
    found = scan(given)
    assert float(found["redshift"][0]) == pytest.approx(FILES[name], abs=2e-4)
    assert float(found["confidence"][0]) > 0.99


@pytest.mark.filterwarnings("ignore::zoo.errors.OutsideRangeWarning")
def test_releases_on_a_folder(test_data):
    """Both find the surveys' redshifts, and agree where the files give none."""
    given = reader.read(test_data / "spectra/real_spectra")
    names = ("template_scan.desi", "redshift_scan.desi")
    found = [load_model(name).predict(given.inputs())["redshift"] for name in names]
    known = np.array([one.redshift for one in given.spectra])
    told = np.isfinite(known)
    assert told.sum() == len(FILES)
    for redshift in found:
        np.testing.assert_allclose(redshift[told], known[told], atol=2e-4)
    np.testing.assert_allclose(*found, atol=5e-4)
