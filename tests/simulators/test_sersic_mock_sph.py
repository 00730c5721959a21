"""The Sersic mock galaxy in spherical alignment: prior, record, and the config of the dataset."""

import numpy as np
import pytest

from zoo_datasets.simulators import jam_sph, sersic_mock, sersic_mock_sph


def direct(galaxy, x, y):
    view = galaxy["inclination"], 0.0, galaxy["distance"]
    mges = sersic_mock.mges(galaxy)
    return jam_sph.vrms(*mges, *view, np.ravel(x), np.ravel(y), beta=galaxy["beta"])


def test_record():
    record = sersic_mock_sph.record(np.random.default_rng(3), "test", 7)
    assert str(record["object_id"]) == "test-00007"
    galaxy = {name: float(v) for name, v in record.items() if v.shape == () and v.dtype.kind == "f"}
    assert list(galaxy) == [*sersic_mock_sph.PRIOR, *sersic_mock.FIXED]
    x, y = sersic_mock.map_positions(galaxy["position_angle"])
    some = np.ravel_multi_index(([0, 5, 31, 40, 63], [0, 60, 32, 7, 20]), x.shape)
    on_map = record["vrms"].ravel()[some]
    np.testing.assert_allclose(on_map, direct(galaxy, x.ravel()[some], y.ravel()[some]), rtol=3e-6)
    x, y = (v[::9, ::5] for v in sersic_mock.polar_positions(galaxy))
    polar = record["vrms_polar"][::9, ::5].ravel()
    np.testing.assert_allclose(polar, direct(galaxy, x, y), rtol=3e-6)
    np.testing.assert_array_equal(record["vrms"], record["vrms"][::-1, ::-1])
    assert "beta_z" not in record
    assert "rho_polar" not in record


def test_prior():
    rng = np.random.default_rng(1)
    drawn = [sersic_mock_sph.draw(rng) for _ in range(4000)]
    values = {name: np.array([g[name] for g in drawn]) for name in sersic_mock_sph.PRIOR}
    for name, (low, high) in sersic_mock_sph.PRIOR.items():
        assert low - 1e-5 <= values[name].min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values[name].max() <= high + 1e-5
    assert np.mean(values["beta"] > 0) == pytest.approx(0.5, abs=0.03)  # nothing skews it
    flat = {"inclination": 53.2, "q_light": 0.8, "q_mass": 0.6}
    assert sersic_mock_sph.accepted(drawn[0] | flat | {"q_mass": 0.61})
    assert not sersic_mock_sph.accepted(drawn[0] | flat)


def test_the_config_has_the_fields_of_a_record():
    from zoo_datasets import building

    fields = {c: set(building.builder(f"jam_mocks/{c}").info.features) for c in ("sph", "cyl")}
    assert fields["cyl"] - fields["sph"] == {"beta_z", "rho_polar"}
    assert fields["sph"] - fields["cyl"] == {"beta"}
    builder = building.builder("jam_mocks/sph")
    assert "sigma_theta" in builder.info.features["beta"].doc.desc
    module, _, function = builder.tasks()[0].function.partition(":")
    assert (module.rsplit(".", 1)[1], function) == ("sersic_mock_sph", "record")
    assert builder.tasks()[0].options == {}
