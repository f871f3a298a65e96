from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text import layout, numbering
from tests.growth import assert_linear


def numbers(words: list[str]) -> tuple[list[int], list[int]]:
    codes, bounds = layout.code_points(words)
    ids, first = numbering.numbered(codes, bounds[:-1], bounds[1:])
    return ids.tolist(), first.tolist()


@settings(deadline=None)
@given(st.lists(st.text("ab\x00é字", max_size=3) | st.text("ab", min_size=7, max_size=10), max_size=80))
def test_ids_are_equal_exactly_where_words_are(words: list[str]) -> None:
    ids, first = numbers(words)
    order = {word: number for number, word in enumerate(dict.fromkeys(words))}
    assert ids == [order[word] for word in words]
    assert first == [words.index(word) for word in order]


def test_tables_grow_with_the_vocabulary() -> None:
    words = [f"word{i * 7919 % 20_011}" for i in range(50_000)]
    ids, first = numbers(words)
    assert len(first) == 20_011
    assert [words[first[number]] for number in ids] == words


def test_many_words_take_linear_time() -> None:
    def work(size: int) -> None:
        codes = np.arange(65, 65 + size, dtype=np.uint32) % 50_000
        at = np.arange(0, size - 3, dtype=np.int64)
        numbering.numbered(codes, at, at + 3)

    assert_linear(work, 40_000)
