from __future__ import annotations

import string
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text import layout, word_kinds
from filters.text.chunks import MARKS_TIMES_LENGTH, is_long_row
from filters.text.words import ALPHABETIC, PUNCTUATION, SENTENCE_MARK, SYMBOL_ONLY, WordSplitter
from pipeline import assets


@pytest.fixture(scope="module")
def oracle() -> Any:
    """datatrove's own English word tokenizer."""
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    return load_word_tokenizer("en")


def words_of(splitter: WordSplitter, text: str) -> list[str]:
    words = splitter.split([text])
    return [words.texts[i] for i in words.ids]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "I don't think it's John's; he'd've gone to the U.S. at 10a.m., cannot he?",
        '"Well-known" (see e.g. p. 5) costs $5,000.50, i.e. £3.2m... or 60%!',
        "http://example.com/a?b=c user@example.com :) :-( foo:) ) x:) :) 8) <3 O.o",
        "Wait…what?! ‘Quoted’ “text” — dash–dash -- a/b and/or w/o c++ C# #tag",
        "Это просто текст. 这是一个句子。これは文です。 L'économie d'état",
        "vs. etc. Mr. Smith Ph.D. Inc., Corp.). word.) word). word.” (word) [1] a. b.",
        "foo:)\n) and foo:) )\nInc.,  'em 's ain't. IS_ALPHA",
    ],
)
def test_words_are_spacys(splitter: WordSplitter, oracle: Any, text: str) -> None:
    assert words_of(splitter, text) == oracle.word_tokenize(text)


PIECES = st.one_of(
    st.sampled_from(
        [
            "don't",
            "can't",
            "I'm",
            "e.g.",
            "U.S.",
            ":)",
            ":(",
            "):",
            "(:",
            ";",
            "'s",
            "'",
            '"',
            "(",
            ")",
            "[",
            "]",
            ".",
            "..",
            "...",
            ",",
            "-",
            "--",
            "/",
            "a.m.",
            "10",
            "3.5",
            "km",
            "5km",
            "and/or",
            "'em",
            "Inc.",
            "D",
            ":D",
            "x",
            "xD",
            "—",
            "…",
            "$",
            "%",
            "#",
            "Mr.",
            "cannot",
            "gonna",
            "o.O",
            "8)",
            "<3",
            "é",
            "ß",
            "汉字",
            "слово",
            "•",
            "’s",
            "“",
            "”",
        ]
    ),
    st.text(string.ascii_letters, min_size=1, max_size=6),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(PIECES, st.sampled_from(["", "", " ", "  ", "\n", "\t", "\xa0"])), max_size=12))
def test_made_up_text_is_split_like_spacys(
    splitter: WordSplitter, oracle: Any, parts: list[tuple[str, str]]
) -> None:
    text = "".join(piece + gap for piece, gap in parts)
    assert words_of(splitter, text) == oracle.word_tokenize(text)


MARKS = "aAzsS019.,;:!?()[]{}'\"’“”-–—/\\$€%&@#*_~<>=+…°éß中あ\u200b"


@settings(max_examples=1500, deadline=None)
@given(st.text(MARKS, min_size=1, max_size=14))
def test_marks_in_any_order_are_split_like_spacys(splitter: WordSplitter, oracle: Any, text: str) -> None:
    assert words_of(splitter, text) == oracle.word_tokenize(text)


def test_real_text_is_split_like_spacys(
    splitter: WordSplitter, oracle: Any, real_texts: list[tuple[str, str]]
) -> None:
    texts = [text for _, text in real_texts[:80]]
    words = splitter.split(texts)
    for row, text in enumerate(texts):
        ids = words.ids[words.offsets[row] : words.offsets[row + 1]]
        assert [words.texts[i] for i in ids] == oracle.word_tokenize(text)


def test_memory_does_not_change_words(splitter: WordSplitter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filters.text.words.MAX_CHUNKS", 3)
    small = WordSplitter(assets.load("english_tokenizer"))
    for text in ("a:) b:) c:) d:) e:) x-a.", "e:) (six):) x-a.", "x:) a:)"):
        before = small.split([text])
        assert words_of(splitter, text) == [before.texts[i] for i in before.ids]
        assert 0 < len(small._remembered) < 4


def test_words_of_a_batch_share_ids_and_offsets(splitter: WordSplitter) -> None:
    words = splitter.split(["a b a", "", "b"])
    assert words.offsets.tolist() == [0, 3, 3, 4]
    assert words.ids[0] == words.ids[2] != words.ids[1] == words.ids[3]
    assert words.counts().tolist() == [3, 0, 1]
    assert words.total(np.ones(4, np.int64)).tolist() == [3, 0, 1]


@pytest.mark.parametrize(
    ("word", "flags"),
    [
        ("word", ALPHABETIC),
        ("w1", ALPHABETIC),
        ("12", 0),
        ("…", SYMBOL_ONLY | PUNCTUATION),
        (".", SYMBOL_ONLY | SENTENCE_MARK | PUNCTUATION),
        ("...", SYMBOL_ONLY | PUNCTUATION),
        ("$", SYMBOL_ONLY),
        ("।", SYMBOL_ONLY | SENTENCE_MARK | PUNCTUATION),
        ("汉字", ALPHABETIC),
    ],
)
def test_word_flags(word: str, flags: int) -> None:
    codes = layout.code_points([word])[0]
    assert word_kinds.flags(codes, np.array([0]), np.array([len(word)])).tolist() == [flags]


def test_ids_of_given_words(splitter: WordSplitter) -> None:
    words = splitter.split(["the cat", "and the dog"])
    found = word_kinds.find(words, ["dog", "the", "absent", "do"])
    assert [words.texts[i] for i in found[:2]] == ["dog", "the"]
    assert found[2:].tolist() == [-1, -1]


def test_character_sets_are_those_of_datatrove_and_spacy() -> None:
    from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION
    from spacy.pipeline.sentencizer import Sentencizer

    from filters.text import punctuation

    assert punctuation.SYMBOLS == PUNCTUATION_SET
    assert punctuation.TERMINAL == TERMINAL_PUNCTUATION
    assert set(Sentencizer.default_punct_chars) == punctuation.SENTENCE_END


@pytest.mark.parametrize(
    "unit", ["!", "a-", "a.", "1.1.1.", "aB3+/", "'", ":)", "$5", "'s", "汉", "http://a.b/"]
)
def test_splitting_hostile_text_takes_linear_time(splitter: WordSplitter, unit: str) -> None:
    text = unit * (40_000 // len(unit))
    begin = time.process_time()
    splitter.split([text])
    assert time.process_time() - begin < 3


def test_long_rows_of_marks_are_split_by_the_linear_rule(splitter: WordSplitter) -> None:
    assert MARKS_TIMES_LENGTH < 300 * 300
    assert [is_long_row(row) for row in ("*" * 300, "*" * 100, "a" * 300)] == [True, False, False]
    assert words_of(splitter, "*" * 300) == ["*"] * 300
    assert words_of(splitter, "-" * 300 + "ab1" + "." * 300) == ["-" * 300, "ab1", "." * 300]
