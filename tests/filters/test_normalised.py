"""Normalised words are exactly what four plain steps give: delete punctuation, lower case, split, decompose."""

from __future__ import annotations

import re
import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.batch import Batch
from filters.text.normalised import Normalised, normalised
from tests.growth import assert_linear


def words_of(found: Normalised, text: int) -> list[str]:
    offsets, starts, ends = found.texts
    return [
        "".join(map(chr, found.codes[starts[i] : ends[i]])) for i in range(offsets[text], offsets[text + 1])
    ]


def made(*texts: str) -> Normalised:
    batch = Batch(texts)
    return normalised(batch.codes, batch.bounds, batch.lines)


def plain(text: str) -> list[str]:
    text = text.translate(str.maketrans("", "", string.punctuation)).lower().strip()
    return unicodedata.normalize("NFD", re.sub(r"\s+", " ", text)).split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello,  World! don't", ["hello", "world", "dont"]),
        ("... - !", []),
        ("", []),
        ("Ça", ["c\u0327a"]),
        ("ΟΔΟΣ ΣΑΣ, ΟΔΟΣ-ΑΒ", ["οδος", "σας", "οδοσαβ"]),  # a hyphen is deleted before the sigma is looked at
        ("İ한", ["i\u0307\u1112\u1161\u11ab"]),
        ("a\u0301\u0323", ["a\u0323\u0301"]),  # marks in canonical order
        ("one\u2028two\nthree", ["one", "two", "three"]),
    ],
)
def test_by_hand(text: str, words: list[str]) -> None:
    assert words_of(made(text), 0) == words


def test_words_by_line() -> None:
    found = made("one two\n\n...\nthree", "four")
    assert found.lines.offsets.tolist() == [0, 2, 2, 2, 3, 4]
    assert found.texts.offsets.tolist() == [0, 3, 4]


def test_every_character() -> None:
    texts = ["".join(map(chr, range(0xD800))), "".join(map(chr, range(0xE000, 0x110000)))]
    texts.append("".join(f"a{chr(code)}b " for code in range(0xD800)))
    found = made(*texts)
    for i, text in enumerate(texts):
        assert words_of(found, i) == plain(text)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text("aΣσΑ.'-İI é\u0301\u0323\u0345\u0327한\n\t\u2000\u212aǅ,ͺ:·", max_size=40), max_size=4)
)
def test_equals_the_plain_steps(texts: list[str]) -> None:
    found = made(*texts)
    assert [words_of(found, i) for i in range(len(texts))] == [plain(text) for text in texts]


@pytest.mark.parametrize("unit", ["\u0301\u0323", "Σ", "word. ", "'", "한"])
def test_linear_on_any_text(unit: str) -> None:
    assert_linear(lambda size: made(unit * size), 20_000)
