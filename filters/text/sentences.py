"""Sentences as spaCy's rule-based splitter counts them, from words and the white space between them.

A sentence ends after a token that is a sentence mark; further marks and punctuation still belong to it, and the next
other token begins the next sentence. White space is a token too, unless it is one space between or behind words.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text import word_kinds
from filters.text.words import PUNCTUATION, SENTENCE_MARK, Words

Array = np.ndarray[Any, Any]

_MARK, _PUNCTUATION = np.uint8(SENTENCE_MARK), np.uint8(PUNCTUATION)


@compiled("boolean(uint32[::1], int64, int64)", bare=True)
def _is_token(codes: Array, start: int, end: int) -> bool:
    """Whether the white space between two words, or behind the last one, is a token."""
    return end - start > 1 or (end - start == 1 and codes[start] != 32)


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1])", bare=True
)
def _count(
    codes: Array, starts: Array, ends: Array, word_starts: Array, word_ends: Array, kinds: Array, out: Array
) -> None:
    word = 0
    for line in range(len(starts)):
        while word < len(word_starts) and word_starts[word] < starts[line]:
            word += 1
        sentences, ended, place, first = 1, False, starts[line], True
        while word < len(word_starts) and word_starts[word] < ends[line]:
            if ended and not first and _is_token(codes, place, word_starts[word]):
                sentences += 1
                ended = False
            kind = kinds[codes[word_starts[word]]]
            if word_ends[word] - word_starts[word] == 1 and kind & _MARK:
                ended = True
            elif ended:
                for i in range(word_starts[word] + 1, word_ends[word]):
                    kind &= kinds[codes[i]]
                if not kind & _PUNCTUATION:
                    sentences += 1
                    ended = False
            place, first = word_ends[word], False
            word += 1
        if ended and _is_token(codes, place, ends[line]):
            sentences += 1
        out[line] = sentences


def sentence_counts(words: Words, starts: Array, ends: Array) -> Array:
    """Sentences in each of some spans of `words.codes`, in order; a span without words counts as one. int64."""
    out = np.zeros(len(starts), np.int64)
    _count(words.codes, starts, ends, words.starts, words.ends, word_kinds.kinds(), out)
    return out
