"""Features of uneven length as arrays: records, slices, padding."""

import numpy as np
import pytest

from zoo import splits
from zoo_datasets.arrays import Uneven

LENGTHS = np.array([3, 0, 5, 2])


@pytest.fixture
def sets():
    """The records as a list of arrays."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=n).astype("float32") for n in LENGTHS]


@pytest.fixture
def uneven(sets):
    return Uneven(np.concatenate(sets), np.concatenate([[0], np.cumsum(LENGTHS)]))


def same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_records(uneven, sets):
    same(uneven, sets)
    np.testing.assert_array_equal(uneven[-1], sets[-1])
    np.testing.assert_array_equal(uneven[np.int64(2)], sets[2])
    np.testing.assert_array_equal(uneven.lengths, LENGTHS)
    with pytest.raises(IndexError):
        uneven[4]


@pytest.mark.parametrize("index", [slice(1, 3), slice(None, None, -1), [2, 0, 2], []])
def test_some_records(uneven, sets, index):
    chosen = list(range(4))[index] if isinstance(index, slice) else index
    part = uneven[np.array(index, int) if isinstance(index, list) else index]
    same(part, [sets[i] for i in chosen])
    assert part.values.dtype == np.float32


def test_a_mask(uneven, sets):
    same(uneven[LENGTHS > 2], [sets[0], sets[2]])


def test_padding(uneven, sets):
    padded = uneven.padded()
    assert padded.shape == (4, 5)
    assert padded.dtype == np.float32
    for row, values in zip(padded, sets, strict=True):
        np.testing.assert_array_equal(row[: len(values)], values)
        assert np.isnan(row[len(values) :]).all()
    np.testing.assert_array_equal(uneven.padded(2)[2], sets[2][:2])
    np.testing.assert_array_equal(uneven.padded(7)[:, :5], padded)
    assert np.all(uneven.padded(7, fill=0)[1] == 0)
    assert uneven[:0].padded().shape == (0, 0)


def test_rows_of_a_split(uneven, sets):
    data = {"x": uneven, "y": np.arange(4.0)}
    part = splits.rows(data, np.array([2, 1]))
    same(part["x"], [sets[2], sets[1]])
    np.testing.assert_array_equal(part["y"], [2, 1])
