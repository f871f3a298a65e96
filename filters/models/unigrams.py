"""How often words occur in a reference corpus, and how far a page's words are from that.

A word is a run of letters and marks, with apostrophes inside, in lower case and canonically decomposed; runs with
digits are left out, for reference lists treat numbers in their own ways. Languages written without spaces have no such
words. Words are compared by 64-bit hashes. Turkish capital I is read as i, and a final sigma as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.text.layout import LETTER, MARK, NUMERIC, code_points, traits
from filters.text.normalised import mapping

Array = np.ndarray[Any, Any]

_LIMIT = 0x110000
_FNV, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
_FINAL_SIGMA, _SIGMA = np.uint32(0x3C2), np.uint32(0x3C3)

# Columns of `distances`.
TOKENS, CROSS_ENTROPY, KL, DIVERGENCE, UNKNOWN = range(5)


class Unigrams(NamedTuple):
    """A reference distribution as a hash table with a power of two of slots, at most half full."""

    keys: Array  # uint64, 0 where a slot is free
    shares: Array  # float32, sums to 1
    floor: float  # the share that an unknown word is taken to have: half the smallest one


@compiled("uint64(uint64, uint32)")
def _mix(key: Any, code: int) -> Any:
    key = (key ^ np.uint64(code)) * _PRIME
    return key ^ (key >> np.uint64(29))


@compiled("int64(uint32[::1], int64[::1], uint16[::1], uint32[::1], uint32[::1], int64[::1], uint64[::1])")
def _tokens(
    codes: Array, bounds: Array, table: Array, mapped: Array, longer: Array, offsets: Array, out: Array
) -> int:
    """Hashes of the words of each text; returns how many."""
    count = 0
    for text in range(len(bounds) - 1):
        end, inside, numbers, key = bounds[text + 1], False, False, _FNV
        for i in range(bounds[text], end + 1):
            bits = table[codes[i]] if i < end else np.uint16(0)
            if bits & LETTER or (inside and bits & MARK):
                inside = True
                code = mapped[codes[i]]
                if code < _LIMIT:
                    key = _mix(key, _SIGMA if code == _FINAL_SIGMA else code)
                else:
                    for k in range(np.int64(longer[code - _LIMIT])):
                        key = _mix(key, longer[code - _LIMIT + k + 1])
                continue
            if bits & NUMERIC:
                inside, numbers = True, True
                continue
            if (
                inside
                and i + 1 < end
                and (codes[i] == 39 or codes[i] == 0x2019)
                and table[codes[i + 1]] & LETTER
            ):
                key = _mix(key, np.uint32(39))
                continue
            if inside and not numbers:
                out[count] = key
                count += 1
            inside, numbers, key = False, False, _FNV
        offsets[text + 1] = count
    return count


def tokens(codes: Array, bounds: Array) -> tuple[Array, Array]:
    """Offsets of each text's words, int64 [texts + 1], and the hashes of all words, uint64."""
    rules = mapping()
    offsets, out = np.zeros(len(bounds), np.int64), np.empty(len(codes) // 2 + len(bounds), np.uint64)
    count = _tokens(codes, bounds, traits(), rules.table, rules.longer, offsets, out)
    return offsets, out[:count].copy()


@compiled("void(uint64[::1], float64[::1], uint64[::1], float32[::1])")
def _fill(hashes: Array, shares: Array, keys: Array, values: Array) -> None:
    mask = np.uint64(len(keys) - 1)
    for i in range(len(hashes)):
        slot = hashes[i] & mask
        while keys[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot] = hashes[i]
        values[slot] = shares[i]


def unigrams(hashes: Array, weights: Array) -> Unigrams:
    """A reference of words given by hash, each with a weight above 0; weights of one word add up.

    ValueError if there is no word.
    """
    if not len(hashes):
        raise ValueError("a reference of no words")
    distinct, which = np.unique(hashes, return_inverse=True)
    sums = np.bincount(which, weights)
    size = 16
    while size < 2 * len(distinct):
        size *= 2
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.float32)
    shares = sums / sums.sum()
    _fill(distinct, shares, keys, values)
    return Unigrams(keys, values, float(shares.min()) / 2)


def of_texts(texts: Sequence[str]) -> Unigrams:
    """The reference distribution of some texts: every word weighs 1. ValueError if they have no words."""
    _, hashes = tokens(*code_points(texts))
    return unigrams(hashes, np.ones(len(hashes)))


def of_words(words: Sequence[str], weights: Sequence[float]) -> Unigrams:
    """The reference distribution of a list of words; what is not exactly one word here is left out."""
    offsets, hashes = tokens(*code_points(words))
    one = np.diff(offsets) == 1
    return unigrams(hashes[offsets[:-1][one]], np.asarray(weights, np.float64)[one])


@compiled("void(int64[::1], uint64[::1], uint64[::1], float32[::1], float64, float64[:, ::1])")
def _distances(offsets: Array, hashes: Array, keys: Array, shares: Array, floor: float, out: Array) -> None:
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    bits = 4
    while (1 << bits) < 2 * longest:
        bits += 1
    mask, known = np.uint64((1 << bits) - 1), np.uint64(len(keys) - 1)
    slots, counts = np.full(1 << bits, -1, np.int64), np.zeros(longest, np.int64)
    words, used = np.zeros(longest, np.uint64), np.zeros(longest, np.uint64)
    for text in range(len(offsets) - 1):
        row, found, total = out[text], 0, offsets[text + 1] - offsets[text]
        for i in range(offsets[text], offsets[text + 1]):
            slot = hashes[i] & mask
            while slots[slot] >= 0 and words[slots[slot]] != hashes[i]:
                slot = (slot + np.uint64(1)) & mask
            if slots[slot] < 0:
                slots[slot], words[found], used[found], counts[found] = found, hashes[i], slot, 0
                found += 1
            counts[slots[slot]] += 1
        covered = 0.0
        for k in range(found):
            slots[used[k]] = -1
            share, slot = counts[k] / total, words[k] & known
            while keys[slot] != 0 and keys[slot] != words[k]:
                slot = (slot + np.uint64(1)) & known
            reference = np.float64(shares[slot]) if keys[slot] else 0.0
            covered += reference
            middle = (share + reference) / 2
            row[CROSS_ENTROPY] -= share * np.log2(reference if reference > 0 else floor)
            row[KL] += share * np.log2(share / (reference if reference > 0 else floor))
            row[DIVERGENCE] += share / 2 * np.log2(share / middle)
            if reference > 0:
                row[DIVERGENCE] += reference / 2 * np.log2(reference / middle)
            else:
                row[UNKNOWN] += share
        if total:
            row[TOKENS] = total
            row[DIVERGENCE] += max(1.0 - covered, 0.0) / 2


def distances(codes: Array, bounds: Array, reference: Unigrams) -> Array:
    """For each text, float64 [texts, 5]: words; cross-entropy and KL divergence from the reference in bits a word;
    Jensen-Shannon divergence in bits, 0 to 1; share of words that the reference does not have. All 0 without words.
    """
    offsets, hashes = tokens(codes, bounds)
    out = np.zeros((len(bounds) - 1, 5))
    _distances(offsets, hashes, *reference, out)
    return out
