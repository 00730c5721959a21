"""Files as astronomers have them: galaxies in DYNAMITE's layout, tables, HDF5, npz, --set."""

import h5py
import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable, Table

from zoo.errors import InputError
from zoo.prediction import Prediction
from zoo.readers import command, dynamite, files
from zoo.registry import find_card

V_SYS, GRADIENT = 1200.0, 11.0  # km/s and km/s per arcsec along the major axis
MAJOR_AXIS = 36.0  # deg on the detector, counted from x towards y


@pytest.fixture
def folder(tmp_path):
    """A galaxy of 12 x 8 pixels of 2 arcsec about (0, 0), the outer ring of them unused.

    Two by two pixels make a bin; bins are listed in reverse order, as nothing forbids.
    """
    columns, rows = 12, 8
    column, row = np.meshgrid(np.arange(columns), np.arange(rows))
    used = (column > 0) & (column < 11) & (row > 0) & (row < 7)
    bins = np.where(used, 1 + (column - 1) // 2 + 5 * ((row - 1) // 2), 0)
    x, y = 2.0 * (column - 5.5), 2.0 * (row - 3.5)
    a = np.radians(MAJOR_AXIS)
    velocity = V_SYS + GRADIENT * (x * np.cos(a) + y * np.sin(a))
    ids = np.arange(15, 0, -1)
    v = [velocity[bins == number].mean() for number in ids]
    table = Table({"vbin_id": ids, "v": v, "dv": 3.0 + 0 * ids, "sigma": 100.0 + ids})
    table["dsigma"] = 4.0
    table.meta["PSF"] = {"sigma": [1.0, 2.5], "weight": [0.75, 0.25]}
    table.write(tmp_path / dynamite.KINEMATICS, format="ascii.ecsv")
    mge = Table({"I": [900.0, 50.0], "sigma": [1.0, 6.0], "q": [0.9, 0.6], "PA_twist": [0.0, 0.0]})
    mge.write(tmp_path / dynamite.MGE, format="ascii.ecsv")
    aperture = f"#aperture\n\t-12.0\t-8.0\n\t24.0\t16.0\n\t{-MAJOR_AXIS}\n\t{columns}\t{rows}\n"
    (tmp_path / dynamite.APERTURE).write_text(aperture)
    text = "\n".join(" ".join(map(str, line)) for line in bins)
    (tmp_path / dynamite.BINS).write_text(f"#bins\n{columns * rows}\n{text}\n")
    return tmp_path


def test_a_galaxy(folder):
    galaxy = dynamite.read(folder)
    assert (galaxy.x.shape, galaxy.vrms.shape, galaxy.shape) == ((60,), (15,), (8, 12))
    assert galaxy.v_sys == pytest.approx(V_SYS)
    assert galaxy.pixsize == 2.0
    assert galaxy.extent == (-12.0, 12.0, -8.0, 8.0)
    assert galaxy.surf.tolist() == [900, 50]
    assert galaxy.sigmapsf.tolist() == [1, 2.5]
    assert galaxy.normpsf.tolist() == [0.75, 0.25]


def test_x_runs_along_the_major_axis(folder):
    """The first pixel used is the lower left one, 36 degrees from the axis on the detector."""
    galaxy = dynamite.read(folder)
    a = np.radians(MAJOR_AXIS)
    assert galaxy.x[0] == pytest.approx(-9 * np.cos(a) - 5 * np.sin(a))
    assert galaxy.y[0] == pytest.approx(9 * np.sin(a) - 5 * np.cos(a))
    # Velocities follow from the moments and name the axis by themselves.
    speed = np.sqrt(galaxy.vrms**2 - (100.0 + np.arange(15, 0, -1)) ** 2)
    along = np.bincount(galaxy.bin_index, galaxy.x) / 4
    assert speed == pytest.approx(GRADIENT * np.abs(along), abs=1e-9)


def test_bins_follow_their_numbers(folder):
    galaxy = dynamite.read(folder)
    image = galaxy.image(np.arange(15, 0, -1.0))  # each bin shows its own number
    assert np.isnan(image[0]).all()
    assert np.isnan(image[:, 11]).all()
    assert image[1, 1:11].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert image[6, 1:11].tolist() == [11, 11, 12, 12, 13, 13, 14, 14, 15, 15]


def test_binning_weights_with_light(folder):
    galaxy = dynamite.read(folder)
    light = np.where(galaxy.x > 0, 3.0, 1.0)
    vrms = np.where(galaxy.x > 0, 200.0, 100.0)
    bright = np.bincount(galaxy.bin_index, galaxy.x > 0) / 4
    expected = np.sqrt((3e4 * 4 * bright + 1e4 * (1 - bright)) / (3 * bright + 1 - bright))
    assert galaxy.binned(vrms, light) == pytest.approx(expected)


def test_errors_of_the_second_moment(folder):
    galaxy = dynamite.read(folder)
    sigma = 100.0 + np.arange(15, 0, -1)
    speed = np.sqrt(galaxy.vrms**2 - sigma**2)
    assert galaxy.error == pytest.approx(np.hypot(3 * speed, 4 * sigma) / galaxy.vrms)


def test_inputs_of_the_model(folder):
    inputs = dynamite.read(folder).inputs(inc=70.0, beta=0.1, ml=3.0, distance=40.0)
    card, _ = find_card("jam_cyl")
    assert set(card.inputs) - set(inputs) == {"mbh", "rbh"}
    assert inputs["surf_pot"].tolist() == [2700, 150]


def edit(name, old, new):
    def change(folder):
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "mge.ecsv").unlink(), "lacks mge.ecsv; a galaxy needs mge.ecsv, gauss"),
        (
            lambda f: [p.unlink() for p in f.iterdir()],
            "lacks mge.ecsv, gauss_hermite_kins.ecsv, ap",
        ),
        (edit("bins.dat", "96", "95"), r"bins.dat announces \[95.\] pixels and holds 96; aperture"),
        (edit("bins.dat", "15 15", "15 16"), "bins.dat has bin 16, which gauss_hermite"),
        (edit("bins.dat", "15 15", "15 -1"), "bins are numbers from 1, or 0"),
        (edit("bins.dat", "15 15", "15 nan"), "bins.dat holds numbers that are not finite"),
        (edit("bins.dat", "96", "many"), "bins.dat: could not convert string to float: 'many'"),
        (lambda f: (f / "bins.dat").write_text(""), "bins.dat announces .* and holds 0"),
        (edit("gauss_hermite_kins.ecsv", "\n15 ", "\n16 "), "has bin 15, which gauss_hermite"),
        (edit("gauss_hermite_kins.ecsv", "\n15 ", "\n14 "), "lists a bin twice"),
        (edit("gauss_hermite_kins.ecsv", "vbin_id v dv", "vbin_id w dv"), "cannot be read as ECSV"),
        (edit("gauss_hermite_kins.ecsv", " 115.0 ", ' "" '), "sigma in row 1 is missing"),
        (edit("mge.ecsv", "900.0", "nan"), "mge.ecsv: I in row 1 is missing or not finite"),
        (edit("mge.ecsv", "0.6 0.0", "0.6 10.0"), "has twists"),
        (edit("aperture.dat", "24.0", "26.0"), "pixels of .* are not square"),
        (edit("aperture.dat", "24.0", "-24.0"), "sizes are positive"),
        (edit("aperture.dat", "\t24.0", ""), "aperture.dat holds 6 numbers, expected 7"),
        (edit("aperture.dat", "\t12\t", "\t13\t"), "announces .*; aperture.dat has 104"),
        (edit("aperture.dat", "-12.0", "100.0"), "no two pixels lie on opposite sides"),
    ],
)
def test_missing_and_contradictory_files(folder, damage, message):
    damage(folder)
    with pytest.raises(InputError, match=message) as error:
        dynamite.read(folder)
    assert str(folder) in str(error.value) or "v_sys" in str(error.value)


def test_a_bin_without_pixels(folder):
    edit("bins.dat", "15 15", "14 14")(folder)
    edit("bins.dat", "15 15", "14 14")(folder)
    with pytest.raises(InputError, match=r"lists bin 15, which has no pixel in bins.dat"):
        dynamite.read(folder)


def test_a_column_that_is_missing(folder):
    path = folder / dynamite.KINEMATICS
    table = Table.read(path)
    table.remove_columns(["dv", "dsigma"])
    table.write(path, overwrite=True)
    with pytest.raises(InputError, match=r"gauss_hermite_kins.ecsv lacks the column\(s\) dv, dsig"):
        dynamite.read(folder)


def test_ngc6278(test_data):
    """CALIFA data in the layout of the DYNAMITE code's own example."""
    galaxy = dynamite.read(test_data / "jam" / "NGC6278")
    assert galaxy.vrms.size == 152
    assert galaxy.surf.size == 6
    assert galaxy.sigmapsf.tolist() == [1.06]
    assert (galaxy.pixsize, galaxy.shape) == (1.0, (52, 58))
    assert abs(galaxy.v_sys) < 20
    table = Table.read(test_data / "jam" / "NGC6278" / dynamite.KINEMATICS)
    v = np.asarray(table["v"])[galaxy.bin_index] - galaxy.v_sys
    near = np.hypot(galaxy.x, galaxy.y) < 6
    design = np.column_stack((galaxy.x, galaxy.y))[near]
    along, across = np.linalg.lstsq(design, v[near], rcond=None)[0]
    assert abs(along) > 8
    assert abs(across) < 0.15 * abs(along)


# --- files of inputs and predictions


INPUTS = {"inc": np.array([60.0, 70.0]), "xbin": np.array([[1.0, 2, 3], [4, 5, 6]]) * u.arcmin}


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".h5", ".hdf5", ".npz", ".csv"])
def test_inputs_from_files(tmp_path, suffix):
    path = tmp_path / f"galaxies{suffix}"
    if suffix in {".ecsv", ".fits"}:
        QTable(INPUTS).write(path)
    elif suffix == ".csv":
        path.write_text("inc,xbin\n60,1\n70,4\n")
    elif suffix == ".npz":
        np.savez(path, **{name: getattr(value, "value", value) for name, value in INPUTS.items()})
    else:
        with h5py.File(path, "w") as file:
            file["inc"] = INPUTS["inc"]
            file["xbin"] = INPUTS["xbin"].value
            file["xbin"].attrs["unit"] = "arcmin"
    read = files.read_inputs(path)
    assert np.asarray(read["inc"]).tolist() == [60, 70]
    assert np.ravel(u.Quantity(read["xbin"]).value)[0] == 1
    if suffix not in {".npz", ".csv"}:
        assert read["xbin"].unit == u.arcmin
        assert read["xbin"].shape == (2, 3)


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".h5", ".npz"])
@pytest.mark.parametrize("damage", [b"", b"\x00garbage", None], ids=["empty", "garbage", "half"])
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
def test_damaged_files(tmp_path, suffix, damage):
    path = tmp_path / f"galaxies{suffix}"
    if damage is None:
        write = prediction()
        files.write_table(write.to_table(), path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.write_bytes(damage)
    with pytest.raises(InputError, match=f"cannot be read as {suffix}"):
        files.read_inputs(path)


def test_formats_nobody_asked_for(tmp_path):
    with pytest.raises(InputError, match="is not a file"):
        files.read_inputs(tmp_path / "none.fits")
    (tmp_path / "x.pkl").write_text("")
    with pytest.raises(
        InputError, match=r"the format is '.pkl', allowed: .ecsv, .csv, .fits, .npz"
    ):
        files.read_inputs(tmp_path / "x.pkl")
    with pytest.raises(InputError, match="the format is 'unknown'"):
        files.write_table(prediction().to_table(), tmp_path / "x")
    with pytest.raises(InputError, match=r"the folder .*nowhere does not exist"):
        files.write_table(prediction().to_table(), tmp_path / "nowhere" / "x.fits")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pkl"]


def prediction():
    outputs = {"vrms": np.array([1.0, 2, 3]) * u.km / u.s, "surface_brightness": np.arange(3.0)}
    flag = np.bool_(True)
    return Prediction(outputs, flag, find_card("jam_cyl")[0], {"model": "jam_cyl", "version": 1})


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".h5", ".npz", ".csv"])
def test_predictions_to_files(tmp_path, suffix):
    path = tmp_path / f"prediction{suffix}"
    path.write_text("something older")
    files.write_table(prediction().to_table(), path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    read = files.read_inputs(path)
    assert np.asarray(u.Quantity(read["vrms"]).value).tolist() == [1, 2, 3]
    assert np.asarray(read["in_domain"]).tolist() in ([True] * 3, ["True"] * 3)
    if suffix not in {".npz", ".csv"}:
        assert read["vrms"].unit == u.km / u.s
        assert read["surface_brightness"].unit == u.Lsun / u.pc**2


def test_csv_holds_no_maps(tmp_path):
    batch = {name: np.ones((2, 3)) for name in ("vrms", "surface_brightness")}
    two = Prediction(batch, np.ones(2, bool), find_card("jam_cyl")[0], {})
    with pytest.raises(InputError, match=r"cannot be written as .csv"):
        files.write_table(two.to_table(), tmp_path / "x.csv")
    assert list(tmp_path.iterdir()) == []


# --- options of the command line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("63", 63.0),
        ("-1e3", -1000.0),
        ("63 deg", 63 * u.deg),
        ("1,2,3 arcsec", [1, 2, 3] * u.arcsec),
        ("5 Msun / Lsun", 5 * u.Msun / u.Lsun),
    ],
)
def test_settings(text, value):
    found = command.settings((f"name={text}",))["name"]
    assert np.all(found == value)
    assert getattr(found, "unit", None) == getattr(value, "unit", None)


@pytest.mark.parametrize("text", ["", "deg", "1,,2", "1 parsecs", "[1, 2]", "1,2;3"])
def test_settings_that_are_none(text):
    with pytest.raises(InputError, match=f"name='{text}'".replace("[", r"\[")):
        command.settings((f"name={text}",))
    with pytest.raises(InputError, match=r"--set 'inc': write NAME=VALUE"):
        command.settings(("inc",))


GALAXY = {"inc": 70.0, "beta": 0.1, "ml": 3 * u.Msun / u.Lsun, "distance": 4e4 * u.kpc}


def test_a_folder_is_a_galaxy(folder):
    inputs, galaxy = command.inputs(folder, GALAXY)
    assert galaxy.vrms.size == 15
    assert (inputs["inc"], inputs["distance"]) == (70.0, pytest.approx(40.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1.0}, "needs --set for inc, beta, ml, distance; given: inc, .*extra"),
        ({"inc": 70 * u.kpc}, "inc is 70.0 kpc, allowed: a number of deg"),
        ({"inc": np.array([1.0, 2.0])}, "inc is .*, allowed: a number of deg"),
    ],
)
def test_settings_of_a_galaxy(folder, change, message):
    with pytest.raises(InputError, match=message):
        command.inputs(folder, GALAXY | change)
    with pytest.raises(InputError, match="given: none"):
        command.inputs(folder, {})


def test_settings_complete_a_file(tmp_path):
    QTable(INPUTS).write(tmp_path / "t.ecsv")
    read, galaxy = command.inputs(tmp_path / "t.ecsv", {"beta": 0.1, "distance": 3 * u.Mpc})
    assert galaxy is None
    assert read["beta"].tolist() == [0.1, 0.1]
    assert read["distance"].unit == u.Mpc
    with pytest.raises(InputError, match="--set beta: one number or one per row"):
        command.inputs(tmp_path / "t.ecsv", {"beta": np.arange(3.0)})
    np.savez(tmp_path / "t.npz", inc=INPUTS["inc"])
    assert command.inputs(tmp_path / "t.npz", {"beta": 0.1})[0]["beta"] == 0.1
