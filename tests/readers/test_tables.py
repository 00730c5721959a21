"""Tables of kinematics in the layouts of ATLAS3D and CALIFA, written here, and tables of MGEs.

Column names: those that DYNAMITE's `data_prep/generate_kin_input.py` reads from the published
files of the two surveys.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from zoo.errors import InputError
from zoo.readers import dynamite, mge, tables

PA, V_SYS, GRADIENT = 126.0, 2800.0, 11.0
ARGUMENTS = {"pa": PA, "fwhm": 2.0, "pixsize": 1.0}
NAMES = {
    "plain": ("x", "y", "v", "dv", "sigma", "dsigma"),
    "atlas3d": ("XS", "YS", "VPXF", "EVPXF", "SPXF", "ESPXF"),
    "califa": ("X", "Y", "VPXF", "DVPXF", "SPXF", "DSPXF"),
}


def spaxels():
    """Spaxels of 1 arcsec about (0, 0), x to the West, with a velocity gradient at PA."""
    y, x = (grid.ravel() for grid in np.mgrid[-4:5, -6:7].astype(float))
    a = np.radians(PA)
    v = V_SYS + GRADIENT * (-x * np.sin(a) + y * np.cos(a))
    return x, y, v, np.full_like(v, 3.0), 120.0 - np.hypot(x, y), np.full_like(v, 5.0)


@pytest.fixture
def light(tmp_path):
    path = tmp_path / "mge.ecsv"
    Table({"I": [900.0, 50.0], "sigma": [1.0, 6.0], "q": [0.9, 0.6]}).write(path)
    return path


def moments(v, sigma):
    return np.sqrt((v - V_SYS) ** 2 + sigma**2)


@pytest.mark.parametrize("layout", ["plain", "atlas3d"])
@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".csv", ".ecsv"])
def test_one_row_per_bin(layout, suffix, tmp_path, light):
    columns = spaxels()
    path = tmp_path / f"kinematics{suffix}"
    Table(dict(zip(NAMES[layout], columns, strict=True))).write(path)
    galaxy = tables.read(path, light, **ARGUMENTS)
    x, y, v, _, sigma, _ = columns
    assert galaxy.v_sys == pytest.approx(V_SYS)
    assert galaxy.vrms == pytest.approx(moments(v, sigma))
    assert v - V_SYS == pytest.approx(GRADIENT * galaxy.x)
    assert np.hypot(galaxy.x, galaxy.y) == pytest.approx(np.hypot(x, y))
    assert galaxy.error == pytest.approx(np.hypot((v - V_SYS) * 3, sigma * 5) / galaxy.vrms)
    assert galaxy.bin_index.tolist() == list(range(v.size))
    assert galaxy.image(v) == pytest.approx(v.reshape(9, 13))
    assert galaxy.extent == (-6.5, 6.5, -4.5, 4.5)


def test_x_to_the_east(tmp_path, light):
    x, *rest = spaxels()
    path = tmp_path / "kinematics.fits"
    Table(dict(zip(NAMES["plain"], (-x, *rest), strict=True))).write(path)
    galaxy = tables.read(path, light, x_axis="east", **ARGUMENTS)
    assert rest[1] - V_SYS == pytest.approx(GRADIENT * galaxy.x)


def test_califa_has_one_row_per_spaxel(tmp_path, light):
    """Bins of three columns; spaxels of bin 0 belong to none; every row repeats its bin."""
    x, y, v, dv, sigma, dsigma = spaxels()
    bins = np.where(np.abs(y) > 3, 0, 1 + ((x + 6) // 3 + 5 * (y + 3)).astype(int))
    for number in np.unique(bins[bins > 0]):
        for values in (v, sigma):
            values[bins == number] = values[bins == number].mean()
    table = Table(dict(zip(NAMES["califa"], (x, y, v, dv, sigma, dsigma), strict=True)))
    table["BIN_ID"], table["FLUX"] = bins, 1.0
    table[::-1].write(tmp_path / "kin.fits")  # order does not matter
    galaxy = tables.read(tmp_path / "kin.fits", light, v_sys=V_SYS, **ARGUMENTS)
    used = np.sum(bins > 0)
    assert (galaxy.x.size, galaxy.vrms.size) == (used, 35)
    expected = np.where(bins > 0, moments(v, sigma), np.nan)
    expected = expected.reshape(9, 13)[1:-1]
    assert galaxy.image(galaxy.vrms) == pytest.approx(expected, nan_ok=True)


def test_bins_predict_like_pixels(tmp_path, light):
    """`binned` of a model that is the data returns the data: indices and pixels belong together."""
    x, y, v, dv, sigma, dsigma = spaxels()
    path = tmp_path / "kinematics.fits"
    Table(dict(zip(NAMES["plain"], (x, y, v, dv, sigma, dsigma), strict=True))).write(path)
    galaxy = tables.read(path, light, **ARGUMENTS)
    model = np.hypot(GRADIENT * galaxy.x, sigma)
    assert galaxy.binned(model, np.exp(-np.abs(x))) == pytest.approx(galaxy.vrms)


def broken(name, value, row=2):
    def change(table):
        table[name][row] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.remove_column("dv"), "has the columns .*, allowed: plain: x, y, v, dv"),
        (broken("v", np.nan), "v in row 3 is missing or not finite"),
        (broken("dsigma", 0.0), "dsigma is 0 km/s, allowed: above 0"),
        (broken("sigma", -5.0), "sigma is -5 km/s, allowed: above 0"),
        (lambda t: t.remove_rows(slice(None)), "has no rows"),
    ],
)
def test_bad_tables(change, message, tmp_path, light):
    table = Table(dict(zip(NAMES["plain"], spaxels(), strict=True)))
    change(table)
    table.write(tmp_path / "kin.fits")
    with pytest.raises(InputError, match=message):
        tables.read(tmp_path / "kin.fits", light, **ARGUMENTS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pixsize": 0}, r"pixsize is 0, allowed: \(0, inf\) arcsec"),
        ({"pixsize": None}, "pixsize is None, allowed: a number of arcsec"),
        ({"x_axis": "right"}, "x_axis is 'right', allowed: 'west', 'east'"),
        ({"fwhm": 1 * u.km}, "fwhm is 1.0 km, allowed: a number of arcsec"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path, light):
    path = tmp_path / "kin.fits"
    Table(dict(zip(NAMES["plain"], spaxels(), strict=True))).write(path)
    with pytest.raises(InputError, match=message):
        tables.read(path, light, **(ARGUMENTS | arguments))


def test_not_a_table(tmp_path, light):
    with pytest.raises(InputError, match=r"the format is '.txt', allowed"):
        tables.read(tmp_path / "kin.txt", light, **ARGUMENTS)
    with pytest.raises(InputError, match="is not a file"):
        tables.read(tmp_path / "kin.fits", light, **ARGUMENTS)


# --- the light


def test_mge_units_are_converted(tmp_path):
    table = Table({"surf": [9.0, 0.5], "sigma": [0.1, 0.6], "qobs": [0.9, 0.6]})
    table["surf"].unit, table["sigma"].unit = 100 * u.Lsun / u.pc**2, u.arcmin
    table.write(tmp_path / "mge.ecsv")
    surf, sigma, qobs = mge.read(tmp_path / "mge.ecsv")
    assert surf == pytest.approx([900, 50])
    assert sigma == pytest.approx([6, 36])
    assert qobs == pytest.approx([0.9, 0.6])


GOOD = {"surf": [9.0, 5.0], "sigma": [1.0, 6.0], "qobs": [0.9, 0.6]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"qobs": [0.9, 1.1]}, r"qobs in row 2 is 1.1, allowed: \(0, 1\]"),
        ({"sigma": [0.0, 1.0]}, r"sigma in row 1 is 0.0, allowed: \(0, inf\)"),
        ({"surf": [1.0, np.nan]}, r"surf in row 2 is nan, allowed: \(0, inf\)"),
        ({"surf": ["bright", "faint"]}, "surf is no number of solLum / pc2"),
        ({"sigma": [1, 2] * u.kpc}, "sigma is no number of arcsec"),
        ({"PA_twist": [0.0, 5.0]}, r"has twists \(PA_twist\)"),
        ({"surf": None}, r"lacks the column surf \(or I or surf_lum\)"),
    ],
)
def test_bad_mges(columns, message, tmp_path):
    merged = {name: values for name, values in (GOOD | columns).items() if values is not None}
    Table(merged).write(tmp_path / "mge.ecsv")
    with pytest.raises(InputError, match=message):
        mge.read(tmp_path / "mge.ecsv")


def test_no_mge(tmp_path):
    with pytest.raises(InputError, match="is not a file"):
        mge.read(tmp_path / "mge.ecsv")
    with pytest.raises(InputError, match=r"allowed: \.ecsv, \.csv, \.fits"):
        mge.read(tmp_path / "mge.txt")


def test_ngc6278_by_two_readers(test_data, tmp_path):
    """The published DYNAMITE files of NGC 6278, and the same spaxels as CALIFA's table."""
    folder = test_data / "jam" / "NGC6278"
    theirs = dynamite.read(folder)
    _, *lines = (folder / dynamite.BINS).read_text().splitlines()
    numbers = np.array(" ".join(lines).split(), int)[1:]  # the first is their count
    corner = np.array([-29.5, -26.5])
    row, column = np.divmod(np.arange(numbers.size), 58)
    kinematics = Table.read(folder / dynamite.KINEMATICS)
    rows = {name: i for i, name in enumerate(kinematics["vbin_id"])}
    at = [rows.get(number, 0) for number in numbers]
    table = Table({"BIN_ID": numbers, "X": corner[0] + column + 0.5, "Y": corner[1] + row + 0.5})
    for ours, name in zip(
        ("VPXF", "DVPXF", "SPXF", "DSPXF"), ("v", "dv", "sigma", "dsigma"), strict=True
    ):
        table[ours] = np.asarray(kinematics[name])[at]
    table.write(tmp_path / "NGC6278.stellar_kin.fits")
    galaxy = tables.read(
        tmp_path / "NGC6278.stellar_kin.fits", folder / dynamite.MGE, pa=126, fwhm=2.5, pixsize=1.0
    )
    assert np.hypot(galaxy.x, galaxy.y) == pytest.approx(np.hypot(theirs.x, theirs.y))
    assert np.abs(galaxy.x) == pytest.approx(np.abs(theirs.x))
    assert galaxy.v_sys == pytest.approx(theirs.v_sys)
    assert galaxy.vrms[galaxy.bin_index] == pytest.approx(theirs.vrms[theirs.bin_index])
    assert galaxy.error[galaxy.bin_index] == pytest.approx(theirs.error[theirs.bin_index])
    assert galaxy.surf.tolist() == theirs.surf.tolist()
    assert galaxy.angle == theirs.angle
