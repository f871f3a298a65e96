"""Every slider moves the threshold that it says, and one to one."""

from __future__ import annotations

import pytest

from filters.knobs import knobs
from pipeline.recipe import load, shipped, with_settings


@pytest.mark.parametrize("name", shipped())
def test_setting_a_knob_moves_exactly_its_rules_to_the_value(name: str) -> None:
    recipe = load(name)
    before = dict(recipe.chain({}).rules)
    found = [one for one in knobs(recipe.chain({}).steps) if not one.language]
    for key in {one.key for one in found}:
        own = {one.rule: one for one in found if one.key == key}
        one = next(iter(own.values()))
        value = (2 if one.whole else 0.25) if one.value is None else one.value
        wanted = value + 1 if isinstance(value, int) else value / 2
        after = dict(with_settings(recipe, [f"{key}={wanted}"]).chain({}).rules)
        changed = {rule for rule in before if before[rule].threshold != after[rule].threshold}
        assert set(own) <= changed, key
        assert all(after[rule].threshold == wanted for rule in own), key


def test_numbers_are_told_from_shares() -> None:
    found = {one.key: one for one in knobs(load("fineweb").chain({}).steps)}
    words = found["filters.gopher_quality.min_words"]
    assert (words.rule, words.signal, words.drop_when) == (
        "gopher_quality.short",
        "gopher_quality_words",
        "<",
    )
    assert (words.value, words.whole) == (50, True)
    assert not found["filters.fineweb.min_line_punct"].whole
    assert "filters.language.languages" not in found, "a list of names has no slider"


def test_settings_of_a_language_have_knobs_of_their_own() -> None:
    recipe = with_settings(load("fineweb"), ["filters.gopher_quality.by_language={de: {min_words: 30}}"])
    of_german = [one for one in knobs(recipe.chain({}).steps) if one.language == "de"]
    assert [(one.key, one.value) for one in of_german] == [
        ("filters.gopher_quality.by_language.de.min_words", 30)
    ]
    moved = with_settings(recipe, ["filters.gopher_quality.by_language.de.min_words=70"])
    rules = {name: rule.threshold for name, rule in moved.chain({}).rules_for("de")}
    assert rules["gopher_quality.short"] == 70
