"""The scan on mock and real spectra, and what it says to spectra that are none."""

import numpy as np
import pytest

from zoo import splits
from zoo.models.spectra import sanity, sky_columns, template_scan
from zoo_datasets.moons_spectra.observe import observe
from zoo_datasets.simulators.spectra import instrument, record

MOONS = "moons_spectra/full"
SMALL = {"templates": 8}


@pytest.fixture(scope="module")
def mocks():
    rows = [record.record(np.random.default_rng([3, i]), "test", i) for i in range(24)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module")
def library():
    rows = [record.template(np.random.default_rng([4, i]), "train", i) for i in range(150)]
    return {"rest_flux": np.array([row["rest_flux"] for row in rows])}


@pytest.fixture(scope="module")
def scan(mocks, library):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "split", lambda *_: library)
        model = template_scan.build(**SMALL)
        template_scan.learn(model, mocks, {})
    return model


def columns(seen, rows=slice(None)):
    wave = np.broadcast_to(seen["wavelength"], seen["flux"].shape)
    given = {"flux": seen["flux"], "ivar": seen["ivar"], "wavelength": wave}
    return {name: np.float32(values[rows]) for name, values in given.items()}


def test_redshifts_of_mocks(scan, mocks):
    found = {n: np.asarray(v) for n, v in scan(columns(observe(mocks))).items()}
    right = np.abs(found["redshift"] - mocks["redshift"]) < 0.01
    assert right[mocks["mag_h"] < 24].mean() > 0.85
    assert right[found["confidence"] > 0.95].mean() > 0.9
    assert found["redshift_pdf"].shape == (24, 800)
    np.testing.assert_allclose(found["redshift_pdf"].sum(axis=1), 1, rtol=1e-5)
    sure = found["confidence"] > 0.95
    bins = 0.6015 + 0.003 * found["redshift_pdf"].argmax(axis=1)
    assert np.abs(bins - found["redshift"])[sure].max() < 0.0121


def test_masked_pixels_change_little(scan, mocks):
    """A few go the fast way, an arm's worth the general one; both agree where S/N is high."""
    seen = observe(mocks)
    bright = np.flatnonzero(mocks["mag_h"] < 23.5)[:3]
    whole = scan(columns(seen, bright))
    rng = np.random.default_rng(0)
    some = {**seen, "ivar": seen["ivar"] * (rng.random(seen["ivar"].shape) > 0.01)}
    half = {**seen, "ivar": seen["ivar"] * (np.arange(12217) % 2)}
    for given in (some, half):
        found = scan(columns(given, bright))
        np.testing.assert_allclose(found["redshift"], whole["redshift"], atol=5e-4)


def test_sky_left_over_is_forgiven(scan, mocks):
    """Two percent of the sky, which without its columns would be many times the noise."""
    _, _, sky = sky_columns.night(MOONS, mocks)
    seen = observe(mocks)
    bright = np.flatnonzero(mocks["mag_h"] < 23.5)[:4]
    more = {**seen, "flux": seen["flux"] + np.float32(0.02 * sky) * (seen["ivar"] > 0)}
    whole, found = (scan(columns(x, bright)) for x in (seen, more))
    np.testing.assert_allclose(found["redshift"], whole["redshift"], atol=2e-4)


def test_sky_from_the_noise(mocks):
    """What the variance says about the sky is the simulator's sky, detector included."""
    wave, _, sky = sky_columns.night(MOONS, mocks)
    counts = (
        instrument.sky(1.2)
        + instrument.table()["dark"]
        + instrument.table()["read_noise"] ** 2 / 900
    )
    gain = instrument.efficiency(1.2, 0.8)
    seen = sky > 0
    np.testing.assert_allclose(sky[seen], (counts / gain)[seen], rtol=2e-2)
    assert [arm.stop - arm.start for arm in sky_columns.arms(wave)] == [4117, 4229, 3871]


def test_library_in_a_window():
    step = np.log(18000 / 6470) / 4096
    wave = 6470 * np.exp(step * (np.ceil(np.log(1200 / 6470) / step) + np.arange(500) + 0.5))
    values = np.sin(np.log(wave) * 40)[None]
    between = np.sqrt(wave[10:400] * wave[11:401])
    found = template_scan.in_window(values, between)
    np.testing.assert_allclose(found[0], np.sin(np.log(between) * 40), atol=2e-5)
    assert template_scan.in_window(values, np.array([900.0]))[0, 0] == values[0, 0]


# --- bad input


def good(n=2, pixels=1000):
    wave = np.tile(np.linspace(7000, 9000, pixels), (n, 1))
    return {"flux": np.ones((n, pixels)), "ivar": np.ones((n, pixels)), "wavelength": wave}


def test_nothing_to_complain_about():
    given = good()
    given["flux"][0, 900:] = given["ivar"][0, 900:] = given["wavelength"][0, 900:] = np.nan
    assert sanity.check(given) == []


@pytest.mark.parametrize(
    ("change", "words", "impossible"),
    [
        ({"wavelength": lambda x: x / 10}, "nm", True),
        ({"wavelength": lambda x: x / 1e4}, "micron", True),
        ({"wavelength": lambda x: x[:, ::-1]}, "sort", True),
        ({"ivar": lambda x: 0 * x}, "1 or more", True),
        ({"ivar": lambda x: x * (np.arange(1000) < 100)}, "300 or more", False),
        ({"flux": lambda x: x * 1e-17}, "1e-17", False),
    ],
)
def test_complaints(change, words, impossible):
    fine = good(1)
    bad = {name: change.get(name, np.array)(values) for name, values in fine.items()}
    both = {name: np.concatenate([fine[name], bad[name]]) for name in fine}
    (found,) = sanity.check(both)
    assert words in str(found)
    assert found.impossible == impossible
    assert np.array_equal(found.rows, [False, True])
