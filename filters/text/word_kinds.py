"""What kinds of words there are, as flag bits, from tables over code points; and ids of given words."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text import layout
from filters.text.punctuation import SENTENCE_END, SYMBOLS
from filters.text.words import ALPHABETIC, PUNCTUATION, SENTENCE_MARK, SYMBOL_ONLY, Words

Array = np.ndarray[Any, Any]

_ALL = np.uint8(SYMBOL_ONLY | PUNCTUATION)


@functools.cache
def kinds() -> Array:
    """The flag bits of a word of one character, for every code point."""
    traits = layout.traits()
    table = np.zeros(len(traits), np.uint8)
    table[(traits & layout.LETTER) != 0] |= ALPHABETIC
    table[(traits & layout.PUNCTUATION) != 0] |= PUNCTUATION
    table[[ord(mark) for mark in SYMBOLS]] |= SYMBOL_ONLY
    table[[ord(mark) for mark in SENTENCE_END]] |= SENTENCE_MARK
    return table


@compiled("void(uint32[::1], int64[::1], int64[::1], uint8[::1], uint8[::1])")
def _flags(codes: Array, starts: Array, ends: Array, kinds: Array, out: Array) -> None:
    for word in range(len(starts)):
        all_of, any_of = _ALL, np.uint8(0)
        for i in range(starts[word], ends[word]):
            all_of &= kinds[codes[i]]
            any_of |= kinds[codes[i]]
        flags = all_of | (any_of & np.uint8(ALPHABETIC))
        if ends[word] - starts[word] == 1:
            flags |= any_of & np.uint8(SENTENCE_MARK)
        out[word] = flags


def flags(codes: Array, starts: Array, ends: Array) -> Array:
    """The flag bits of words, uint8."""
    out = np.zeros(len(starts), np.uint8)
    _flags(codes, np.ascontiguousarray(starts), np.ascontiguousarray(ends), kinds(), out)
    return out


@compiled("void(uint32[::1], int64[::1], int64[::1], uint32[::1], int64[::1], int64[::1])")
def _find(codes: Array, starts: Array, ends: Array, wanted: Array, bounds: Array, out: Array) -> None:
    for word in range(len(starts)):
        size = ends[word] - starts[word]
        for number in range(len(bounds) - 1):
            if bounds[number + 1] - bounds[number] == size:
                same = True
                for i in range(size):
                    if codes[starts[word] + i] != wanted[bounds[number] + i]:
                        same = False
                        break
                if same:
                    out[number] = word


def find(words: Words, wanted: Sequence[str]) -> Array:
    """The id of each wanted word, int64, -1 where no text has it."""
    out = np.full(len(wanted), -1, np.int64)
    codes, bounds = layout.code_points(wanted)
    _find(words.codes, words.starts[words.first], words.ends[words.first], codes, bounds, out)
    return out
