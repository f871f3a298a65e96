"""Counts words that are in a list, by their hashes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import LETTER, Parts, code_points, traits

Array = np.ndarray[Any, Any]


@functools.cache
def folded() -> Array:
    """For every code point the one that stands for it: its small letter, one apostrophe for both. uint32 [0x110000]."""
    table = np.arange(0x110000, dtype=np.uint32)
    for code in np.flatnonzero(traits() & LETTER).tolist():
        small = chr(code).lower()
        table[code] = ord(small[0])  # of \u0130 the letter without its dot
    table[0x2019] = ord("'")
    return table


@compiled("uint64(uint32[::1], uint32[::1], int64, int64)")
def _hash(codes: Array, fold: Array, start: Any, end: Any) -> Any:
    value = np.uint64(14695981039346656037)
    for at in range(start, end):
        value = (value ^ np.uint64(fold[codes[at]])) * np.uint64(1099511628211)
        value ^= value >> np.uint64(29)
    return value


@compiled("void(uint32[::1], int64[::1], uint32[::1], uint64[::1])")
def _hashes(codes: Array, bounds: Array, fold: Array, hashes: Array) -> None:
    for word in range(len(hashes)):
        hashes[word] = _hash(codes, fold, bounds[word], bounds[word + 1])


def word_hashes(words: Sequence[str]) -> Array:
    """A 64-bit hash of each word, the same on every machine, uint64."""
    codes, bounds = code_points(words)
    hashes = np.zeros(len(words), np.uint64)
    _hashes(codes, bounds, folded(), hashes)
    return hashes


@compiled("int64(uint64[::1], int64, int64, uint64)")
def _find(hashes: Array, low: Any, high: Any, wanted: Any) -> Any:
    end = high
    while low < high:
        middle = (low + high) // 2
        if hashes[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < end and hashes[low] == wanted else -1


@compiled(
    "void(uint32[::1], uint32[::1], uint16[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], "
    "uint64[::1], int64[:, ::1])"
)
def _count(
    codes: Array,
    fold: Array,
    known: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    chosen: Array,
    list_offsets: Array,
    hashes: Array,
    counts: Array,
) -> None:
    seen = np.full(len(hashes), -1, np.int64)  # the last text with the word
    for text in range(len(offsets) - 1):
        low = list_offsets[chosen[text]] if chosen[text] >= 0 else 0
        high = list_offsets[chosen[text] + 1] if chosen[text] >= 0 else 0
        for word in range(offsets[text], offsets[text + 1]):
            letters = False
            for at in range(starts[word], ends[word]):
                letters = letters or known[codes[at]] & LETTER != 0
            if not letters:
                continue
            counts[0, text] += 1
            place = _find(hashes, low, high, _hash(codes, fold, starts[word], ends[word]))
            if place >= 0:
                counts[1, text] += 1
                if seen[place] != text:
                    seen[place] = text
                    counts[2, text] += 1


def count(
    codes: Array, parts: Parts, chosen: Array, offsets: Array, hashes: Array
) -> tuple[Array, Array, Array]:
    """Words with a letter, those in the list of their text, and how many different ones, of each text (int64).

    `chosen` numbers each text's list, -1 for none; list `i` is `hashes[offsets[i]:offsets[i + 1]]`, sorted.
    """
    counts = np.zeros((3, len(chosen)), np.int64)
    _count(
        codes, folded(), traits(), parts.offsets, parts.starts, parts.ends, chosen, offsets, hashes, counts
    )
    return counts[0], counts[1], counts[2]
