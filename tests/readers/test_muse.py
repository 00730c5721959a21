"""Cubes in the layout of MUSE: read in blocks, predicted into maps, refused where wrong."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits

from zoo import registry
from zoo.errors import InputError
from zoo.inference import cube as cubes
from zoo.readers import muse
from zoo_datasets.simulators.spectra import air

PIXELS, NY, NX = 61, 5, 4
UNIT = "10**(-20)*erg/s/cm**2/Angstrom"


@pytest.fixture
def card():
    return registry.find_card("mtopnet")[0]


def header(**changes):
    """Of an extension, as the pipeline of MUSE writes it; None leaves a keyword out."""
    words = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "AWAV", "CUNIT1": "deg",
        "CUNIT2": "deg", "CUNIT3": "Angstrom", "CRPIX1": 2.0, "CRPIX2": 3.0, "CRPIX3": 1.0,
        "CRVAL1": 23.4, "CRVAL2": 30.6, "CRVAL3": 6500.0, "CD1_1": -5.5e-5, "CD1_2": 0.0,
        "CD2_1": 0.0, "CD2_2": 5.5e-5, "CD3_3": 1.25, "CD1_3": 0.0, "CD2_3": 0.0, "CD3_1": 0.0,
        "CD3_2": 0.0, "BUNIT": UNIT,
    } | changes  # fmt: skip
    found = fits.Header()
    for key, value in words.items():
        if value is not None:
            found[key] = value
    return found


def write(path, flux=None, variance=None, stat=True, stat_unit=f"({UNIT})**2", **changes):
    """A cube; flux is 1000 x + 10 y + pixel."""
    pixel, y, x = np.indices((PIXELS, NY, NX))
    flux = (1000.0 * x + 10 * y + pixel).astype(">f4") if flux is None else flux
    variance = np.full(flux.shape, 4.0, ">f4") if variance is None else variance
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(flux, header(**changes), name="DATA")]
    if stat:
        words = header(**changes | {"BUNIT": stat_unit})
        hdus.append(fits.ImageHDU(variance, words, name="STAT"))
    fits.HDUList(hdus).writeto(path)
    return path


class Fake:
    """A model whose answer can be worked out: the mean flux, and where it was."""

    name = "fake"

    manifest = SimpleNamespace(version=3)

    def __init__(self, card):
        self.card, self.sizes = card, []

    def predict(self, x, outside):
        self.sizes.append(len(x["flux"]))

        class Answer(dict):
            in_domain = np.ones(len(x["flux"]), bool)

        mean = np.mean(x["flux"], axis=1)
        return Answer(log_mstar=mean, ivar=x["ivar"][:, 0], pair=np.stack([mean, -mean], -1))


# --- reading


def test_units_and_wavelengths(tmp_path, card):
    cube = muse.read(write(tmp_path / "cube.fits"), card)
    assert cube.shape == (NY, NX)
    wave = 6500 + 1.25 * np.arange(PIXELS)
    np.testing.assert_allclose(cube.wavelength, air.to_vacuum(wave)[cube.keep])
    assert cube.wavelength[0] - 6500 == pytest.approx(1.8, abs=0.1)  # air against vacuum
    assert "air, converted to vacuum" in cube.summary
    (block,) = cube.blocks(1000)
    first = np.arange(PIXELS)[cube.keep]
    np.testing.assert_allclose(block.flux[NX + 2], (2000 + 10 + first) * 1e-3, rtol=1e-6)
    np.testing.assert_allclose(block.ivar, 0.25e6, rtol=1e-6)


def test_vacuum_nanometres_and_cdelt(tmp_path, card):
    path = write(
        tmp_path / "cube.fits", CTYPE3="WAVE", CUNIT3="nm", CRVAL3=650.0, CD3_3=None, CDELT3=0.125
    )
    cube = muse.read(path, card)
    np.testing.assert_allclose(cube.wavelength, 6500 + 1.25 * np.arange(PIXELS))
    assert not cube.air


def test_only_the_models_range_is_read(tmp_path, card):
    """The card of mtopnet begins at 6470 A."""
    cube = muse.read(write(tmp_path / "cube.fits", CRVAL3=6430.0), card)
    assert cube.wavelength[0] > 6470
    assert len(cube.wavelength) < PIXELS
    (block,) = cube.blocks()
    assert block.flux.shape[1] == len(cube.wavelength)


def test_blocks_hold_few_spaxels(tmp_path, card):
    cube = muse.read(write(tmp_path / "cube.fits"), card)
    blocks = list(cube.blocks(9))
    assert [b.rows.stop - b.rows.start for b in blocks] == [2, 2, 1]
    whole = np.concatenate([b.flux for b in blocks])
    (block,) = cube.blocks(1000)
    np.testing.assert_array_equal(whole, block.flux)


def test_masked_pixels_and_empty_spaxels(tmp_path, card):
    flux = np.ones((PIXELS, NY, NX), ">f4")
    variance = np.ones_like(flux)
    flux[:, 1, 2] = np.nan
    variance[:, 3, 0] = 0
    flux[7, 0, 0], variance[8, 0, 0], variance[9, 0, 0] = np.nan, np.nan, -1
    (block,) = muse.read(write(tmp_path / "cube.fits", flux, variance), card).blocks()
    assert np.argwhere(~block.filled).tolist() == [[1, 2], [3, 0]]
    assert len(block.flux) == NY * NX - 2
    assert np.flatnonzero(block.ivar[0] == 0).tolist() == [7, 8, 9]
    assert np.isfinite(block.flux).all()


WRONG = {
    "no variance": ({"stat": False}, "no extension STAT"),
    "no unit": ({"BUNIT": None}, "has no BUNIT"),
    "wrong unit": ({"BUNIT": "erg/s/cm**2"}, "BUNIT of DATA is erg"),
    "not a unit": ({"BUNIT": "counts per fortnight"}, "which is no unit"),
    "error": ({"stat_unit": UNIT}, "is it an error in place of a variance"),
    "other scale": ({"stat_unit": "erg**2/s**2/cm**4/Angstrom**2"}, "square of that of DATA"),
    "axis": ({"CTYPE3": "FREQ"}, "CTYPE3 is 'FREQ'"),
    "log": ({"CTYPE3": "AWAV-LOG"}, "CTYPE3 is 'AWAV-LOG'"),
    "axis unit": ({"CUNIT3": "s"}, "CUNIT3 is s"),
    "step": ({"CD3_3": None}, "has no CD3_3"),
    "origin": ({"CRVAL3": None}, "has no CRVAL3"),
    "metres": ({"CUNIT3": "m"}, "is CUNIT3 = m right"),
    "range": ({"CRVAL3": 4000.0}, "allowed: some in 6470"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(tmp_path, card, case):
    changes, message = WRONG[case]
    path = write(tmp_path / "cube.fits", **changes)
    with pytest.raises(InputError, match=message):
        muse.read(path, card)


def test_air_is_told_where_the_file_is_silent(tmp_path, card):
    path = write(tmp_path / "cube.fits", CTYPE3="LAMBDA")
    assert muse.read(path, card, air=False).wavelength[0] == 6500
    assert muse.read(path, card, air=True).wavelength[0] > 6501
    with pytest.raises(InputError, match="contradicts air=0"):
        muse.read(write(tmp_path / "other.fits"), card, air=False)


def test_shapes_must_agree(tmp_path, card):
    path = write(tmp_path / "cube.fits", variance=np.ones((PIXELS, NY, NX + 1), ">f4"))
    with pytest.raises(InputError, match="STAT"):
        muse.read(path, card)


def test_compressed_cubes_are_refused(tmp_path, card):
    path = write(tmp_path / "cube.fits.gz")
    with pytest.raises(InputError, match="unpack it"):
        muse.read(path, card)


def test_what_is_a_cube(tmp_path, card):
    assert muse.describes(write(tmp_path / "cube.fits"), card)
    flat = tmp_path / "flat.fits"
    fits.PrimaryHDU(np.ones((4, 4))).writeto(flat)
    assert not muse.describes(flat, card)
    assert not muse.describes(tmp_path / "none.fits", card)
    assert not muse.describes(write(tmp_path / "c.fits"), registry.find_card("jam_cyl")[0])


# --- maps


@pytest.mark.parametrize("spaxels", [1, 9, 1000])
def test_maps(tmp_path, card, spaxels):
    """Every spaxel gets its own answer, whatever the blocks; coordinates are those of the cube."""
    flux = np.ones((PIXELS, NY, NX), ">f4") * np.arange(NY * NX).reshape(NY, NX)
    flux[:, 1, 2] = np.nan
    cube = muse.read(write(tmp_path / "cube.fits", flux.astype(">f4")), card)
    model = Fake(card)
    done = cubes.predict(model, cube, tmp_path / "maps.fits", spaxels=spaxels)
    assert done == NY * NX - 1
    assert max(model.sizes) <= max(spaxels, NX)
    with fits.open(tmp_path / "maps.fits") as maps:
        assert [hdu.name for hdu in maps[1:]] == ["LOG_MSTAR", "IVAR", "PAIR", "IN_DOMAIN"]
        expected = 1e-3 * np.arange(NY * NX, dtype=float).reshape(NY, NX)
        expected[1, 2] = np.nan
        np.testing.assert_allclose(maps["LOG_MSTAR"].data, expected, rtol=1e-5)
        np.testing.assert_allclose(maps["PAIR"].data, [expected, -expected], rtol=1e-5)
        assert maps["LOG_MSTAR"].header["CRVAL1"] == pytest.approx(23.4)
        assert maps["LOG_MSTAR"].header["CTYPE2"] == "DEC--TAN"
        assert (maps[0].header["MODEL"], maps[0].header["VERSION"]) == ("fake", 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cube.fits", "maps.fits"]


def test_memory_is_that_of_a_block(tmp_path, card):
    """Reading row by row never allocates anything like the cube."""
    import tracemalloc

    flux = np.zeros((PIXELS, 200, 150), ">f4")
    path = write(tmp_path / "cube.fits", flux)
    whole = flux.nbytes
    del flux
    cube = muse.read(path, card)
    tracemalloc.start()
    cubes.predict(Fake(card), cube, tmp_path / "maps.fits", spaxels=300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * whole


def test_a_cube_without_data_is_named(tmp_path, card):
    cube = muse.read(write(tmp_path / "cube.fits", np.full((PIXELS, NY, NX), np.nan, ">f4")), card)
    with pytest.raises(InputError, match="no spaxel"):
        cubes.predict(Fake(card), cube, tmp_path / "maps.fits")
    assert not (tmp_path / "maps.fits").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [(None, "needs -o"), ("maps.csv", "allowed: .fits"), ("none/maps.fits", "does not exist")],
)
def test_outputs_are_checked_first(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        cubes.writable(name and tmp_path / name)
