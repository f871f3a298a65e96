"""MinHash signatures of word n-grams (Broder 1997), with datasketch's permutations.

A word is hashed once where it stands in the column's UTF-8 buffer; an n-gram's hash is a polynomial in its words'
hashes, so no n-gram string is ever built. The permutations are those of `datasketch.MinHash(scheme="affine32")`:
given the same 32-bit n-gram hashes the signature equals datasketch's (tested). Bands of rows make the
locality-sensitive hash: two documents with Jaccard s meet with probability 1 - (1 - s^rows)^bands.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

from pipeline.dedup.settings import MinHashSettings

Array = np.ndarray

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_POLYNOMIAL = np.uint64(0x9E3779B97F4A7C15)
_EMPTY = np.uint32(0xFFFFFFFF)


@lru_cache
def permutations(count: int, seed: int) -> tuple[Array, Array]:
    """The multipliers and offsets (uint32) that datasketch draws for `count` permutations."""
    from datasketch import MinHash

    multipliers, offsets = MinHash(num_perm=count, seed=seed, scheme="affine32").permutations
    return np.ascontiguousarray(multipliers), np.ascontiguousarray(offsets)


@njit("uint64(uint64)", cache=True)
def _mix64(value: Any) -> Any:
    # MurmurHash3's 64-bit finalizer: every input bit reaches every output bit.
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@njit("uint32(uint32)", cache=True)
def _mix32(value: Any) -> Any:
    # Its 32-bit one. Numba widens a product of two 32-bit numbers, so each is cut again.
    value = np.uint32(np.uint32(value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    value = np.uint32(np.uint32(value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@njit("int64(uint8[::1], int64, int64, uint64[::1])", cache=True)
def _hash_words(data: Array, start: int, end: int, out: Array) -> int:
    count = 0
    value = _FNV_OFFSET
    inside = False
    for position in range(start, end):
        byte = data[position]
        if byte == 32:
            if inside:
                out[count] = _mix64(value)
                count += 1
            value = _FNV_OFFSET
            inside = False
        else:
            value = (value ^ np.uint64(byte)) * _FNV_PRIME
            inside = True
    if inside:
        out[count] = _mix64(value)
        count += 1
    return count


@njit("uint32[::1](uint64[::1], int64, int64)", cache=True)
def _hash_ngrams(words: Array, count: int, ngram: int) -> Array:
    # A text shorter than one n-gram is one n-gram itself.
    width = min(ngram, count)
    total = count - width + 1 if count else 0
    out = np.empty(total, dtype=np.uint32)
    for first in range(total):
        value = np.uint64(width)
        for step in range(width):
            value = value * _POLYNOMIAL + words[first + step]
        out[first] = np.uint32(_mix64(value) >> np.uint64(32))
    return out


@njit("void(uint32[::1], uint32[::1], uint32[::1], uint32[::1])", cache=True)
def _minima(hashes: Array, multipliers: Array, offsets: Array, out: Array) -> None:
    out[:] = _EMPTY
    for index in range(hashes.shape[0]):
        mixed = _mix32(hashes[index])
        for row in range(out.shape[0]):
            value = np.uint32(multipliers[row] * mixed + offsets[row])
            out[row] = min(out[row], value)


@njit("uint32[:,::1](uint8[::1], int64[::1], int64, uint32[::1], uint32[::1])", cache=True)
def _signatures(data: Array, offsets: Array, ngram: int, multipliers: Array, additions: Array) -> Array:
    documents = offsets.shape[0] - 1
    out = np.empty((documents, multipliers.shape[0]), dtype=np.uint32)
    longest = 1
    for document in range(documents):
        longest = max(longest, offsets[document + 1] - offsets[document])
    words = np.empty(longest // 2 + 1, dtype=np.uint64)
    for document in range(documents):
        count = _hash_words(data, offsets[document], offsets[document + 1], words)
        _minima(_hash_ngrams(words, count, ngram), multipliers, additions, out[document])
    return out


def signature_of_hashes(hashes: Array, settings: MinHashSettings) -> Array:
    """Signature (uint32, bands x rows) of a set of 32-bit hashes."""
    multipliers, offsets = permutations(settings.bands * settings.rows, settings.seed)
    out = np.empty(len(multipliers), dtype=np.uint32)
    _minima(np.ascontiguousarray(hashes, dtype=np.uint32), multipliers, offsets, out)
    return out


def signatures(normal: pa.Array, settings: MinHashSettings) -> Array:
    """Signatures (documents, bands x rows) of normal forms; a text without words has all ones."""
    column = normal.combine_chunks() if isinstance(normal, pa.ChunkedArray) else normal
    if not len(column):
        return np.empty((0, settings.bands * settings.rows), dtype=np.uint32)
    large = column.cast(pa.large_string())  # of a slice it may begin at another offset than the slice
    _, offsets_buffer, data_buffer = large.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[large.offset : large.offset + len(large) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    multipliers, additions = permutations(settings.bands * settings.rows, settings.seed)
    writable = np.array(offsets, dtype=np.int64)
    return _signatures(np.require(data, requirements="C"), writable, settings.ngram, multipliers, additions)


def band_keys(signature_rows: Array, band: int, settings: MinHashSettings) -> Array:
    """One 64-bit key a document for one band: equal keys mean equal rows."""
    rows = signature_rows[:, band * settings.rows : (band + 1) * settings.rows].astype(np.uint64)
    key = np.full(len(rows), np.uint64(band), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for row in range(rows.shape[1]):
            key = (key * _POLYNOMIAL) ^ rows[:, row]
            key ^= key >> np.uint64(29)
            key *= np.uint64(0xBF58476D1CE4E5B9)
            key ^= key >> np.uint64(32)
    return key


def similarity(one: Array, other: Array) -> Array:
    """Estimated Jaccard of paired signatures: the share of equal minima (standard error at most .5/sqrt(rows))."""
    return np.asarray((one == other).mean(axis=1), dtype=np.float64)
