"""Maps, sets, spectra and lines as numbers that two samples can be compared by."""

import numpy as np
import pytest

from zoo import registry
from zoo.errors import DataError
from zoo.evaluation import evaluate
from zoo.evaluation.summaries import summaries
from zoo.models.galaxies import grids
from zoo.models.spectra import nebula_sanity


def card(name):
    return registry.find_card(name)[0]


def clusters(n, spread, seed):
    """Sets of 20 to 60 galaxies."""
    from zoo_datasets.arrays import Uneven

    rng = np.random.default_rng(seed)
    splits = np.concatenate([[0], np.cumsum(rng.integers(20, 60, n))])
    return {
        "r_proj": Uneven(rng.uniform(0, 1.6, splits[-1]), splits),
        "v_los": Uneven(spread * rng.standard_normal(splits[-1]), splits),
    }


def galaxies(n, q_mass, seed):
    rng = np.random.default_rng(seed)
    names = (n for n, spec in card("jam_cyl_emulator").inputs.items() if not spec.optional)
    drawn = {name: rng.uniform(0.6, 1, n) for name in names}
    return drawn | {"q_mass": rng.uniform(*q_mass, n)}


def spectra(n, level, seed):
    rng = np.random.default_rng(seed)
    ivar = rng.uniform(1, 2, (n, 50))
    return {
        "flux": level + rng.standard_normal((n, 50)),
        "ivar": ivar,
        "wavelength": np.linspace(6500, 17000, 50),
    }


def maps(n, level, seed):
    rng = np.random.default_rng(seed)
    scalars = galaxies(n, (0.6, 1), seed)
    names = card("jam_photometry").inputs
    given = {name: values for name, values in scalars.items() if name in names}
    return given | {"photometry": level * np.exp(rng.standard_normal((n, 64, 64)))}


FAMILIES = {
    "jam_cyl_emulator": (galaxies, (0.6, 1), (0.7, 1.3), "q_mass"),
    "jam_photometry": (maps, 1.0, 3.0, "median of photometry"),
    "cluster_flow.pure": (clusters, 500, 700, "spread of v_los"),
    "redshift_scan": (spectra, 0.0, 2.0, "median of flux"),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_shift_is_named_in_every_family(monkeypatch, name):
    draw, usual, strange, named = FAMILIES[name]
    monkeypatch.setattr(evaluate.splits, "split", lambda *_: draw(400, usual, 1))
    same = evaluate.shift(card(name), draw(200, usual, 2))
    assert same.p_value > 0.01
    other = evaluate.shift(card(name), draw(200, strange, 2))
    assert other.p_value < 0.05
    assert other.to_table()["input"][0] == named


def test_statistics_of_sets_with_gaps():
    found = summaries(card("cluster_flow.pure"), {
        "r_proj": np.array([[0.1, 0.2, 0.6, np.nan], [1, 1, 1, 1.4]]),
        "v_los": [np.array([1.0, 2, 3]), np.array([5.0])],
    })  # fmt: skip
    assert found["number of r_proj"].tolist() == [3, 4]
    assert found["number of v_los"].tolist() == [3, 1]
    assert found["median of r_proj"] == pytest.approx([0.2, 1])
    assert found["spread of v_los"] == pytest.approx([0.68, 0])


def test_lines_of_nebulae():
    lines = {n: np.tile(v, (2, 1)) for n, v in nebula_sanity.example().items()}
    lines["line"][1, 1] = np.nan  # [O III] was not observed
    found = nebula_sanity.summary(lines)
    assert found["log OIII5007"] == pytest.approx([np.log10(90 / 330), -6], abs=1e-5)
    assert found["log Hbeta"] == pytest.approx([np.log10(100 / 330)] * 2, abs=1e-5)
    assert found["log OII3727"].tolist() == [-6, -6]
    assert found["log S/N"] == pytest.approx([np.log10(330)] * 2, abs=1e-5)


def test_parts_of_boxes():
    counts = np.zeros((2, 8, 8, 8))
    counts[0] = 3.0
    counts[1, :2, :2, :2] = np.arange(8).reshape(2, 2, 2)
    found = grids.summary({"dm_counts": counts})
    assert found["log density"][:64] == pytest.approx(np.zeros(64))
    assert found["log density"][64] == pytest.approx(np.log10(64))
    assert found["log clumping"][64] == pytest.approx(np.log10(np.var(np.arange(8)) / 3.5))
    assert found["empty voxels"][[0, 64, 65]].tolist() == [0, 1 / 8, 1]


def test_too_few_objects_are_one_error(monkeypatch):
    monkeypatch.setattr(evaluate.splits, "split", lambda *_: clusters(100, 500, 1))
    with pytest.raises(DataError, match="cannot be compared with cluster_phase_space/pure"):
        evaluate.shift(card("cluster_flow.pure"), clusters(5, 500, 2))
