"""Repeated n-grams of words, in compiled loops over word ids.

Gopher's Table A1 (Rae et al. 2021) asks for the share of characters in the most frequent n-gram and in n-grams that
were seen before. The loops follow datatrove's definitions: the top n-gram is the first one seen among the most
frequent, counted with the spaces between its words; repeated n-grams are found greedily from the left without
overlap, two n-grams being equal when their joined characters are, and counted without spaces.

Joined characters are compared by a polynomial hash modulo two 31-bit primes (62 bits), which is the same however
they are cut into words. Time is linear in words, for every text.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.words import Words

Array = np.ndarray[Any, Any]

_P1, _P2 = np.uint64(2147483647), np.uint64(2147483629)
_B1, _B2 = np.uint64(1000003), np.uint64(69069 * 31 + 7)
_POWERS = 4096  # powers of the bases that lie ready; longer n-grams compute theirs


@compiled("uint64(uint64, int64, uint64)")
def _power(base: Any, exponent: Any, prime: Any) -> Any:
    result = np.uint64(1)
    while exponent > 0:
        if exponent & 1:
            result = result * base % prime
        base = base * base % prime
        exponent >>= 1
    return result


@compiled("void(uint32[::1], int64[::1], uint64[:, ::1])")
def _hash_words(characters: Array, ends: Array, out: Array) -> None:
    """Polynomial hashes of words given as code points; `out` is [words, 2]."""
    start = 0
    for word in range(len(ends)):
        first, second = np.uint64(0), np.uint64(0)
        for i in range(start, ends[word]):
            code = np.uint64(characters[i]) + np.uint64(1)
            first = (first * _B1 + code) % _P1
            second = (second * _B2 + code) % _P2
        out[word, 0], out[word, 1] = first, second
        start = ends[word]


@compiled("void(int64[::1], int32[::1], int32[::1], int64, int64[::1])")
def _top(offsets: Array, ids: Array, lengths: Array, n: int, out: Array) -> None:
    """Characters, spaces included, times occurrences of each text's top n-gram."""
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    bits = 4
    while (1 << bits) < 2 * longest:
        bits += 1
    mask = (1 << bits) - 1
    slots = np.full(1 << bits, -1, np.int64)  # first position of the n-gram
    counts = np.zeros(1 << bits, np.int64)
    used = np.empty(longest, np.int64)  # slots in order of first occurrence
    for text in range(len(offsets) - 1):
        start, end = offsets[text], offsets[text + 1]
        distinct = 0
        for i in range(start, end - n + 1):
            key = np.uint64(1469598103934665603)
            for k in range(n):
                key = (key ^ np.uint64(ids[i + k])) * np.uint64(1099511628211)
                key ^= key >> np.uint64(29)
            slot = np.int64(key & np.uint64(mask))
            while slots[slot] >= 0:
                same = True
                for k in range(n):
                    if ids[slots[slot] + k] != ids[i + k]:
                        same = False
                        break
                if same:
                    break
                slot = (slot + 1) & mask
            if slots[slot] < 0:
                slots[slot] = i
                used[distinct] = slot
                distinct += 1
            counts[slot] += 1
        best, characters = 0, 0
        for u in range(distinct):
            slot = used[u]
            if counts[slot] > best:
                best = counts[slot]
                characters = n - 1
                for k in range(n):
                    characters += lengths[ids[slots[slot] + k]]
            slots[slot] = -1
            counts[slot] = 0
        out[text] = best * characters


@compiled("void(int64[::1], int32[::1], int32[::1], uint64[:, ::1], int64, int64[::1])")
def _repeated(offsets: Array, ids: Array, lengths: Array, hashes: Array, n: int, out: Array) -> None:
    """Characters of n-grams whose joined characters came before, greedily from the left, without overlap."""
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    bits = 4
    while (1 << bits) < 2 * longest:
        bits += 1
    mask = (1 << bits) - 1
    keys = np.zeros(1 << bits, np.uint64)
    stamps = np.full(1 << bits, -1, np.int64)
    first, second = np.zeros(longest + 1, np.uint64), np.zeros(longest + 1, np.uint64)
    ends = np.zeros(longest + 1, np.int64)
    powers = np.ones((_POWERS, 2), np.uint64)
    for i in range(1, _POWERS):
        powers[i, 0] = powers[i - 1, 0] * _B1 % _P1
        powers[i, 1] = powers[i - 1, 1] * _B2 % _P2
    for text in range(len(offsets) - 1):
        start, size = offsets[text], offsets[text + 1] - offsets[text]
        for i in range(size):
            word = ids[start + i]
            length = np.int64(lengths[word])
            if length < _POWERS:
                p1, p2 = powers[length, 0], powers[length, 1]
            else:
                p1, p2 = _power(_B1, length, _P1), _power(_B2, length, _P2)
            first[i + 1] = (first[i] * p1 + hashes[word, 0]) % _P1
            second[i + 1] = (second[i] * p2 + hashes[word, 1]) % _P2
            ends[i + 1] = ends[i] + length
        repeated, i = 0, 0
        while i < size - n + 1:
            length = ends[i + n] - ends[i]
            if length < _POWERS:
                p1, p2 = powers[length, 0], powers[length, 1]
            else:
                p1, p2 = _power(_B1, length, _P1), _power(_B2, length, _P2)
            h1 = (first[i + n] + _P1 - first[i] * p1 % _P1) % _P1
            h2 = (second[i + n] + _P2 - second[i] * p2 % _P2) % _P2
            key = (h1 << np.uint64(32)) | h2
            slot = np.int64((key * np.uint64(11400714819323198485) >> np.uint64(20)) & np.uint64(mask))
            while stamps[slot] == text and keys[slot] != key:
                slot = (slot + 1) & mask
            if stamps[slot] == text:
                repeated += length
                i += n
            else:
                stamps[slot] = text
                keys[slot] = key
                i += 1
        out[text] = repeated


def word_hashes(words: Words) -> Array:
    """Hashes of the vocabulary's characters, uint64 [vocabulary, 2]; only used words are hashed."""
    hashes = np.zeros((len(words.lengths), 2), np.uint64)
    used = np.flatnonzero(np.bincount(words.ids, minlength=1))
    if len(used):
        joined = "".join([words.texts[i] for i in used.tolist()])
        characters = np.frombuffer(bytearray(joined.encode("utf-32-le", "surrogatepass")), np.uint32)
        found = np.zeros((len(used), 2), np.uint64)
        _hash_words(characters, np.cumsum(words.lengths[used], dtype=np.int64), found)
        hashes[used] = found
    return hashes


def top_ngram_characters(words: Words, n: int) -> Array:
    """For each text, characters of its top n-gram times its occurrences; 0 with fewer than n words."""
    out = np.zeros(len(words.offsets) - 1, np.int64)
    _top(words.offsets, words.ids, np.ascontiguousarray(words.lengths), n, out)
    return out


def repeated_ngram_characters(words: Words, hashes: Array, n: int) -> Array:
    """For each text, characters in n-grams that came before, without overlap."""
    out = np.zeros(len(words.offsets) - 1, np.int64)
    _repeated(words.offsets, words.ids, np.ascontiguousarray(words.lengths), hashes, n, out)
    return out
