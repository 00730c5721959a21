"""Tables of galaxies around a cluster: geometry against astropy, layouts, cuts, clear errors.

Published layouts are written here: SDSS SkyServer CSV (`ra, dec, z`), VizieR (`RAJ2000`, `DEJ2000`,
degrees or sexagesimal, `z` or `cz`), and the text table of Coma.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.cosmology import FlatLambdaCDM
from astropy.cosmology import units as cu
from astropy.table import Table

from zoo import registry
from zoo.errors import InputError
from zoo.readers import cluster_tables, clusters, command

C = 299792.458
Z = 0.05
RA, DEC = 0.2, 12.0  # across 0 h, where means of angles fail


@pytest.fixture
def card():
    return registry.find_card("cluster_flow")[0]


def galaxies(n=300, sigma=800.0, seed=0):
    """RA, Dec [deg], z of galaxies around (RA, DEC, Z), and a background."""
    rng = np.random.default_rng(seed)
    ra = RA + rng.normal(0, 0.12, n) / np.cos(np.radians(DEC))
    dec = DEC + rng.normal(0, 0.12, n)
    z = Z + (1 + Z) * rng.normal(0, sigma, n) / C
    field = 150  # as a cone search brings them, in front and behind
    ra = np.concatenate([ra, RA + rng.uniform(-2, 2, field)]) % 360
    dec = np.concatenate([dec, DEC + rng.uniform(-2, 2, field)])
    return ra, dec, np.concatenate([z, rng.uniform(0.01, 0.15, field)])


def test_geometry():
    """One degree north and one east at known redshift, with a cosmology as an object."""
    cosmology = FlatLambdaCDM(H0=67, Om0=0.31)
    centre = SkyCoord(10 * u.deg, 0 * u.deg)
    found = clusters.from_sky(
        [10.0, 11.0, 10.0], [1.0, 0.0, 0.0], [Z, Z + 0.01, Z], centre, Z, cosmology
    )
    radius = np.radians(1) * cosmology.comoving_distance(Z).value * 0.67
    np.testing.assert_allclose(found.r_proj, [radius, radius, 0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.x_proj, [0, radius, 0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.y_proj, [radius, 0, 0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.v_los, [0, C * 0.01 / (1 + Z), 0], rtol=1e-9, atol=1e-9)


def test_centre_and_redshift_are_found():
    ra, dec, z = galaxies()
    found = clusters.from_sky(ra, dec, z)
    exact = clusters.from_sky(ra, dec, z, SkyCoord(RA * u.deg, DEC * u.deg), Z)
    # 300 galaxies: the centre within 3 x 0.12 deg / sqrt(300), the velocity within 3 x 800 / 17
    assert np.abs(found.x_proj - exact.x_proj).max() < 3 * 0.12 / 17 * np.radians(146)
    assert abs(found.redshift - Z) * C < 3 * 800 / 17
    core = found.cut(1.6, 2200)
    assert 250 < len(core) <= 340
    assert core.total == 450
    assert "R < 1.6 comoving Mpc/h, |v| < 2200 km/s" in core.summary


def test_lengths():
    """Physical kpc at redshift Z are stretched by 1 + Z and counted in Mpc/h."""
    r, v = np.array([100.0, 2000.0]), np.array([-5.0, 7.0]) * u.km / u.s
    cosmology = FlatLambdaCDM(H0=50, Om0=0.3)
    physical = clusters.from_phase_space(r * u.kpc, v, Z, cosmology)
    np.testing.assert_allclose(physical.r_proj, r / 1000 * 0.5 * (1 + Z))
    comoving = clusters.from_phase_space(r * u.kpc, v, Z, cosmology, comoving=True)
    np.testing.assert_allclose(comoving.r_proj, r / 1000 * 0.5)
    ready = clusters.from_phase_space(r * u.kpc / cu.littleh, v.to(u.m / u.s), Z, cosmology)
    np.testing.assert_allclose(ready.r_proj, r / 1000)
    np.testing.assert_allclose(ready.v_los, v.value)


def sexagesimal(ra, dec):
    sky = SkyCoord(ra * u.deg, dec * u.deg)
    options = {"sep": " ", "precision": 6, "pad": True}
    return sky.ra.to_string(u.hourangle, **options), sky.dec.to_string(u.deg, **options)


@pytest.mark.parametrize("suffix", [".csv", ".ecsv", ".fits", ".vot"])
@pytest.mark.parametrize("layout", ["sdss", "vizier", "velocities"])
def test_layouts_agree(tmp_path, layout, suffix):
    ra, dec, z = galaxies()
    path = tmp_path / f"table{suffix}"
    if layout == "sdss":
        table = Table({"objid": np.arange(len(z)), "ra": ra, "dec": dec, "z": z})
    elif layout == "vizier":
        hours, degrees = sexagesimal(ra, dec)
        table = Table({"RAJ2000": hours, "DEJ2000": degrees, "z": z})
    else:
        table = Table({"_RAJ2000": ra, "_DEJ2000": dec, "cz": C * z})
    table.write(path, format="votable" if suffix == ".vot" else None)
    if suffix == ".csv" and layout == "sdss":  # SkyServer's first line
        path.write_text("#Table1\n" + path.read_text())
    found, truth = cluster_tables.read(path), clusters.from_sky(ra, dec, z)
    np.testing.assert_allclose(found.r_proj, truth.r_proj, atol=1e-6)
    np.testing.assert_allclose(found.v_los, truth.v_los, rtol=1e-6, atol=1e-3)


def test_units_of_a_table_count(tmp_path):
    ra, dec, z = galaxies()
    path = tmp_path / "table.ecsv"
    Table({"ra": ra / 15 * u.hourangle, "dec": dec * 60 * u.arcmin, "z": z}).write(path)
    truth = clusters.from_sky(ra, dec, z)
    np.testing.assert_allclose(cluster_tables.read(path).r_proj, truth.r_proj, atol=1e-9)


def write_text(path, rows, title="# R(kpc)    v_z(km/s)    err_vz(km/s)"):
    lines = [title, "#", *(" ".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


ROWS = [(100.0 + 5 * i, (-1) ** i * 10.0 * i, 50.0) for i in range(60)]


def test_command(tmp_path, card):
    """What `zoo predict cluster_flow FILE --set redshift=0.05 --set h=0.5` reads."""
    path = write_text(tmp_path / "cluster.dat", [*ROWS, (9000.0, 0.0, 50.0), (100.0, 2400.0, 50.0)])
    given = command.settings(("redshift=0.05", "h=0.5"))
    inputs, members = command.inputs(path, given, card)
    assert set(inputs) == {"r_proj", "v_los"}
    expected = np.array(ROWS)[:, 0] / 1000 * 0.5 * 1.05
    np.testing.assert_allclose(inputs["r_proj"].to_value(u.Mpc / cu.littleh), expected)
    assert members.summary.startswith("60 of 62 galaxies with R < 1.6")
    assert members.summary.endswith("z = 0.05, H0 = 50, Om = 0.3")
    # the card's own columns are taken as they are
    own = tmp_path / "own.csv"
    Table({"r_proj": [0.1, 9.0], "v_los": [1.0, 2.0]}).write(own)
    inputs, nothing = command.inputs(own, {}, card)
    assert nothing is None
    assert list(inputs["r_proj"]) == [0.1, 9.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z": "cz"}, "velocities are cz"),
        ({"z": "nan"}, "z is nan"),
        ({"ra": 120.0, "dec": 12.0}, "no galaxy lies within 1 Mpc/h"),
        ({"ra": 120.0}, "make a centre together"),
        ({"redshift": -1.0}, "redshift of the cluster is -1"),
        ({"h": 70.0}, "h = 70"),
        ({"distance": 10.0}, "--set distance"),
    ],
)
def test_bad_sky(tmp_path, card, change, message):
    ra, dec, z = galaxies()
    change = dict(change)
    match change.pop("z", None):
        case "cz":
            z = C * z
        case "nan":
            z = np.where(np.arange(len(z)) == 3, np.nan, z)
    path = tmp_path / "table.ecsv"
    Table({"ra": ra, "dec": dec, "z": z}).write(path)
    with pytest.raises(InputError, match=message):
        command.inputs(path, change, card)


@pytest.mark.parametrize(
    ("title", "rows", "given", "message"),
    [
        ("# R(kpc) v(km/s) e(km/s)", ROWS, {}, "need the redshift of the cluster"),
        ("# R(kpc) v(km/s)", ROWS, {"redshift": Z}, "3 columns and no comment line"),
        ("# R v(km/s) e", ROWS, {"redshift": Z}, "R has no unit"),
        ("# R(kpc) v(kpc) e", ROWS, {"redshift": Z}, "v is in kpc"),
        ("# R(deg) v(km/s) e", ROWS, {"redshift": Z}, "R is in deg"),
        ("# R(kpc) v(km/s) e", [(-1.0, 2.0, 0.0), *ROWS], {"redshift": Z}, "R is -"),
        ("# R(kpc) v(km/s) e", [(1.0, np.nan, 0.0), *ROWS], {"redshift": Z}, "v in row 1 is nan"),
        ("# R(Mpc) v(km/s) e", ROWS, {"redshift": Z}, "no galaxy has R < 1.6"),
        ("# a b c", ROWS, {"redshift": Z}, "has the columns a, b, c"),
        ("# R(kpc) v(km/s) e", [], {"redshift": Z}, "has no rows"),
    ],
)
def test_bad_phase_space(tmp_path, card, title, rows, given, message):
    path = write_text(tmp_path / "cluster.dat", rows, title)
    with pytest.raises(InputError, match=message):
        command.inputs(path, given, card)


def test_coma(test_data, card):
    """1324 galaxies and 897 km/s for h = 0.7 without the factor 1 + z, known independently."""
    path = test_data / "clusters" / "coma_desi_dr1_pps.dat"
    found = cluster_tables.read(path, redshift=1e-9).cut(1.6, 2200)
    assert found.total == 1651
    assert len(found) == 1324
    assert found.v_los.std(ddof=1) == pytest.approx(897, abs=0.5)
    inputs, members = command.inputs(path, {"redshift": 0.0231}, card)
    assert len(inputs["v_los"]) == len(members) == 1305
