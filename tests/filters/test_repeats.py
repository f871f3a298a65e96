"""Repeated n-grams equal those that counting all n-grams finds."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text import repeats
from tests.growth import assert_linear

MOST = 6


def arrays(texts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    return offsets, np.array([word for text in texts for word in text], np.int32)


def test_by_hand() -> None:
    # a b c a b d a b: `a b` three times; the second text has none
    offsets, ids = arrays([[0, 1, 2, 0, 1, 3, 0, 1], [0, 1]])
    levels = dict(repeats.levels(offsets, ids, 4, 3))
    assert levels[2].tolist() == [0, -1, -1, 0, -1, -1, 0, -1, -1, -1]
    assert levels[3].tolist() == [-1] * 10
    position, times = repeats.most_frequent(offsets, levels[2])
    assert (position.tolist(), times.tolist()) == ([0, 8], [3, 1])
    lengths = np.array([1, 10, 100, 1, 10, 100, 1, 10, 1, 1], np.int64)
    assert repeats.covered(offsets, levels[2], lengths, 2).tolist() == [33, 0]


def test_covered_words_count_once() -> None:
    offsets, ids = arrays([[0, 0, 0, 0]])  # `a a` occurs three times, over four words
    levels = dict(repeats.levels(offsets, ids, 1, 2))
    assert repeats.covered(offsets, levels[2], np.ones(4, np.int64), 2).tolist() == [4]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), max_size=30), min_size=1, max_size=3))
def test_equals_counting(texts: list[list[int]]) -> None:
    offsets, ids = arrays(texts)
    for n, grams in repeats.levels(offsets, ids, 4, MOST):
        for text, words in enumerate(texts):
            found = grams[offsets[text] : offsets[text + 1]].tolist()
            all_grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
            counts = Counter(all_grams)
            numbers: dict[int, tuple[int, ...]] = {}
            for i, number in enumerate(found):
                twice = i < len(all_grams) and counts[all_grams[i]] > 1
                assert (number >= 0) is twice
                if twice:
                    assert numbers.setdefault(number, all_grams[i]) == all_grams[i]
            assert len(numbers) == sum(count > 1 for count in counts.values())
            position, times = repeats.most_frequent(offsets, grams)
            if any(count > 1 for count in counts.values()):
                best, count = counts.most_common(1)[0]
                assert times[text] == count
                assert all_grams[position[text] - offsets[text]] == best


def test_linear() -> None:
    def work(size: int) -> None:
        offsets, ids = arrays([[0, 1] * size])
        for n, grams in repeats.levels(offsets, ids, 2, 10):
            repeats.covered(offsets, grams, np.ones(len(ids), np.int64), n)
            repeats.most_frequent(offsets, grams)

    assert_linear(work, 20_000)
