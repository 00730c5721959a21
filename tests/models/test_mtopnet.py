"""M-TOPnet: what it reads, what it is taught, and that it learns."""

import json

import numpy as np
import pytest
from astropy import units as u

from zoo import registry, saving, splits
from zoo.models.spectra import binned, line_list, mtopnet
from zoo.models.spectra.mtopnet_answers import CLASSES, FIRST, WIDTH
from zoo.nn.log_rebin import LogRebin
from zoo.nn.spectrum_views import SpectrumViews
from zoo.training import fitting, loop
from zoo_datasets.moons_spectra import observe
from zoo_datasets.simulators.spectra import instrument

SMALL = {"bins": 512, "filters": (4, 8), "width": 32, "embedding": 100, "reach": 1}


def galaxies(n, seed=0):
    """Bright toys: a flat continuum and H alpha, H beta and [O III] of the strength of the SFR."""
    rng = np.random.default_rng(seed)
    wave = instrument.wavelength()
    z = rng.uniform(0.9, 1.7, n)
    sfr = rng.normal(1, 0.3, n)
    flux = np.full((n, len(wave)), 3.0)
    for line in (4862.68, 5008.24, 6564.61):
        offset = (wave - line * (1 + z[:, None])) / 8
        flux += 10 ** sfr[:, None] * np.exp(-0.5 * offset**2)
    ones = np.ones(n, np.float32)
    return {
        "flux_true": flux.astype(np.float16),
        "redshift": z.astype(np.float32),
        "log_mstar": rng.normal(10, 0.5, n).astype(np.float32),
        "log_sfr": sfr.astype(np.float32),
        "exposure": rng.choice([2, 4, 8], n).astype(np.float32),
        "airmass": 1.2 * ones,
        "seeing": 0.8 * ones,
        "noise_seed": np.arange(n) + 1000 * seed,
        "sky_residual": 0 * ones,
        "calibration_error": 0 * ones,
    }


# --- the two views of a spectrum


def test_views_of_a_smooth_spectrum_with_a_line():
    """A linear continuum is followed, the line stays, in units of the error, through asinh."""
    bins, nodes = 640, 20
    truth = 2 + np.linspace(0, 1, bins)
    flux = truth.copy()
    flux[333] += 5
    ivar = np.full(bins, 4.0)
    views = SpectrumViews(bins, nodes, dtype="float64")
    found = {
        n: np.asarray(v)[0] for n, v in views({"flux": flux[None], "ivar": ivar[None]}).items()
    }
    assert np.sinh(found["spectrum"][333]) == pytest.approx(5 * 2, rel=0.05)
    inner = np.abs(np.arange(bins) - 320) < 200
    far = inner & (np.abs(np.arange(bins) - 333) > 150)
    assert np.abs(found["spectrum"][far]).max() < 0.02
    level = np.sqrt(np.mean(truth**2))
    middles = truth.reshape(nodes, -1).mean(axis=1)
    np.testing.assert_allclose(np.sinh(found["continuum"][3:6]) * level, middles[3:6], rtol=0.02)
    np.testing.assert_allclose(found["continuum"][-2:], [np.log10(level), np.log10(0.5)], atol=0.01)
    assert found["noise"] == pytest.approx(0.5 / level, rel=0.02)


def test_views_without_sky_lines_and_data():
    """Bins of strong sky and without data are zero; a gap does not disturb the continuum."""
    rng = np.random.default_rng(0)
    flux, ivar = np.full(512, 3.0), np.full(512, 25.0)
    ivar[100], ivar[200:300] = 1.0, 0.0
    flux[100], flux[200:300] = 50.0, 7.0
    views = SpectrumViews(512, 16, dtype="float64")
    found = np.asarray(views({"flux": flux[None], "ivar": ivar[None]})["spectrum"])[0]
    assert (found[np.r_[100, 200:300]] == 0).all()
    assert np.abs(np.delete(found, np.r_[30:170, 200:300])).max() < 0.05
    noise = 3 + rng.normal(size=512) / 5
    both = [SpectrumViews(512, 16, units=units, dtype="float64") for units in ("error", "rms")]
    given = {"flux": noise[None], "ivar": np.full((1, 512), 25.0)}
    error, rms = (np.sinh(np.asarray(v(given)["spectrum"])) for v in both)
    assert error.std() == pytest.approx(1, abs=0.1)
    assert rms.std() == pytest.approx(1, abs=0.01)
    with pytest.raises(ValueError, match="units = 'sigma'; allowed: error, rms"):
        SpectrumViews(units="sigma")
    with pytest.raises(ValueError, match="nodes = 1; allowed: 2 to"):
        SpectrumViews(nodes=1)


# --- targets


def test_lines():
    """42 vacuum wavelengths; those of hydrogen are Rydberg's."""
    assert len(line_list.LINES) == 42
    reduced = 1.0973731568e-3 / (1 + 5.446170e-4) * (1 / 4 - 1 / np.arange(3, 7) ** 2)
    ours = [line_list.EMISSION[name] for name in ("H alpha", "H beta", "H gamma", "H delta")]
    np.testing.assert_allclose(ours, 1 / reduced, rtol=2e-5)  # 4 km/s of fine structure


def test_mask_against_the_grid():
    """A bin is marked if a line falls into it or a neighbour; lines outside the grid are not."""
    grid = LogRebin(bins=512)
    redshift = np.array([0.9, 2.6])
    found = line_list.mask(redshift, grid.start, grid.step, 512, reach=1)
    edges = grid.start * np.exp(grid.step * np.arange(-1, 514))  # one bin more on either side
    for row, z in enumerate(redshift):
        counts, _ = np.histogram(line_list.LINES * (1 + z), edges)
        wide = np.convolve(counts, [1, 1, 1], "valid") > 0
        np.testing.assert_array_equal(found[row] > 0, wide)
        assert counts.sum() < 42


def test_classes():
    z = np.array([0.6001, 0.6031, 2.9999, 0.1, 5.0], np.float32)
    assert np.asarray(mtopnet.classes(z)).tolist() == [0, 1, 799, 0, 799]
    logits = np.zeros((2, CLASSES), np.float32)
    logits[:, 300] = 9
    middle = FIRST + WIDTH * 300.5
    right = np.asarray(
        mtopnet.redshift_accuracy(np.array([[middle + 0.009], [middle + 0.011]]), logits)
    )
    assert right.tolist() == [1, 0]


# --- from the dataset to batches


def test_bins_are_those_of_the_layer():
    """The NumPy rebinning against `LogRebin`, and against the noise that it should leave."""
    data = galaxies(3)
    grid = LogRebin(bins=512)
    part = splits.observed(binned.DATASET, data)
    flux, ivar = binned.Bins(grid, part["wavelength"])(part["flux"], part["ivar"])
    shared = np.broadcast_to(part["wavelength"], part["flux"].shape).astype(np.float32)
    layer = grid({"flux": part["flux"], "ivar": part["ivar"], "wavelength": shared})
    same = np.isclose(ivar, np.asarray(layer["ivar"]), rtol=1e-3)
    assert same.mean() > 0.99  # single precision moves a pixel at an edge
    np.testing.assert_allclose(flux[same], np.asarray(layer["flux"])[same], rtol=1e-3, atol=1e-3)


def test_noise_of_bins_is_that_of_pixels():
    """Drawn on bins or on pixels: residuals over errors have the same unit variance."""
    data = galaxies(40)
    grid = LogRebin(bins=512)
    true, root = binned.rebinned(grid, data, noisy=False)
    seen, same = binned.rebinned(grid, data, noisy=True)
    np.testing.assert_array_equal(root, same)
    given = binned.Observations(true, root, lambda _: {}, np.ones(40), seed=1)
    given.batch_size = 40
    given.begin(0)
    drawn, _, _ = given[0]
    filled = root > 0
    for noisy in (seen.astype(float), drawn["flux"][np.argsort(np.argsort(np.arange(40)))]):
        z = ((noisy - true) * root.astype(float))[filled]
        assert abs(z.mean()) < 5 / np.sqrt(z.size)
        assert z.std() == pytest.approx(1, abs=0.02)


def test_epochs_differ_and_resume():
    """Noise and order follow from the epoch's number alone; validation has neither."""
    true, root = np.ones((10, 8), np.float16), np.full((10, 8), 2, np.float16)
    targets = lambda rows: {"row": rows}  # noqa: E731

    def epoch(number, seed=1):
        given = binned.Observations(true, root, targets, np.ones(10), seed)
        given.batch_size = 4
        given.begin(number)
        assert len(given) == 3
        return [given[i] for i in range(3)]

    first, again, second = epoch(0), epoch(0), epoch(1)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a[0]["flux"], b[0]["flux"])
    assert np.abs(first[0][0]["flux"] - second[0][0]["flux"]).min() > 0
    rows = np.concatenate([part[1]["row"] for part in first])
    assert sorted(rows.tolist()) == list(range(10))
    assert rows.tolist() != list(range(10))
    fixed = epoch(3, seed=None)
    assert np.concatenate([part[1]["row"] for part in fixed]).tolist() == list(range(10))
    assert all((part[0]["flux"] == 1).all() for part in fixed)
    assert all((part[0]["ivar"] == 4).all() for part in fixed)


def test_weights():
    """A spectrum whose noise is as large as its light counts half as much as a perfect one."""
    flux = np.array([[1.0] * 8, [1.0] * 8, [2.0] * 8])
    root = np.array([[1.0] * 8, [1e3] * 8, [1.0] * 6 + [0] * 2])
    found = mtopnet.quality(flux, root)
    np.testing.assert_allclose(found / found[1], [0.5, 1, 0.8], rtol=1e-5)
    assert found.mean() == pytest.approx(1)


# --- the network


def test_outputs_and_standardisation(keras):  # noqa: ARG001 (seeded)
    """As the card says: probabilities, the peak's middle, physical masses whatever the sampling."""
    model = mtopnet.build(**SMALL)
    data = galaxies(30)
    mtopnet.adapt(model, data)
    scale = model.get_layer("answers").scales["log_mstar"]
    np.testing.assert_allclose(np.ravel(scale.mean), data["log_mstar"].mean(), rtol=1e-5)
    part = splits.observed(binned.DATASET, galaxies(4))
    wave = np.broadcast_to(part["wavelength"], part["flux"].shape)
    given = {"flux": part["flux"], "ivar": part["ivar"], "wavelength": wave}
    given = {n: np.asarray(v, np.float32) for n, v in given.items()}
    found = {n: np.asarray(v) for n, v in model(given).items()}
    assert set(found) == set(registry.find_card("mtopnet")[0].outputs)
    np.testing.assert_allclose(found["redshift_pdf"].sum(axis=1), 1, rtol=1e-5)
    peak = FIRST + WIDTH * (found["redshift_pdf"].argmax(axis=1) + 0.5)
    np.testing.assert_allclose(found["redshift"], peak, rtol=1e-6)
    assert ((found["line_mask"] > 0) & (found["line_mask"] < 1)).all()
    assert found["embedding"].shape == (4, 100)
    # absent pixels and pixels outside the grid change nothing
    more = {
        n: np.concatenate([v, np.full((4, 5), np.nan, np.float32)], 1) for n, v in given.items()
    }
    more["wavelength"][:, -2:], more["flux"][:, -2:], more["ivar"][:, -2:] = 5000.0, 9.0, 9.0
    again = np.asarray(model(more)["redshift_pdf"])
    np.testing.assert_allclose(again, found["redshift_pdf"], rtol=1e-4, atol=1e-7)


def test_published_size_is_a_matter_of_configuration():
    model = mtopnet.build(bins=12217, filters=(16, 32, 64), reach=5)
    assert {x.shape for x in model.get_layer("network").inputs} == {(None, 12217)}
    assert model.output["line_mask"].shape == (None, 12217)


def test_it_learns(tmp_path, keras):  # noqa: ARG001 (seeded)
    """A few epochs on bright toys beat guessing by far, and the curve says so."""
    model = mtopnet.build(**SMALL, dropout=0.0)
    data, validation = galaxies(500), galaxies(100, seed=1)
    settings = {"epochs": 5, "batch_size": 50, "learning_rate": 5e-3}
    mtopnet.adapt(model, data)
    facts = fitting.fit(mtopnet.lesson(model, data, validation), settings, tmp_path, None)
    curve = facts["curve"]
    assert {len(values) for values in curve.values()} == {5}
    assert curve["redshift_redshift_accuracy"][-1] > 0.08  # guessing: 0.02 / 0.8
    assert curve["line_mask_loss"][-1] < curve["line_mask_loss"][0]
    kept = json.loads((tmp_path / fitting.CHECKPOINTS / "curve.json").read_text())
    assert kept == curve


def test_curve_continues(tmp_path):
    """An epoch that is done again after a kill replaces itself."""
    curve = fitting.Curve(tmp_path)
    curve.keep(0, {"val_loss": 3.0, "loss": 9.0})
    curve.keep(1, {"val_loss": 2.0})
    again = fitting.Curve(tmp_path)
    again.keep(1, {"val_loss": 1.5})
    again.keep(2, {"val_loss": 1.0})
    assert again.values == {"loss": [3.0, 1.5, 1.0]}


def test_recipe_is_as_published():
    """The weights of the losses and the fall of the learning rate."""
    assert mtopnet.LOSS_WEIGHTS == {"redshift": 1, "line_mask": 10, "log_mstar": 1, "log_sfr": 1}
    falling = mtopnet.schedule(5e-3, 50)
    rates = [float(falling(step)) for step in (0, 25, 50)]
    np.testing.assert_allclose(rates, [5e-3, 2.55e-3, 1e-4], rtol=1e-5)
    card = registry.find_card("mtopnet")[0]
    settings = loop.recipe(card)
    assert settings["epochs"] >= 30
    assert saving.module_of(card) is mtopnet
    assert u.Unit(card.inputs["ivar"].unit) == u.Unit(card.inputs["flux"].unit) ** -2


def test_the_noise_is_the_datasets():
    """What `observe` says of its noise is what the bins are drawn from."""
    data = galaxies(200)
    part = observe.observe(data)
    seen = part["ivar"] > 0
    z = ((part["flux"] - data["flux_true"].astype(np.float32)) * np.sqrt(part["ivar"]))[seen]
    assert z.std() == pytest.approx(1, abs=0.005)
