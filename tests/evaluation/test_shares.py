"""Errors of predicted shares."""

import numpy as np
import pytest

from zoo.evaluation.shares import share_errors


def test_by_hand():
    found = share_errors([0.2, 0.9], [0.0, 1.0], [0.1, 0.3], [[0, 0, 0, 0.1, 0.2], [0, 0, 1, 1, 1]])
    assert found["mae"] == pytest.approx(0.15)
    assert found["rmse"] == pytest.approx(np.sqrt(0.025))
    assert found["bias"] == pytest.approx(0.05)
    assert found["error_ratio"] == pytest.approx(np.sqrt(0.025 / 0.05))
    assert found["coverage_68"] == 1
    assert set(share_errors([0.2], [0.0])) == {"mae", "rmse", "bias"}


def test_right_posteriors_have_ratio_one():
    rng = np.random.default_rng(0)
    centre, std = rng.uniform(0.3, 0.7, 20_000), rng.uniform(0.01, 0.1, 20_000)
    true = centre + std * rng.standard_normal(20_000)
    levels = np.array([-1.96, -0.9945, 0, 0.9945, 1.96])
    found = share_errors(centre, true, std, centre[:, None] + std[:, None] * levels)
    assert found["error_ratio"] == pytest.approx(1, abs=0.02)
    assert found["coverage_68"] == pytest.approx(0.68, abs=0.01)


def test_lost_predictions_are_refused():
    with pytest.raises(ValueError, match="finite"):
        share_errors([np.nan], [0.5])
