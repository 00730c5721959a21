"""A short run of the fuzz target, so that it keeps working; `make fuzz` is the long one."""

import importlib.util
from pathlib import Path

import pytest

from zoo.store import scan


@pytest.fixture(scope="module")
def fuzz():
    path = Path(__file__).with_name("fuzz_scan.py")
    spec = importlib.util.spec_from_file_location("fuzz_scan", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("tf")
def test_a_few_hundred_inputs(fuzz):
    done, passed = fuzz.at_random(60, runs=400)
    assert done == 400
    assert 20 < passed < 380  # both sides of the scan are reached


@pytest.mark.usefixtures("tf")
def test_the_second_look_sees_what_a_blind_scan_lets_pass(fuzz, monkeypatch):
    monkeypatch.setattr(scan, "check", lambda *_: None)
    with pytest.raises(AssertionError, match=r"the scan let|saver in the graph|into the void"):
        fuzz.at_random(60, runs=400)
