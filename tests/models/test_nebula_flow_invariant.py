"""`nebula_flow_invariant`: the gap between codes, found without labels, and the alignment."""

import numpy as np
import pytest

from zoo.models.spectra import nebula_flow_invariant, nebula_gap
from zoo.models.spectra import nebula_views as views
from zoo.nn.line_slots import WINDOWS

LINES = ("OII3727", "Hbeta", "OIII5007", "Halpha", "NII6584", "SII6725")
POPULATION = {"log_u": (-3.5, -2.5), "log_oh": (8.0, 8.8), "ebv": 0.2}


def theta(n, seed, population=POPULATION):
    rng = np.random.default_rng(seed)
    log_oh = rng.uniform(*population["log_oh"], n)
    return {
        "log_u": rng.uniform(*population["log_u"], n),
        "log_oh": log_oh,
        "log_no": nebula_gap.nitrogen(log_oh),
        "ebv": rng.gamma(1.5, population["ebv"], n),
    }


def code(gas, change):
    """Lines that tell gas by power laws, with a change of each [dex]."""
    u, o = gas["log_u"] + 3, gas["log_oh"] - 8.4
    zero = np.zeros_like(u)
    log = np.stack([0.3 - 0.5 * u, zero - 0.456, 0.4 * u - 0.5 * o, zero,
                    0.8 * o - 0.4, 0.3 * o - 0.3 * u - 0.6], axis=1)  # fmt: skip
    lines = np.tile([WINDOWS[name][0] for name in LINES], (len(u), 1))
    return {**gas, "line": lines, "flux_true": 100 * 10 ** (log + change)}


def pair(change, seed=0, n=400):
    models = code(theta(1500, seed), 0)
    other = code(theta(n, seed + 1), change)
    return models, other | views.noisy(other, np.random.default_rng(seed), (50, 100))


def test_a_gap_is_found_without_labels():
    """All of it: no change along the models is mistaken for other gas."""
    change = np.array([0.2, 0, -0.2, 0, 0.25, -0.1])
    models, target = pair(change)
    gap, means = nebula_gap.estimate(models, target, 0.02)
    assert gap.change[0] == pytest.approx(change, abs=0.05)
    assert np.sqrt(np.diag(gap.scatter)).max() < 0.13  # from 0.2, in five rounds
    for i, name in enumerate(("log_u", "log_oh")):
        assert np.mean(means[:, i] - target[name]) == pytest.approx(0, abs=0.04)
    plain = nebula_gap.Gap(gap.centre, 0 * gap.change, 0 * gap.scatter)
    same = plain.added(models, np.random.default_rng(1))["flux_true"]
    np.testing.assert_allclose(same, models["flux_true"], rtol=1e-6)


def test_what_is_assumed_of_the_sample_decides():
    """A sample thought 0.1 dex poorer than it is comes out poorer by as much."""
    _, target = pair(0)
    poorer = POPULATION | {"log_oh": (7.9, 8.7)}
    gap, means = nebula_gap.estimate(code(theta(1500, 5, poorer), 0), target, 0.02)
    assert np.mean(means[:, 1] - target["log_oh"]) == pytest.approx(-0.1, abs=0.04)
    assert gap.change[0, LINES.index("NII6584")] == pytest.approx(0.08, abs=0.04)


def test_scatter_is_drawn_as_it_is_told():
    rng = np.random.default_rng(2)
    scatter = np.zeros((6, 6))
    scatter[np.ix_([0, 4], [0, 4])] = [[0.04, 0.03], [0.03, 0.09]]
    change = np.zeros((6, 6))
    change[:3, 2] = 0.1, 0.2, -0.3  # of 1, u and o
    models = code(theta(20_000, 3), 0)
    flux = nebula_gap.Gap(np.array([-3, 8.4]), change, scatter).added(models, rng)["flux_true"]
    dex = np.log10(flux / models["flux_true"])
    others = np.delete(np.arange(6), 2)
    kept = np.ix_(others, others)
    np.testing.assert_allclose(np.cov(dex[:, others].T), scatter[kept], atol=0.004)
    expected = 0.1 + 0.2 * (models["log_u"] + 3) - 0.3 * (models["log_oh"] - 8.4)
    np.testing.assert_allclose(dex[:, 2], expected, atol=1e-5)


def test_shares_are_those_of_the_assumed_sample():
    rng = np.random.default_rng(4)
    n = 200_000
    gas = np.stack([rng.uniform(-4, -1.5, n), rng.uniform(7.1, 9, n), rng.uniform(-2, -0.1, n),
                    rng.gamma(1.5, 0.2, n)], axis=1)  # fmt: skip
    p = nebula_gap.shares(gas, POPULATION | {"ebv": 0.12}, 0.2)
    assert p.sum() == pytest.approx(1)
    drawn = gas[rng.choice(n, 20_000, p=p)]
    assert drawn[:, 0].min() >= -3.5
    assert drawn[:, 1].mean() == pytest.approx(8.4, abs=0.01)
    assert np.std(drawn[:, 2] - nebula_gap.nitrogen(drawn[:, 1])) == pytest.approx(0.1, abs=0.01)
    assert drawn[:, 3].mean() == pytest.approx(1.5 * 0.12, rel=0.05)
    with pytest.raises(ValueError, match="no model lies in the assumed population"):
        nebula_gap.shares(gas, POPULATION | {"log_oh": (9.5, 9.9)}, 0.2)


def test_learning_over_a_gap(monkeypatch):
    import keras

    keras.utils.set_random_seed(1)
    wide = {"log_u": (-3.9, -1.6), "log_oh": (7.4, 8.95), "ebv": 0.2}
    data = code(theta(4000, 6, wide), 0)
    change = np.array([0.3, 0, -0.3, 0, 0.3, 0.1])
    _, target = pair(change, n=1500)
    known = target | {"label": np.zeros(1500)}
    monkeypatch.setattr(nebula_flow_invariant.splits, "split", lambda *_: known)
    small = {"layers": 1, "hidden": 16, "encoder": (32, 16)}
    model = nebula_flow_invariant.build(population=POPULATION, least=0.02, **small)
    settings = {"seed": 1, "epochs": 6, "batch_size": 128, "learning_rate": 3e-3}
    facts = nebula_flow_invariant.learn(model, data, settings)
    assert facts["gap_dex"] == pytest.approx(change, abs=0.1)
    given = {n: target[n].astype(np.float32) for n in ("line", "flux", "flux_error", "is_limit")}
    found = model(given)
    # [N II] alone makes O/H 0.38 dex too high where the gap is not known
    for name in ("log_u", "log_oh"):
        assert np.mean(found[name] - target[name]) == pytest.approx(0, abs=0.2)
