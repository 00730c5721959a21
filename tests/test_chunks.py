"""The chunk cache: what it must survive, and that nothing changes the records."""

import errno
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from zoo_datasets import chunks, pipeline, workers
from zoo_datasets.errors import DatasetError

TOY = """
import os, time
import numpy as np

def record(rng, split, index, pause=0.0, fail_at=None, die_at=None):
    time.sleep(pause)
    if index == fail_at:
        raise ValueError(f"no galaxy {index}")
    if index == die_at:
        os._exit(3)
    print("simulators may print")
    return {
        "name": np.array(f"{split}-{index}"),
        "value": np.float32(rng.normal()),
        "image": rng.normal(size=(3, 2)),
        "members": rng.normal(size=(index % 4, 2)),
    }
"""


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    """A simulator that workers can import, and an empty cache."""
    (tmp_path / "toy_simulator.py").write_text(TOY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


def task(size=11, per_chunk=4, split="train", config="a", version="1.0.0", **options):
    return chunks.Task(
        "toy_simulator:record", "toy", version, config, split, size, per_chunk, options
    )


def records(one):
    return list(chunks.read(one))


def assert_same(left, right):
    assert [i for i, _ in left] == [i for i, _ in right]
    for (_, a), (_, b) in zip(left, right, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def truth(one):
    return list(enumerate(chunks.simulate(one, 0, one.size)))


def test_reading_gives_every_record_in_order():
    got = records(task())
    assert_same(got, truth(task()))
    assert [len(record["members"]) for _, record in got] == [i % 4 for i in range(11)]
    assert len({float(record["value"]) for _, record in got}) == 11


def test_workers_and_chunks_change_nothing(monkeypatch, tmp_path):
    expected = truth(task())
    for number, (count, per_chunk) in enumerate([(1, 11), (2, 3), (3, 1)]):
        monkeypatch.setenv("ZOO_HOME", str(tmp_path / f"home{number}"))
        workers.fill([task(per_chunk=per_chunk)], count, progress=False)
        assert chunks.missing(task(per_chunk=per_chunk)) == []
        assert_same(records(task(per_chunk=per_chunk)), expected)


def test_what_the_seed_depends_on():
    def draw(**changes):
        return float(chunks.rng(task(**changes), 3).random())

    assert draw() == draw(config="b") == draw(version="1.4.2") == draw(size=100)
    assert len({draw(), draw(split="test"), draw(version="2.0.0")}) == 3


def test_other_options_are_other_records():
    assert task().folder() != task(pause=0.1).folder()
    assert task().folder() != task(config="b").folder()


def test_a_killed_build_continues(tmp_path):
    one = task(size=400, per_chunk=4, pause=0.01)
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from zoo_datasets import chunks, workers\n"
        "one = chunks.Task('toy_simulator:record', 'toy', '1.0.0', 'a', 'train', 400, 4, "
        "{'pause': 0.01})\n"
        "workers.fill([one], 2, progress=False)"
    )
    build = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    deadline = time.monotonic() + 60
    while len(chunks.missing(one)) > 96 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(build.pid, signal.SIGKILL)
    build.wait()
    left = len(chunks.missing(one))
    assert 0 < left < 100
    # the workers finish the chunk they are at and stop, as their input has ended
    time.sleep(0.5)
    settled = len(chunks.missing(one))
    time.sleep(0.5)
    assert len(chunks.missing(one)) == settled >= left - 3
    before = {path: path.stat().st_mtime_ns for path in one.folder().glob("*.npz")}
    quick = task(size=400, per_chunk=4)
    workers.fill([one], 2, progress=False)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert_same(records(one), truth(quick))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "foreign", "short", "gone"])
def test_a_damaged_chunk_is_made_again(damage):
    one = task()
    expected = records(one)
    path = one.path(4, 8)
    data = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        start = data.index(b"NUMPY", data.index(b"image.npy")) + 130
        data[start] ^= 1
        path.write_bytes(data)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        path.write_text("not a chunk")
    elif damage == "short":
        chunks.write(path, [record for _, record in expected[4:7]])
    else:
        path.unlink()
    assert_same(records(one), expected)
    assert chunks.load(path, 4)


@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
def test_full_disk(monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    chunks.make(task(), 0, 4)
    with monkeypatch.context() as patch:
        patch.setattr(call, full)
        with pytest.raises(DatasetError, match=r"disk that holds .* is full.*ZOO_HOME") as caught:
            workers.fill([task()], 1)
    assert isinstance(caught.value.__cause__, OSError)
    assert [path.name for path in task().folder().iterdir()] == ["00000000-00000004.npz"]
    assert_same(records(task()), truth(task()))


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file"))
    with pytest.raises(DatasetError, match="cannot write to"):
        workers.fill([task()], 1)


def test_a_failing_simulation_names_its_records():
    with pytest.raises(DatasetError, match=r"toy/a, split train, records 4-8: .*no galaxy 5"):
        workers.fill([task(fail_at=5)], 2, progress=False)
    assert list(task(fail_at=5).folder().glob(".*")) == []


def test_a_dying_worker_is_noticed():
    with pytest.raises(DatasetError, match=r"died \(exit code 3\) at records 8-11"):
        workers.fill([task(die_at=9)], 2, progress=False)


def test_clearing():
    one, other = task(), task(split="test")
    chunks.make(one, 0, 4)
    chunks.make(other, 0, 4)
    assert chunks.stored_bytes([one, other]) > chunks.stored_bytes([one]) > 0
    chunks.clear([one])
    assert chunks.missing(one) == one.ranges()
    assert chunks.missing(other) == other.ranges()[1:]


# --- the pipeline of Apache Beam


@pytest.fixture
def _one_core(monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: 1)


@pytest.mark.usefixtures("_one_core")
def test_a_pipeline_makes_what_is_missing_and_nothing_else():
    one = task()
    chunks.make(one, 0, 4)
    stamp = one.path(0, 4).stat().st_mtime_ns
    pipeline.fill([one], progress=False)
    assert chunks.missing(one) == []
    assert one.path(0, 4).stat().st_mtime_ns == stamp
    expected = [chunks.simulate(one, *chunk) for chunk in one.ranges()]
    assert_same(records(one), list(enumerate(record for part in expected for record in part)))


@pytest.mark.usefixtures("_one_core")
def test_a_pipeline_that_fails_keeps_what_it_has():
    one = task(fail_at=9)
    with pytest.raises(DatasetError, match=r"DirectRunner failed.*no galaxy 9"):
        pipeline.fill([one], progress=False)
    chunks.load(one.path(0, 4), 4)
