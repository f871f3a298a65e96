"""Words are cut where Unicode's default rules cut them."""

from __future__ import annotations

import pytest

from filters.batch import Batch
from filters.text import layout, word_break
from tests.growth import assert_linear


def words(text: str, wanted: word_break.Wanted = "first") -> list[str]:
    codes, bounds = layout.code_points([text])
    found = word_break.words(codes, bounds, wanted)
    return [text[start:end] for start, end in zip(found.starts, found.ends, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, world.", ["Hello", "world"]),
        ("can't won’t 'quoted'", ["can't", "won’t", "quoted"]),  # WB6, WB7
        ("a.b a:b a,b a..b a.", ["a.b", "a:b", "a", "b", "a", "b", "a"]),
        ("3.14 1,000 1;2 1.a 5.", ["3.14", "1,000", "1;2", "1", "a", "5"]),  # WB11, WB12
        ("A1 1A x86_64 snake_case", ["A1", "1A", "x86_64", "snake_case"]),  # WB9, WB10, WB13
        ("日本語 カタカナ ひら", ["日", "本", "語", "カタカナ", "ひ", "ら"]),
        ('צה"ל צ\' א"', ['צה"ל', "צ'", "א"]),  # WB7a to WB7c
        ("e\u0301te\u0301 a\u200dbc", ["e\u0301te\u0301", "a\u200dbc"]),  # WB4
        (
            "a\u0301.\u0301b 1\u0301,\u03012",
            ["a\u0301.\u0301b", "1\u0301,\u03012"],
        ),  # marks are looked through
        ("line\r\nend\u2028next", ["line", "end", "next"]),
        ("", []),
        ("- … #", []),
    ],
)
def test_by_hand(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_words_may_need_a_letter_first_or_anywhere() -> None:
    text = "_private __ _1 plain \U0001f1e9\U0001f1ea\U0001f1eb"
    assert words(text) == ["plain"]
    assert words(text, "any") == ["_private", "_1", "plain"]


def test_texts_of_a_batch_do_not_touch() -> None:
    texts = ["a", "b", "", "'c", "1", "2"]
    found = word_break.of(batch := Batch(texts), "first")
    assert found.counts().tolist() == [1, 1, 0, 1, 1, 1]
    assert word_break.of(batch, "first") is found


def test_properties_of_code_points() -> None:
    table = word_break.table() & (word_break.PICTOGRAPH - 1)
    expected = {
        "a": word_break.A_LETTER,
        "Ⅷ": word_break.A_LETTER,
        "\u02c2": word_break.A_LETTER,
        "ก": word_break.OTHER,
        "世": word_break.OTHER,
        "ば": word_break.OTHER,
        "א": word_break.HEBREW,
        "ー": word_break.KATAKANA,
        "٣": word_break.DIGITS,
        "_": word_break.CONNECTOR,
        "\u0387": word_break.MID_LETTER,
        "\u037e": word_break.MID_NUMBER,
        ".": word_break.MID_BOTH,
        "\u0301": word_break.EXTEND,
        "\u00ad": word_break.FORMAT,
        "\xa0": word_break.OTHER,
        "\u3000": word_break.BLANK,
        "\x85": word_break.NEWLINE,
    }
    assert {character: int(table[ord(character)]) for character in expected} == expected


@pytest.mark.parametrize("unit", ["a.", "1,\u0301", "'\u0301", "\u200d", "a'", "\U0001f1e6"])
def test_hostile_text_costs_linear_time(unit: str) -> None:
    assert_linear(lambda size: words(unit * size), 20_000)
