"""Names, tags, versions and patterns."""

import dataclasses

import pytest

import zoo
from zoo import describe, registry
from zoo.errors import UnknownModelError


@pytest.fixture
def cards(monkeypatch):
    """A few cards more: families of names, tags."""
    real = registry.all_cards()["jam_cyl"]

    def named(name, *tags):
        return dataclasses.replace(real, name=name, tags=tags)

    more = [named("jam_cyl"), named("flow", "wide", "narrow"), named("cnn2d"), named("cnn10d")]
    more = sorted(more, key=lambda card: registry._natural(card.name))
    monkeypatch.setattr(registry, "all_cards", lambda: {card.name: card for card in more})


@pytest.mark.usefixtures("cards")
def test_names_come_in_natural_order_with_the_default_tag_first():
    assert zoo.list_models() == ["cnn2d", "cnn10d", "flow.wide", "flow.narrow", "jam_cyl"]


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("flow*", ["flow.wide", "flow.narrow"]),
        ("*.narrow", ["flow.narrow"]),
        ("cnn?d", ["cnn2d"]),
        ("[cj]*", ["cnn2d", "cnn10d", "jam_cyl"]),
        ("JAM*", []),
    ],
)
def test_patterns(pattern, names):
    assert registry.list_models(pattern) == names


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(
    ("name", "full"),
    [("flow", "flow.wide"), ("flow.narrow", "flow.narrow"), ("jam_cyl", "jam_cyl")],
)
def test_a_name_without_tag_means_the_default(name, full):
    assert registry.find_card(name)[1] == full


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("jam_cil", "'jam_cyl'"),
        ("jamcyl", "'jam_cyl'"),
        ("flow.narow", "'flow.narrow'"),
        ("cnn3d", "'cnn2d' or 'cnn10d'"),
        ("flow.", "'flow.wide'"),
    ],
)
def test_unknown_names_get_a_suggestion(name, close):
    with pytest.raises(UnknownModelError) as error:
        registry.find_card(name)
    message = str(error.value)
    assert f"There is no model {name!r} in the zoo. Did you mean {close}" in message
    assert "Accepted: a name or name.tag from zoo.list_models()" in message
    assert "release.json" in message


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize("name", ["", "xyzzy", "jam_cyl.tag", "../jam_cyl", "jam_cyl\n"])
def test_names_that_are_none(name):
    with pytest.raises(UnknownModelError, match=r"There is no model"):
        registry.find_card(name)


def test_versions(tmp_path, monkeypatch):
    for name in ("1", "2", "10", ".3-staged", "notes", "x1"):
        (tmp_path / "jam_cyl" / name).mkdir(parents=True)
    monkeypatch.setattr(registry, "_bundled", lambda: tmp_path)
    assert registry.versions("jam_cyl") == [1, 2, 10]
    assert registry.versions("other") == []
    with pytest.raises(UnknownModelError, match="not got version 3; versions here: 1, 2, 10"):
        registry.find_release("jam_cyl", 3)
    with pytest.raises(UnknownModelError, match="not got version '1'"):
        registry.find_release("jam_cyl", "1")
    with pytest.raises(UnknownModelError, match="not got a released version; versions here: none"):
        registry.find_release("other")


def test_the_newest_version_unless_told():
    release = registry.find_release("jam_cyl")
    assert release.manifest.version == registry.versions("jam_cyl")[-1]
    assert registry.find_release("jam_cyl", 1).path.name == "1"


def test_facts_for_people_and_programs():
    facts = describe.model("jam_cyl")
    assert facts["release"]["version"] == registry.versions("jam_cyl")[-1]
    assert "golden" not in facts["release"]
    text = describe.text(facts)
    for part in ("sigma_lum [arcsec] (K)", "vrms [km / s] (P)", "default 0.01", "2 to 90", "MB"):
        assert part in text
    with pytest.raises(UnknownModelError, match="version 99"):
        describe.model("jam_cyl", 99)


def test_facts_of_a_model_without_a_release(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_bundled", lambda: tmp_path)
    facts = describe.model("jam_cyl")
    assert facts["release"] is None
    assert "no release" in describe.text(facts)


def test_the_public_names():
    assert set(zoo.__all__) <= set(dir(zoo))
    for name in zoo.__all__:
        assert getattr(zoo, name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = zoo.nothing
