from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.sentences import sentence_counts
from filters.text.words import WordSplitter


@pytest.fixture(scope="module")
def oracle() -> Any:
    """datatrove's own English sentence splitter."""
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    return load_word_tokenizer("en")


def count(splitter: WordSplitter, line: str) -> int:
    words = splitter.split([line])
    return int(sentence_counts(words, np.array([0]), np.array([len(line)]))[0])


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("One. Two! Three? Four", 4),
        ('He said "stop." Then he left.', 2),
        ("No end here", 1),
        ("Dots... and more", 1),  # an ellipsis is one token, and not a mark
        ("Done. )", 1),
        ("Done.  )", 2),  # the second space is a token of its own
        ("Done.", 1),
        ("Done. ", 1),
        ("Done.  ", 2),
        ("", 1),
    ],
)
def test_sentences_by_hand(splitter: WordSplitter, oracle: Any, line: str, sentences: int) -> None:
    assert count(splitter, line) == sentences
    assert max(len(oracle.span_tokenize(line)), 1) == sentences


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(["one", "Two", ".", "!", "?", ")", '"', " ", " ", "\t", "\xa0", "..."]), max_size=14
    )
)
def test_sentences_are_datatroves(splitter: WordSplitter, oracle: Any, parts: list[str]) -> None:
    line = "".join(parts)
    assert count(splitter, line) == max(len(oracle.span_tokenize(line)), 1)
