"""MAPS files of the MaNGA DAP, written here in their published layout.

Layout: sdss/mangadap, `docs/datamodel.rst` (table of the MAPS extensions; SPX_SKYCOO "+x toward +RA
and +y toward +DEC"; BINID with five channels; STELLAR_SIGMACORR with two), `docs/tables/
dapmapsbitmask.rst` and `docs/tables/dapqualitybitmask.rst` (bits).
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

from zoo.errors import InputError
from zoo.readers import manga, survey
from zoo_datasets.simulators.jam_cyl import vrms

PA, V_SYS, GRADIENT = 50.0, 12.0, 30.0  # deg, km/s, km/s per arcsec along the major axis
N, PIXEL = 24, 0.5
DONOTUSE, NEARBOUND = 1 << 30, 1 << 8
ARGUMENTS = {"pa": PA, "fwhm": 2.5}


def maps(change=None):
    """HDUs of a galaxy: Voronoi bins of 2 x 2 spaxels inside a round field.

    Columns run to the West, as in every MaNGA cube.
    """
    row, column = np.mgrid[:N, :N]
    east, north = -PIXEL * (column - (N - 1) / 2), PIXEL * (row - (N - 1) / 2)
    inside = np.hypot(east, north) < 4.6
    stellar = np.where(inside, (row // 2) * N + column // 2, -1)
    names, bins = np.unique(stellar, return_inverse=True)
    stellar = bins.reshape(N, N) - (names[0] == -1)
    gas = np.where(inside, np.arange(N * N).reshape(N, N), -1)  # HYB: spaxel by spaxel

    a = np.radians(PA)
    along = east * np.sin(a) + north * np.cos(a)
    velocity, sigma = V_SYS + GRADIENT * along, 150.0 - 5 * np.hypot(east, north)
    for number in range(stellar.max() + 1):
        velocity[stellar == number] = velocity[stellar == number].mean()
        sigma[stellar == number] = sigma[stellar == number].mean()
    mask = np.where(inside, 0, DONOTUSE).astype(np.int32)
    extensions = {
        "SPX_SKYCOO": np.array([east, north]),
        "BINID": np.array([stellar, stellar, gas, gas, gas]).astype(np.int32),
        "BIN_LWSKYCOO": np.array([east, north]),
        "STELLAR_VEL": velocity,
        "STELLAR_VEL_IVAR": np.where(inside, 1 / 4.0**2, 0),
        "STELLAR_VEL_MASK": mask,
        "STELLAR_SIGMA": sigma,
        "STELLAR_SIGMA_IVAR": np.where(inside, 1 / 6.0**2, 0),
        "STELLAR_SIGMA_MASK": mask.copy(),
        "STELLAR_SIGMACORR": np.array([np.full((N, N), 40.0), np.full((N, N), 999.0)]),
    }
    header = fits.Header({"DAPQUAL": 1, "DAPFRMT": "MAPS", "ECOOPA": PA, "SCINPVEL": 8000.0})
    extensions["PRIMARY"] = header
    if change is not None:
        change(extensions)
    hdus = [fits.PrimaryHDU(header=extensions.pop("PRIMARY"))]
    for name, data in extensions.items():
        kept = data.astype(">f4") if data.dtype.kind == "f" else data
        hdus.append(fits.ImageHDU(kept, name=name))
    return fits.HDUList(hdus), extensions


@pytest.fixture
def write(tmp_path):
    """Write a MAPS file and an MGE; return their paths and what was written."""

    def write(change=None):
        hdus, extensions = maps(change)
        path = tmp_path / "manga-8138-12704-MAPS-HYB10-MILESHC-MASTARSSP.fits.gz"
        hdus.writeto(path, overwrite=True)
        light = Table({"surf": [900.0, 50.0], "sigma": [1.0, 6.0], "qobs": [0.9, 0.6]})
        light["surf"].unit, light["sigma"].unit = u.Lsun / u.pc**2, u.arcsec
        light.write(tmp_path / "mge.ecsv", overwrite=True)
        return path, tmp_path / "mge.ecsv", extensions

    return write


def test_a_galaxy(write):
    path, mge, written = write()
    galaxy = manga.read(path, mge, **ARGUMENTS)
    used = written["BINID"][1] >= 0
    assert galaxy.x.size == galaxy.y.size == galaxy.bin_index.size == used.sum()
    assert galaxy.vrms.size == written["BINID"][1].max() + 1
    assert galaxy.v_sys == pytest.approx(V_SYS, abs=1e-3)
    assert galaxy.pixsize == PIXEL
    assert galaxy.shape == (N, N)
    assert galaxy.surf.tolist() == [900, 50]
    assert galaxy.qobs.tolist() == [0.9, 0.6]
    assert galaxy.sigmapsf == pytest.approx([2.5 / 2.3548], rel=1e-4)
    assert galaxy.normpsf.tolist() == [1]


def test_the_major_axis_is_turned_to_x(write):
    """The written velocity rises along the major axis only: along x, at the gradient."""
    path, mge, written = write()
    galaxy = manga.read(path, mge, **ARGUMENTS)
    v = written["STELLAR_VEL"].ravel()[galaxy.flat]
    design = np.column_stack((galaxy.x, galaxy.y, np.ones_like(v)))
    slopes = np.linalg.lstsq(design, v, rcond=None)[0]
    assert slopes == pytest.approx([GRADIENT, 0, V_SYS], abs=0.5)
    mirrored = manga.read(path, mge, pa=-PA, fwhm=2.5)
    design = np.column_stack((mirrored.x, mirrored.y, np.ones_like(v)))
    assert abs(np.linalg.lstsq(design, v, rcond=None)[0][1]) > 20


def test_dispersions_are_corrected_for_the_instrument_by_the_first_channel(write):
    path, mge, written = write()
    galaxy = manga.read(path, mge, **ARGUMENTS)
    v = written["STELLAR_VEL"] - V_SYS
    sigma = written["STELLAR_SIGMA"]
    expected = np.sqrt(v**2 + sigma**2 - 40.0**2).ravel()[galaxy.flat]
    assert galaxy.vrms[galaxy.bin_index] == pytest.approx(expected, rel=1e-5)
    # errors by brute force: noise of 4 km/s on V, of 6 km/s on the raw dispersion
    rng = np.random.default_rng(1)
    one = galaxy.flat[0]
    noisy_v = v.flat[one] + rng.normal(0, 4, 200_000)
    noisy_sigma = sigma.flat[one] + rng.normal(0, 6, 200_000)
    spread = np.std(np.sqrt(noisy_v**2 + noisy_sigma**2 - 40.0**2))
    assert galaxy.error[galaxy.bin_index[0]] == pytest.approx(spread, rel=0.02)


def test_a_map_looks_like_the_file(write):
    path, mge, written = write()
    galaxy = manga.read(path, mge, **ARGUMENTS)
    image = galaxy.image(galaxy.vrms)
    assert np.array_equal(np.isfinite(image), written["BINID"][1] >= 0)
    left, right, bottom, top = galaxy.extent
    assert (left, right) == (N * PIXEL / 2, -N * PIXEL / 2)  # East, the positive side, is left
    assert (bottom, top) == (-N * PIXEL / 2, N * PIXEL / 2)


@pytest.mark.parametrize("name", ["STELLAR_VEL", "STELLAR_SIGMA"])
@pytest.mark.parametrize("bit", [DONOTUSE, NEARBOUND])
def test_masked_bins_are_left_out(write, name, bit):
    def change(extensions):
        extensions[f"{name}_MASK"][extensions["BINID"][1] == 7] |= bit

    path, mge, written = write(change)
    galaxy = manga.read(path, mge, **ARGUMENTS)
    assert galaxy.vrms.size == written["BINID"][1].max()
    assert np.isnan(galaxy.image(galaxy.vrms)[written["BINID"][1] == 7]).all()
    assert np.unique(galaxy.bin_index).tolist() == list(range(galaxy.vrms.size))


def test_a_correction_above_the_dispersion_leaves_the_velocity(write):
    """Far from the centre V^2 + sigma^2 stays positive; a central bin has no moment left."""
    outer, central = 2, None

    def change(extensions):
        nonlocal central
        bins = extensions["BINID"][1]
        central = bins[N // 2, N // 2]
        extensions["STELLAR_SIGMACORR"][0][bins == outer] = 151.0
        extensions["STELLAR_SIGMACORR"][0][bins == central] = 200.0

    path, mge, written = write(change)
    galaxy = manga.read(path, mge, **ARGUMENTS)
    bins = written["BINID"][1]
    image = galaxy.image(galaxy.vrms)
    assert np.isnan(image[bins == central]).all()
    v, sigma = (written[k][bins == outer][0] for k in ("STELLAR_VEL", "STELLAR_SIGMA"))
    assert sigma < 151
    expected = np.sqrt((v - V_SYS) ** 2 + sigma**2 - 151.0**2)
    assert image[bins == outer] == pytest.approx(expected, rel=1e-3)


def test_a_jeans_model_in_and_out(write):
    """Moments of JAM on the sky, some of them rotation, come back where the model puts them."""
    light = (np.array([900.0, 50.0]), np.array([1.0, 6.0]), np.array([0.9, 0.6]))
    mass = (4.0 * light[0], *light[1:])

    def jeans(x, y):
        return vrms(*light, *mass, 70.0, 0, 30.0, x, y, beta=0.2)

    def change(extensions):
        east, north = extensions["SPX_SKYCOO"]
        a = np.radians(PA)
        x, y = east * np.sin(a) + north * np.cos(a), east * np.cos(a) - north * np.sin(a)
        moment = jeans(x.ravel(), y.ravel()).reshape(N, N)
        rotation = 0.5 * moment * x / np.hypot(x, 3)
        extensions["STELLAR_VEL"] = V_SYS + rotation
        extensions["STELLAR_SIGMA"] = np.sqrt(moment**2 - rotation**2 + 40.0**2)
        spaxels = np.arange(N * N).reshape(N, N)
        extensions["BINID"][1] = np.where(extensions["BINID"][1] >= 0, spaxels, -1)

    path, mge, _ = write(change)
    galaxy = manga.read(path, mge, **ARGUMENTS)
    assert galaxy.v_sys == pytest.approx(V_SYS, abs=1e-3)
    expected = galaxy.binned(jeans(galaxy.x, galaxy.y), np.ones_like(galaxy.x))
    assert galaxy.vrms == pytest.approx(expected, rel=1e-5)


def test_one_channel_of_corrections(write):
    """Releases before MPL-8 have a plain image."""

    def change(extensions):
        extensions["STELLAR_SIGMACORR"] = extensions["STELLAR_SIGMACORR"][0]

    path, mge, _ = write()
    both = manga.read(path, mge, **ARGUMENTS).vrms
    path, mge, _ = write(change)
    assert manga.read(path, mge, **ARGUMENTS).vrms.tolist() == both.tolist()


def test_a_given_systemic_velocity(write):
    path, mge, _ = write()
    galaxy = manga.read(path, mge, v_sys=0.02 * u.Unit("1000 km/s"), **ARGUMENTS)
    assert galaxy.v_sys == pytest.approx(20.0)


def drop(name):
    return lambda extensions: extensions.pop(name)


def cut(extensions):
    extensions["STELLAR_SIGMA_MASK"] = extensions["STELLAR_SIGMA_MASK"][:-1]


def mask_all(extensions):
    extensions["STELLAR_VEL_MASK"] |= DONOTUSE


def fail(extensions):
    extensions["PRIMARY"]["DAPQUAL"] = 1 << 30


def overcorrect(extensions):
    extensions["STELLAR_SIGMACORR"] += 1e4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("STELLAR_SIGMACORR"), r"lacks the extension\(s\) STELLAR_SIGMACORR of DAP MAPS"),
        (cut, r"STELLAR_SIGMA_MASK has the shape \(23, 24\), beside \(24, 24\) spaxels"),
        (mask_all, "has no bin with good stellar kinematics"),
        (fail, "DAPQUAL is 1073741824, whose bit CRITICAL"),
        (overcorrect, "STELLAR_SIGMACORR exceeds STELLAR_SIGMA in every bin"),
    ],
)
def test_contradictory_files(write, change, message):
    path, mge, _ = write(change)
    with pytest.raises(InputError, match=message):
        manga.read(path, mge, **ARGUMENTS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pa": np.nan}, "pa is nan, allowed"),
        ({"fwhm": -1}, r"fwhm is -1, allowed: \[0, inf\) arcsec"),
        ({"v_sys": "fast"}, "v_sys is fast, allowed: a number of km / s"),
    ],
)
def test_bad_arguments(write, arguments, message):
    path, mge, _ = write()
    with pytest.raises(InputError, match=message):
        manga.read(path, mge, **(ARGUMENTS | arguments))


def test_no_such_file_and_no_fits(write, tmp_path):
    _, mge, _ = write()
    with pytest.raises(InputError, match="is not a file"):
        manga.read(tmp_path / "none.fits", mge, **ARGUMENTS)
    (tmp_path / "text.fits").write_text("maps")
    with pytest.raises(InputError, match="cannot be read as FITS"):
        manga.read(tmp_path / "text.fits", mge, **ARGUMENTS)


def test_survey_takes_the_reader_that_fits(write, tmp_path):
    path, mge, _ = write()
    galaxy, ours = survey.read(path, mge, **ARGUMENTS, pixsize=None), manga.read(path, mge, PA, 2.5)
    np.testing.assert_array_equal(galaxy.vrms, ours.vrms)
    x = np.arange(-3.0, 4.0)
    table = Table({"x": x, "y": 0 * x, "v": 9 * x, "dv": 1 + 0 * x, "sigma": 90 + 0 * x})
    table["dsigma"] = 2.0
    table.write(tmp_path / "plain.ecsv")
    found = survey.read(tmp_path / "plain.ecsv", mge, pa=270.0, fwhm=2.0, pixsize=1.0, v_sys=0.0)
    assert found.vrms == pytest.approx(np.hypot(9 * x, 90))


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        ("maps", {"pa": PA, "fwhm": 2.5}, "also needs --mge$"),
        ("maps", {"mge": True, "pa": PA}, "also needs --fwhm$"),
        ("maps", {"mge": True, "pa": PA, "fwhm": 2.5, "pixsize": 0.5}, "says its own pixsize"),
        ("table", {"mge": True, "pa": PA, "fwhm": 2.5}, "also needs --pixsize$"),
        ("folder", {"pa": PA}, "is a folder and holds its own pa"),
        ("nothing", {}, "is neither a folder nor a file"),
    ],
)
def test_survey_says_what_is_missing(write, tmp_path, source, arguments, message):
    path, mge, _ = write()
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    places = {"maps": path, "table": tmp_path / "table.csv", "folder": tmp_path}
    given = arguments | ({"mge": mge} if "mge" in arguments else {})
    with pytest.raises(InputError, match=message):
        survey.read(places.get(source, tmp_path / "none"), **given)
