"""What users get wrong about lines, at the released models."""

import numpy as np
import pytest

import zoo
from zoo.errors import InputError
from zoo.models.spectra import nebula_sanity


@pytest.fixture(scope="module")
def model():
    return zoo.load_model("nebula_nn")


@pytest.fixture
def lines():
    return nebula_sanity.example()


def test_good_lines_are_no_matter(model, lines):
    found = model.predict(lines)
    assert found.in_domain
    assert found["label"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x | {"flux": np.where(x["flux"] == 70, -70, x["flux"])}, r"flux = -70"),
        (lambda x: {n: v for n, v in x.items() if n != "flux_error"}, "flux_error"),
        (lambda x: x | {"flux_error": -x["flux_error"]}, r"flux_error = -1"),
        # the logarithms of ratios, where fluxes belong
        (lambda x: x | {"flux": np.log10(x["flux"] / 100)}, r"flux = -"),
        (lambda x: x | {"line": x["line"] / 10}, r"line \[Angstrom\] = 4\d\d.*allowed: 3727"),
        (lambda x: x | {"flux": x["flux"][:4]}, "flux"),
    ],
    ids=["negative", "no errors", "negative errors", "log ratios", "nm", "lengths"],
)
def test_impossible_lines_are_one_error(model, lines, change, message):
    with pytest.raises(InputError, match=message) as caught:
        model.predict(change(lines))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # labels do not go with fluxes: H beta outshines H alpha
        (lambda x: x | {"flux": np.roll(x["flux"], 1)}, "Hbeta over Halpha"),
        (lambda x: x | {"line": np.where(x["line"] == 5006.8, 5008.24, x["line"])}, "air and vac"),
        # ratios to H beta beside the errors of fluxes
        (lambda x: x | {"flux": x["flux"] / 100}, "fluxes and errors of one kind"),
        (lambda x: x | {"flux": np.where(x["flux"] == 90, 9e4, x["flux"])}, "in nebulae"),
    ],
    ids=["order", "vacuum", "ratios", "far outside"],
)
def test_odd_lines_are_flagged(model, lines, change, message):
    with pytest.warns(UserWarning, match=message):
        found = model.predict(change(lines))
    assert not found.in_domain
    assert np.isnan(model.predict(change(lines), outside="nan")["label"])


def test_order_does_not_matter(model, lines):
    turned = {name: values[::-1] for name, values in lines.items()}
    assert model.predict(turned)["hii"] == pytest.approx(model.predict(lines)["hii"], rel=1e-5)
