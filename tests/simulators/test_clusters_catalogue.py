"""The `mdpl2` config on a small simulation of our own in the real files' layout."""

import numpy as np
import pytest

from zoo_datasets.cluster_phase_space import catalogue
from zoo_datasets.errors import DatasetError
from zoo_datasets.simulators.clusters import halos

N = 90  # haloes; the last two are no hosts of the sample
IDS = 10**18 + np.arange(N)  # more digits than a float64 holds


@pytest.fixture(scope="module")
def truth():
    """Haloes in a periodic box, some at its edge, with satellites that share their motion."""
    rng = np.random.default_rng(0)
    log_mass = np.concatenate([rng.uniform(13.6, 14.0, N - 5), [14.2, 14.5, 14.9], [13.2, 14.2]])
    # so far apart that none is seen behind another; the first lies at a corner of the box
    place = 200.0 * np.stack(np.unravel_index(np.arange(N), (5, 5, 5)), axis=1) + [0.2, 0.1, 999.9]
    place = np.mod(place, 1000)
    bulk = rng.normal(0, 300, (N, 3))
    return {"log_mass": log_mass, "place": place, "bulk": bulk}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, truth):
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("mdpl2")
    up = np.full(N, -1)
    up[-1] = IDS[0]  # no host: it is part of another halo
    # another order of the columns, and one that is not needed
    header = "row_id,M200c,upId,rockstarId,vx,vy,vz,x,y,z"
    lines = [header]
    for i in range(N):
        v, x = truth["bulk"][i], truth["place"][i]
        numbers = ",".join(repr(float(a)) for a in (*v, *x))
        lines.append(f"{i},{float(10 ** truth['log_mass'][i])!r},{up[i]},{IDS[i]},{numbers}")
    (path / catalogue.HOSTS).write_text("\n".join(lines) + "\n")
    per_halo = 30
    galaxies = np.zeros(N * per_halo + 200, catalogue.RECORD)
    galaxies["id"] = np.arange(len(galaxies))
    galaxies["obs_sm"] = 10**10.0
    owner = np.repeat(np.arange(N), per_halo)
    members = galaxies[: len(owner)]
    members["upid"] = IDS[owner]
    members["pos"][:, :3] = np.mod(
        truth["place"][owner] + rng.normal(0, 0.3, (len(owner), 3)), 1000
    )
    members["pos"][:, 3:] = truth["bulk"][owner] + rng.normal(0, 400, (len(owner), 3))
    members["obs_sm"][::10] = 10**9.0  # too light
    field = galaxies[len(owner) :]  # centrals: not in the catalogue
    field["upid"] = -1
    field["pos"][:, :3] = truth["place"][0]
    galaxies.tofile(path / catalogue.GALAXIES)
    return path


def test_layout():
    """Of the public loader: 128 bytes, positions after 32."""
    assert catalogue.RECORD.itemsize == 128
    assert catalogue.RECORD.fields["pos"][1] == 32
    assert catalogue.RECORD.fields["obs_sm"][1] == 112


def test_reading(folder, truth):
    hosts = catalogue.read_hosts(folder / catalogue.HOSTS)
    np.testing.assert_array_equal(hosts["id"], IDS[:-2])
    np.testing.assert_allclose(hosts["log_mass"], truth["log_mass"][:-2])
    np.testing.assert_allclose(hosts["position"], truth["place"][:-2])
    np.testing.assert_allclose(hosts["velocity"], truth["bulk"][:-2])
    galaxies = catalogue.read_galaxies(folder / catalogue.GALAXIES)
    assert len(galaxies) == N * 27


def test_views_and_splits(truth):
    """Rare haloes are seen often, frequent ones now and then, each in one split."""
    log_mass = np.concatenate([np.full(1000, 13.71), [14.51, 14.51], [15.11]])
    views = catalogue.views(log_mass)
    target = 10**-5.2 * 1000.0**3 * 0.02
    assert views[:1000].sum() == pytest.approx(target)
    assert views[1000:1002].sum() == pytest.approx(target)
    assert views[1002] == pytest.approx(min(target, 500))
    light = truth["log_mass"][:-2] < 14
    assert np.all(catalogue.views(truth["log_mass"][:-2])[light] <= 1)
    names = [catalogue.split_of(int(halo)) for halo in 10**9 + np.arange(4000)]
    shares = {name: names.count(name) / 4000 for name in catalogue.SHARES}
    assert shares == pytest.approx(catalogue.SHARES, abs=0.02)


def test_records(folder, truth):
    found = {split: list(rows) for split, rows in catalogue.splits(folder).items()}
    everything = [record for rows in found.values() for _, record in rows]
    by_split = [{record["halo_id"] for _, record in rows} for rows in found.values()]
    assert sum(map(len, by_split)) == len(set.union(*by_split)) > 20
    keys = [key for rows in found.values() for key, _ in rows]
    assert len(set(keys)) == len(keys)
    theory = halos.theory(0.117)
    for record in everything:
        i = int(record["halo_id"] - IDS[0])
        assert record["log_mass"] == pytest.approx(truth["log_mass"][i], abs=1e-5)
        assert record["r_200c"] == pytest.approx(
            float(theory.radius(truth["log_mass"][i])), rel=1e-5
        )
        # nearly all members are seen, across the edges of the box too
        assert 20 <= record["richness"] == len(record["v_los"]) <= 27
        assert record["is_member"].all()
        assert record["r_proj"].max() < 1.6
        assert np.all(np.diff(record["r_proj"]) >= 0)


def test_velocities(folder, truth):
    """Relative to the halo, with the Hubble flow: the mean square over views is a third of 3D."""
    halo = N - 3
    galaxies = catalogue.read_galaxies(folder / catalogue.GALAXIES)
    mine = galaxies["pos"][galaxies["upid"] == IDS[halo]].astype(float)
    offset = np.mod(mine[:, :3] - truth["place"][halo] + 500, 1000) - 500
    velocity = mine[:, 3:] - truth["bulk"][halo] + halos.theory(0.117).hubble * offset
    rows = catalogue.splits(folder)[catalogue.split_of(int(IDS[halo]))]
    views = [record for _, record in rows if record["halo_id"] == IDS[halo]]
    assert len(views) > 100
    ours = np.mean([np.mean(record["v_los"] ** 2) for record in views])
    assert ours == pytest.approx(np.mean(np.sum(velocity**2, axis=1)) / 3, rel=0.05)
    x = np.concatenate([record["x_proj"] for record in views])
    assert np.mean(x**2) == pytest.approx(np.mean(np.sum(offset**2, axis=1)) / 3, rel=0.05)


def test_tfds_build(folder, tmp_path):
    from zoo_datasets import building
    from zoo_datasets.arrays import arrays

    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    for name in (catalogue.HOSTS, catalogue.GALAXIES):
        (manual / name).symlink_to(folder / name)
    building.build("cluster_phase_space/mdpl2", tmp_path)
    train = arrays("cluster_phase_space/mdpl2", "train", tmp_path)
    assert set(train["halo_id"]) <= set(IDS[:-2])
    np.testing.assert_array_equal(train["v_los"].lengths, train["richness"])


def test_bad_files(tmp_path):
    with pytest.raises(DatasetError, match=r"hosts\.csv does not exist"):
        catalogue.splits(tmp_path)
    (tmp_path / catalogue.HOSTS).write_text("rockstarId,x,y\n1,2,3\n")
    with pytest.raises(DatasetError, match="no column upId, M200c, z, vx, vy, vz"):
        catalogue.splits(tmp_path)
    (tmp_path / catalogue.GALAXIES).write_bytes(b"text")
    with pytest.raises(DatasetError, match="4 bytes, no multiple of the 128"):
        catalogue.read_galaxies(tmp_path / catalogue.GALAXIES)
