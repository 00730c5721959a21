"""The learned prior over a scan: it starts at the scan's answer, learns, and is calibrated."""

import numpy as np
import pytest

from zoo import registry, splits
from zoo.models.spectra import redshift_scan, scan_examples, template_scan
from zoo.training import loop
from zoo_datasets.moons_spectra.observe import observe
from zoo_datasets.simulators.spectra import record

MOONS = "moons_spectra/full"
SMALL = {"templates": 6}
TINY = SMALL | {"candidates": 8, "hidden": 16, "state": 6}


def galaxies(n, seed):
    rows = [record.record(np.random.default_rng([seed, i]), "test", i) for i in range(n)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module")
def mocks():
    return galaxies(210, 3)


@pytest.fixture(scope="module", autouse=True)
def _library():
    rows = [record.template(np.random.default_rng([4, i]), "train", i) for i in range(80)]
    library = {"rest_flux": np.array([row["rest_flux"] for row in rows])}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "split", lambda *_: library)
        yield


@pytest.fixture(scope="module")
def fresh(mocks):
    model = redshift_scan.build(**TINY)
    redshift_scan.adapt(model, mocks)
    return model


def columns(data, rows=slice(None)):
    seen = observe(splits.rows(data, rows))
    wave = np.broadcast_to(seen["wavelength"], seen["flux"].shape)
    return {"flux": seen["flux"], "ivar": seen["ivar"], "wavelength": np.float32(wave)}


def test_it_starts_at_the_scan(fresh, mocks):
    scan = template_scan.build(**SMALL)
    template_scan.learn(scan, mocks, {})
    given = columns(mocks, slice(12))
    ours, theirs = fresh(given), scan(given)
    np.testing.assert_allclose(ours["redshift"], theirs["redshift"], atol=1e-5)
    np.testing.assert_allclose(ours["quality"], theirs["confidence"], atol=1e-3)
    np.testing.assert_allclose(ours["redshift_pdf"], theirs["redshift_pdf"], atol=1e-3)


def test_examples_are_what_the_graph_sees(fresh, mocks):
    some = splits.rows(mocks, slice(6))
    found = scan_examples.examples(fresh, MOONS, some)
    layers = [fresh.get_layer(name) for name in ("rebin", "scan", "candidates")]
    scan = layers[1](layers[0](columns(some)))
    about = layers[2](scan)
    np.testing.assert_allclose(found["log_mass"], about["log_mass"], atol=2e-2)
    np.testing.assert_allclose(found["log_amplitude"], np.log(scan["amplitude"]), atol=1e-5)
    sure = found["owner"] == 0
    assert sure.sum() >= 3
    best = np.expm1(np.asarray(about["log_z"])[:, 0])
    np.testing.assert_allclose(best[sure], some["redshift"][sure], atol=0.02)


def test_spoiled_spectra_are_few_and_repeatable(mocks):
    some = splits.rows(mocks, slice(16))
    parts = [
        next(scan_examples.observed(MOONS, some, 1, spoil=spoil))[1]["flux"]
        for spoil in (False, True, True)
    ]
    changed = np.any(parts[0] != parts[1], axis=1)
    assert np.array_equal(np.flatnonzero(changed), [0, 4, 8, 12])
    np.testing.assert_array_equal(parts[1], parts[2])


def test_it_learns_and_is_calibrated(mocks):
    card, _ = registry.find_card("redshift_scan")
    settings = loop.recipe(card, config=TINY, epochs=30, batch_size=32, learning_rate=5e-3)
    few = splits.rows(mocks, slice(40))
    model = loop.train(card, mocks, few, settings, calibration=mocks).model
    found = {n: np.asarray(v) for n, v in model(columns(mocks, slice(100))).items()}
    truth = splits.rows(mocks, slice(100))
    right = np.abs(found["redshift"] - truth["redshift"]) < 0.01
    assert right.mean() > 0.7
    assert found["quality"].mean() == pytest.approx(right.mean(), abs=0.1)
    error = found["log_mstar"] - truth["log_mstar"]
    assert np.std(error) < 0.7 * np.std(truth["log_mstar"])
    quantiles = found["log_mstar_quantiles"]
    assert np.all(np.diff(quantiles, axis=1) > 0)
    inside = (quantiles[:, 1] < truth["log_mstar"]) & (truth["log_mstar"] < quantiles[:, 3])
    assert inside.mean() == pytest.approx(0.68, abs=0.15)
    assert found["embedding"].shape == (100, 6)
    assert float(model.get_layer("corrected").sharpness) != 1
