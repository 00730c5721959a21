"""`nebula_flow`: its encoder, summaries, learning, and the exact posterior that grades it."""

import importlib.util
import sys

import numpy as np
import pytest
from scipy import stats

from zoo.models.spectra import nebula_flow, nebula_sanity
from zoo.models.spectra import nebula_views as views


@pytest.fixture(scope="module")
def small():
    return nebula_flow.build(layers=1, hidden=8, encoder=(16, 8))


def batch(rows=4):
    rng = np.random.default_rng(0)
    one = {n: np.tile(v, (rows, 1)) for n, v in nebula_flow.example().items()}
    one["flux"] = one["flux"] * np.exp(0.2 * rng.standard_normal(one["flux"].shape))
    return {n: v.astype(np.float32) for n, v in one.items()}


def test_example_passes():
    assert nebula_sanity.check({n: v[None] for n, v in nebula_flow.example().items()}) == []


def test_summaries_are_those_of_draws(small):
    inputs = batch()
    out = {n: np.asarray(v) for n, v in small(inputs).items()}
    flow = small.get_layer("posterior").flow
    draws = np.asarray(flow.sample(inputs, np.arange(8, dtype=np.int32).reshape(4, 2), 20_000))
    for i, name in enumerate(flow.parameter_names):
        std = draws[:, :, i].std(axis=1)
        assert np.all(np.abs(out[name] - draws[:, :, i].mean(axis=1)) < 0.05 * std)
        assert out[f"{name}_std"] == pytest.approx(std, rel=0.05)
        expected = np.quantile(draws[:, :, i], (0.025, 0.16, 0.5, 0.84, 0.975), axis=1).T
        assert np.all(np.abs(out[f"{name}_quantiles"] - expected) < 0.08 * std[:, None])


def test_order_and_absent_lines(small):
    inputs = batch()
    turned = {n: v[:, ::-1] for n, v in inputs.items()}
    padded = {n: np.pad(v, ((0, 0), (0, 3)), constant_values=np.nan) for n, v in inputs.items()}
    less = {n: v[:, 3:] for n, v in inputs.items()}
    one, two, three, four = (np.asarray(small(x)["log_oh"]) for x in (inputs, turned, padded, less))
    np.testing.assert_allclose(one, two, rtol=1e-5)
    np.testing.assert_allclose(one, three, rtol=1e-5)
    assert np.isfinite(four).all()
    assert not np.allclose(one, four)


def test_learning_beats_the_prior():
    import keras

    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    n = 4000
    data = {
        "log_u": rng.uniform(-4, -1.5, n),
        "log_oh": rng.uniform(7.1, 9, n),
        "log_no": rng.uniform(-2, -0.125, n),
        "ebv": 0.2 * rng.gamma(1.5, size=n),
    }
    lines = np.array([4861.3, 5006.8, 6562.8, 6583.5])
    flux = np.stack([np.ones(n), 10 ** (data["log_u"] + 3), np.full(n, 2.86),
                     10 ** (data["log_no"] + 1)], axis=1)  # fmt: skip
    data |= {"line": np.tile(lines, (n, 1)), "flux_true": 100 * flux}
    model = nebula_flow.build(layers=1, hidden=16, encoder=(32, 16))
    settings = {"seed": 1, "epochs": 5, "batch_size": 128, "learning_rate": 3e-3}
    curve = nebula_flow.learn(model, data, settings)["curve"]
    gamma = stats.gamma(1.5, scale=0.2).entropy()
    prior = np.log(2.5) + np.log(1.9) + np.log(1.875) + gamma
    assert curve[-1] < prior - 1
    given = views.noisy(data, rng, (100, 200))
    found = {n: np.asarray(v) for n, v in model(given).items()}
    bright = given["is_limit"][:, 1] == 0
    error = (found["log_u"] - data["log_u"])[bright]
    assert np.sqrt(np.mean(error**2)) < 0.3


# --- the exact posterior


@pytest.fixture(scope="module")
def posterior(repository):
    path = repository / "benchmarks" / "nebula_posterior.py"
    spec = importlib.util.spec_from_file_location("nebula_posterior", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["nebula_posterior"] = module
    spec.loader.exec_module(module)
    return module


def plain_grid(slope):
    """A grid whose lines follow log U, 12 + log O/H and log N/O by power laws."""
    from zoo_datasets.simulators.nebulae.grids import Grid
    from zoo_datasets.simulators.nebulae.lines import HALPHA, HBETA, NAMES

    axes = (np.array([7.1, 9.0]), np.array([-2.0, 0.0]), np.array([-4.0, -1.5]))
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    log_ratio = np.zeros((2, 2, 2, len(NAMES)))
    for line, weights in slope.items():
        log_ratio[..., NAMES.index(line)] = (mesh - [8, -1, -3]) @ weights
    log_ratio[..., HBETA], log_ratio[..., HALPHA] = 0, np.log10(2.86)
    return Grid(axes, log_ratio)


def test_exact_posterior_against_a_grid_of_sums(posterior):
    """One line that follows log U alone: its posterior is a sum over log U and the nuisance."""
    from zoo_datasets.simulators.nebulae.lines import HALPHA, NAMES

    grid = plain_grid({"NII6584": [0, 0, 0.4]})
    index = NAMES.index("NII6584")
    flux, measured = np.zeros(12), np.zeros(12, bool)
    flux[HALPHA], flux[index] = 30.0, 8.0
    measured[[HALPHA, index]] = True
    found = posterior.exact(grid, flux, measured, np.zeros(12, bool), 20_000, 1)
    assert found.effective > 2000
    log_u = np.linspace(-4, -1.5, 2001)
    quality = np.linspace(20, 60, 2001)[:, None]
    model = 10 ** (0.4 * (log_u + 3)) / 2.86  # dust changes neighbouring lines by nothing much
    chi = (quality - 30) ** 2 + (quality * model - 8) ** 2
    density = (np.exp(-0.5 * chi) / quality).sum(axis=0)
    density /= density.sum()
    mean = (density * log_u).sum()
    std = np.sqrt((density * (log_u - mean) ** 2).sum())
    assert found.draws[:, 0].mean() == pytest.approx(mean, abs=0.05 * std)
    assert found.draws[:, 0].std() == pytest.approx(std, rel=0.05)
    # what nothing depends on keeps its prior
    assert stats.kstest(found.draws[::10, 1], stats.uniform(7.1, 1.9).cdf).pvalue > 1e-3
    assert found.draws[:, 3].mean() == pytest.approx(0.3, rel=0.05)


def test_a_limit_excludes_what_would_have_been_seen(posterior):
    from zoo_datasets.simulators.nebulae.lines import HALPHA, NAMES

    grid = plain_grid({"NII6584": [0, 0, 0.4]})
    flux, measured, limit = np.zeros(12), np.zeros(12, bool), np.zeros(12, bool)
    flux[HALPHA], measured[HALPHA] = 30.0, True
    limit[NAMES.index("NII6584")] = True
    draws = posterior.exact(grid, flux, measured, limit, 20_000, 1).draws[:, 0]
    expected = 30 * 10 ** (0.4 * (np.linspace(-4, -1.5, 2001) + 3)) / 2.86
    weight = stats.norm.cdf(3 - expected)
    mean = (weight * np.linspace(-4, -1.5, 2001)).sum() / weight.sum()
    assert draws.mean() == pytest.approx(mean, abs=0.03)
