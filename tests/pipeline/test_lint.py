"""The linter finds rules that decide nothing; canaries find rules that have stopped working."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filters.document import from_rows
from pipeline.canaries import PLAIN, TEXTS, check
from pipeline.errors import UsageError
from pipeline.lint import bounds, fired, lint, suspicious
from pipeline.recipe import Recipe, read
from tests.pipeline.conftest import sluice

EVERY = "name: r\nfilters: [language, gopher_repetition, gopher_quality, c4, fineweb]\n"


def recipe(filters: str, more: str = "") -> Recipe:
    return read(f"name: r\n{more}filters: {filters}\n", "r.yaml")


@pytest.mark.parametrize(
    ("filters", "where", "problem"),
    [
        ("[{fineweb: {max_char_dup: 1}}]", "fineweb.char_dup", "never fires"),
        ("[{fineweb: {min_line_punct: 0}}]", "fineweb.line_punct", "never fires"),
        ("[{gopher_quality: {min_words: 0}}]", "gopher_quality.short", "never fires"),
        ("[{language: {min_score: 1}}]", "language.score", "fires on every document"),
        ("[{url: {min_domain: 0}}]", "url.domain", "fires on every document"),
        ("[{url: {min_domain: 2}}]", "url.domain", "never fires"),
        ("[{language: {languages: null}}]", "language", "any passes"),
        (
            "[{fineweb: {by_language: {de: {max_short_lines: 1}}}}]",
            "fineweb.short_lines",
            "never fires.*for de",
        ),
        ("[{fineweb: {by_language: {de: {max_short_lines: .5}}}}]", "fineweb", "no filter before it"),
        (
            "[language, {fineweb: {by_language: {de: {max_char_dup: .1}}}}]",
            "fineweb",
            "which the filter `language` drops",
        ),
    ],
)
def test_what_is_wrong_without_a_document(filters: str, where: str, problem: str) -> None:
    import re

    assert any(one.where == where and re.search(problem, one.problem) for one in lint(recipe(filters)))


def test_published_thresholds_are_clean() -> None:
    assert lint(read(EVERY, "r.yaml")) == []
    assert bounds("share of lines") == (0.0, 1.0)
    assert bounds("per word")[0] == 0.0
    assert bounds("nats")[0] < 0


def test_every_rule_has_a_canary_that_it_drops() -> None:
    made = read(EVERY, "r.yaml")
    chain = made.loaded_chain()
    assert check(made, chain) == []
    without = {name for name, rule in chain.rules if rule.threshold is not None} - set(TEXTS)
    assert without == {"language.score"}


@pytest.mark.parametrize(
    ("filters", "where"),
    [
        ("[{gopher_quality: {min_words: 5}}]", "gopher_quality.short"),
        ("[{fineweb: {max_char_dup: .9}}]", "fineweb.char_dup"),
        ("[{c4: {when: 'c4_sentences > 1000'}}]", "c4.curly_bracket"),
    ],
)
def test_a_rule_that_has_stopped_working_misses_its_canary(filters: str, where: str) -> None:
    made = recipe(filters)
    assert [(one.severity, one.where) for one in check(made, made.loaded_chain()) if one.where == where] == [
        ("error", where)
    ]


def test_a_rule_that_drops_everything_drops_the_plain_page() -> None:
    made = recipe("[{gopher_quality: {min_words: 5000, max_words: 6000}}]")
    assert ("gopher_quality.short", "drops the plain English page") in [
        (one.where, one.problem) for one in check(made, made.loaded_chain())
    ]


def test_a_recipe_brings_its_own_canaries() -> None:
    own = "canaries: [{text: 'a {', drop: c4.curly_bracket}, {text: 'short'}]\n"
    made = recipe("[c4]", own)
    assert [(one.where, one.problem) for one in check(made, made.loaded_chain())] == [
        (
            "c4.curly_bracket",
            "does not drop the document that it must drop",
        ),  # its line is too short to be judged
        ("c4.sentences", "drops a document that the recipe says must be kept"),
    ]
    with pytest.raises(UsageError, match=r"canaries\[0\]\.drop: .* no rule c4\.curly; .*`c4\.curly_br"):
        recipe("[c4]", "canaries: [{drop: c4.curly}]\n")


def test_rules_that_fire_on_nothing_or_everything() -> None:
    made = recipe("[{gopher_quality: {min_words: 5000}}]")
    chain = made.loaded_chain()
    applied = chain.apply(from_rows([{"id": str(i), "text": PLAIN} for i in range(40)]))
    counts = {one.rule: one for one in fired(chain, applied)}
    assert (counts["gopher_quality.short"].documents, counts["gopher_quality.short"].alone) == (40, 40)
    found = {one.where: one.severity for one in suspicious(chain, list(counts.values()), 40)}
    assert found["gopher_quality.short"] == "error"
    assert found["gopher_quality.hashes"] == "note"
    assert suspicious(chain, list(counts.values()), 20) == []


def test_plan_tells_of_it(sample: Path) -> None:
    words = ["--input", sample, "--pages", "60"]
    told = json.loads(
        sluice("plan", "fineweb", *words, "--set", "filters.c4.min_sentences=0", "--json").stdout
    )
    assert {"severity": "error", "where": "c4.sentences"}.items() <= told["findings"][0].items()
    assert any(one["rule"] == "gopher_quality.short" and one["documents"] for one in told["rules"])
    said = sluice("plan", "fineweb", *words, "--set", "filters.c4.min_sentences=0").stdout
    assert "error    c4.sentences: never fires" in said
