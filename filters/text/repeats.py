"""Which n-grams of words occur twice in a text, level by level, exactly and without hashing whole n-grams.

An n-gram occurs twice only if the (n-1)-gram at its beginning and the one at its end do. So each level numbers the
pairs (number of the (n-1)-gram, last word) where both occur twice and forgets those met once: on ordinary text little
is left after the third level. Time is linear in words at each level, for every text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]


@compiled("void(int64[::1], int32[::1], int64, int32[::1])")
def _known_twice(offsets: Array, ids: Array, distinct: int, out: Array) -> None:
    counts = np.zeros(distinct + 1, np.int32)
    for text in range(len(offsets) - 1):
        for i in range(offsets[text], offsets[text + 1]):
            counts[ids[i]] += 1
        for i in range(offsets[text], offsets[text + 1]):
            out[i] = ids[i] if counts[ids[i]] > 1 else -1
        for i in range(offsets[text], offsets[text + 1]):
            counts[ids[i]] = 0


@compiled("void(int64[::1], int32[::1], int32[::1], int64, int32[::1])")
def _longer(offsets: Array, shorter: Array, ids: Array, n: int, out: Array) -> None:
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    bits = 4
    while (1 << bits) < 2 * longest:
        bits += 1
    mask = (1 << bits) - 1
    slots = np.full(1 << bits, -1, np.int32)
    keys = np.zeros(longest, np.uint64)
    used = np.zeros(longest, np.int64)
    counts = np.zeros(longest, np.int32)
    for text in range(len(offsets) - 1):
        start, end = offsets[text], offsets[text + 1]
        found = 0
        for i in range(start, end):
            out[i] = -1
            if i + n > end or shorter[i] < 0 or shorter[i + 1] < 0:
                continue
            key = (np.uint64(shorter[i]) << np.uint64(32)) | np.uint64(ids[i + n - 1])
            mixed = key * np.uint64(0x9E3779B97F4A7C15)
            slot = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))
            while slots[slot] >= 0 and keys[slots[slot]] != key:
                slot = (slot + 1) & mask
            if slots[slot] < 0:
                slots[slot], keys[found], used[found] = found, key, slot
                found += 1
            out[i] = slots[slot]
            counts[slots[slot]] += 1
        if found:
            for i in range(start, end):
                if out[i] >= 0 and counts[out[i]] == 1:
                    out[i] = -1
            for k in range(found):
                slots[used[k]] = -1
                counts[k] = 0


@compiled("void(int64[::1], int32[::1], int64[::1], int64[::1])")
def _most_frequent(offsets: Array, grams: Array, position: Array, times: Array) -> None:
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    counts = np.zeros(longest, np.int64)
    for text in range(len(offsets) - 1):
        position[text], times[text] = offsets[text], 1
        for i in range(offsets[text], offsets[text + 1]):
            if grams[i] >= 0:
                counts[grams[i]] += 1
        for i in range(offsets[text], offsets[text + 1]):
            if grams[i] >= 0 and counts[grams[i]] > times[text]:
                position[text], times[text] = i, counts[grams[i]]
        for i in range(offsets[text], offsets[text + 1]):
            if grams[i] >= 0:
                counts[grams[i]] = 0


@compiled("void(int64[::1], int32[::1], int64[::1], int64, int64[::1])")
def _covered(offsets: Array, grams: Array, lengths: Array, n: int, out: Array) -> None:
    for text in range(len(offsets) - 1):
        size, done = 0, offsets[text]
        for i in range(offsets[text], offsets[text + 1]):
            if grams[i] >= 0:
                for k in range(max(done, i), i + n):
                    size += lengths[k]
                done = i + n
        out[text] = size


def levels(offsets: Array, ids: Array, distinct: int, most: int) -> Iterator[tuple[int, Array]]:
    """(n, numbers) for n = 2 ... most: int32 [words], for each word the number of the n-gram that begins there.

    Numbers are equal exactly where n-grams of one text are, below the text's words, in order of first
    occurrence; -1 where the n-gram occurs once or reaches beyond its text. `ids` are int32 below `distinct`,
    `offsets` the texts' words. The array of a level is not changed later.
    """
    grams = np.empty(len(ids), np.int32)
    _known_twice(offsets, ids, distinct, grams)
    for n in range(2, most + 1):
        longer = np.empty(len(ids), np.int32)
        _longer(offsets, grams, ids, n, longer)
        grams = longer
        yield n, grams


def most_frequent(offsets: Array, grams: Array) -> tuple[Array, Array]:
    """For each text where its most frequent n-gram is first met, and how often; the first one met of several.

    Where no n-gram occurs twice: the text's first word and 1.
    """
    position, times = np.zeros(len(offsets) - 1, np.int64), np.zeros(len(offsets) - 1, np.int64)
    _most_frequent(offsets, grams, position, times)
    return position, times


def covered(offsets: Array, grams: Array, lengths: Array, n: int) -> Array:
    """For each text the summed lengths of the words that lie in an n-gram that occurs twice, each word once."""
    out = np.zeros(len(offsets) - 1, np.int64)
    _covered(offsets, grams, lengths, n, out)
    return out
