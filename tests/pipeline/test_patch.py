"""A recipe patch changes what it names, is written and read back, and is refused with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.patch import load_patch, patch_text, read_patch
from pipeline.recipe import Recipe, read, resolved, source

FINEWEB = resolved(read(*source("fineweb")))


def patched(text: str, *pairs: str, base: str = FINEWEB) -> Recipe:
    return read(base, "RUN/recipe.yaml", pairs, read_patch(text, "p.yaml"))


def settings(recipe: Recipe, name: str) -> dict[str, Any]:
    for entry in recipe.filters or ():
        if isinstance(entry, dict) and name in entry:
            return entry[name] or {}
    raise KeyError(name)


@pytest.mark.parametrize(
    "text",
    [
        "filters:\n  - gopher_quality: {min_words: 100}\n  - language: {min_score: 0.5}\n  - c4\n",
        "filters:\n  gopher_quality:\n    min_words: 100\n  language: {min_score: 0.5}\n  c4: {}\n  url:\n",
    ],
)
def test_settings_are_merged_key_by_key(text: str) -> None:
    pairs = ["filters.gopher_quality.min_words=100", "filters.language.min_score=0.5"]
    assert resolved(patched(text)) == resolved(read(FINEWEB, "recipe.yaml", pairs))
    assert resolved(patched("filters: []")) == FINEWEB


def test_what_is_inside_settings_is_merged_too() -> None:
    text = (
        "filters:\n"
        "  - language: {by_language: {de: {min_score: 0.2}, no: {min_score: 0.3}}}\n"
        "  - c4: {rules: {curly_bracket: {unless: 'gopher_quality_words >= 300'}}, when: language == en}\n"
        "extract: {cascade: null}\n"
        "dedup: {minhash: {bands: 20}}\n"
    )
    again = "filters: {language: {by_language: {deu_Latn: {languages: [de]}}}}"
    pairs = [
        "filters.language.by_language.de.min_score=0.2",
        "filters.language.by_language.no.min_score=0.3",
        "filters.c4.rules.curly_bracket.unless=gopher_quality_words >= 300",
        "filters.c4.when=language == en",
        "extract.cascade=null",
        "dedup.minhash.bands=20",
    ]
    once = patched(text)
    assert resolved(once) == resolved(read(FINEWEB, "recipe.yaml", pairs))
    assert once.extract.cascade is None
    assert once.dedup is not None
    assert once.dedup.minhash is not None
    assert (once.dedup.minhash.bands, once.dedup.minhash.rows) == (20, 8)
    # One language under two names has one set of settings.
    both = settings(patched(again, base=resolved(once)), "language")["by_language"]
    assert both == {"de": {"min_score": 0.2, "languages": ["de"]}, "no": {"min_score": 0.3}}


def test_set_wins() -> None:
    text = "filters:\n  - gopher_quality: {min_words: 100, max_words: 1000}\n"
    found = settings(patched(text, "filters.gopher_quality.min_words=60"), "gopher_quality")
    assert (found["min_words"], found["max_words"]) == (60, 1000)
    with pytest.raises(UsageError, match=r"^--set filters\.language\.languages: .*languages\[0\]: expected"):
        patched("filters: {language: {languages: [en, 3]}}", "filters.language.languages=[7]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "filters:\n  - gopher_qualty: {a: 1}",
            "p.yaml:2:5 filters[0].gopher_qualty: the recipe has no filter",
        ),
        ("filters:\n  - gopher_qualty: {a: 1}", "did you mean `gopher_quality`?"),
        ("filters: {dolma: {a: 1}}", "p.yaml:1:11 filters.dolma: the recipe has no filter 'dolma'"),
        ("filters:\n  - c4: {min_sentnces: 1}", "p.yaml:2:10 filters[5].c4.min_sentnces: no such setting"),
        ("filters:\n  - c4: {min_sentnces: 1}", "did you mean 'min_sentences'?"),
        ("filters:\n  - c4:\n      min_sentences: x", "p.yaml:3:7 filters[5].c4.min_sentences: expected int"),
        ("filters:\n  - c4: 3", "p.yaml:2:5 filters[5].c4: expected settings"),
        ("filters: {c4: {by_language: {de: {a: 1}}}}", "p.yaml:1:35 filters[5].c4.by_language.de.a: no such"),
        ("filters: {c4: {rules: {curly: {when: a > 1}}}}", "p.yaml:1:24 filters[5].c4.rules.curly: no such"),
        ("filters: {language: {languages: [en, 3]}}", "p.yaml:1:38 filters[2].language.languages[1]: expect"),
        ("filters: 3", "p.yaml:1:1 filters: expected a list of filters, got 3"),
        (
            "filters: [c4, 3]",
            "p.yaml:1:15 filters[1]: expected a filter's name, or its name and its settings",
        ),
        ("filters: [c4, c4: {}]", "p.yaml:1:15 filters[1].c4: c4 is in the list twice"),
        ("filter: [c4]", "p.yaml:1:1 filter: no such key; did you mean `filters`?"),
        ("dedup: {minhash: {bnds: 1}}", "p.yaml:1:19 dedup.minhash.bnds: no such key; did you mean `bands`?"),
        ("dedup: {minhash: {bands: x}}", "p.yaml:1:19 dedup.minhash.bands: expected int"),
        ("filters: [\n", "p.yaml:2:1 "),
        ("- c4", "p.yaml:1:1 a recipe patch is a mapping of sections, this is a list"),
        ("", "p.yaml:1:1 a recipe patch is a mapping of sections, this is empty"),
        ("{}", "p.yaml:1:1 a recipe patch is a mapping of sections, this is empty"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        patched(text)
    said = str(refused.value)
    assert message in said
    assert "\n" not in said


def test_a_recipe_without_filters_has_none_to_change() -> None:
    with pytest.raises(UsageError, match=r"p\.yaml:1:1 filters: the recipe has no filters to change"):
        patched("filters: {c4: {min_sentences: 2}}", base="name: bare\nfilters: null\n")


def test_what_is_written_is_read_back() -> None:
    changes: dict[str, dict[str, object]] = {
        "gopher_quality": {"min_words": 100, "max_words": None, "min_stop_words": 1},
        "url": {},
        "language": {
            "languages": ["en", "no"],
            "min_score": 1e-05,
            "by_language": {"no": {"min_score": 1.0}},
        },
        "c4": {
            "unless": "gopher_quality_words >= 300",
            "rules": {"curly_bracket": {"when": "language == no"}},
        },
    }
    text = patch_text(changes)
    assert read_patch(text, "p").sections == {"filters": [{name: of} for name, of in changes.items() if of]}
    pairs = [
        "filters.gopher_quality.min_words=100",
        "filters.gopher_quality.max_words=null",
        "filters.gopher_quality.min_stop_words=1",
        "filters.language.languages=[en, 'no']",
        "filters.language.min_score=0.00001",
        "filters.language.by_language.no.min_score=1.0",
        "filters.c4.unless=gopher_quality_words >= 300",
        "filters.c4.rules.curly_bracket.when=language == no",
    ]
    assert resolved(patched(text)) == resolved(read(FINEWEB, "recipe.yaml", pairs))
    assert patch_text({"c4": {"min_sentences": 2}}) == "filters:\n- c4: {min_sentences: 2}\n"


@pytest.mark.parametrize(
    "text", ["1e-3", "off", "no", "null", "~", "0x1F", "1_000", "", " a", "a: b", "#", "é\u2028", "["]
)
def test_text_stays_text(text: str) -> None:
    patch = read_patch(patch_text({"c4": {"when": text, "other": [text]}}), "p")
    assert patch.sections == {"filters": [{"c4": {"when": text, "other": [text]}}]}


def test_what_no_patch_says() -> None:
    with pytest.raises(ValueError, match="without a change"):
        patch_text({"c4": {}})
    with pytest.raises(ValueError, match="cannot hold"):
        patch_text({"c4": {"min_sentences": (1, 2)}})


def test_the_place_of_a_key() -> None:
    patch = read_patch("id_column: a\nfilters:\n  - c4: {min_sentences: 2}\n  - url: {x: {y: 1}}\n", "p")
    assert patch.where("id_column") == "p:1:1"
    assert patch.where("filters.c4.min_sentences") == "p:3:10"
    assert patch.where("filters.url.x.y") == "p:4:15"
    assert patch.where("filters.c4.max_lines") is None
    assert read_patch("filters: {c4: {min_sentences: 2}}", "p").where("filters.c4.min_sentences") == "p:1:16"


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "patch.yaml"
    with pytest.raises(UsageError, match="No such file"):
        load_patch(str(path))
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_patch(str(path))
    path.write_text("filters: {c4: {min_sentences: 2}}")
    assert load_patch(str(path)).name == str(path)
