"""Spans show what the rules count: what they cover is what was measured."""

from __future__ import annotations

from typing import Any

import pytest

from filters import FILTERS, gopher_quality, gopher_repetition
from filters.batch import Batch
from filters.spans import english_words, repeated_ngrams, top_ngram

TEXT = (
    "The quick brown fox jumps over the lazy dog 1 2 3 . The quick brown fox jumps over the lazy dog again.\n"
    "100% of 7 things -- are 12.5 or 13. The quick brown fox sleeps, and the quick brown cat does not.\n"
) * 2


def characters(text: str, spans: list[tuple[int, int]], spaces: bool) -> int:
    """Of the words in the spans, with the spaces between them or without."""
    inside = [
        sum(end - start for start, end in english_words(text) if span[0] <= start and end <= span[1])
        for span in spans
    ]
    words = [sum(span[0] <= start and end <= span[1] for start, end in english_words(text)) for span in spans]
    return sum(inside) + (sum(number - 1 for number in words) if spaces else 0)


@pytest.mark.parametrize("n", gopher_repetition.REPEATED)
def test_repeated_ngrams_cover_what_is_measured(n: int) -> None:
    settings = gopher_repetition.Settings()
    measured = gopher_repetition.measure(Batch([TEXT]), settings, {})[f"gopher_repetition_dup_{n}_gram"][0]
    spans = gopher_repetition.spans(TEXT, f"dup_{n}_gram", settings)
    assert spans
    assert characters(TEXT, spans, spaces=False) / len(TEXT) == pytest.approx(measured, rel=1e-12)


@pytest.mark.parametrize("text", [TEXT, "Copyright 2012 David Carey, Inc.", "one two"])
@pytest.mark.parametrize("n", gopher_repetition.TOP)
def test_the_top_ngram_covers_what_is_measured(n: int, text: str) -> None:
    settings = gopher_repetition.Settings()
    measured = gopher_repetition.measure(Batch([text]), settings, {})[f"gopher_repetition_top_{n}_gram"][0]
    spans = gopher_repetition.spans(text, f"top_{n}_gram", settings)
    assert characters(text, spans, spaces=True) / len(text) == pytest.approx(measured, rel=1e-12)


def test_words_without_a_letter_and_long_ones() -> None:
    settings: Any = gopher_quality.Settings(max_word_length=6)
    measured = gopher_quality.measure(Batch([TEXT]), settings, {})["gopher_quality_alphabetic_words"][0]
    bare = gopher_quality.spans(TEXT, "alphabetic_words", settings)
    assert 1 - len(bare) / len(english_words(TEXT)) == pytest.approx(measured, rel=1e-12)
    assert gopher_quality.spans(TEXT, "long_words", settings) == []
    wide: Any = gopher_quality.Settings(max_word_length=5)
    assert {TEXT[slice(*span)] for span in gopher_quality.spans(TEXT, "long_words", wide)} == {
        "things",
        "sleeps",
    }


def test_nothing_repeats() -> None:
    text = "one two three four five six"
    assert repeated_ngrams(text, english_words(text), 5) == []
    assert [text[slice(*span)] for span in top_ngram(text, english_words(text), 2)] == ["one two"]
    assert top_ngram("", [], 2) == repeated_ngrams("", [], 5) == []


def test_words_of_any_script_have_no_spans_here() -> None:
    for name in ("gopher_repetition", "gopher_quality"):
        settings = FILTERS[name].settings(words="unicode")
        for rule in ("top_2_gram", "dup_5_gram", "alphabetic_words"):
            if any(one.name == rule for one in FILTERS[name].rules(settings)):
                assert FILTERS[name].spans(TEXT, rule, settings) == []
