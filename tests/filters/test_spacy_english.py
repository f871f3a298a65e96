"""The compiled rules against the tokenizer's own patterns, special cases and words."""

from __future__ import annotations

import functools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text import layout
from filters.text.spacy_english import addresses, affixes, tables
from filters.text.spacy_english.strings import find, packed
from filters.text.words import WordSplitter
from pipeline import assets

# Marks that take part in rules, letters and digits of several scripts, and pieces of units and currencies.
MARKS = (
    "aAbsSkmKUC019.,;:!?()[]{}'\"’“”-–—~/\\$€£%&@#*_^<>=+…°éÉßñΩжЖ中あएब২²µ©™☃\u200b\U0001f600\U00020000|§¿·"
)
PIECES = (
    *MARKS,
    *MARKS,
    "US$",
    "C$",
    "km",
    "km²",
    "m/s",
    "hPa",
    "..",
    "...",
    "--",
    "——",
    "'s",
    "’S",
    "5",
    "12",
    "://",
)
SPANS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)


@functools.cache
def rules() -> tuple[Any, tables.Tables]:
    pipeline = assets.load("english_tokenizer")
    return pipeline.tokenizer, tables.tables(pipeline)


def codes_of(text: str) -> Any:
    return layout.code_points([text])[0]


def ours(text: str) -> tuple[int, int, list[tuple[int, int]]]:
    _, known = rules()
    codes, size = codes_of(text), len(text)
    found, at = [], 0
    while at < size:
        width = affixes.infix(codes, 0, at, size, known.classes)
        if width:
            found.append((at, at + width))
        at += max(width, 1)
    return (
        affixes.prefix(codes, 0, size, known.classes),
        affixes.suffix(codes, 0, size, known.classes, known.rules),
        found,
    )


def theirs(text: str) -> tuple[int, int, list[tuple[int, int]]]:
    tokenizer, _ = rules()
    return (
        tokenizer.find_prefix(text),
        tokenizer.find_suffix(text),
        [match.span() for match in tokenizer.infix_finditer(text)],
    )


@settings(max_examples=3000, deadline=None)
@given(SPANS)
def test_affixes_and_infixes_are_those_of_the_patterns(text: str) -> None:
    assert ours(text) == theirs(text)


def test_every_character_has_its_classes() -> None:
    tokenizer, known = rules()
    characters = [
        chr(code) for code in (*range(0x21, 0x3300), *range(0xA000, 0xAC00), *range(0xD7A0, 0xD800))
    ]
    characters += [
        chr(code) for code in (*range(0xE000, 0xE010), *range(0xF900, 0x10200), *range(0x1F000, 0x20010))
    ]
    for character in characters:
        if character.isspace():
            continue
        codes = codes_of(character)
        assert affixes.prefix(codes, 0, 1, known.classes) == tokenizer.find_prefix(character), character
        for around in (character, f"{character}.", f"A{character}.", f"a{character}A", f"5{character}"):
            assert ours(around) == theirs(around), around


HOST_PIECES = (
    *(
        ".",
        ".",
        ".",
        "a",
        "b1",
        "com",
        "中",
        "x-",
        "_",
        "@",
        ":",
        "://",
        "http",
        "80",
        "/",
        "?",
        "#",
        "1",
        "255",
    ),
    *("10", "é", "É", "ক", "২", "\U00020000", ".co", "user", "example.com", "1.2.3.4", "٣"),
)
HOSTS = st.lists(st.sampled_from(HOST_PIECES), min_size=1, max_size=9).map("".join)


@settings(max_examples=5000, deadline=None)
@given(HOSTS)
def test_addresses_are_those_of_the_pattern(text: str) -> None:
    tokenizer, known = rules()
    found = addresses.address(codes_of(text), 0, len(text), known.classes)
    if found == addresses.UNSURE:
        assert text.count(".") >= 3
    else:
        assert (found == addresses.YES) == bool(tokenizer.url_match(text))


@pytest.mark.parametrize("size", [1, 2, 62, 63, 64, 65, 66])
def test_lengths_of_host_names(size: int) -> None:
    tokenizer, known = rules()
    for text in (f"{'a' * size}.com", f"a.{'a' * size}", f"a.com:{'1' * min(size, 8)}"):
        found = addresses.address(codes_of(text), 0, len(text), known.classes)
        assert (found == addresses.YES) == bool(tokenizer.url_match(text)), text


def test_every_special_case_in_every_place(splitter: WordSplitter) -> None:
    tokenizer, _ = rules()
    frames = (
        "{}",
        "({}",
        "{},",
        "“{}.",
        "“{}).",
        "well-{}",
        "{}-x",
        "a/{}",
        "{}…",
        "{}'s",
        "x{}",
        "{}x",
        "{0}{0}",
    )
    chunks = [frame.format(case) for case in tokenizer.rules if not case.isspace() for frame in frames]
    for begin in range(0, len(chunks), 2000):
        part = chunks[begin : begin + 2000]
        words = splitter.split(part)
        for row, chunk in enumerate(part):
            ids = words.ids[words.offsets[row] : words.offsets[row + 1]]
            assert [words.texts[i] for i in ids] == [token.text for token in tokenizer(chunk)], chunk


def test_marks_that_meet_are_split_like_spacys(splitter: WordSplitter) -> None:
    tokenizer, _ = rules()
    draw = random.Random(4)
    cases = [case for case in tokenizer.rules if not case.isspace()]
    for _ in range(300):
        text = "".join(draw.choice([draw.choice(PIECES), draw.choice(cases), " "]) for _ in range(12))
        words = splitter.split([text])
        expected = [token.text for token in tokenizer(text) if not token.text.isspace()]
        assert [words.texts[i] for i in words.ids] == expected, text


def test_strings_are_found_and_others_not() -> None:
    values = ["a", "ab", "abc", "don't", "字"]
    table = packed(values, 0)
    for number, value in enumerate(values):
        codes = codes_of(f"x{value}x")
        assert find(codes, 1, 1 + len(value), table, 0) == number
        assert find(codes, 1, 2 + len(value), table, 0) == -1
        assert find(codes, 1, 1, table, 0) == -1
    assert find(codes_of("longer than any"), 0, 15, table, 0) == -1
