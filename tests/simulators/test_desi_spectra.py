"""Mock optical spectra: pixels, lines of known flux, noise, and the population behind them."""

from itertools import pairwise

import numpy as np
import pytest

from zoo_datasets.desi_spectra.observe import observe
from zoo_datasets.simulators.spectra import (
    cosmos,
    desi,
    desi_record,
    low_redshift,
    nebula,
    spectrum,
)


@pytest.fixture(scope="module")
def drawn():
    return [low_redshift.draw(np.random.default_rng([1, i])) for i in range(400)]


@pytest.fixture(scope="module")
def records():
    rows = [desi_record.record(np.random.default_rng([2, i]), "test", i) for i in range(40)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_pixels_and_arms():
    wave = desi.wavelength()
    assert wave[[0, -1]] == pytest.approx([3600, 9824])
    arms = desi.arms()
    assert [arms[0].start, arms[-1].stop] == [0, len(wave)]
    assert all(one.stop == two.start for one, two in pairwise(arms))
    assert (wave / (desi.sigma() * 2.3548))[[0, -1]] == pytest.approx([2000, 5458], rel=1e-3)


def test_noise_after_the_typical_exposure():
    """What `NOISE` says, between the lines; at their peaks much more."""
    constant, _ = desi.noise_terms()
    sigma = np.sqrt(constant / desi.TYPICAL)
    for wave, expected in ((4400, 0.53), (5250, 0.33), (7250, 0.19)):
        near = np.abs(desi.wavelength() - wave) < 40
        assert np.percentile(sigma[near], 30) == pytest.approx(expected, rel=0.08)
    assert desi.brightness().min() >= 1
    line = np.abs(desi.wavelength() - 5578.9) < 1
    assert sigma[line].max() > 2.5 * 0.3


def test_noise_has_the_variance_that_ivar_tells(records):
    seen = observe(records)
    pull = (seen["flux"] - seen["flux_true"].astype(float)) * np.sqrt(seen["ivar"])
    assert pull.std() == pytest.approx(1, abs=0.01)
    assert pull.mean() == pytest.approx(0, abs=0.01)
    assert np.array_equal(observe(records)["flux"], seen["flux"])
    assert np.mean(observe(records, draw=1)["flux"] == seen["flux"]) < 0.01
    longer = observe(records | {"exposure": 4 * records["exposure"]})
    np.testing.assert_allclose(longer["ivar"], 4 * seen["ivar"], rtol=1e-5)
    assert observe(seen) is seen


def test_photon_noise_counts_the_electrons():
    """A flux makes gain x flux x time electrons, whose variance is their number."""
    flux, time = 1e4, 1000.0
    data = {
        "flux_true": np.full((1, desi.PIXELS), flux, np.float16),
        "exposure": np.array([time]),
        "noise_seed": np.array([3]),
    }
    constant, _ = desi.noise_terms()
    extra = 1 / observe(data)["ivar"][0] - constant / time
    electrons = desi.gain() * flux * time
    np.testing.assert_allclose(extra, electrons / (desi.gain() * time) ** 2, rtol=1e-2)


def test_population(drawn):
    z, mag, age = (
        np.array([getattr(g, n) for g in drawn]) for n in ("redshift", "mag_h", "sigma_v")
    )
    assert z.min() >= 0.001
    assert z.max() <= 1.6
    assert abs(np.mean(z) - 0.8) < 0.07
    assert mag.min() >= low_redshift.BRIGHTEST
    assert mag.max() <= low_redshift.FAINTEST
    assert age.min() >= 30
    assert all(g.history.age < cosmos.age(g.redshift) for g in drawn)
    assert max(g.history.age for g in drawn) > 10
    assert all(0.002 <= g.metallicity <= 0.008 for g in drawn)


def test_records(records):
    wave = desi.wavelength()
    for flux, mag in zip(records["flux_true"].astype(float), records["mag_z"], strict=True):
        assert spectrum.magnitude(flux * 1e-17, wave, low_redshift.BAND) == pytest.approx(
            mag, abs=0.01
        )
    assert np.percentile(records["log_mstar"], 90) < 12


def test_lines_stand_where_redshift_puts_them():
    """The flux of H alpha above a local continuum is that of the record."""
    gas = nebula.mappings()
    rest = gas.wavelength[gas.name == "Halpha"][0]
    found = 0
    for i in range(60):
        one = desi_record.record(np.random.default_rng([5, i]), "test", i)
        centre = rest * (1 + float(one["redshift"]))
        if not 3700 < centre < 9700 or one["flux_halpha"] < 20:
            continue
        wave = desi.wavelength()
        # inwards of [N II], whose wings are the rest of the tolerance
        width = 2.2 * np.hypot(float(one["sigma_v"]) / 299792 * centre, 1.8 / 2.3548)
        if width > 12 * (1 + float(one["redshift"])):
            continue
        line = np.abs(wave - centre) < width
        level = np.median(one["flux_true"][np.abs(wave - centre) < 120].astype(float))
        flux = np.sum(one["flux_true"][line].astype(float) - level) * desi.STEP
        assert flux == pytest.approx(float(one["flux_halpha"]), rel=0.25)
        found += 1
    assert found >= 5
