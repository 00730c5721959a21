"""The border: units, shapes, batches, tables, ranges, and one clear error for each mistake."""

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zoo import quantities
from zoo.card import Card, Field, Interval
from zoo.chunking import chunks
from zoo.errors import InputError
from zoo.prediction import Prediction


def field(name, unit="", shape=(), **options):
    return Field(name, unit, shape, f"the {name}", **options)


# Members of a cluster, a pair of fixed length, and numbers: every kind of input there is.
CARD = Card(
    name="toy",
    kind="exact",
    summary="",
    inputs={
        f.name: f
        for f in (
            field("radius", "arcsec", ("N",), valid=Interval.parse("[0, inf)")),
            field("velocity", "km / s", ("N",), range=(-5000.0, 5000.0)),
            field("weight", "", ("N",), default=1.0, scalar=True),
            field("axes", "", (2,), default=None),
            field("redshift", "", (), range=(0.0, 2.0), valid=Interval.parse("[0, 10)")),
            field("softening", "arcsec", (), default=0.1),
            field("inclination", "deg", (), default=60.0),
            field("distance", "Mpc", (), valid=Interval.parse("(0, inf)")),
        )
    },
    outputs={f.name: f for f in (field("mass", "Msun"), field("speed", "km / s", ("N",)),
                                 field("quantiles", "Msun", (3,)))},
    path=Path("toy.md"),
)  # fmt: skip
ONE = {
    "radius": [1.0, 2.0, 3.0],
    "velocity": [10.0, -20.0, 30.0],
    "axes": [0.5, 0.6],
    "redshift": 0.1,
    "distance": 10.0,
}
TWO = {
    "radius": [[1.0, 2.0, 3.0], [4.0, 5.0]],
    "velocity": [[10.0, -20.0, 30.0], [0.0, 1.0]],
    "axes": [[0.5, 0.6], [0.7, 0.8]],
    "redshift": [0.1, 0.2],
    "distance": [10.0, 20.0],
}
MPC_IN_ARCSEC = (1 * u.rad).to_value(u.arcsec)


def read(**change):
    return quantities.read(CARD, ONE | change)


def column(name, base=None, **change):
    return quantities.read(CARD, (ONE if base is None else base) | change).columns[name]


# --- ranks and batches


def test_one_object():
    batch = read()
    assert batch.single
    assert batch.size == 1
    assert not batch.has_units
    assert not batch.lengths_differ
    assert {name: value.shape for name, value in batch.columns.items()} == {
        "radius": (1, 3),
        "velocity": (1, 3),
        "weight": (1, 3),
        "axes": (1, 2),
        "redshift": (1,),
        "softening": (1,),
        "inclination": (1,),
        "distance": (1,),
    }
    assert all(value.dtype == np.float64 for value in batch.columns.values())


def test_objects_of_different_length():
    batch = quantities.read(CARD, TWO | {"weight": [3.0, 4.0]})
    assert (batch.size, batch.single, batch.lengths_differ) == (2, False, True)
    assert [row.tolist() for row in batch.columns["radius"]] == TWO["radius"]
    assert [row.tolist() for row in batch.columns["weight"]] == [[3, 3, 3], [4, 4]]
    assert batch.lengths["N"].tolist() == [3, 2]


def test_lists_of_equal_length_are_an_array():
    assert column("radius", radius=[[1, 2, 3], [4, 5, 6]]).shape == (2, 3)
    assert column("radius", radius=[np.arange(3), np.arange(3)]).shape == (2, 3)
    assert column("radius", radius=tuple(ONE["radius"])).shape == (1, 3)


def test_inputs_of_one_object_are_shared():
    batch = read(redshift=[0.1, 0.2, 0.3, 0.4])
    assert batch.size == 4
    assert np.array_equal(batch.columns["radius"], np.tile(ONE["radius"], (4, 1)))


@pytest.mark.parametrize(
    ("weight", "rows"),
    [
        (2.0, [[2, 2, 2]] * 4),
        ([1, 2, 3, 4], [[1] * 3, [2] * 3, [3] * 3, [4] * 3]),
        ([1, 2, 3], [[1, 2, 3]] * 4),
        ([[1], [2], [3], [4]], [[1] * 3, [2] * 3, [3] * 3, [4] * 3]),
        (np.arange(12).reshape(4, 3), np.arange(12).reshape(4, 3)),
    ],
)
def test_a_number_may_stand_for_all_elements(weight, rows):
    assert np.array_equal(column("weight", redshift=[0.1] * 4, weight=weight), rows)


def test_a_vector_of_two_meanings_is_refused():
    with pytest.raises(InputError, match=r"weight \(N\) has 3 values for 3 objects whose N is 3"):
        read(redshift=[0.1, 0.2, 0.3], weight=[1, 2, 3])
    assert column("weight", redshift=[0.1] * 3, weight=[[1], [2], [3]])[2].tolist() == [3, 3, 3]


@pytest.mark.parametrize("empty", [[], (), np.zeros(0)])
def test_empty_batch(empty):
    batch = quantities.read(CARD, {name: [] for name in ONE} | {"redshift": empty})
    assert (batch.size, batch.single) == (0, False)
    assert batch.columns["axes"].shape == (0, 2)
    assert batch.columns["weight"].ndim == 2
    assert list(chunks(batch, 5)) == []


def test_an_object_without_members_is_no_empty_batch():
    batch = read(radius=np.zeros(0), velocity=np.zeros(0))
    assert (batch.size, batch.single) == (1, True)


# --- units


def test_units_convert():
    batch = read(radius=[1, 2, 3] * u.arcmin, velocity=[1, 2, 3] * u.m / u.s)
    assert batch.has_units
    assert batch.columns["radius"] == pytest.approx(np.array([[60, 120, 180]]))
    assert batch.columns["velocity"] == pytest.approx(np.array([[1e-3, 2e-3, 3e-3]]))
    listed = column("radius", radius=[1 * u.arcmin, 30 * u.arcsec, 0 * u.rad])
    assert listed == pytest.approx(np.array([[60, 30, 0]]))
    assert column("axes", axes=[50, 60] * u.percent) == pytest.approx(np.array([[0.5, 0.6]]))


def test_lengths_become_angles_at_a_distance():
    """Single, shared by a batch, batch, and lists of uneven length."""
    length = np.array([1.0, 2, 3]) * u.kpc
    expected = length.value * 1e-3 * MPC_IN_ARCSEC
    assert column("radius", radius=length)[0] == pytest.approx(expected / 10)
    far = np.array([10.0, 20, 40])  # as many objects as members
    shared = column("radius", radius=length, distance=far)
    assert shared == pytest.approx(expected / far[:, None])
    own = column("radius", radius=length * np.ones((3, 1)), distance=far * u.Mpc)
    assert own == pytest.approx(expected / far[:, None])
    uneven = quantities.read(CARD, TWO | {"radius": [length, length[:2]]}).columns["radius"]
    assert uneven[0] == pytest.approx(expected / 10)
    assert uneven[1] == pytest.approx(expected[:2] / 20)
    assert column("softening", softening=1 * u.kpc, distance=far) == pytest.approx(
        expected[0] / far
    )
    assert column("softening", softening=1 * u.kpc, distance=1e-2 * u.Gpc) == pytest.approx(
        expected[0] / 10
    )


@given(
    values=arrays(float, 3, elements=st.floats(1e-3, 1e3)),
    unit=st.sampled_from([u.arcsec, u.arcmin, u.deg, u.rad, u.mas, u.hourangle]),
)
@settings(max_examples=30, deadline=None)
def test_any_angle_round_trips(values, unit):
    given_in = (values * u.arcsec).to(unit)
    assert column("radius", radius=given_in)[0] == pytest.approx(values, rel=1e-12)


@given(scale=st.floats(1e-3, 1e3), distance=st.floats(0.1, 1e4))
@settings(max_examples=30, deadline=None)
def test_length_and_angle_are_inverse(scale, distance):
    length = (np.array(ONE["radius"]) * scale * u.arcsec * distance * u.Mpc).to(
        u.pc, u.dimensionless_angles()
    )
    back = column("radius", radius=length, distance=distance)[0]
    assert back == pytest.approx(np.array(ONE["radius"]) * scale, rel=1e-12)


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_chunks_hold_every_object_once(data):
    """Whatever the order and the batch size, each row stays together and is padded with NaN."""
    lengths = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=8))
    size = data.draw(st.integers(1, 10))
    rng = np.random.default_rng(len(lengths))
    members = [rng.normal(size=n) for n in lengths]
    tags = np.arange(len(lengths)) / len(lengths)
    x = {"radius": [m**2 for m in members], "velocity": members, "redshift": tags}
    batch = quantities.read(CARD, x | {"axes": [0.5, 0.6], "distance": 1.0})
    seen = []
    for index, columns in chunks(batch, size):
        assert len(index) <= size
        for place, row in enumerate(index):
            assert columns["redshift"][place] == tags[row]
            present = columns["velocity"][place][: lengths[row]]
            assert np.array_equal(present, members[row])
            assert np.all(np.isnan(columns["velocity"][place][lengths[row] :]))
        seen += index.tolist()
    assert sorted(seen) == list(range(len(lengths)))


# --- tables


def test_a_table_has_one_object_per_row():
    table = QTable({
        "radius": [[1.0, 2], [3, 4], [5, 6]] * u.arcmin,
        "velocity": [[1.0, 2], [3, 4], [5, 6]] * u.km / u.s,
        "axes": [[0.5, 0.6]] * 3,
        "redshift": [0.1, 0.2, 0.3],
        "weight": [1.0, 2, 3],
        "distance": [1.0, 2, 3] * u.Gpc,
    })  # fmt: skip
    for kind in (QTable, Table):  # a plain Table has Columns with units, not Quantities
        batch = quantities.read(CARD, kind(table))
        assert (batch.size, batch.has_units) == (3, True)
        assert batch.columns["radius"][2] == pytest.approx([300, 360])
        assert batch.columns["distance"] == pytest.approx([1e3, 2e3, 3e3])
        assert np.array_equal(batch.columns["weight"], [[1, 1], [2, 2], [3, 3]])
        assert quantities.read(CARD, kind(table)[:0]).size == 0
    two = quantities.read(CARD, table[:2])  # two members, two objects: rows are objects
    assert np.array_equal(two.columns["weight"], [[1, 1], [2, 2]])


def test_a_table_cell_may_hold_an_array():
    rows = np.empty(2, dtype=object)
    rows[:] = [np.array([1.0, 2, 3]), np.array([4.0, 5])]
    table = Table({"radius": rows, "velocity": rows, "redshift": [0.1, 0.2]})
    table["axes"], table["distance"] = [[0.5, 0.6]] * 2, 10.0
    assert quantities.read(CARD, table).lengths["N"].tolist() == [3, 2]


def test_a_long_table_of_members():
    table = QTable({
        "cluster": ["b", "a", "b", "b", "a"],
        "radius": [1.0, 4, 2, 3, 5] * u.arcmin,
        "velocity": [10.0, 0, -20, 30, 1] * u.km / u.s,
        "weight": [1.0, 2, 3, 4, 5],
        "redshift": [0.1, 0.2, 0.1, 0.1, 0.2],
        "distance": [10.0, 20, 10, 10, 20] * u.Mpc,
    })  # fmt: skip
    card_axes = {"axes": [[0.5, 0.6]] * 5}
    with pytest.raises(InputError, match="toy also needs axes"):
        quantities.read(CARD, table, group="cluster")
    table["axes"] = card_axes["axes"]
    del table["axes"]
    small = Card(**{**vars(CARD), "inputs": {k: v for k, v in CARD.inputs.items() if k != "axes"}})
    batch = quantities.read(small, table, group="cluster")  # in order of first appearance
    assert [row.tolist() for row in batch.columns["radius"]] == [[60, 120, 180], [240, 300]]
    assert [row.tolist() for row in batch.columns["weight"]] == [[1, 3, 4], [2, 5]]
    assert batch.columns["redshift"].tolist() == [0.1, 0.2]
    table["redshift"][2] = 0.15
    with pytest.raises(InputError, match="redshift differs between members of one cluster"):
        quantities.read(small, table, group="cluster")
    with pytest.raises(InputError, match="group='id' is not a column; there are cluster, radius"):
        quantities.read(small, table, group="id")


# --- mistakes


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"radios": 1.0}, ["toy has no input 'radios'", "Did you mean 'radius'?", "[arcsec] (N)"]),
        ({"zzz": 1.0, "yyy": 2.0}, ["no input 'zzz', 'yyy'", "Its inputs are radius [arcsec] (N)"]),
        ({"radius": None, "redshift": None}, ["toy also needs radius [arcsec] (N), redshift"]),
        ({"radius": 1.0}, ["radius [arcsec] (N) has shape ()", "(N) for one object, (batch, N)"]),
        ({"radius": np.ones((2, 2, 2))}, ["radius", "shape (2, 2, 2)"]),
        (
            {"redshift": [[0.1]]},
            ["redshift has shape (1, 1)", "allowed: () for one object, (batch)"],
        ),
        ({"axes": [1.0, 2, 3]}, ["axes (2) has shape (3,)", "allowed: (2,)"]),
        ({"axes": np.ones((4, 3))}, ["axes (2) has shape (4, 3)"]),
        ({"radius": [1.0, 2]}, ["velocity", "length 3 in object 0, but radius has 2", "axis N"]),
        ({"weight": [1.0, 2]}, ["weight (N) has length 2", "radius has 3", "axis N"]),
        ({"redshift": [0.1, 0.2], "softening": [1.0, 2, 3]}, ["redshift: 2", "softening: 3"]),
        ({"radius": [[1.0, 2], [[1.0], [2.0, 3]]]}, ["object 1 is [[1.0], [2.0, 3]]", "rank 1"]),
        ({"radius": [[1.0, 2], 3.0]}, ["object 1 is 3.0", "an array of rank 1"]),
        ({"radius": [1, 2, 3] * u.km / u.s}, ["radius is in km / s", "not convert to arcsec"]),
        ({"inclination": 3 * u.kpc}, ["inclination is in kpc, which does not convert to deg"]),
        ({"redshift": 3 * u.km}, ["redshift is in km", "a pure number"]),
        ({"velocity": [1, 2, 3] * u.one}, ["velocity is in no unit", "to km / s"]),
        ({"velocity": [1, 2, 3] * u.kpc}, ["velocity is in kpc", "to km / s"]),
        ({"radius": [1 * u.deg, 1 * u.s, 1 * u.deg]}, ["radius", "convert to each other"]),
        ({"radius": [1 * u.deg, 2.0, 3.0]}, ["radius", "give every element a unit"]),
        ({"radius": [1.0, np.nan, 3]}, ["radius [arcsec] (N) holds nan", "must be finite"]),
        ({"redshift": np.inf}, ["redshift holds inf"]),
        ({"radius": [1, 2, np.nan] * u.deg}, ["radius [arcsec] (N) holds nan"]),
        ({"radius": np.ma.array([1.0, 2, 3], mask=[0, 1, 0])}, ["radius holds masked values"]),
        ({"redshift": "0.1"}, ["redshift is '0.1'; it must be numbers"]),
        ({"radius": ["a", "b", "c"]}, ["radius [arcsec] (N) is ['a', 'b', 'c']"]),
        ({"redshift": 1j}, ["redshift is 1j; it must be numbers"]),
        ({"redshift": (1 + 2j) * u.one}, ["redshift is <Quantity", "must be numbers"]),
        ({"redshift": True}, ["redshift is True; it must be numbers"]),
        ({"redshift": [0.1, None]}, ["redshift is [0.1, None]; it must be numbers"]),
        ({"redshift": {}}, ["redshift is {}; it must be numbers"]),
        ({"redshift": [0.1, [0.2, 0.3]]}, ["redshift is [0.1, [0.2, 0.3]]; it must be numbers"]),
        ({"radius": np.ones((2, 3)) * u.kpc, "distance": [1.0, 2, 3]}, ["radius: 2, distance: 3"]),
        ({"radius": [1, 2, 3] * u.kpc, "distance": 0.0}, ["distance = 0 Mpc", "more than 0"]),
        ({"radius": [1, 2, 3] * u.kpc, "distance": [5.0, -1]}, ["distance = -1 Mpc"]),
    ],
)
def test_mistakes_are_named(change, parts):
    with pytest.raises(InputError) as error:
        read(**change)
    message = str(error.value)
    assert all(part in message for part in parts), message


def test_lengths_without_a_distance():
    inputs = {name: spec for name, spec in CARD.inputs.items() if name != "distance"}
    card = Card(**{**vars(CARD), "inputs": inputs})
    near = {name: value for name, value in ONE.items() if name != "distance"}
    with pytest.raises(InputError, match=r"radius is in kpc.*to arcsec \(lengths .* `distance`"):
        quantities.read(card, near | {"radius": [1, 2, 3] * u.kpc})
    with pytest.raises(InputError, match=r"toy also needs distance \[Mpc\]"):
        quantities.read(CARD, near | {"radius": [1, 2, 3] * u.kpc})


def test_masked_columns_are_refused():
    table = Table({"redshift": MaskedColumn([0.1, 0.2], mask=[False, True])})
    with pytest.raises(InputError, match="redshift holds masked values; drop those rows"):
        quantities.read(CARD, table)


@pytest.mark.parametrize("x", [None, 3, [1, 2], "file.fits", np.ones(3)])
def test_what_is_no_input(x):
    with pytest.raises(InputError, match="give a dict, an astropy Table or a QTable with radius"):
        quantities.read(CARD, x)
    with pytest.raises(InputError, match="group='id' needs an astropy Table of members"):
        quantities.read(CARD, ONE, group="id")


def test_long_values_do_not_flood_the_message():
    with pytest.raises(InputError) as error:
        read(radius=["abc"] * 100_000)
    assert len(str(error.value)) < 200


# --- ranges


def test_ranges_name_field_value_and_rows():
    batch = read(redshift=[0.1, 5.0, 2.5, -1.0, 20.0])
    worst, outside = batch.violations
    assert worst.impossible
    assert worst.rows.tolist() == [False, False, False, True, True]
    assert str(worst) == "redshift = -1 (2 rows), allowed: [0, 10)"
    assert not outside.impossible
    assert outside.rows.tolist() == [False, True, True, False, False]
    assert str(outside) == "redshift = 5 (2 rows), allowed: 0 to 2"


def test_ranges_look_at_every_element():
    batch = quantities.read(CARD, TWO | {"velocity": [[0, 0, 6000], [-7000, 0]]})
    (found,) = batch.violations
    assert found.rows.tolist() == [True, True]
    assert str(found) == "velocity = -7000 (2 rows), allowed: -5000 to 5000 km / s"


def test_bounds_themselves():
    assert read(redshift=[0.0, 2.0]).violations == []
    assert read(distance=[1e-9, 1.0]).violations == []
    assert [str(v) for v in read(distance=0.0).violations] == [
        "distance = 0 (1 row), allowed: (0, inf)"
    ]


# --- predictions as tables


def prediction(outputs, in_domain):
    return Prediction(outputs, np.asarray(in_domain), CARD, {"model": "toy", "version": 1})


def test_table_of_one_object():
    one = prediction({"mass": np.float32(3)}, True).to_table()
    assert one["mass"].shape == (1,)
    assert one["mass"].unit == u.Msun
    fixed = {"mass": 3 * u.Msun, "quantiles": [1, 2, 3] * u.Msun}
    assert prediction(fixed, True).to_table()["quantiles"].shape == (1, 3)
    long = prediction(fixed | {"speed": np.arange(4.0)}, False).to_table()
    assert long["mass"].value.tolist() == [3] * 4
    assert long["quantiles"].shape == (4, 3)
    assert long["speed"].unit == u.km / u.s
    assert long["object"].tolist() == [0] * 4
    assert not long["in_domain"].any()
    assert long.meta == {"model": "toy", "version": 1}


def test_table_of_several_objects():
    flags = [True, False]
    even = prediction({"mass": np.arange(2), "speed": np.ones((2, 3))}, flags).to_table()
    assert even["speed"].shape == (2, 3)
    assert even["in_domain"].tolist() == flags
    rows = [np.array([1.0, 2]), np.array([3.0])]
    long = prediction({"mass": np.arange(2), "speed": rows}, flags).to_table()
    assert long["object"].tolist() == [0, 0, 1]
    assert long["speed"].value.tolist() == [1, 2, 3]
    assert long["mass"].value.tolist() == [0, 0, 1]
    assert long["in_domain"].tolist() == [True, True, False]
