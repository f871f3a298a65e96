"""Sums over n-grams, lines and paragraphs against a plain count."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filters.text import layout, repetition
from tests.growth import assert_linear

WORDS = st.lists(st.lists(st.sampled_from(["a", "b", "cc", "ddd"]), max_size=25), max_size=4)


def sums(words: list[str], n: int) -> list[int]:
    """The six sums by their definitions."""
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not grams:
        return [0] * 6
    counts, size = Counter(grams), {gram: sum(map(len, gram)) for gram in grams}
    best = max(counts.values())
    frequent = [gram for gram in counts if counts[gram] == best]  # in order of first occurrence
    longest = max(frequent, key=lambda gram: size[gram])

    def covered(wanted: set[tuple[str, ...]]) -> int:
        places = {k for i, gram in enumerate(grams) if gram in wanted for k in range(i, i + n)}
        return sum(len(words[k]) for k in places)

    repeated = {gram for gram in grams if counts[gram] > 1}
    return [
        best * size[frequent[0]],
        best * size[longest] if repeated else 0,
        covered({longest}) if repeated else 0,
        sum(counts[gram] * size[gram] for gram in repeated),
        sum(size[gram] for gram in grams),
        covered(repeated),
    ]


def measured(texts: list[list[str]]) -> np.ndarray:
    codes, bounds = layout.code_points([" ".join(words) for words in texts])
    words = layout.chunks(codes, bounds)
    return repetition.ngrams(words, layout.numbered(codes, words)[0], words.lengths())


@given(texts=WORDS)
def test_ngrams_are_counted_by_definition(texts: list[list[str]]) -> None:
    found = measured(texts)
    for row, words in enumerate(texts):
        for n in repetition.SIZES:
            assert found[row, n - 2].tolist() == sums(words, n)


def test_overlap_is_counted_once_or_often_as_said() -> None:
    found = measured([["a", "a", "a", "a"]])[0, 0]  # the pair `a a` stands three times
    assert found[repetition.TOP_FIRST] == 6
    assert found[repetition.REPEATED] == 6
    assert found[repetition.TOP_COVERED] == found[repetition.COVERED] == 4


def test_paragraphs_and_duplicates_by_hand() -> None:
    text = "\n\none\ntwo\n\n\nsix\n\none\ntwo\n"
    codes, bounds = layout.code_points([text, "", "\n\n\n"])
    found = repetition.paragraphs(codes, bounds)
    cut = [text[start:end] for start, end in zip(found.starts, found.ends, strict=True)]
    assert cut == ["one\ntwo", "six", "one\ntwo\n"]
    assert found.counts().tolist() == [3, 0, 0]
    lines = layout.lines(codes, bounds)
    ids = layout.numbered(codes, lines)[0]
    # one, two, six, one, two; then with the blank ones: before, between (2, 1) and after the paragraphs
    assert repetition.duplicates(lines, ids, lines.lengths())[0].tolist() == [5, 15, 4, 12]
    assert repetition.duplicates(lines, ids, lines.lengths(), blank=True).tolist() == [
        [11, 15, 10, 12],
        [1, 0, 0, 0],
        [4, 0, 4, 0],
    ]


def test_bytes_are_those_of_utf_8() -> None:
    texts = ["aé", "世𝔸", ""]
    codes, bounds = layout.code_points(texts)
    lines = layout.lines(codes, bounds)
    assert repetition.byte_sizes(codes, lines).tolist() == [len(text.encode()) for text in texts]


def test_hostile_text_costs_linear_time() -> None:
    assert_linear(lambda size: measured([["a"] * size]), 20_000)
    assert_linear(lambda size: measured([["a", "b"] * (size // 2)]), 20_000)
    assert_linear(lambda size: measured([[str(i % 1000) for i in range(size)]]), 20_000)
