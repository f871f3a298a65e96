"""Word sets hold exactly their words, and needles are found wherever Python finds them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.batch import Batch
from filters.text.word_sets import among, codes_of, found, hash_codes, needles, word_set
from tests.growth import assert_linear

WANTED = ("ab", "abab", "ba.", "bb", "a a")


def holds(table: np.ndarray, word: str) -> bool:
    codes = codes_of(word)
    return bool(among(table, hash_codes(codes, 0, len(codes))))


def test_a_word_set_has_its_words_and_no_other() -> None:
    words = [f"word{i}" for i in range(1000)]
    table = word_set([*words, "word1"])
    assert len(table) >= 2000
    assert all(holds(table, word) for word in words)
    assert not any(holds(table, f"words{i}") for i in range(1000))
    assert not holds(word_set([]), "a")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("abAB. \u212a", max_size=20), min_size=1, max_size=4))
def test_needles(texts: list[str]) -> None:
    batch = Batch(["\n".join(texts)])
    bits = found(batch.codes, batch.lines, needles(WANTED))
    for text, mask in zip(texts, bits.tolist(), strict=True):
        assert mask == sum(1 << i for i, one in enumerate(WANTED) if one in text.lower())


def test_the_kelvin_sign_is_a_k() -> None:
    batch = Batch(["coo\u212aie"])
    assert found(batch.codes, batch.lines, needles(["cookie"])).tolist() == [1]


@pytest.mark.parametrize("strings", [["a"], ["Ab"], ["é!"], ["ab"] * 65])
def test_other_needles_are_refused(strings: list[str]) -> None:
    with pytest.raises(ValueError, match="at most 64"):
        needles(strings)


def test_linear() -> None:
    wanted = needles(["ab" * 50 + "c"])

    def work(size: int) -> None:
        batch = Batch(["ab" * size])
        found(batch.codes, batch.lines, wanted)

    assert_linear(work, 5_000)
