"""The user's own spectra as a dataset."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from zoo_datasets.errors import DatasetError
from zoo_datasets.moons_spectra import files
from zoo_datasets.spectra_units import FLUX, joined, spectrum

WAVE = np.linspace(7000.0, 17000.0, 400)


def write(path, redshift):
    table = QTable({"wavelength": WAVE * u.AA, "flux": np.full(400, 2.0) * FLUX})
    table["error"] = np.full(400, 0.5) * FLUX
    table.meta |= {"redshift": redshift, "vacuum": True}
    table.write(path)


def test_records(tmp_path):
    write(tmp_path / "b.ecsv", 1.5)
    write(tmp_path / "a.ecsv", 2.0)
    (tmp_path / "notes.txt").write_text("not a spectrum")
    records = dict(files.splits(tmp_path)["test"])
    assert list(records) == ["a.ecsv", "b.ecsv"]
    record = records["b.ecsv"]
    assert record["object_id"] == "b.ecsv"
    assert record["redshift"] == np.float32(1.5)
    np.testing.assert_allclose(record["ivar"], 4)
    np.testing.assert_allclose(record["wavelength"], WAVE)
    types = {n: record[n].dtype for n in ("flux", "ivar", "wavelength")}
    assert types == {"flux": np.float32, "ivar": np.float32, "wavelength": np.float64}


def test_no_files(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DatasetError, match=r"holds no \.fits.*: put files with spectra there"):
            files.splits(folder)


@pytest.mark.stress
def test_the_config_builds(tmp_path):
    """Through TFDS: what `zoo data build moons_spectra/fits` does."""
    import tensorflow_datasets as tfds

    import zoo_datasets  # noqa: F401 (registers the builders)

    manual = tmp_path / "manual"
    manual.mkdir()
    write(manual / "a.ecsv", 2.0)
    builder = tfds.builder("moons_spectra/fits", data_dir=tmp_path / "data", try_gcs=False)
    config = tfds.download.DownloadConfig(manual_dir=manual)
    builder.download_and_prepare(download_config=config)
    (record,) = tfds.as_numpy(builder.as_dataset(split="test"))
    np.testing.assert_allclose(record["flux"], 2)
    assert record["redshift"] == 2


def test_arms_are_joined():
    """Overlap: inverse-variance means; a pixel without data in one arm takes the other's."""
    wave = np.array([1.0, 2, 3, 2, 3, 4])
    flux = np.array([1.0, 2, np.nan, 4, 5, 6])
    ivar = np.array([1.0, 1, 1, 3, 1, 0])
    w, f, i = joined(wave, flux, ivar)
    assert w.tolist() == [1, 2, 3, 4]
    assert f.tolist() == [1, 3.5, 5, 0]
    assert i.tolist() == [1, 4, 1, 0]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("1E-17 erg/cm^2/s/Ang", 1),
        ("10**-17 erg/(s cm2 Angstrom)", 1),
        ("10**(-19).erg.cm**(-2).s**(-1).angstrom**(-1)", 0.01),
        ("erg/AA/cm2/s", 1e17),
        ("W m-2 um-1", 1e16),  # 1e3 erg/s / 1e4 cm2 / 1e4 A
    ],
)
def test_units_as_surveys_write_them(unit, expected):
    ones = np.ones(400)
    found = spectrum("x", "y", WAVE, ones, ivar=ones, flux_unit=unit)
    np.testing.assert_allclose(found.flux, expected)
    np.testing.assert_allclose(found.ivar, expected**-2.0)


def test_columns_of_one_length():
    with pytest.raises(DatasetError, match=r"columns of \[3, 400\] pixels"):
        spectrum("x", "y", WAVE, np.ones(3), ivar=np.ones(400))
    with pytest.raises(DatasetError, match="give either"):
        spectrum("x", "y", WAVE, np.ones(400))
