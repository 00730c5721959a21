"""Line fluxes of mock nebulae, and the reading of catalogues."""

import os
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from scipy.interpolate import RegularGridInterpolator

from zoo_datasets.errors import DatasetError
from zoo_datasets.nebula_lines import catalogue
from zoo_datasets.simulators.nebulae import dust, grids, mixing, record, shock
from zoo_datasets.simulators.nebulae.lines import HALPHA, HBETA, NAMES, WAVELENGTH

REFERENCE = Path(os.environ.get("ZOO_TEST_DATA", "/nowhere")) / "spectra"


@pytest.fixture
def rng():
    return np.random.default_rng(8)


# --- grids


@pytest.mark.parametrize("make", [grids.mappings_hii, grids.mappings_pn])
def test_interpolation_against_scipy(make, rng):
    grid = make()
    points = np.array([rng.uniform(axis[0], axis[-1], 40) for axis in grid.axes]).T
    expected = 10 ** RegularGridInterpolator(grid.axes, grid.log_ratio)(points)
    np.testing.assert_allclose([grid.ratios(*p) for p in points], expected, rtol=1e-9)
    np.testing.assert_allclose(grid.many(points), expected, rtol=1e-9)
    beyond = [axis[-1] + 1 for axis in grid.axes]
    np.testing.assert_allclose(grid.ratios(*beyond), 10 ** grid.log_ratio[(-1,) * len(beyond)])


@pytest.mark.parametrize("make", [grids.mappings_hii, grids.mappings_pn])
def test_hydrogen_is_near_case_b(make):
    ratio = 10 ** make().log_ratio
    np.testing.assert_allclose(ratio[..., HBETA], 1, rtol=1e-3)
    # collisions and temperature move it; clouds of high pressure most
    assert 2.7 < np.median(ratio[..., HALPHA]) < 3.1


def test_tables_of_mappings_against_the_package():
    file = REFERENCE / "nebulabayes_mappings" / "NB_NLR_grid.fits.gz"
    if not file.is_file():
        pytest.skip("reference data are absent: set ZOO_TEST_DATA")
    from astropy.io import fits

    data = fits.getdata(file)
    row = data[(data["log E_peak"] == -1.75)][777]
    grid = grids.mappings_pn()
    names = ("log U", "log P/k", "12 + log O/H", "log E_peak")
    seen = grid.ratios(*(float(row[name]) for name in names))
    assert seen[NAMES.index("OIII5007")] == pytest.approx(row["OIII5007"] / row["Hbeta"], rel=5e-3)
    both = (row["SII6716"] + row["SII6731"]) / row["Hbeta"]
    assert seen[NAMES.index("SII6725")] == pytest.approx(both, rel=5e-3)


@pytest.fixture
def cloudy_folder():
    folder = REFERENCE / "hcm_v6.0_cloudy17"
    if not folder.is_dir():
        pytest.skip("reference data are absent: set ZOO_TEST_DATA")
    return str(folder)


@pytest.mark.parametrize("which", list(grids.FILES))
def test_cloudy_tables_give_their_rows(cloudy_folder, which):
    grid = grids.cloudy(cloudy_folder, which)
    assert np.isfinite(grid.log_ratio).all()
    text = (Path(cloudy_folder) / grids.FILES[which][0]).read_text().splitlines()
    rows = [line.split() for line in text if not line.startswith("#")]
    for row in np.array(rows[1::617], float):
        seen = grid.ratios(*row[:3])
        for name, value in zip(rows[0][3:], row[3:], strict=True):
            expected = max(value, grids.SMALLEST)
            assert seen[NAMES.index(grids.COLUMNS[name])] == pytest.approx(expected, rel=1e-6)


def test_missing_and_wrong_tables(tmp_path):
    with pytest.raises(FileNotFoundError, match="download it from https"):
        grids.cloudy(str(tmp_path), "hii")
    (tmp_path / grids.FILES["hii"][0]).write_text("something else")
    with pytest.raises(ValueError, match="its sha256 is not"):
        grids.cloudy(str(tmp_path), "hii")


# --- dust, shocks, noise


def test_extinction_curve_against_its_definition():
    # at V and B (1 / 1.82 and 1 / 2.27 micron): R_V, and one more by the meaning of E(B-V)
    assert dust.cardelli(np.array([1e4 / 1.82, 1e4 / 2.27])) == pytest.approx([3.1, 4.1], abs=1e-3)
    with pytest.raises(ValueError, match="3030 to 9090"):
        dust.cardelli(np.array([2000.0]))


def test_emissivities_against_the_textbook():
    # Osterbrock & Ferland (2006), table 4.4: H beta 1.24e-25 at 10^4 K; eq. 5.4: [O III] at low n
    values = shock.emissivity().ratios(4.0, 2.0)
    assert values[HBETA] == pytest.approx(1.24e-25, rel=0.02)
    assert values[HALPHA] / values[HBETA] == pytest.approx(2.86, rel=0.01)
    both = values[NAMES.index("OIII5007")] * (1 + 1 / 2.98)
    temperature = both / values[NAMES.index("OIII4363")]
    assert temperature == pytest.approx(7.90 * np.exp(3.29), rel=0.12)


def test_shocks_are_bright_in_sulphur(rng):
    many = np.array([shock.cloud(rng.random(shock.DRAWS))[0] for _ in range(400)])
    ratio = many[:, NAMES.index("SII6725")] / many[:, HALPHA]
    assert np.mean(ratio > 0.4) > 0.75
    u_ = rng.random(shock.DRAWS)
    cool, hot = (shock.cloud(u_, cooler)[0] for cooler in (0.9, 1.0))
    assert cool[NAMES.index("OIII5007")] < hot[NAMES.index("OIII5007")]
    assert shock.cloud(u_, 1.0, 0.12)[1] - shock.cloud(u_)[1] == pytest.approx(0.12)


def test_diffuse_gas_adds_its_share():
    ratios = np.full(len(NAMES), 2.0)
    ratios[HBETA] = 1
    mixed = mixing.diluted(ratios, 0.4, np.zeros(12))
    assert mixed[HBETA] == pytest.approx(1)
    index = NAMES.index("OIII4363")
    assert mixed[index] == pytest.approx(0.6 * ratios[index])
    index = NAMES.index("NII6584")
    assert mixed[index] == pytest.approx(0.6 * 2 + 0.4 * mixing.DIFFUSE["NII6584"])


def test_what_is_seen():
    ratios = np.ones(len(NAMES))
    ratios[HALPHA], ratios[0] = 2.86, 1e-4
    out = mixing.seen(ratios, 0.3, 500.0, 50.0, np.zeros(12))
    assert out["flux_true"][HALPHA] == pytest.approx(500)
    reddened = 2.86 * 10 ** (0.4 * 0.3 * (dust.CURVE[HBETA] - dust.CURVE[HALPHA]))
    assert out["flux_true"][HALPHA] / out["flux_true"][HBETA] == pytest.approx(reddened)
    assert out["is_limit"][0] == 1
    assert out["flux"][0] == pytest.approx(3 * 10)
    np.testing.assert_allclose(out["flux_error"], 10)


# --- records


def sample(count, **options):
    rows = [record.record(np.random.default_rng(i), "train", i, **options) for i in range(count)]
    return {name: np.stack([np.asarray(row[name]) for row in rows]) for name in rows[0]}


def test_source():
    columns = sample(600, code="mappings", population="source")
    shares = np.bincount(columns["label"], minlength=3) / 600
    assert shares == pytest.approx([1 / 3] * 3, abs=0.06)
    assert np.isnan(columns["log_no"]).all()
    assert np.isfinite(columns["log_u"][columns["label"] < 2]).all()
    assert np.mean(columns["ebv"]) == pytest.approx(1.5 * 0.12, rel=0.15)
    assert not columns["dig_fraction"].any()
    assert columns["quality"].min() >= 20
    np.testing.assert_allclose(columns["line"][0], WAVELENGTH, rtol=1e-6)


def test_target_differs_only_as_it_should(cloudy_folder):
    options = {"code": "cloudy", "population": "target", "folder": cloudy_folder}
    columns = sample(600, **options)
    shares = np.bincount(columns["label"], minlength=3) / 600
    assert shares == pytest.approx([0.7, 0.12, 0.18], abs=0.05)
    assert columns["dig_fraction"].max() == pytest.approx(0.55, abs=0.02)
    assert columns["below_table"][columns["label"] == 0].any()
    uniform = sample(300, **(options | {"population": "inference"}))
    assert not uniform["label"].any()
    for name, (low, high) in record.INFERENCE.items():
        assert low <= uniform[name].min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < uniform[name].max() <= high


# --- catalogues


@pytest.fixture
def table():
    t = Table({"gal_name": ["NGC0628", "NGC0628"], "region_ID": [1, 2], "label": ["hii", "?"]})
    for name, flux in (("HB4861", 100.0), ("HA6562", 300.0), ("SII6716", 30.0), ("SII6730", 20.0)):
        t[f"{name}_FLUX"] = [flux, flux] * u.Unit("1e-20 erg / (s cm2)")
        t[f"{name}_FLUX_ERR"] = [3.0, 4.0] * u.Unit("1e-20 erg / (s cm2)")
    t["HB4861_FLUX"][1] = 5.0
    t["SII6716_FLUX"][1] = np.nan
    return t


def test_catalogue(table, tmp_path):
    table.write(tmp_path / "regions.ecsv")
    (key, first), (_, second) = catalogue.splits(tmp_path)["test"]
    assert key == first["object_id"] == "NGC0628-1"
    assert (first["label"], second["label"]) == (0, catalogue.UNKNOWN)
    assert first["line"].tolist() == pytest.approx([4861.3, 6562.8, 6723.6], abs=0.1)
    assert first["flux"].tolist() == pytest.approx([0.1, 0.3, 0.05])
    assert first["flux_error"][2] == pytest.approx(0.003 * np.sqrt(2))
    # the second has no [S II], and H beta below three errors
    assert second["is_limit"].tolist() == [1, 0]
    assert second["flux"][0] == pytest.approx(0.012)


def test_bad_catalogues_are_named(table, tmp_path):
    with pytest.raises(DatasetError, match="put a table of fluxes there"):
        catalogue.splits(tmp_path)
    path = tmp_path / "t.ecsv"
    without = table.copy()
    without.remove_column("HA6562_FLUX_ERR")
    without.write(path)
    with pytest.raises(DatasetError, match="no HA6562_FLUX_ERR"):
        list(catalogue.records(path))
    table["HA6562_FLUX_ERR"][0] = 0
    table.write(path, overwrite=True)
    with pytest.raises(DatasetError, match="row 0: the error of Halpha"):
        list(catalogue.records(path))
    Table({"a": [1]}).write(path, overwrite=True)
    with pytest.raises(DatasetError, match="has none of the columns"):
        list(catalogue.records(path))
