"""What a cheap look may decide, and that what it leaves unmeasured decides nothing."""

from __future__ import annotations

from typing import Any

import hypothesis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from filters.cascade import (
    COLUMNS,
    REASON,
    Look,
    Screen,
    Settings,
    asset_names,
    by_address,
    by_look,
    count_words,
    decisive,
    look,
    screen_of,
)
from filters.chain import Chain, chain_steps, in_order
from filters.decide import fails
from filters.document import SCHEMA
from filters.types import Rule
from pipeline import assets

FINEWEB: list[Any] = [
    "url",
    {"language": {"languages": ["en"], "min_score": 0.65}},
    {"gopher_quality": {"min_words": 50}},
    "c4",
]


def listed() -> str:
    """An address that the block lists drop."""
    return f"http://example.com/{sorted(assets.load('url_lists').banned_words)[0]}/"


def screen(spec: list[Any] | None = None, looks: bool = True, **margins: Any) -> Screen:
    found = screen_of(chain_steps(FINEWEB if spec is None else spec), Settings(**margins), looks)
    assert found is not None
    return found


@hypothesis.settings(deadline=None)  # the table of characters is made by the first call
@hypothesis.given(st.text(alphabet="ab1é中 .,-'\n\U0001d49c", max_size=60))
def test_words_are_runs_of_letters_and_digits(text: str) -> None:
    spaced = "".join(char if char.isalnum() else " " for char in text)
    assert count_words(text) == len(spaced.split())


@pytest.mark.parametrize(
    ("seen", "rule"),
    [
        (Look(0, 0, "und", 0.0), "extract.empty"),
        (Look(900, 200, "en", 0.99), None),
        (Look(900, 200, "de", 0.99), "language.language"),
        (Look(900, 200, "de", 0.5), "language.language"),
        (Look(900, 200, "de", 0.49), None),  # not sure enough that it is another language
        (Look(900, 200, "en", 0.35), "language.score"),
        (Look(900, 200, "en", 0.36), None),  # below the threshold, within the margin
        (Look(900, 44, "en", 0.99), "gopher_quality.short"),
        (Look(900, 45, "en", 0.99), None),
        (Look(900, 44, "en", 0.6), "language.score"),  # few words are sure; the road would name the language
        (Look(900, 44, "de", 0.2), "language.language"),
    ],
)
def test_a_look_decides_where_it_is_sure(seen: Look, rule: str | None) -> None:
    assert by_look(seen, screen()) == rule


def test_margins_that_are_null_switch_a_question_off() -> None:
    assert by_look(Look(9, 2, "de", 0.99), screen(other_language=None)) == "language.language"  # by the words
    assert by_look(Look(900, 200, "de", 0.99), screen(other_language=None)) is None
    assert by_look(Look(900, 200, "en", 0.0), screen(language_margin=None)) is None
    assert by_look(Look(9, 2, "en", 0.99), screen(words=None)) is None
    assert screen_of(chain_steps(FINEWEB), None, True) is None
    blind = screen(words=None, other_language=None, language_margin=None)
    assert not blind.looks
    nothing = Settings(url=False, words=None, other_language=None, language_margin=None)
    assert screen_of(chain_steps(FINEWEB), nothing, True) is None


def test_thresholds_that_are_off_screen_nothing() -> None:
    off = screen(
        [{"language": {"languages": None, "min_score": None}}, {"gopher_quality": {"min_words": None}}]
    )
    assert by_look(Look(9, 2, "de", 0.99), off) is None
    assert by_look(Look(0, 0, "und", 0.0), off) == "extract.empty"


def test_a_look_takes_no_noise_for_a_language() -> None:
    given = {"lid176": assets.load("lid176")}
    menu = "Home | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12"
    plain, noisy = (look(menu, screen([{"language": {"noise": noise}}]), given) for noise in (None, 0.1))
    assert plain == noisy
    assert plain.language != "zxx"


def test_only_filters_of_the_recipe_screen() -> None:
    assert screen_of(chain_steps(["c4", "fineweb"]), Settings(), True) is None
    assert (
        screen_of(chain_steps(["language"]), Settings(), False) is None
    )  # a cheap extractor is not looked at
    assert screen(["url", "language"], looks=False).looks is False
    own_model = [{"language": {"model": "glotlid"}}]
    assert screen_of(chain_steps(own_model), Settings(), True) is None  # a look has only the installed one
    assert screen([*own_model, "gopher_quality"]).order == ("gopher_quality",)
    words = screen(["gopher_quality"])
    assert asset_names(words) == ()
    assert look("one two", words, {}) == Look(7, 2)
    assert by_address(["http://example.com/sex"], words, {}) == [None]


def test_addresses_are_judged_as_the_filter_does() -> None:
    loaded = {name: assets.load(name) for name in ("url_lists", "public_suffixes")}
    urls = ["https://example.com/", listed(), ""]
    whole = Chain(chain_steps(["url"]), loaded)
    documents = pa.Table.from_pylist([{"url": url, "text": "a"} for url in urls], schema=SCHEMA)
    assert by_address(urls, screen(["url"], looks=False), loaded)[1] == "url.banned_words"
    assert (
        by_address(urls, screen(["url"], looks=False), loaded)
        == whole.apply(documents).verdict.reason.to_pylist()
    )
    assert by_address(urls, screen(["url", "language"], url=False), loaded) == [None] * 3


def test_everything_that_decides_is_in_the_fingerprint() -> None:
    whole = screen()
    variants = [
        screen(words=0.5),
        screen(other_language=0.6),
        screen(language_margin=0.1),
        screen(url=False),
        screen(["language", "url", {"gopher_quality": {"min_words": 50}}]),
        screen(["url", {"language": {"min_score": 0.6}}, "gopher_quality"]),
        screen(["url", "language", {"gopher_quality": {"min_words": 40}}]),
        screen([{"url": {"min_soft_words": 1}}, "language", "gopher_quality"]),
        screen(looks=False),
    ]
    assert all(decisive(one) != decisive(whole) for one in variants)
    # What no look depends on: other thresholds, and those of a question that is off.
    assert decisive(screen(["url", "language", {"gopher_quality": {"max_words": 9}}])) == decisive(whole)
    assert decisive(
        screen([{"url": {"min_soft_words": 1}}, "language", "gopher_quality"], url=False)
    ) == decisive(screen(url=False))
    lists = (["url", {"language": {"min_score": score}}] for score in (0.5, 0.6))
    first, second = (screen(spec, looks=False) for spec in lists)
    assert decisive(first) == decisive(second)


def extracted(rows: list[dict[str, Any]]) -> pa.Table:
    types = (pa.string(), pa.int64(), pa.int64(), pa.string(), pa.float64())
    fields = [pa.field(name, type_) for name, type_ in zip((REASON, *COLUMNS), types, strict=True)]
    return pa.Table.from_pylist(rows, schema=pa.schema([*SCHEMA, *fields]))


@pytest.fixture(scope="module")
def chain() -> Chain:
    steps = chain_steps(FINEWEB)
    names = ("url_lists", "public_suffixes", "lid176", "english_tokenizer")
    return Chain(steps, {name: assets.load(name) for name in names})


def test_screened_documents_keep_what_was_seen_and_nothing_else(chain: Chain) -> None:
    english = "The house stands on the hill, and people walk there to see what the sea has brought. " * 8
    rows = [
        {"id": "a", "url": "http://example.com/", "text": english},
        {"id": "b", "url": "http://example.com/b", REASON: "language.language"}
        | dict(zip(COLUMNS, (900, 120, "de", 0.98), strict=True)),
        {"id": "c", "url": listed(), REASON: "url.subwords"},
        {"id": "d", "url": "http://example.com/d", "text": "too short"},
    ]
    applied = chain.apply(extracted(rows))
    found = {row["id"]: row for row in applied.documents.to_pylist()}
    assert list(found) == ["a", "b", "c", "d"]
    assert applied.verdict.keep.tolist()[0]
    reasons = applied.verdict.reason.to_pylist()
    assert reasons[1] == "language.language"
    assert reasons[2].startswith("url.")
    assert applied.verdict.reasons.to_pylist()[1] == ["language.language"]
    assert (found["b"]["language"], found["b"]["language_score"]) == ("de", 0.98)
    assert (found["b"]["gopher_quality_words"], found["b"]["extract_characters"]) == (120, 900)
    assert [found[id_]["extract_bytes"] for id_ in "abcd"] == [len(english), None, None, len("too short")]
    assert found["b"]["url_domain"] == 0
    assert found["b"]["gopher_quality_stop_words"] is None
    assert found["c"]["language"] is None
    alone = chain.apply(extracted([rows[0], rows[3]]).drop_columns([REASON, *COLUMNS])).documents
    assert applied.documents.filter(pa.array([True, False, False, True])).to_pylist() == alone.to_pylist()
    again = chain.decide(applied.documents)
    assert again.reasons.equals(applied.verdict.reasons)
    assert [one.failed for one in chain.explain(found["c"]) if one.column == "language"] == [False]


def test_all_and_none_screened(chain: Chain) -> None:
    row = {"id": "b", "url": "http://example.com/b", REASON: "extract.empty", "cascade_characters": 0}
    assert chain.apply(extracted([row])).verdict.reason.to_pylist() == ["extract.empty"]
    assert chain.apply(extracted([])).documents.num_rows == 0


def test_what_was_not_measured_fails_no_rule() -> None:
    wanted = Rule("language", "language", "not_in", ("en",), "")
    assert fails(np.array(["en", None, "de"], object), wanted).tolist() == [False, False, True]
    short = Rule("short", "words", "<", 50, "")
    assert fails(np.array([10.0, np.nan]), short).tolist() == [True, False]


def test_edits_alone_give_the_text_that_measuring_gives(chain: Chain) -> None:
    text = (
        "A sentence that ends here and is long enough.\nno end\nAnother sentence that ends here, long enough."
    )
    documents = pa.Table.from_pylist([{"id": "a", "url": "", "text": text}], schema=SCHEMA)
    edited = chain.edited(documents).to_pylist()
    assert edited == chain.apply(documents).documents["text"].to_pylist()
    assert edited != [text]


def test_rows_are_put_in_order() -> None:
    one, two = pa.table({"a": ["x", "z"]}), pa.table({"a": ["y"]})
    assert in_order([(one, np.array([1, 3])), (two, np.array([2]))])["a"].to_pylist() == ["x", "y", "z"]
