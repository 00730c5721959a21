"""Files in the layout of CAMELS, written and read back, and every way in which one is wrong."""

import shutil

import h5py
import numpy as np
import pytest

from zoo_datasets.dark_matter_galaxies import (
    camels,
    camels_catalogue,
    camels_layout,
    camels_snapshot,
    camels_writer,
)
from zoo_datasets.errors import DatasetError
from zoo_datasets.simulators.nbody.cosmology import RHO_CRITICAL

SIZE, GRID, OMEGA, SUITE = 25.0, 8, 0.3, "IllustrisTNG"
FIDUCIAL = dict.fromkeys(camels_layout.PARAMETERS, 1.0) | {"omega_m": OMEGA, "sigma_8": 0.8}


@pytest.fixture(scope="module")
def matter():
    """Particles with a gradient of density and two that lie on faces of the box."""
    rng = np.random.default_rng(1)
    position = rng.random((4096, 3)) ** [1.5, 1, 1] * SIZE
    position[:2] = [[0, 0, 0], [SIZE, 3, SIZE]]  # the second is the first, but for its y
    return position, rng.normal(0, 300, (4096, 3))


@pytest.fixture(scope="module")
def galaxies():
    rng = np.random.default_rng(2)
    stars = rng.integers(0, 30, 300)
    return {
        "position": rng.random((300, 3)) * SIZE,
        "stars": stars,
        "stellar_mass": stars * 1.3e7,
    }


@pytest.fixture(scope="module")
def groups():
    rng = np.random.default_rng(3)
    radius = rng.random(40) * 0.3
    radius[5] = 0  # no sphere found
    return {
        "mass": 10 ** rng.uniform(10, 13, 40),
        "position": rng.random((40, 3)) * SIZE,
        "radius": radius,
        "velocity": rng.normal(0, 200, (40, 3)),
    }


def write(root, matter, galaxies, groups=None, name="CV_0", suite=SUITE, **options):
    common = {"box_size": SIZE, "omega_m": OMEGA}
    common |= {key: options[key] for key in ("redshift", "old_names", "parts") if key in options}
    mass = OMEGA * RHO_CRITICAL * SIZE**3 / len(matter[0])
    camels_writer.snapshot(root, suite, name, *matter, particle_mass=mass, **(common | options))
    camels_writer.catalogue(root, suite, name, subhaloes=galaxies, **common)
    if groups is not None:
        camels_writer.catalogue(root, f"{suite}_DM", name, groups=groups, **common)
    camels_writer.parameters(root, suite, name.partition("_")[0], {name: FIDUCIAL})


def read(root, **options):
    """The only box of a tree."""
    options = {"suite": SUITE, "particles": GRID} | options
    ((key, box),) = [item for split in camels.boxes(root, **options).values() for item in split]
    assert box["object_id"] == key
    return box


def counted(position):
    edges = np.linspace(0, SIZE, GRID + 1)
    return np.histogramdd(position % SIZE, [edges] * 3)[0]


WAYS = {
    "new": {},
    "old": {"old_names": True},
    "parts": {"parts": 3},
    "old parts": {"old_names": True, "parts": 2},
    "masses": {"mass_table": False},
    "not quite today": {"redshift": 0.009},
}


@pytest.mark.parametrize("way", WAYS)
def test_round_trip(tmp_path, matter, galaxies, groups, way, monkeypatch):
    monkeypatch.setattr(camels_snapshot, "ROWS", 1000)  # several pieces
    write(tmp_path, matter, galaxies, groups, **WAYS[way])
    box = read(tmp_path, selection="nstar>=10")
    position, velocity = matter
    counts = counted(position)
    np.testing.assert_array_equal(box["dm_counts"], counts)
    edges = np.linspace(0, SIZE, GRID + 1)
    total = np.histogramdd(position % SIZE, [edges] * 3, weights=velocity[:, 1])[0]
    mean = np.divide(total, counts, out=np.zeros_like(total), where=counts > 0)
    np.testing.assert_allclose(box["dm_velocity"][..., 1], mean, rtol=1e-3, atol=0.1)
    kept = galaxies["position"][galaxies["stars"] >= 10]
    np.testing.assert_allclose(box["galaxy_position"], kept, rtol=1e-5)
    np.testing.assert_array_equal(box["galaxy_count"], counted(box["galaxy_position"]))
    order = np.argsort(-groups["mass"])
    for name in ("mass", "position", "velocity"):
        np.testing.assert_allclose(box[f"halo_{name}"], groups[name][order], rtol=1e-5)
    found = groups["radius"][order] > 0
    np.testing.assert_allclose(box["halo_radius"][found], groups["radius"][order][found], rtol=1e-5)
    density = box["halo_mass"][~found] / (4 / 3 * np.pi * box["halo_radius"][~found] ** 3)
    np.testing.assert_allclose(density, 200 * RHO_CRITICAL, rtol=1e-5)
    assert box["box_size"] == SIZE
    kinds = {"dm_counts": "uint16", "dm_velocity": "float16", "galaxy_count": "uint8"}
    assert {name: box[name].dtype.name for name in kinds} == kinds


def test_mass_in_voxels_without_particles_has_no_velocity(tmp_path, matter, galaxies):
    x = matter[0][:, 0]
    far = (x > 3.2) & (x < SIZE)  # the first layer of voxels is empty
    write(tmp_path, [column[far] for column in matter], galaxies)
    box = read(tmp_path)
    assert not box["dm_counts"][0].any()
    assert not box["dm_velocity"][0].any()
    assert box["halo_mass"].shape == (0,)  # no catalogue of the N-body run
    assert box["halo_position"].shape == (0, 3)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("subhalo_all", lambda stars: stars >= 0),
        ("nstar>=10", lambda stars: stars >= 10),
        ("nstar >= 20", lambda stars: stars >= 20),
        ("mstar>0", lambda stars: stars > 0),
        ("mstar>1.5e8", lambda stars: stars * 1.3e7 > 1.5e8),
        ("mstar>10^8.1", lambda stars: stars * 1.3e7 > 10**8.1),
    ],
)
def test_selections(tmp_path, matter, galaxies, selection, expected):
    write(tmp_path, matter, galaxies)
    kept = galaxies["position"][expected(galaxies["stars"])]
    found = read(tmp_path, selection=selection)["galaxy_position"]
    np.testing.assert_allclose(found, kept, rtol=1e-5)


@pytest.mark.parametrize("selection", ["nstar>10", "nstar>=x", "mstar>-1", "mstar>10^", "all", ""])
def test_unknown_selections_are_refused(tmp_path, selection):
    with pytest.raises(DatasetError, match=r"selection is .* allowed: subhalo_all, nstar>=N"):
        camels.boxes(tmp_path, SUITE, selection)


def test_no_galaxies_at_all(tmp_path, matter):
    write(tmp_path, matter, {})
    box = read(tmp_path, selection="mstar>0")
    assert box["galaxy_position"].shape == (0, 3)
    assert box["galaxy_count"].sum() == 0


# --- splits and parameters


def test_splits_are_by_simulation(tmp_path, matter, galaxies):
    write(tmp_path, matter, galaxies)
    source = tmp_path / "Sims" / f"{SUITE}_DM" / "L25n256" / "CV" / "CV_0"
    for number in (3, 19, 20, 22, 23, 26):
        for folder in (source, tmp_path / "FOF_Subfind" / SUITE / "L25n256" / "CV" / "CV_0"):
            shutil.copytree(folder, folder.with_name(f"CV_{number}"))
    rows = {f"CV_{number}": FIDUCIAL for number in range(27)}
    camels_writer.parameters(tmp_path, SUITE, "CV", rows)
    splits = camels.boxes(tmp_path, SUITE, particles=GRID)
    names = {split: [key for key, _ in boxes] for split, boxes in splits.items()}
    assert names == {
        "train": ["CV_0", "CV_3", "CV_19"],
        "validation": ["CV_20", "CV_22"],
        "test": ["CV_23", "CV_26"],
    }
    sizes = {split: len(numbers) for split, numbers in camels_layout.SPLITS["LH"].items()}
    assert sizes == {"train": 800, "validation": 100, "test": 100}


def test_latin_hypercube_has_its_own_parameters(tmp_path, matter, galaxies):
    write(tmp_path, matter, galaxies, name="LH_900")
    columns = ("sigma_8", "seed", "A_AGN2", "Omega_m", "A_SN2", "A_AGN1", "A_SN1")
    path = camels_writer.parameters(tmp_path, SUITE, "LH", {})
    values = "0.71 5 6 0.3 7 8 9"
    path.write_text(f"# sim_name {' '.join(columns)}\n\n LH_900 {values}\n")
    splits = camels.boxes(tmp_path, SUITE, "subhalo_all", GRID, sets=("LH",))
    ((_, box),) = splits.pop("test")
    assert splits == {}
    found = [float(box[name]) for name in camels_layout.PARAMETERS]
    assert found == pytest.approx([0.3, 0.71, 9, 8, 7, 6])


def test_suites_of_one_phase_share_an_n_body_run(tmp_path, matter, galaxies):
    write(tmp_path, matter, galaxies)
    camels_writer.catalogue(
        tmp_path, "SIMBA", "CV_0", box_size=SIZE, omega_m=OMEGA, subhaloes=galaxies
    )
    camels_writer.parameters(tmp_path, "SIMBA", "CV", {"CV_0": FIDUCIAL})
    box = read(tmp_path, suite="SIMBA")
    np.testing.assert_array_equal(box["dm_counts"], counted(matter[0]))


@pytest.mark.parametrize("suite", camels_layout.SUITES)
def test_real_tables_of_parameters(test_data, suite):
    root = test_data / "camels" / "params"
    fixed = camels_layout.parameters(root, suite, "CV")
    assert list(fixed) == [f"CV_{number}" for number in range(27)]
    assert all(row == FIDUCIAL for row in fixed.values())
    varied = camels_layout.parameters(root, suite, "LH")
    assert len(varied) == 1000
    values = {name: [row[name] for row in varied.values()] for name in camels_layout.PARAMETERS}
    # the ranges tell the order: those of A_SN2, 1/2 to 2, from those of A_SN1 and A_AGN1, 1/4 to 4
    agn2 = (0.25, 4) if suite == "Astrid" else (0.5, 2)
    for name, (low, high) in {
        "omega_m": (0.1, 0.5), "sigma_8": (0.6, 1.0), "a_sn1": (0.25, 4), "a_agn1": (0.25, 4),
        "a_sn2": (0.5, 2), "a_agn2": agn2,
    }.items():  # fmt: skip
        assert low <= min(values[name]) < 1.02 * low
        assert high / 1.02 < max(values[name]) <= high


def test_fiducial_suites_share_their_seeds(test_data):
    tables = [
        (test_data / "camels" / "params" / f"CosmoAstroSeed_{suite}_L25n256_CV.txt").read_text()
        for suite in camels_layout.SUITES
    ]
    seeds = [[line.split()[-1] for line in table.splitlines()[1:]] for table in tables]
    assert seeds[0] == seeds[1] == seeds[2]


def test_a_table_of_other_parameters_is_named(test_data):
    with pytest.raises(DatasetError, match=r"no column Omega_m, sigma_8, A_SN1.*needed: a line"):
        camels_layout.parameters(test_data / "camels" / "params", SUITE, "1P")


# --- what can be wrong


def change(path, function):
    with h5py.File(path, "r+") as file:
        function(file)


def scaled(factor, name="PartType1/Coordinates"):
    return lambda file: file[name].write_direct(file[name][:] * factor)


def header(**values):
    return lambda file: file["Header"].attrs.update(values)


def without(name):
    def function(file):
        del file[name]

    return function


def shifted(file):
    file["PartType1/Coordinates"][:, 0] -= 100


def nan(file):
    file["PartType1/Velocities"][7, 1] = np.nan


def reshaped(file):
    del file["PartType1/Coordinates"]
    file["PartType1/Coordinates"] = np.zeros((10, 2))


def no_attribute(file):
    del file["Header"].attrs["Time"]


WRONG_MATTER = {
    "missing dataset": (without("PartType1/Velocities"), "PartType1/Velocities is missing.*Coord"),
    "missing group": (without("PartType1"), "PartType1/Coordinates is missing.*no group PartType1"),
    "missing attribute": (no_attribute, "Header has no attribute Time"),
    "Mpc/h": (scaled(1e-3), "reaches only 24.9.* of BoxSize = 25000 kpc/h"),
    "pc/h": (scaled(1e3), "Coordinates runs from .*allowed: 0 to BoxSize = 25000 kpc/h"),
    "not periodic": (shifted, "Coordinates runs from -100 .*is it periodic"),
    "box in Mpc/h": (header(BoxSize=25.0), "BoxSize = 25, allowed: 1000 to 1e.06; it is in kpc/h"),
    "another redshift": (header(Redshift=0.5), "Redshift = 0.5, allowed: 0"),
    "another cosmology": (header(Omega0=0.25), "Omega0 = 0.25, but the table .* says 0.3"),
    "masses of hydrodynamics": (
        header(MassTable=np.full(6, 0.84 * OMEGA * RHO_CRITICAL * SIZE**3 / 4096 / 1e10)),
        "holds 0.840 of the matter .*N-body run",
    ),
    "too few particles": (header(NumPart_Total=np.full(6, 16**3 + 1)), "4096 particles, .*4097"),
    "missing part": (header(NumFilesPerSnapshot=4), "NumFilesPerSnapshot = 4, but there are 1 p"),
    "NaN": (nan, "Velocities holds values that are not finite"),
    "shape": (reshaped, r"Coordinates has shape \(10, 2\), allowed: \(n, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_MATTER)
def test_wrong_snapshots_are_named(tmp_path, matter, galaxies, case):
    function, message = WRONG_MATTER[case]
    write(tmp_path, matter, galaxies)
    (path,) = camels_layout.snapshot(tmp_path, SUITE, "CV_0")
    change(path, function)
    with pytest.raises(DatasetError, match=message) as error:
        read(tmp_path)
    assert str(path) in str(error.value)


WRONG_GALAXIES = {
    "missing dataset": (without("Subhalo/SubhaloLenType"), "SubhaloLenType is missing; there is"),
    "missing group": (without("Subhalo"), "SubhaloPos is missing; there is no group Subhalo"),
    "Mpc/h": (scaled(1e-3, "Subhalo/SubhaloPos"), "SubhaloPos reaches only"),
    "another box": (header(BoxSize=50000.0), "BoxSize = 50000 kpc/h, but that of the dark matter"),
    "another redshift": (header(Redshift=1.0), "Redshift = 1, allowed: 0"),
}


@pytest.mark.parametrize("case", WRONG_GALAXIES)
def test_wrong_catalogues_are_named(tmp_path, matter, galaxies, case):
    function, message = WRONG_GALAXIES[case]
    write(tmp_path, matter, galaxies)
    (path,) = camels_layout.catalogue(tmp_path, SUITE, "CV_0")
    change(path, function)
    with pytest.raises(DatasetError, match=message) as error:
        read(tmp_path)
    assert str(path) in str(error.value)


def test_truncated_files_are_named(tmp_path, matter, galaxies):
    write(tmp_path, matter, galaxies)
    (path,) = camels_layout.snapshot(tmp_path, SUITE, "CV_0")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DatasetError, match=r"snapshot_090.hdf5 cannot be read"):
        read(tmp_path)


def test_particles_of_many_masses_are_refused(tmp_path, matter, galaxies):
    write(tmp_path, matter, galaxies, mass_table=False)
    (path,) = camels_layout.snapshot(tmp_path, SUITE, "CV_0")

    def heavier(file):
        file["PartType1/Masses"][3] *= 2

    change(path, heavier)
    with pytest.raises(DatasetError, match=r"Masses run from .*allowed: all equal"):
        read(tmp_path)


def test_half_a_box_and_an_empty_folder_are_told(tmp_path, matter, galaxies):
    with pytest.raises(DatasetError, match=r"holds no box of IllustrisTNG CV; .*snapshot_090.hdf5"):
        camels.boxes(tmp_path, SUITE)
    write(tmp_path, matter, galaxies)
    with pytest.raises(DatasetError, match="set is 'BE', allowed: CV, LH"):
        camels.boxes(tmp_path, SUITE, sets=("BE",))
    with pytest.raises(DatasetError, match="suite is 'TNG', allowed: IllustrisTNG, SIMBA, Astrid"):
        camels.boxes(tmp_path, "TNG")
    with pytest.raises(DatasetError, match="particles is 0, allowed"):
        camels.boxes(tmp_path, SUITE, particles=0)
    table = tmp_path / "Parameters" / SUITE / f"CosmoAstroSeed_{SUITE}_L25n256_CV.txt"
    table.write_text(table.read_text().replace("CV_0", "CV_1"))
    with pytest.raises(DatasetError, match="has no row CV_0"):
        read(tmp_path)
    table.unlink()
    with pytest.raises(DatasetError, match=r"no table of parameters; looked for .*CosmoAstro"):
        camels.boxes(tmp_path, SUITE)
    camels_layout.catalogue(tmp_path, SUITE, "CV_0")[0].unlink()
    with pytest.raises(DatasetError, match=r"has its dark matter only; looked for .*groups_09"):
        camels.boxes(tmp_path, SUITE)


# --- compression


def test_a_missing_filter_is_told(tmp_path, matter, galaxies):
    write(tmp_path, matter, galaxies)
    (path,) = camels_layout.snapshot(tmp_path, SUITE, "CV_0")

    def unreadable(file):
        del file["PartType1/Coordinates"]
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((4096, 3))
        plist.set_filter(511, h5py.h5z.FLAG_OPTIONAL, ())  # a number that no filter has
        space = h5py.h5s.create_simple((4096, 3))
        name = b"Coordinates"
        made = h5py.h5d.create(file["PartType1"].id, name, h5py.h5t.IEEE_F32LE, space, plist)
        made.write_direct_chunk((0, 0), b"packed")

    change(path, unreadable)
    with pytest.raises(DatasetError, match=r"is compressed .* 511 .*install hdf5plugin"):
        read(tmp_path)


def test_lossy_compression(tmp_path, matter, galaxies):
    pytest.importorskip("hdf5plugin", reason="the extra `hdf5` is not installed")
    write(tmp_path, matter, galaxies, lossy=True)
    (path,) = camels_layout.snapshot(tmp_path, SUITE, "CV_0")
    with h5py.File(path) as file:
        assert file["PartType1/Coordinates"].id.get_create_plist().get_nfilters() == 1
    box = read(tmp_path)
    moved = np.abs(box["dm_counts"].astype(int) - counted(matter[0])).sum()
    assert box["dm_counts"].sum() == 4096
    assert moved <= 8  # 10 pc/h of 3 Mpc/h voxels, and the two on faces


def test_lossy_compression_without_the_plugin_is_told(tmp_path, matter, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "hdf5plugin", None)
    with pytest.raises(DatasetError, match="needs hdf5plugin"):
        write(tmp_path, matter, {}, lossy=True)
    with pytest.raises(DatasetError, match=r"positions \(3,\) and velocities \(4096, 3\)"):
        write(tmp_path, (np.zeros(3), matter[1]), {})


def test_catalogue_parse_is_of_an_open_file(tmp_path, matter, galaxies):
    write(tmp_path, matter, galaxies)
    (path,) = camels_layout.catalogue(tmp_path, SUITE, "CV_0")
    with h5py.File(path) as file:
        assert camels_catalogue.parse("subhalo_all")(file).shape == (300,)
