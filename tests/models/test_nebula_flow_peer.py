"""What the comparison of `nebula_flow` with `sbi` makes of times and of leaking densities."""

import importlib.util

import numpy as np
import pytest


@pytest.fixture(scope="module")
def bench(repository):
    path = repository / "benchmarks" / "bench_nebula_sbi.py"
    spec = importlib.util.spec_from_file_location("bench_nebula_sbi", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_epochs_fill_the_time(bench):
    # 7 s, then 3 s each: 6 epochs take 22 s, 7 take 25 s
    assert bench.epochs_within(23.0, 7.0, 3.0) == 6
    assert bench.epochs_within(24.0, 7.0, 3.0) == 7
    assert bench.epochs_within(1.0, 7.0, 3.0) == 1


def test_leak_is_corrected(bench):
    # a density of which a share lies outside of the prior, so too low by that share inside
    share = np.array([1.0, 0.5, 0.25])
    true = np.array([0.3, -1.0, 2.0])
    scalars = ("training_nll", "validation_nll", "epochs", "train_cpu", "sample_one_cpu")
    out = dict.fromkeys((*scalars, "sample_cpu", "parameters", "version"), np.array(1))
    found, log_prob = bench.theirs(out | {"log_prob": true + np.log(share), "accepted": share})
    np.testing.assert_allclose(log_prob, true)
    assert found["nll"] == pytest.approx(-true.mean())
    assert found["nll_as_trained"] > found["nll"]
    assert found["inside_least"] == 0.25
