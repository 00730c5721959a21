"""Mock MUSE spectra of ionised gas: lines, mixtures, noise."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import RegularGridInterpolator

from zoo_datasets.nebula_spectra.observe import observe
from zoo_datasets.simulators.muse import gas, instrument, lines, record
from zoo_datasets.simulators.muse.gas import CLASSES
from zoo_datasets.simulators.muse.lines import HALPHA, INDEX
from zoo_datasets.simulators.nebulae import lines as nebular
from zoo_datasets.simulators.nebulae import shock
from zoo_datasets.simulators.nebulae.dust import cardelli
from zoo_datasets.simulators.spectra import air

REFERENCE = Path(os.environ.get("ZOO_TEST_DATA", "/nowhere")) / "spectra"


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def sights(count, **changes):
    """Records by column."""
    rows = [record.record(np.random.default_rng([9, i]), "test", i) for i in range(count)]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]} | changes


# --- the instrument


def test_pixels_are_those_of_muse():
    wave = instrument.wavelength_air()
    assert (wave[0], wave[-1], len(wave)) == (4750, 9350, 3681)
    np.testing.assert_allclose(instrument.wavelength() / air.index(instrument.wavelength()), wave)


def test_line_spread_function_is_the_published_polynomial():
    fwhm = instrument.lsf(np.array([4750.0, 7000.0, 9350.0])) * 2.354820045
    np.testing.assert_allclose(fwhm, [2.99973, 2.48344, 2.57841], atol=1e-4)


def test_profile_against_numerical_integration():
    """A pixel holds the mean of the line over it, and the whole line holds its flux."""
    centre, sigma = np.array([6601.3]), np.array([1.7])
    first, shape = instrument.profiles(centre, sigma)
    edges = air.to_vacuum(instrument.wavelength_air()[first[0]] + 1.25 * np.array([-0.5, 0.5]))
    number = int(np.argmax(shape[0]))
    edges = air.to_vacuum(
        instrument.wavelength_air()[first[0] + number] + 1.25 * np.array([-0.5, 0.5])
    )

    def gaussian(wave):
        return np.exp(-0.5 * ((wave - centre[0]) / sigma[0]) ** 2) / np.sqrt(2 * np.pi) / sigma[0]

    expected = quad(gaussian, *edges)[0] / np.diff(edges)[0]
    assert shape[0, number] == pytest.approx(expected, rel=1e-9)
    widths = np.gradient(instrument.wavelength())[first[0] : first[0] + shape.shape[1]]
    assert np.sum(shape[0] * widths) == pytest.approx(1, abs=1e-6)


def test_the_noise_has_the_lines_of_the_sky():
    shape, wave = instrument.noise_shape(), instrument.wavelength()
    assert np.isfinite(shape).all()
    assert shape.min() > 0.3
    assert np.median(shape[np.abs(wave - 6600) < 100]) == pytest.approx(1)
    for line in (5577.34, 6300.30):
        near = np.abs(wave - air.to_vacuum(np.array(line))) < 3
        assert shape[near].max() > 2.5 * np.median(shape[np.abs(wave - line) < 60])
    assert shape[wave > 8800].max() > 3  # OH


# --- the gas


def test_grids_against_scipy(rng):
    for grid in (lines.soft(), lines.hard()):
        points = np.array([rng.uniform(axis[0], axis[-1], 20) for axis in grid.axes]).T
        expected = 10 ** RegularGridInterpolator(grid.axes, grid.log_ratio)(points)
        np.testing.assert_allclose([grid.ratios(*p) for p in points], expected, rtol=1e-9)
        assert grid.log_ratio.shape[-1] == len(lines.NAMES)


def test_hard_grid_against_the_package():
    file = REFERENCE / "nebulabayes_mappings" / "NB_NLR_grid.fits.gz"
    if not file.is_file():
        pytest.skip("reference data are absent: set ZOO_TEST_DATA")
    from astropy.io import fits

    data = fits.getdata(file)
    row = data[(data["log E_peak"] == -1.75)][777]
    names = ("log U", "log P/k", "12 + log O/H", "log E_peak")
    seen = lines.hard().ratios(*(float(row[name]) for name in names))
    for name in ("OI6300", "SII6716", "SII6731", "HeI5876", "NI5200"):
        assert seen[INDEX[name]] == pytest.approx(row[name] / row["Hbeta"], rel=5e-3)


def test_tied_lines_have_their_ratios(rng):
    for name in CLASSES:
        ratios, _ = gas.component(name, rng.random(gas.DRAWS))
        assert ratios[HALPHA] == pytest.approx(1)
        pairs = [("OIII5007", "OIII4959", 2.98), ("NII6583", "NII6548", 3.05)]
        for strong, weak, ratio in pairs:
            assert ratios[INDEX[strong]] / ratios[INDEX[weak]] == pytest.approx(ratio)
        # case B at 10^4 K (Osterbrock & Ferland 2006, table 4.4)
        assert ratios[INDEX["Pa10"]] / ratios[INDEX["Hbeta"]] == pytest.approx(0.0184, rel=0.01)


def test_remnants_are_the_toy_of_the_line_fluxes(rng):
    u = rng.random(gas.DRAWS)
    strong, _ = shock.cloud(u)
    ratios = gas.shocked(u[:15])
    beta = ratios[INDEX["Hbeta"]]
    both = ratios[INDEX["SII6716"]] + ratios[INDEX["SII6731"]]
    assert both / beta == pytest.approx(strong[nebular.NAMES.index("SII6725")])
    assert ratios[INDEX["OIII5007"]] / beta == pytest.approx(
        strong[nebular.NAMES.index("OIII5007")]
    )
    # the doublet at low and at high density (Osterbrock & Ferland 2006, figure 5.8)
    thin, dense = (
        gas.shocked(np.where(np.arange(15) == 3, x, u[:15]))[[INDEX["SII6716"], INDEX["SII6731"]]]
        for x in (0.0, 1.0)
    )
    assert 1.35 < thin[0] / thin[1] < 1.5
    assert 0.7 < dense[0] / dense[1] < 1.0


def test_diffuse_gas_is_as_the_readme_says(rng):
    found = np.stack([gas.component("dig", rng.random(gas.DRAWS))[0] for _ in range(1500)])
    sulphur = found[:, INDEX["SII6716"]] + found[:, INDEX["SII6731"]]
    np.testing.assert_allclose(np.quantile(sulphur, [0.05, 0.95]), [0.33, 0.66], atol=0.03)
    oxygen = found[:, INDEX["OIII5007"]] / found[:, INDEX["Hbeta"]]
    np.testing.assert_allclose(np.quantile(oxygen, [0.05, 0.95]), [0.04, 0.86], rtol=0.2)


# --- lines of sight


def test_mixtures(rng):
    found = [record.mixture(rng.random(8)) for _ in range(4000)]
    shares = np.stack([share for _, share in found])
    label = np.array([main for main, _ in found])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_array_equal(shares.argmax(axis=1), label)
    np.testing.assert_allclose(np.bincount(label) / 4000, 0.25, atol=0.03)
    pure = shares.max(axis=1) == 1
    assert pure.mean() == pytest.approx(record.PURE, abs=0.03)
    other = label != CLASSES.index("dig")
    second = np.argsort(shares, axis=1)[:, -2][other & ~pure]
    assert 0.5 < np.mean(second == CLASSES.index("dig")) < 0.75


def test_flux_and_velocity_of_halpha():
    """The integral of H alpha is the flux told, and its middle lies at the velocity told."""
    for i in range(6):
        one = record.record(np.random.default_rng([4, i]), "test", i)
        wave = instrument.wavelength()
        centre = lines.WAVELENGTH[HALPHA] * (1 + one["velocity"] / instrument.C)
        alone = np.zeros(instrument.PIXELS)
        record.add(
            alone, np.array([6564.61]), np.array([one["flux_halpha"]]), one["velocity"], 20.0
        )
        assert np.sum(alone * np.gradient(wave)) == pytest.approx(one["flux_halpha"], rel=1e-4)
        assert np.sum(alone * wave) / np.sum(alone) == pytest.approx(centre, abs=0.05)
        near = np.abs(wave - centre) < 3
        peak = wave[near][np.argmax(one["flux_true"][near])]
        assert abs(peak - centre) < 4


def test_dust_reddens_as_cardelli():
    beta = INDEX["Hbeta"]
    found = -2.5 * np.log10(record.transmission(1.0)[beta])
    curve = cardelli(lines.WAVELENGTH[[beta, HALPHA]])
    assert found == pytest.approx(curve[0] - curve[1])
    red = record.transmission(1.0)[[INDEX["SIII9069"], INDEX["Pa9"]]]
    assert red[1] > red[0] > 1


def test_records_repeat_and_fit_half_precision():
    first, again = (record.record(np.random.default_rng(7), "train", 7) for _ in range(2))
    np.testing.assert_array_equal(first["flux_true"], again["flux_true"])
    assert first["object_id"] == "train-000007"
    found = sights(20)
    assert np.isfinite(found["flux_true"]).all()


# --- noise


def test_noise_is_what_ivar_says():
    data = sights(30, sky_residual=np.zeros(30, np.float32))
    seen = observe(data)
    z = (seen["flux"] - data["flux_true"].astype(np.float32)) * np.sqrt(seen["ivar"])
    assert z.std() == pytest.approx(1, abs=0.01)
    assert abs(z.mean()) < 0.02
    other = observe(data, draw=1)
    again = (other["flux"] - data["flux_true"].astype(np.float32)) * np.sqrt(seen["ivar"])
    assert abs(np.corrcoef(again.ravel(), z.ravel())[0, 1]) < 0.02
    np.testing.assert_array_equal(observe(data)["flux"], seen["flux"])
    assert observe(seen) is seen


def test_quality_is_the_signal_to_noise_of_a_fit():
    """H alpha fitted with its own profile many times: mean over scatter is what was asked for."""
    one = {name: value[:1] for name, value in sights(1).items()}
    label = np.flatnonzero([one[name][0] == 1 for name in CLASSES])
    rng = np.random.default_rng([9, 0])
    u = rng.random(80)
    assert len(label) == 1, "the first line of sight must be pure for this test"
    _, dispersion = gas.component(CLASSES[label[0]], u[16 + 16 * label[0] : 32 + 16 * label[0]])
    profile = np.zeros(instrument.PIXELS)
    record.add(
        profile, lines.WAVELENGTH[[HALPHA]], np.ones(1), float(one["velocity"][0]), dispersion
    )
    one |= {"quality": np.array([20.0], np.float32), "sky_residual": np.zeros(1, np.float32)}
    fluxes = []
    for draw in range(400):
        seen = observe(one, draw)
        rest = seen["flux"][0] - one["flux_true"][0].astype(float)
        weight = seen["ivar"][0] * profile
        fluxes.append(one["flux_halpha"][0] + np.sum(weight * rest) / np.sum(weight * profile))
    assert np.mean(fluxes) / np.std(fluxes) == pytest.approx(20, rel=0.12)


def test_sky_residuals_are_coherent():
    data = sights(60, sky_residual=np.full(60, 3.0, np.float32), quality=np.full(60, 20.0))
    seen = observe(data)
    z = (seen["flux"] - data["flux_true"].astype(np.float32)) * np.sqrt(seen["ivar"])
    shapes = instrument.residual_shapes() / instrument.noise_shape()
    bright = np.argsort(np.abs(shapes[0]))[-200:]
    quiet = np.abs(shapes).max(axis=0) < 0.02
    assert z[:, bright].std() > 1.3
    assert z[:, quiet].std() == pytest.approx(1, abs=0.02)
