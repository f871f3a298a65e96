"""Repeated n-grams of words, in compiled loops over word ids and characters.

Gopher's Table A1 (Rae et al. 2021) asks for the share of characters in the most frequent n-gram and in n-grams that
were seen before. The loops follow datatrove's definitions: the top n-gram is the first one seen among the most
frequent, counted with the spaces between its words; repeated n-grams are found greedily from the left without
overlap, two n-grams being equal when their joined characters are, and counted without spaces.

All sizes of a text are measured together. An n-gram can only be frequent where the one a word shorter is; joined
characters can only come again where the first `_PROBE` of them do. So most n-grams are never looked up. Time
is linear in characters for every text, some 25 us for a page of 750 words and nine sizes; results are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.words import Words

Array = np.ndarray[Any, Any]

_PROBE = 16
_BASE = np.uint64(0x9E3779B97F4A7C15 | 5)
_GOLDEN = np.uint64(11400714819323198485)
_POWERS = 256  # powers of the base that lie ready; longer n-grams compute theirs
_HALF = np.uint64(32)


@compiled("uint64(uint64[::1], int64)", bare=True)
def _power(powers: Array, exponent: int) -> Any:
    if exponent < len(powers):
        return powers[exponent]
    result, base = np.uint64(1), powers[1]
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


@compiled("int64(int64)", bare=True)
def _mask(entries: int) -> int:
    """The mask of a hash table for some entries, at most half full."""
    bits = 4
    while (1 << bits) < 2 * entries:
        bits += 1
    return (1 << bits) - 1


@compiled(
    "int64(int32[::1], int64, int64, int32[::1], int32[::1], int32[::1], uint64[::1], int32[::1], int64[::1], int64)",
    bare=True,
)
def _count_longer(
    ids: Array,
    n: int,
    size: int,
    grams: Array,
    counts: Array,
    firsts: Array,
    keys: Array,
    numbers: Array,
    stamps: Array,
    stamp: int,
) -> int:
    """From the numbers of (n - 1)-grams to those of n-grams, -1 where one occurs once; how many were numbered."""
    mask, found = _mask(size), 0
    for i in range(size - n + 1):
        if grams[i] < 0:
            continue
        key = (np.uint64(grams[i]) << _HALF) | np.uint64(ids[i + n - 1])
        slot = np.int64((key * _GOLDEN) >> _HALF) & mask
        while stamps[slot] == stamp and keys[slot] != key:
            slot = (slot + 1) & mask
        if stamps[slot] != stamp:
            stamps[slot], keys[slot], numbers[slot] = stamp, key, found
            counts[found], firsts[found] = 0, i
            found += 1
        grams[i] = numbers[slot]
        counts[grams[i]] += 1
    for i in range(size - n + 1):
        if grams[i] >= 0 and counts[grams[i]] == 1:
            grams[i] = -1
    return found


@compiled("void(int64[::1], int32[::1], int32[::1], int64[::1], int64[:, ::1])")
def _top(offsets: Array, ids: Array, lengths: Array, sizes: Array, out: Array) -> None:
    """Characters, spaces included, times occurrences of each text's top n-gram, for ascending sizes from 2."""
    longest = np.int64(1)
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    room = np.int64(_mask(longest)) + 1
    keys, numbers, stamps = np.empty(room, np.uint64), np.empty(room, np.int32), np.zeros(room, np.int64)
    grams, counts = np.empty(longest, np.int32), np.empty(longest, np.int32)
    firsts = np.empty(longest, np.int32)
    stamp = 0
    for text in range(len(offsets) - 1):
        words = ids[offsets[text] : offsets[text + 1]]
        size = len(words)
        grams[:size] = words
        row = 0
        for n in range(2, sizes[-1] + 1):
            if n > size:
                break
            stamp += 1
            found = _count_longer(words, n, size, grams, counts, firsts, keys, numbers, stamps, stamp)
            if sizes[row] != n:
                continue
            best, at = np.int64(1), np.int64(0)
            for number in range(found):
                if counts[number] > best:
                    best, at = np.int64(counts[number]), np.int64(firsts[number])
            characters = n - 1
            for k in range(n):
                characters += lengths[words[at + k]]
            out[row, text] = best * characters
            row += 1


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], int64, int64, uint32[::1], uint64[::1], int64[::1])", bare=True
)
def _join(
    codes: Array,
    starts: Array,
    ends: Array,
    begin: int,
    end: int,
    joined: Array,
    hashes: Array,
    places: Array,
) -> None:
    """The characters of the words `begin:end` without gaps, a hash of all before each, and where words begin."""
    count, key = 0, np.uint64(0)
    for word in range(begin, end):
        places[word - begin] = count
        for i in range(starts[word], ends[word]):
            joined[count], hashes[count] = codes[i], key
            key = key * _BASE + np.uint64(codes[i]) + np.uint64(1)
            count += 1
    places[end - begin], hashes[count] = count, key


@compiled(
    "void(uint64[::1], int64[::1], int64, uint64[::1], boolean[::1], uint64[::1], int32[::1], int64[::1], int64)",
    bare=True,
)
def _probe(
    hashes: Array,
    places: Array,
    size: int,
    powers: Array,
    again: Array,
    keys: Array,
    numbers: Array,
    stamps: Array,
    stamp: int,
) -> None:
    """Marks the words whose next `_PROBE` joined characters may occur at another word too."""
    mask = _mask(size)
    for word in range(size):
        place = places[word]
        again[word] = place + _PROBE > places[size]
        if again[word]:
            continue
        key = hashes[place + _PROBE] - hashes[place] * powers[_PROBE]
        slot = np.int64((key * _GOLDEN) >> _HALF) & mask
        while stamps[slot] == stamp and keys[slot] != key:
            slot = (slot + 1) & mask
        if stamps[slot] == stamp:
            again[word] = again[numbers[slot]] = True
        else:
            stamps[slot], keys[slot], numbers[slot] = stamp, key, word


@compiled(
    "int64(uint32[::1], uint64[::1], int64[::1], int64, int64, uint64[::1], boolean[::1], uint64[::1], int32[::1],"
    " int64[::1], int64)",
    bare=True,
)
def _repeats(
    joined: Array,
    hashes: Array,
    places: Array,
    size: int,
    n: int,
    powers: Array,
    again: Array,
    keys: Array,
    numbers: Array,
    stamps: Array,
    stamp: int,
) -> int:
    """Characters of n-grams whose joined characters came before, greedily from the left, without overlap."""
    mask, repeated, word = _mask(size), 0, 0
    while word < size - n + 1:
        place = places[word]
        length = places[word + n] - place
        if length >= _PROBE and not again[word]:
            word += 1
            continue
        key = hashes[place + length] - hashes[place] * _power(powers, length)
        slot = np.int64((key * _GOLDEN) >> _HALF) & mask
        step = 1
        while stamps[slot] == stamp:
            other = np.int64(numbers[slot])
            if keys[slot] == key and places[other + n] - places[other] == length:
                same = True
                for i in range(length):
                    if joined[places[other] + i] != joined[place + i]:
                        same = False
                        break
                if same:
                    repeated += length
                    step = n
                    break
            slot = (slot + 1) & mask
        if step == 1:
            stamps[slot], keys[slot], numbers[slot] = stamp, key, word
        word += step
    return repeated


@compiled("void(int64[::1], uint32[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1])")
def _repeated(offsets: Array, codes: Array, starts: Array, ends: Array, sizes: Array, out: Array) -> None:
    longest, characters = np.int64(1), np.int64(1)
    for text in range(len(offsets) - 1):
        begin, end = offsets[text], offsets[text + 1]
        longest = max(longest, end - begin)
        if end > begin:
            characters = max(characters, ends[end - 1] - starts[begin])
    room = np.int64(_mask(longest)) + 1
    keys, numbers, stamps = np.empty(room, np.uint64), np.empty(room, np.int32), np.zeros(room, np.int64)
    joined, hashes = np.empty(characters, np.uint32), np.empty(characters + 1, np.uint64)
    places, again = np.empty(longest + 1, np.int64), np.empty(longest, np.bool_)
    powers = np.ones(_POWERS, np.uint64)
    for i in range(1, _POWERS):
        powers[i] = powers[i - 1] * _BASE
    stamp = 0
    for text in range(len(offsets) - 1):
        begin, size = offsets[text], offsets[text + 1] - offsets[text]
        _join(codes, starts, ends, begin, begin + size, joined, hashes, places)
        stamp += 1
        _probe(hashes, places, size, powers, again, keys, numbers, stamps, stamp)
        for row in range(len(sizes)):
            stamp += 1
            out[row, text] = _repeats(
                joined, hashes, places, size, sizes[row], powers, again, keys, numbers, stamps, stamp
            )


def top_ngram_characters(words: Words, sizes: Sequence[int]) -> Array:
    """Characters of each text's top n-gram times its occurrences; 0 with fewer than n words.

    int64 [sizes, texts]; sizes ascend from 2 or more.
    """
    out = np.zeros((len(sizes), len(words.offsets) - 1), np.int64)
    _top(words.offsets, words.ids, words.lengths, np.array(sizes, np.int64), out)
    return out


def repeated_ngram_characters(words: Words, sizes: Sequence[int]) -> Array:
    """Characters of each text in n-grams that came before, without overlap; int64 [sizes, texts]."""
    out = np.zeros((len(sizes), len(words.offsets) - 1), np.int64)
    _repeated(words.offsets, words.codes, words.starts, words.ends, np.array(sizes, np.int64), out)
    return out
