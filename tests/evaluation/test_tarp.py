"""TARP on posteriors with known faults, against the PIT in one dimension, and against `tarp`."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from zoo.evaluation import arrays, bands
from zoo.evaluation.calibration import sbc_ranks, uniformity
from zoo.evaluation.tarp import expected_coverage

INNER = slice(1, -1)
# Read when the file is collected: while tests run, the environment holds no settings of the user.
TARP_PYTHON = os.environ.get("ZOO_TEST_TARP_PYTHON")


def gaussian(n_obs=2000, n_draws=200, d=3, width=1.0, shift=0.0, seed=0):
    """Draw correlated Gaussian posteriors, `width` times too wide, shifted by `shift` sigma."""
    rng = np.random.default_rng(seed)
    root = np.eye(d) + 0.4 * np.tri(d, k=-1)
    centre = rng.normal(size=(n_obs, d)) * 3
    truth = centre + rng.normal(size=(n_obs, d)) @ root
    noise = width * rng.normal(size=(n_obs, n_draws, d)) + shift
    return centre[:, np.newaxis] + noise @ root, truth


def test_right_posterior_lies_in_the_band():
    result = expected_coverage(*gaussian())
    low, high = bands.ecdf_band(2000, result.level[INNER], level=0.999)
    assert (result.coverage[INNER] >= low).all()
    assert (result.coverage[INNER] <= high).all()
    assert result.coverage[0] == 0
    assert result.coverage[-1] == 1


@pytest.mark.parametrize(("width", "shift"), [(0.7, 0), (1.5, 0), (1, 0.7)], ids=str)
def test_wrong_posterior_leaves_the_band(width, shift):
    result = expected_coverage(*gaussian(width=width, shift=shift))
    low, high = bands.ecdf_band(2000, result.level[INNER], level=0.999)
    assert ((result.coverage[INNER] < low) | (result.coverage[INNER] > high)).any()
    assert uniformity(result.pit).ks_p_value < 1e-4


def test_overconfidence_bends_the_curve_as_published():
    # Too narrow: truths are too often either nearest to or farthest from the reference.
    narrow, wide = (expected_coverage(*gaussian(width=w)) for w in (0.5, 2.0))
    assert narrow.coverage[20] > 0.2 > wide.coverage[20]
    assert narrow.coverage[80] < 0.8 < wide.coverage[80]


def test_one_dimension_with_a_far_reference_is_the_pit():
    samples, truth = gaussian(n_obs=300, d=1)
    result = expected_coverage(samples, truth, references=np.full((300, 1), -1e3))
    np.testing.assert_allclose(result.fraction, sbc_ranks(samples, truth)[:, 0] / 200)


def test_exact_regions_in_two_dimensions():
    # Discs about the reference: draws on a square grid, truth at a known radius from the origin.
    axis = (np.arange(200) + 0.5) / 100 - 1
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(1, -1, 2)
    samples = np.repeat(grid, 4, axis=0)
    truth = np.array([[1.0, 1.0], [-1.0, -1.0], [0.5, 0.0], [0.0, 0.8]])
    result = expected_coverage(samples, truth, references=np.zeros((4, 2)))
    area = [1.0, 1.0, np.pi * 0.25 / 4, np.pi * 0.64 / 4]
    np.testing.assert_allclose(result.fraction, area, atol=2e-3)


def test_prior_passes_only_with_references_that_ignore_the_data():
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(3000, 2))
    prior = rng.normal(size=(3000, 100, 2))
    assert uniformity(expected_coverage(prior, truth).pit).ks_p_value > 1e-3
    near = truth + rng.normal(size=truth.shape)
    assert uniformity(expected_coverage(prior, truth, near).pit).ks_p_value < 1e-6


def test_order_of_draws_and_units_do_not_matter():
    samples, truth = gaussian(n_obs=100)
    references = np.random.default_rng(6).normal(size=truth.shape)
    expected = expected_coverage(samples, truth, references)
    order = np.random.default_rng(7).permutation(samples.shape[1])
    shuffled = expected_coverage(samples[:, order], truth, references)
    np.testing.assert_array_equal(shuffled.coverage, expected.coverage)
    scale = np.array([1e-3, 1.0, 4e5])
    scaled = expected_coverage(samples * scale, truth * scale, references * scale)
    np.testing.assert_allclose(scaled.fraction, expected.fraction, atol=1e-12)


def test_seed_and_chunks(monkeypatch):
    samples, truth = gaussian(n_obs=200)
    first, other = (expected_coverage(samples, truth, seed=s) for s in (1, 2))
    assert (first.pit != other.pit).any()
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 20_000)
    np.testing.assert_array_equal(expected_coverage(samples, truth, seed=1).pit, first.pit)


def test_summaries_of_a_curve():
    # All truths equal to the reference: no draw is nearer, the curve jumps to one at once.
    rng = np.random.default_rng(8)
    truth = rng.random((500, 2))
    result = expected_coverage(rng.random((500, 999, 2)), truth, references=truth)
    assert result.max_deviation == pytest.approx(0.99)
    assert result.area == pytest.approx(0.5, abs=0.01)


def test_bad_input_is_named():
    samples, truth = gaussian(n_obs=20)
    with pytest.raises(ValueError, match="references has shape"):
        expected_coverage(samples, truth, references=np.zeros((20, 2)))
    with pytest.raises(ValueError, match="one value only"):
        expected_coverage(samples, np.zeros_like(truth))


SCRIPT = """
import sys
import numpy as np
import tarp
data = np.load(sys.argv[1])
ecp, alpha = tarp.get_tarp_coverage(
    np.swapaxes(data["samples"], 0, 1), data["truth"],
    references=data["references"], norm=True, num_alpha_bins=40)
np.savez(sys.argv[2], ecp=ecp, alpha=alpha)
"""


@pytest.mark.skipif(
    TARP_PYTHON is None,
    reason="ZOO_TEST_TARP_PYTHON (an interpreter with `tarp` and `tqdm`) is not set",
)
@pytest.mark.parametrize(("width", "shift"), [(1, 0), (0.6, 0), (1.6, 0), (1, 0.7)], ids=str)
def test_agrees_with_the_tarp_package(tmp_path: Path, width, shift):
    samples, truth = gaussian(n_draws=500, width=width, shift=shift)
    low, high = truth.min(axis=0), truth.max(axis=0)
    unit = np.random.default_rng(9).random(truth.shape)
    given, answer = tmp_path / "in.npz", tmp_path / "out.npz"
    np.savez(given, samples=samples, truth=truth, references=unit)
    command = [TARP_PYTHON, "-I", "-c", SCRIPT, given, answer]
    done = subprocess.run(command, check=False, timeout=300, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    theirs = np.load(answer)
    result = expected_coverage(samples, truth, references=low + unit * (high - low))
    raw = (result.fraction[:, np.newaxis] < theirs["alpha"]).mean(axis=0)
    raw[-1] = 1.0  # the last edge of a NumPy histogram belongs to it
    ours = np.interp(theirs["alpha"], result.level, result.coverage)
    same_definition = np.abs(raw - theirs["ecp"]).max()
    curve = np.abs(ours - theirs["ecp"])[1:-1].max()
    # Raw: a fraction that equals a bin edge may fall on either side of it by rounding.
    assert same_definition <= 0.001
    # Curve: our ranks are jittered within one draw (1 / 501) and our levels are a finer grid.
    assert curve < 0.01
