"""Spectra from files in the layouts of surveys, written here; conversions against astropy."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import InverseVariance, StdDevUncertainty, VarianceUncertainty
from astropy.table import QTable

from zoo import registry
from zoo.errors import InputError
from zoo.prediction import Prediction
from zoo.readers import command, spectra

WAVE = np.linspace(4000.0, 9000.0, 501)
FLUX = 1 + 0.5 * np.sin(WAVE / 300)
IVAR = 4 + np.cos(WAVE / 500)
CGS = u.Unit("erg / (s cm2 Angstrom)")


@pytest.fixture
def card():
    return registry.find_card("mtopnet")[0]


def one(path, **options):
    (found,) = spectra.read(path, **options).spectra
    return found


def image(values, name=None, **cards):
    hdu = fits.ImageHDU(np.asarray(values), name=name)
    hdu.header.update(cards)
    return hdu


def desi(path, redshifts=None):
    """Three arms on DESI's grid, four fibres: two targets, the sky, and one of nothing."""
    kinds = ["TGT", "SKY", "", "TGT"]
    ids = np.array([11, 12, 13, 14])
    columns = [fits.Column("TARGETID", "K", array=ids), fits.Column("OBJTYPE", "3A", array=kinds)]
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="FIBERMAP")]
    arms = {"B": (3600.0, 2751), "R": (5760.0, 2326), "Z": (7520.0, 2881)}
    for arm, (start, pixels) in arms.items():
        wave = start + 0.8 * np.arange(pixels)
        level = {"B": 1.0, "R": 3.0, "Z": 3.0}[arm]
        flux = np.outer([1, 50, 60, 2], np.full(pixels, level)).astype("f4")
        mask = np.zeros((4, pixels), "i4")
        mask[0, 5] = 8
        hdus += [
            image(wave, f"{arm}_WAVELENGTH", BUNIT="Angstrom"),
            image(flux, f"{arm}_FLUX", BUNIT="10**-17 erg/(s cm2 Angstrom)"),
            image(np.full((4, pixels), 1.0 if arm == "B" else 3.0, "f4"), f"{arm}_IVAR"),
            image(mask, f"{arm}_MASK"),
        ]
    fits.HDUList(hdus).writeto(path)
    if redshifts is not None:
        columns = [
            fits.Column("TARGETID", "K", array=ids[::-1]),
            fits.Column("Z", "D", array=redshifts[::-1]),
        ]
        table = fits.BinTableHDU.from_columns(columns, name="REDSHIFTS")
        beside = path.with_name(path.name.replace("coadd", "redrock"))
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(beside)


def test_desi(tmp_path):
    """Arms are joined; where two overlap, pixels are averaged by inverse variance."""
    path = tmp_path / "coadd-1.fits"
    desi(path, np.array([0.1, 0.2, 0.3, 0.4]))
    first, second = spectra.read(path).spectra
    assert [first.object_id, second.object_id] == ["coadd-1.fits:11", "coadd-1.fits:14"]
    assert [first.redshift, second.redshift] == [0.1, 0.4]
    assert first.wavelength[[0, -1]].tolist() == pytest.approx([3600, 9824])
    np.testing.assert_allclose(np.diff(first.wavelength), 0.8)
    at = {w: int(np.argmin(np.abs(first.wavelength - w))) for w in (4000, 5780, 7000, 7600)}
    assert first.flux[at[4000]] == 1
    assert first.flux[at[5780]] == pytest.approx((1 * 1 + 3 * 3) / 4)  # B and R
    assert first.ivar[at[5780]] == pytest.approx(4)
    assert second.flux[at[7000]] == 6
    assert first.ivar[at[7600]] == pytest.approx(6)  # R and Z
    assert first.ivar[5] == 0  # masked in B alone
    assert second.ivar[5] == 1


def test_folder(tmp_path, card):
    """All files in the order of their names; redrock's are no spectra."""
    desi(tmp_path / "coadd-2.fits", np.full(4, 0.5))
    sdss(tmp_path / "a-spec.fits")
    found = spectra.read(tmp_path)
    names = [row.object_id for row in found.spectra]
    assert names == ["a-spec.fits", "coadd-2.fits:11", "coadd-2.fits:14"]
    assert "3 spectra (DESI, SDSS)" in found.summary
    assert spectra.describes(tmp_path, card)
    inputs, observed = command.inputs(tmp_path, {}, card)
    assert [len(row) for row in inputs["flux"]] == [501, 7781, 7781]
    assert observed.summary == found.summary
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no \.fits"):
        spectra.read(tmp_path / "empty")


def sdss(path, **extra):
    columns = [
        fits.Column("flux", "E", array=FLUX),
        fits.Column("loglam", "E", array=np.log10(WAVE)),
        fits.Column("ivar", "E", array=extra.get("ivar", IVAR)),
        fits.Column("and_mask", "J", array=np.arange(len(WAVE)) == 7),
    ]
    names = [fits.Column("Z", "E", array=[0.12]), fits.Column("Z_ERR", "E", array=[1e-5])]
    primary = fits.PrimaryHDU()
    primary.header["BUNIT"] = "1E-17 erg/cm^2/s/Ang"
    tables = [
        fits.BinTableHDU.from_columns(columns, name="COADD"),
        fits.BinTableHDU.from_columns(names, name="SPECOBJ"),
    ]
    fits.HDUList([primary, *tables]).writeto(path)


def test_sdss(tmp_path):
    sdss(tmp_path / "spec.fits")
    found = one(tmp_path / "spec.fits")
    np.testing.assert_allclose(found.wavelength, WAVE, rtol=1e-6)
    np.testing.assert_allclose(found.flux[8:], FLUX[8:], rtol=1e-6)
    assert np.flatnonzero(found.ivar == 0).tolist() == [7]
    assert found.redshift == pytest.approx(0.12)
    assert found.assumed == ()


def phase3(path, air=True):
    """As LEGA-C: 1e-19 units, one row, wavelengths in air by the content descriptor."""
    n = len(WAVE)
    unit = "10**(-19).erg.cm**(-2).s**(-1).angstrom**(-1)"
    error = np.where(np.arange(n) == 3, 0, 1 / np.sqrt(IVAR))
    columns = [
        fits.Column("WAVE", f"{n}D", unit="angstrom", array=[WAVE]),
        fits.Column("FLUX", f"{n}D", unit=unit, array=[100 * FLUX]),
        fits.Column("ERR", f"{n}D", unit=unit, array=[100 * error]),
        fits.Column("QUAL", f"{n}I", array=[np.arange(n) == 9]),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="PHASE3SPECTRA")
    table.header["TUCD1"] = "em.wl;obs.atmos" if air else "em.wl"
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)


def test_lega_c_is_in_air(tmp_path):
    phase3(tmp_path / "legac_1.fits")
    found = one(tmp_path / "legac_1.fits")
    # Hydrogen alpha: 6562.79 A in air, 6564.61 A in vacuum (NIST)
    shift = np.interp(6562.79, WAVE, found.wavelength) - 6562.79
    assert shift == pytest.approx(6564.61 - 6562.79, abs=0.02)
    np.testing.assert_allclose(np.delete(found.flux, [3, 9]), np.delete(FLUX, [3, 9]))
    np.testing.assert_allclose(np.delete(found.ivar, [3, 9]), np.delete(IVAR, [3, 9]))
    assert np.flatnonzero(found.ivar == 0).tolist() == [3, 9]
    with pytest.raises(InputError, match="in air by the file, in vacuum by your setting"):
        spectra.read(tmp_path / "legac_1.fits", air=False)
    phase3(tmp_path / "vacuum.fits", air=False)
    np.testing.assert_allclose(one(tmp_path / "vacuum.fits").wavelength, WAVE)


@pytest.mark.parametrize("axis", ["extension", "keywords"])
def test_aaomega(tmp_path, axis):
    primary = fits.PrimaryHDU(np.stack([FLUX, 2 * FLUX]).astype("f4"))
    variance = 1 / np.stack([IVAR, IVAR])
    variance[0, 4] = np.nan
    hdus = [primary, image(variance, "VARIANCE")]
    if axis == "extension":
        hdus.append(image(np.log10(WAVE), "WAVELENGTH"))
        primary.header["VACUUM"] = True
    else:
        step = WAVE[1] - WAVE[0]
        primary.header.update(CRVAL1=WAVE[10], CDELT1=step, CRPIX1=11.0)
    fits.HDUList(hdus).writeto(tmp_path / "x.fits")
    first, second = spectra.read(tmp_path / "x.fits").spectra
    np.testing.assert_allclose(first.wavelength, WAVE)
    np.testing.assert_allclose(second.flux, 2 * FLUX, rtol=1e-6)
    assert np.flatnonzero(first.ivar == 0).tolist() == [4]
    np.testing.assert_allclose(second.ivar, IVAR)
    assert "flux without a unit" in first.assumed[0]
    assert ("wavelengths taken as vacuum" in first.assumed) is (axis == "keywords")


def test_moons1d(tmp_path):
    """Three channels in one file, as moons1d merges them."""
    primary = fits.PrimaryHDU()
    primary.header.update(INST="MOONS_SIM", Z=1.3)
    hdus = [primary]
    for band, start in (("RI", 6470.0), ("YJ", 9340.0), ("H", 14520.0)):
        axis = {"CRVAL1": start, "CDELT1": 1.0, "CRPIX1": 1.0, "TUNIT2": "Angstrom-1 cm-2 erg s-1"}
        hdus += [
            image(np.full(100, 3e-17), NAME=f"DATA_{band}", **axis),
            image(np.full(100, 5e-18), NAME=f"ERR_{band}", **axis),
            image(np.zeros(100, int), NAME=f"QUAL_{band}", **axis),
            image(np.ones(100), NAME="Sky", **axis),
        ]
    fits.HDUList(hdus).writeto(tmp_path / "m.fits")
    found = one(tmp_path / "m.fits")
    assert len(found.flux) == 300
    assert found.wavelength[[0, 99, 100, 299]].tolist() == [6470, 6569, 9340, 14619]
    np.testing.assert_allclose(found.flux, 3)
    np.testing.assert_allclose(found.ivar, 4)
    assert found.redshift == 1.3


def table(**changes):
    columns = {"wavelength": WAVE * u.AA, "flux": FLUX * 1e-17 * CGS, "ivar": IVAR * 1e34 / CGS**2}
    out = QTable()
    for name, column in (columns | changes).items():
        if column is not None:
            out[name] = column
    return out


@pytest.mark.parametrize("suffix", ["ecsv", "fits"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"wavelength": (WAVE * u.AA).to(u.micron)},
        {"ivar": None, "error": (1e-17 / np.sqrt(IVAR) * CGS).to(u.W / u.m**2 / u.um)},
        {
            "flux": (FLUX * 1e-17 * CGS).to(u.mJy, u.spectral_density(WAVE * u.AA)),
            "ivar": None,
            "err": (1e-17 / np.sqrt(IVAR) * CGS).to(u.mJy, u.spectral_density(WAVE * u.AA)),
        },
    ],
)
def test_tables_with_units(tmp_path, changes, suffix, card):
    path = tmp_path / f"t.{suffix}"
    table(**changes).write(path)
    assert spectra.describes(path, card)
    found = one(path)
    np.testing.assert_allclose(found.wavelength, WAVE)
    np.testing.assert_allclose(found.flux, FLUX)
    np.testing.assert_allclose(found.ivar, IVAR)
    assert "wavelengths taken as vacuum" in found.assumed


def test_air_is_declared(tmp_path):
    """On the command line, or in the table itself; both must agree."""
    table().write(tmp_path / "t.ecsv")
    shifted = one(tmp_path / "t.ecsv", air=True)
    assert np.all(shifted.wavelength - WAVE > 1)
    said = table()
    said.meta |= {"air": True, "redshift": 0.7}
    said.write(tmp_path / "said.ecsv")
    found = one(tmp_path / "said.ecsv")
    np.testing.assert_array_equal(found.wavelength, shifted.wavelength)
    assert found.redshift == 0.7
    assert found.assumed == ()
    assert spectra.settings({"air": 1.0}) == {"air": True}
    with pytest.raises(InputError, match=r"air is 2.0, allowed: 1 \(air\), 0 \(vacuum\)"):
        spectra.settings({"air": 2.0})
    with pytest.raises(InputError, match="--set redshift: of a file of spectra one sets air"):
        spectra.settings({"redshift": 1.0})


def test_falling_wavelengths_are_turned(tmp_path):
    """As spectra by frequency come."""
    table()[::-1].write(tmp_path / "t.ecsv")
    found = one(tmp_path / "t.ecsv")
    np.testing.assert_allclose(found.wavelength, WAVE)
    np.testing.assert_allclose(found.flux, FLUX)


def test_missing_values_are_masked(tmp_path):
    flux, ivar = FLUX.copy(), IVAR.copy()
    flux[2], ivar[3] = np.nan, np.nan
    changes = {"flux": flux * 1e-17 * CGS, "ivar": ivar * 1e34 / CGS**2}
    table(**changes, mask=np.arange(len(WAVE)) == 5).write(tmp_path / "t.ecsv")
    found = one(tmp_path / "t.ecsv")
    assert np.flatnonzero(found.ivar == 0).tolist() == [2, 3, 5]
    assert np.isfinite(found.flux).all()


SHUFFLED = np.r_[WAVE[:250], WAVE[240:491]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wavelength": WAVE * u.nm}, "wavelength is 40000 to 90000 A, allowed: 900 to 60000 A"),
        ({"wavelength": WAVE * u.s}, "wavelength is in s, allowed: a length"),
        ({"wavelength": WAVE}, "wavelength has no unit"),
        ({"wavelength": SHUFFLED * u.AA}, "wavelength falls from 6490 to 6400 A at pixel 250"),
        ({"flux": FLUX * u.mag, "ivar": IVAR / u.mag**2}, "flux is in mag, allowed: a flux per"),
        ({"flux": FLUX}, "flux has no unit"),
        ({"ivar": -IVAR * 1e34 / CGS**2}, r"ivar is -4.99\S+, allowed: 0 or more"),
        ({"ivar": None}, "has the columns wavelength, flux, allowed"),
        ({"ivar": IVAR / u.s}, "ivar is in 1 / s, allowed: .* as the flux"),
    ],
)
def test_bad_tables(tmp_path, changes, message):
    table(**changes).write(tmp_path / "t.ecsv")
    with pytest.raises(InputError, match=message):
        spectra.read(tmp_path / "t.ecsv")


def test_damaged_files(tmp_path):
    for name in ("x.fits", "x.ecsv"):
        (tmp_path / name).write_text("nothing of the kind")
        with pytest.raises(InputError, match="cannot be read as spectra"):
            spectra.read(tmp_path / name)
    with pytest.raises(InputError, match="neither a file nor a folder"):
        spectra.read(tmp_path / "absent.fits")


def test_all_masked_spectra_stay_in_order(tmp_path):
    """The models flag them; the rows of an answer are those of the file."""
    sdss(tmp_path / "spec.fits", ivar=np.zeros(len(WAVE)))
    assert not one(tmp_path / "spec.fits").ivar.any()


class Item(SimpleNamespace):
    """What is read of a specutils Spectrum."""


@pytest.mark.parametrize(
    "uncertainty",
    [
        StdDevUncertainty(1 / np.sqrt(IVAR)),
        VarianceUncertainty(1 / IVAR),
        InverseVariance(IVAR),
    ],
)
def test_specutils(uncertainty):
    item = Item(
        spectral_axis=WAVE * u.AA,
        flux=FLUX * 1e-17 * CGS,
        uncertainty=type(uncertainty)(
            uncertainty.array
            * 1e-17 ** {"std": 1, "var": 2, "ivar": -2}[uncertainty.uncertainty_type]
        ),
        mask=np.arange(len(WAVE)) == 6,
        meta={"name": "one"},
    )
    found = spectra.from_specutils([item, item])
    assert len(found) == 2
    assert found.spectra[0].object_id == "one"
    inputs = found.inputs()
    np.testing.assert_allclose(np.delete(inputs["flux"][0], 6), np.delete(FLUX, 6))
    np.testing.assert_allclose(np.delete(inputs["ivar"][0], 6), np.delete(IVAR, 6))
    assert inputs["ivar"][1][6] == 0
    item.uncertainty = None
    with pytest.raises(InputError, match="has no uncertainty"):
        spectra.from_specutils(item)


@pytest.mark.skipif(importlib.util.find_spec("specutils") is None, reason="needs specutils")
def test_specutils_itself():
    from specutils import Spectrum

    flux = np.stack([FLUX, 2 * FLUX]) * 1e-17 * CGS
    spread = StdDevUncertainty(np.full((2, len(WAVE)), 5e-18))
    item = Spectrum(spectral_axis=WAVE * u.AA, flux=flux, uncertainty=spread)
    first, second = spectra.from_specutils(item, air=False).spectra
    np.testing.assert_allclose(second.flux, 2 * FLUX)
    np.testing.assert_allclose(first.ivar, 4)


def test_tables_of_objects_are_not_spectra(tmp_path, card):
    """Rows that are objects, with the names of the card, are read as for every model."""
    columns = {"flux": [FLUX, FLUX], "ivar": [IVAR, IVAR], "wavelength": [WAVE, WAVE]}
    for name in ("t.ecsv", "t.fits"):
        QTable(columns).write(tmp_path / name)
        assert not spectra.describes(tmp_path / name, card)
    assert not spectra.describes(tmp_path / "x.npz", card)
    assert not spectra.describes(tmp_path, registry.find_card("jam_cyl")[0])


def test_report_stands_beside_the_survey(tmp_path, card):
    desi(tmp_path / "coadd-1.fits", np.array([0.1, 0.2, 0.3, 0.4]))
    observed = spectra.read(tmp_path / "coadd-1.fits")
    outputs = {"redshift": np.array([1.0, 2.0]), "redshift_pdf": np.ones((2, 800))}
    prediction = Prediction(outputs, np.array([True, False]), card, {})
    text = command.report(prediction, observed, as_json=False)
    assert "coadd-1.fits:14" in text
    assert "redshift_survey" in text
    assert "redshift_pdf" not in text
    columns = json.loads(command.report(prediction, observed, as_json=True))["columns"]
    assert columns["redshift_survey"] == [0.1, 0.4]
    assert len(columns["redshift_pdf"][0]) == 800


REAL = {  # file: number of spectra, survey, first wavelength in vacuum [A], redshift
    "coadd-4-80613-thru20210324.fits": (1, "DESI", 3600.0, 0.36874),
    "coadd-sv3-dark-26065.fits": (2, "DESI", 3600.0, np.nan),
    "NGC4636_SDSS_DR12.fits": (1, "SDSS", 3808.9, 0.00303),
    "legac_M19_56670_v3.0.fits": (1, "LEGA-C", 5801.9, np.nan),
    "marz_emlLogVacuumNoHelio.fits": (1, "AAOmega", 3754.7, np.nan),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(test_data, name):
    count, survey, start, redshift = REAL[name]
    found = spectra.read(test_data / "spectra" / "real_spectra" / name)
    assert len(found) == count
    first = found.spectra[0]
    assert first.survey == survey
    assert first.wavelength[0] == pytest.approx(start, abs=0.1)
    assert first.redshift == pytest.approx(redshift, abs=1e-5, nan_ok=True)
    signal = first.flux * np.sqrt(first.ivar)
    assert np.median(signal[first.ivar > 0]) > 0.5
    assert (first.ivar > 0).mean() > 0.6
