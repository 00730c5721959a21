"""Reading cards: what is accepted, and that every mistake is named."""

import pytest

from zoo.card import Interval, read_card
from zoo.errors import CardError

FRONT = """\
license: mit
zoo:
  kind: network
  summary: A toy
  tags: {small: , large: {dataset: toys/large}}
  dataset: toy/config:1.0.0
  recipe: {epochs: 3}
  inputs:
    mass: {unit: Msun, shape: [], range: [1e8, 1.0e12], valid: "(0, inf)", meaning: its mass}
    radius: {unit: kpc, shape: [N, 2], default: 1, scalar: true, meaning: its radii}
  outputs:
    velocity: {unit: km / s, shape: [N], meaning: how fast it turns}
"""


def card(tmp_path, front=FRONT, text="---\n{}---\n# toy\n\nProse.\n"):
    path = tmp_path / "models" / "galaxies" / "toy.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(front))
    return read_card(path)


def test_a_card(tmp_path):
    toy = card(tmp_path)
    assert (toy.name, toy.family, toy.kind) == ("toy", "galaxies", "network")
    assert toy.module == "zoo.models.galaxies.toy"
    assert toy.names == ("toy.small", "toy.large")
    assert toy.dataset == "toy/config:1.0.0"
    assert toy.recipe == {"epochs": 3}
    assert toy.metadata == {"license": "mit"}
    assert toy.prose == "# toy\n\nProse."
    mass, radius = toy.inputs.values()
    assert mass.range == (1e8, 1e12)  # which PyYAML reads as text
    assert str(mass.valid) == "(0, inf)"
    assert mass.default is None
    assert (radius.shape, radius.default, radius.scalar) == (("N", 2), 1.0, True)
    assert mass.signature == "mass [Msun]"
    assert radius.signature == "radius [kpc] (N, 2)"
    assert toy.outputs["velocity"].unit == "km / s"


def test_a_card_without_tags_has_its_own_name(tmp_path):
    assert card(
        tmp_path, FRONT.replace("  tags: {small: , large: {dataset: toys/large}}\n", "")
    ).names == ("toy",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: network", "kind: magic", "zoo.kind is 'magic', allowed: exact, network, classical"),
        ("  kind: network\n", "", "`zoo.kind` is missing"),
        ("  summary: A toy\n", "", "`zoo.summary` is missing"),
        ("recipe:", "recipes:", "unknown key `zoo.recipes`, allowed: kind, summary"),
        (
            "tags: {small: , large: {dataset: toys/large}}",
            "tags: small",
            "zoo.tags is 'small', not a dict",
        ),
        ("summary: A toy", "batch_size: many\n  summary: A toy", "zoo.batch_size is 'many'"),
        ("zoo:", "zebra:", "no mapping `zoo:`"),
        ("license: mit", "license: [mit", "not YAML"),
        ("unit: Msun, ", "", "zoo.inputs.mass: 'unit' is missing"),
        ("shape: [], ", "", "zoo.inputs.mass: 'shape' is missing"),
        ("shape: []", "shape: N", "zoo.inputs.mass: shape is 'N', not a list"),
        (", meaning: its mass", "", "zoo.inputs.mass: 'meaning' is missing"),
        ("[1e8, 1.0e12]", "[1e12, 1e8]", "zoo.inputs.mass: range .* is empty"),
        ("[1e8, 1.0e12]", "[1e8]", "zoo.inputs.mass: not enough values"),
        ("[1e8, 1.0e12]", "[low, 1e8]", "zoo.inputs.mass: could not convert string to float"),
        ("(0, inf)", "0 to inf", "zoo.inputs.mass: '0 to inf' is not an interval"),
        ("default: 1", "default: .inf", "zoo.inputs.radius: default inf is not finite"),
        ("scalar: true", "colour: red", "zoo.inputs.radius: .*'colour'"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, message):
    assert old in FRONT
    with pytest.raises(CardError, match=message) as error:
        card(tmp_path, FRONT.replace(old, new))
    assert str(error.value).startswith("toy.md: ")


@pytest.mark.parametrize("text", ["# toy\n", "---\n{}\n# no end\n", "", "\n---\n{}---\n"])
def test_a_card_starts_with_front_matter(tmp_path, text):
    with pytest.raises(CardError, match=r"toy.md: a card starts with YAML between two lines"):
        card(tmp_path, text=text)


@pytest.mark.parametrize("text", ["(0, 1]", "[0, inf)", "(-inf, 1)", "[-1.5, 2e+10]"])
def test_intervals_read_as_they_are_written(text):
    assert str(Interval.parse(text)) == text


@pytest.mark.parametrize("text", ["0, 1", "(0; 1)", "(a, 1)", "(0, 1", "", "(0, 1, 2)"])
def test_what_is_no_interval(text):
    with pytest.raises(ValueError, match=r"interval|could not convert"):
        Interval.parse(text)
