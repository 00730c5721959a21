"""Classifiers of nebulae: slots for lines, diagrams, adaptation, checks."""

import numpy as np
import pytest

from zoo.evaluation.classes import class_errors, confusion
from zoo.models.spectra import nebula_bpt, nebula_network, nebula_sanity, nebula_training
from zoo.models.spectra import nebula_views as views
from zoo.nn.line_slots import WINDOWS, LineSlots

NINE = nebula_network.MUSE


def given(**flux):
    """One nebula with these lines, all measured."""
    return {
        "line": np.array([[WINDOWS[name][0] for name in flux]]),
        "flux": np.array([list(flux.values())], float),
        "flux_error": np.full((1, len(flux)), 0.1),
        "is_limit": np.zeros((1, len(flux))),
    }


def slots(**kwargs):
    layer = LineSlots(NINE, **kwargs)
    return lambda x: np.asarray(layer(x)).reshape(len(x["line"]), -1, len(NINE))


# --- slots


def test_slots_hold_logarithms_over_halpha():
    x = slots()(given(Hbeta=100, Halpha=300, OIII5007=30))[0]
    measured, limit = x[2], x[3]
    assert measured.tolist() == [name in ("Hbeta", "OIII5007", "Halpha") for name in NINE]
    assert not limit.any()
    assert x[0, NINE.index("OIII5007")] == pytest.approx(-1, abs=1e-6)
    assert x[0, NINE.index("Hbeta")] == pytest.approx(np.log10(1 / 3), abs=1e-6)


def test_order_scale_and_padding_do_not_matter():
    one = given(Hbeta=100, OIII5007=250, Halpha=300, NII6584=40)
    other = {n: np.concatenate([v[:, ::-1], [[np.nan, np.nan]]], axis=1) for n, v in one.items()}
    other["flux"], other["flux_error"] = 1e3 * other["flux"], 1e3 * other["flux_error"]
    np.testing.assert_allclose(slots(errors=True)(one), slots(errors=True)(other), atol=1e-5)


def test_doublets_are_added():
    whole, halves = given(Halpha=300, SII6725=50), given(Halpha=300, SII6725=20)
    halves["line"] = np.array([[6562.8, 6716.4, 6730.8]])
    halves["flux"] = np.array([[300.0, 20, 30]])
    halves["flux_error"] = halves["is_limit"] = np.zeros((1, 3))
    np.testing.assert_allclose(slots()(whole), slots()(halves), atol=1e-6)


def test_limits_have_inputs_of_their_own():
    x = given(Halpha=300, NII6584=30)
    x["is_limit"][0, 1] = 1
    index = NINE.index("NII6584")
    seen = slots()(x)[0]
    assert seen[:, index].tolist() == pytest.approx([0, -1, 0, 1], abs=1e-6)
    blind = slots(limits=False)(x)[0]
    assert blind[:, index].tolist() == pytest.approx([-1, 0, 1, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("lines", "reference"),
    [({"Halpha": 300, "Hbeta": 90}, 300), ({"Hbeta": 100, "OIII5007": 400}, 286),
     ({"OIII5007": 50, "SII6725": 20}, 50)],
)  # fmt: skip
def test_reference(lines, reference):
    x = slots()(given(**lines))[0, 0]
    for name, flux in lines.items():
        assert x[NINE.index(name)] == pytest.approx(np.log10(flux / reference), abs=1e-6)


def test_adapt_standardises_what_was_measured():
    rng = np.random.default_rng(1)
    many = {n: np.repeat(v, 500, axis=0) for n, v in given(Halpha=300, OIII5007=1).items()}
    many["flux"][:, 1] = 300 * 10 ** rng.normal(0.4, 0.2, 500)
    many["is_limit"][::5, 1] = 1
    layer = LineSlots(NINE)
    layer.adapt(many)
    index = NINE.index("OIII5007")
    x = np.asarray(layer(many)).reshape(500, 4, -1)[many["is_limit"][:, 1] == 0, 0, index]
    assert x.mean() == pytest.approx(0, abs=1e-4)
    assert x.std() == pytest.approx(1, abs=1e-4)


# --- diagrams


def flat():
    return nebula_bpt.build(chances=np.full((4, 3, 3, 3), 1 / 3).tolist())


@pytest.mark.parametrize(
    ("ratios", "label"),
    [
        ({"OIII5007": 50, "NII6584": 100, "SII6725": 60}, 0),
        ({"OIII5007": 900, "NII6584": 100, "SII6725": 60}, 1),
        ({"OIII5007": 50, "NII6584": 100, "SII6725": 150}, 2),
        ({"OIII5007": 900, "NII6584": 100, "SII6725": 150}, 2),
        ({"OIII5007": 50}, 0),
    ],
)
def test_demarcations(ratios, label):
    assert flat().predict(given(Hbeta=100, Halpha=300, **ratios))["label"] == [label]


def test_lines_pass_through_published_points():
    # where [N II]/H alpha is small both end at their constants
    assert nebula_bpt.kewley(np.array(-50.0)) == pytest.approx(1.19, abs=0.02)
    assert nebula_bpt.kauffmann(np.array(-50.0)) == pytest.approx(1.3, abs=0.02)
    assert nebula_bpt.kewley(np.array(0.0)) == pytest.approx(1.19 - 0.61 / 0.47)
    assert nebula_bpt.kauffmann(np.array(-0.45)) == pytest.approx(1.3 - 0.61 / 0.5)


def test_a_limit_decides_only_what_it_can():
    x = given(Hbeta=100, Halpha=300, OIII5007=50, NII6584=100, SII6725=110)
    x["is_limit"][0, 4] = 1  # below 0.37: no remnant
    assert nebula_bpt.cells(x)[1] == nebula_bpt.NO
    x["flux"][0, 4] = 200  # below 0.67: who knows
    assert nebula_bpt.cells(x)[1] == nebula_bpt.UNKNOWN


def test_probabilities_are_shares_in_the_cell():
    x = given(Hbeta=100, Halpha=300, OIII5007=50, NII6584=100, SII6725=60)
    many = {n: np.repeat(v, 10, axis=0) for n, v in x.items()}
    learned = nebula_bpt.learn(many | {"label": np.array([0] * 7 + [2] * 3)}, {})
    p = nebula_bpt.build(**learned).predict(x)
    assert [p["hii"][0], p["pn"][0], p["snr"][0]] == pytest.approx([8 / 13, 1 / 13, 4 / 13], 1e-3)


# --- what is seen


def sky(n=4000):
    rng = np.random.default_rng(2)
    flux = 10 ** rng.normal(2, 0.3, (n, 1)) * np.array([[1.0, 0.05, 2.9]])
    lines = np.array([WINDOWS[name][0] for name in ("Hbeta", "NII5755", "Halpha")])
    return {"line": np.tile(lines, (n, 1)), "flux_true": flux}


def test_noise_has_the_error_that_is_told():
    data = sky()
    view = views.noisy(data, np.random.default_rng(3))
    ratio = data["flux_true"][:, 2] / view["flux_error"][:, 2]
    assert 20 <= ratio.min() < 21
    assert 390 < ratio.max() <= 400.1
    pull = (view["flux"] - data["flux_true"])[:, 0] / view["flux_error"][:, 0]
    assert pull.std() == pytest.approx(1, abs=0.05)
    limit = view["is_limit"] == 1
    np.testing.assert_allclose(view["flux"][limit], 3 * view["flux_error"][limit], rtol=1e-5)
    assert np.all(view["flux"][~limit] >= 3 * view["flux_error"][~limit])
    assert 0.1 < limit[:, 1].mean() < 0.9


def test_dust_and_diffuse_gas_are_added():
    from zoo_datasets.simulators.nebulae import dust
    from zoo_datasets.simulators.nebulae.lines import NAMES, WAVELENGTH

    np.testing.assert_allclose([views.EXTINCTION[n] for n in NAMES], dust.CURVE, atol=1e-3)
    # gas like the diffuse gas, behind dust of 0.4 mag, stays so
    ratios = np.array([views.DIFFUSE.get(n, 0.0) for n in NAMES]) * dust.transmission(0.4)
    data = {"line": np.tile(WAVELENGTH, (3000, 1)), "flux_true": np.tile(ratios, (3000, 1))}
    flux = views.disturbed(data, np.random.default_rng(6))["flux_true"]
    decrement = np.log10(flux[:, 7] / flux[:, 3] / 2.86) / 0.4 / (dust.CURVE[3] - dust.CURVE[7])
    assert decrement.min() > 0.39
    assert decrement.mean() == pytest.approx(0.4 + 1.5 * views.REDDENING, rel=0.05)
    blue = np.log10(flux[:, 8] / flux[:, 7] / (views.DIFFUSE["NII6584"] / 2.86))
    assert np.mean(np.abs(blue) < 0.01) == pytest.approx(0.5, abs=0.1)
    assert 0.03 < blue.std() < views.DIFFUSE_SCATTER


def test_thinning_keeps_a_line():
    view = views.thinned(
        views.noisy(sky(), np.random.default_rng(3)), np.random.default_rng(4), 1.0
    )
    left = np.isfinite(view["line"]).sum(axis=1)
    assert set(left) == {1, 3}
    assert np.mean(left == 3) == pytest.approx(0.5, abs=0.05)


# --- adaptation


def two_domains(shares, n=3000, seed=0):
    """Toy records that differ in the [O III] and [S II] of their classes."""
    rng = np.random.default_rng(seed)
    label = rng.choice(3, n, p=shares)
    names = ("Hbeta", "OIII5007", "Halpha", "NII6584", "SII6725")
    log = np.array([[2, 1.5, 2.46, 2, 1.8], [2, 2.9, 2.46, 1.5, 1.4], [2, 1.9, 2.46, 2.2, 2.4]])
    flux = 10 ** (log[label] + 0.25 * rng.standard_normal((n, 5)) * [0, 1, 0, 1, 1])
    record = {
        "line": np.tile([WINDOWS[name][0] for name in names], (n, 1)),
        "flux_true": flux,
        "label": label,
        "below_table": np.zeros((n, 5)),
    }
    return record | views.noisy(record, rng)


def test_shares_are_found_by_expectation_and_maximisation():
    rng = np.random.default_rng(5)
    label = rng.choice(3, 20_000, p=[0.7, 0.1, 0.2])
    x = np.eye(3)[label] * 2 + rng.standard_normal((20_000, 3))
    # the true logits of unit Gaussians at 2 e_c, for equal shares
    assert nebula_training.shares(2 * x) == pytest.approx([0.7, 0.1, 0.2], abs=0.01)


SETTINGS = {"seed": 1, "epochs": 6, "batch_size": 128, "learning_rate": 5e-3}


@pytest.fixture
def learned():
    def run(lesson, **kwargs):
        import keras

        keras.utils.set_random_seed(1)
        model = nebula_network.network("toy", encoder=(16, 8), head=8)
        data = two_domains([1 / 3] * 3)
        facts = nebula_training.learn(model, data, SETTINGS, lesson, **kwargs)
        return model, facts, two_domains([1 / 3] * 3, seed=9)

    return run


def accuracy(model, data):
    return np.mean(nebula_network.logits(model, data).argmax(1) == data["label"])


def test_learning_from_the_source(learned):
    model, facts, test = learned(nebula_training.Lesson())
    assert accuracy(model, test) > 0.9
    assert facts["epochs"] == 6
    nebula_training.calibrate(model, test)
    out = {n: np.asarray(v) for n, v in model({n: test[n] for n in nebula_network.INPUTS}).items()}
    np.testing.assert_allclose(out["hii"] + out["pn"] + out["snr"], 1, atol=1e-5)
    found = class_errors(out["label"], test["label"], out["hii"], out["pn"], out["snr"])
    assert found["ece"] < 0.05
    assert found["accuracy"] == pytest.approx(accuracy(model, test))


def test_shares_of_the_target_are_learned(learned):
    lesson = nebula_training.Lesson(target="x/y", aware=True, conditional=0.3)
    model, facts, _ = learned(lesson, target=two_domains([0.7, 0.1, 0.2], seed=4))
    assert facts["shares"] == pytest.approx([0.7, 0.1, 0.2], abs=0.06)
    assert accuracy(model, two_domains([0.7, 0.1, 0.2], seed=6)) > 0.9


# --- judging


def test_class_errors():
    true = np.array([0, 0, 0, 1, 2, 2, 255])
    predicted = np.array([0, 0, 1, 1, 2, 0, 0])
    found = class_errors(predicted, true)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 + 1 / 2) / 3)
    assert confusion(predicted, true)[2].tolist() == [0.5, 0, 0.5]
    sure = np.full((7, 3), 0.1)
    sure[np.arange(7), predicted] = 0.8
    found = class_errors(predicted, true, *sure.T)
    assert found["ece"] == pytest.approx(0.8 - 4 / 6)
    assert found["nll"] == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.1)) / 6)
    with pytest.raises(ValueError, match="no object has a known class"):
        class_errors([0.0], [255.0])


# --- checks


def messages(x):
    return [str(violation) for violation in nebula_sanity.check(x)]


def test_a_good_nebula_passes():
    x = {n: v[None] for n, v in nebula_sanity.example().items()}
    assert messages(x) == []


def test_bad_lines_are_named():
    good = {n: v[None] for n, v in nebula_sanity.example().items()}
    odd = good | {"line": np.where(good["line"] == 5006.8, 4999.0, good["line"])}
    assert "line [Angstrom] = 4999" in messages(odd)[0]
    half = good | {"line": np.where(good["line"] == 6723.6, 6716.4, good["line"])}
    assert "both lines of SII6725" in messages(half)[0]
    mixed = good | {"line": np.where(good["line"] == 5006.8, 5008.24, good["line"])}
    assert "mix air and vacuum" in messages(mixed)[0]
    strange = good | {"flux": np.where(good["line"] == 5006.8, 9e4, good["flux"])}
    assert "log10 of OIII5007 over Halpha" in messages(strange)[0]
    assert messages({n: v[:, :0] for n, v in good.items()})[0].startswith("number of lines")


def test_all_in_vacuum_is_fine():
    good = {n: v[None] for n, v in nebula_sanity.example().items()}
    assert messages(good | {"line": good["line"] * (1 + 2.77e-4)}) == []
