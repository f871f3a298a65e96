from __future__ import annotations

import time
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text import ngrams
from filters.text.words import Words, WordSplitter


def top_by_hand(words: list[str], n: int) -> int:
    grams = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not grams:
        return 0
    gram, times = Counter(grams).most_common(1)[0]
    return len(gram) * times


def repeated_by_hand(words: list[str], n: int) -> int:
    seen: set[str] = set()
    characters = position = 0
    while position <= len(words) - n:
        gram = "".join(words[position : position + n])
        if gram in seen:
            characters += len(gram)
            position += n
        else:
            seen.add(gram)
            position += 1
    return characters


def measures(words: Words, n: int) -> tuple[list[int], list[int]]:
    sizes = tuple(range(2, n + 1))
    return (
        ngrams.top_ngram_characters(words, sizes)[-1].tolist(),
        ngrams.repeated_ngram_characters(words, sizes)[-1].tolist(),
    )


def test_by_hand(splitter: WordSplitter) -> None:
    words = splitter.split(["a b a b a b", "ab c a bc", "one two", ""])
    top, repeated = measures(words, 2)
    assert top == [9, 4, 7, 0]  # "a b" three times; the first of equals, "ab c"; "one two"; none
    assert repeated == [4, 3, 0, 0]  # a b | b a | a b again | a b again; "ab c" and "a bc" join alike


def test_words_longer_than_the_table_of_powers(splitter: WordSplitter) -> None:
    long = "x" * 5000
    words = splitter.split([f"{long} y {long} y z"])
    assert measures(words, 2) == ([2 * 5002], [5001])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "ab", "ba", "aé", "é", "字"]), max_size=60), max_size=4),
    st.integers(2, 6),
)
def test_like_the_plain_definition(splitter: WordSplitter, texts: list[list[str]], n: int) -> None:
    words = splitter.split([" ".join(text) for text in texts])
    top, repeated = measures(words, n)
    assert top == [top_by_hand(text, n) for text in texts]
    assert repeated == [repeated_by_hand(text, n) for text in texts]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["abcdefgh", "abcd", "efgh", "abcdefghabcd", "efghabcd", "x"]), max_size=80),
    st.integers(2, 10),
)
def test_long_joined_characters_are_equal_however_they_are_cut(
    splitter: WordSplitter, words: list[str], n: int
) -> None:
    text = splitter.split([" ".join(words)])
    assert measures(text, n) == ([top_by_hand(words, n)], [repeated_by_hand(words, n)])


def test_sizes_that_are_not_asked_for_are_passed_over(splitter: WordSplitter) -> None:
    words = splitter.split(["a b c a b c", "a"])
    assert ngrams.top_ngram_characters(words, (3, 5)).tolist() == [[10, 0], [9, 0]]
    assert ngrams.repeated_ngram_characters(words, (2, 4)).tolist() == [[2, 0], [0, 0]]


def test_many_words_take_linear_time(splitter: WordSplitter) -> None:
    words = splitter.split([" ".join(f"w{i * i % 5003}" for i in range(200_000))])
    begin = time.process_time()
    measures(words, 10)
    assert time.process_time() - begin < 2
