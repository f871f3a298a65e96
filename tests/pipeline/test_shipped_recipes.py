"""Every shipped recipe says what it is, decides by working rules, and names what it lacks."""

from __future__ import annotations

import pytest

from pipeline import yaml
from pipeline.canaries import check
from pipeline.canary_texts import TEXTS
from pipeline.lint import lint
from pipeline.recipe import Recipe, load, read, resolved, shipped, source

NAMES = """c4 ccnet-like dclm dolma dolma3 fineweb fineweb-edu fineweb2 gopher nemotron-like pile-cc redpajama-v2
refinedweb tiny wikiref""".split()
# No text fails these for sure: what a list of hosts holds, how sure a model is.
WITHOUT = ("url.domain", "url.subdomain", "url.address", "language.score")


def test_the_list() -> None:
    assert shipped() == NAMES


@pytest.fixture(scope="module", params=NAMES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return load(request.param)


def test_it_says_what_differs_and_reads_back(recipe: Recipe) -> None:
    text, _ = source(recipe.name)
    assert text.startswith("# ")
    assert recipe.name == "tiny" or "differ" in text
    assert recipe.description
    assert read(resolved(recipe), "again.yaml") == recipe


def test_every_rule_drops_its_canary_and_keeps_the_plain_page(recipe: Recipe) -> None:
    chain = recipe.loaded_chain()
    assert check(recipe, chain) == []
    assert [one for one in lint(recipe) if one.severity == "error"] == []
    active = {name for name, rule in chain.rules if rule.threshold is not None}
    assert {name for name in active - set(TEXTS) if not name.startswith("url")} <= set(WITHOUT)


def test_it_states_among_which_documents_duplicates_are_looked_for(recipe: Recipe) -> None:
    section = yaml.parse(*source(recipe.name))[0]["dedup"]
    assert section["scope"] in ("crawl", "language", "global")


def test_what_it_lacks_has_an_address(recipe: Recipe) -> None:
    for one in recipe.left_out:
        assert one.source, str(one)
    for name, band in recipe.bands.items():
        assert band.source, name


def test_what_only_some_have() -> None:
    assert {load(name).name for name in NAMES if load(name).left_out} == {
        "c4",
        "ccnet-like",
        "dclm",
        "dolma",
        "fineweb-edu",
        "nemotron-like",
        "pile-cc",
        "redpajama-v2",
        "wikiref",
    }
    assert {name for name in NAMES if load(name).bands} == {"dclm", "dolma3", "fineweb", "fineweb-edu"}
    languages = load("fineweb2").chain({}).languages
    assert set(languages) == {"de", "fr", "es", "ru", "zh"}


@pytest.mark.parametrize(
    ("name", "shingle", "bands", "rows"),
    [
        ("fineweb", "5 words", 14, 8),
        ("fineweb-edu", "5 words", 14, 8),
        ("fineweb2", "5 words", 14, 8),
        ("refinedweb", "5 words", 450, 20),
        ("dolma3", "5 words", 26, 11),
        ("dclm", "5 words", 93, 15),
        ("nemotron-like", "24 characters", 20, 13),
        ("gopher", "13 words", 20, 13),
    ],
)
def test_published_bands(name: str, shingle: str, bands: int, rows: int) -> None:
    dedup = load(name).dedup
    assert dedup is not None
    assert dedup.minhash is not None
    found = dedup.minhash
    assert (f"{found.ngram} {found.unit}", found.bands, found.rows) == (shingle, bands, rows)
