"""A stable 64-bit hash of byte strings in compiled loops, for long lists that are looked up by hash.

FNV-1a over the bytes, then the finalising mix of SplitMix64 so that all bits depend on all bytes. With n names in a
list a name that is not in it is taken for one with probability n / 2**64: below 1e-12 for five million hosts. Not
for use against an adversary, who could construct two names of one hash; that would cost such a name its own page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]


@compiled("uint64(uint8[::1], int64, int64)")
def _hash(data: Array, start: int, end: int) -> Any:
    value = np.uint64(14695981039346656037)
    for i in range(start, end):
        value = (value ^ np.uint64(data[i])) * np.uint64(1099511628211)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@compiled("void(uint8[::1], int64[::1], uint64[::1])")
def _hash_parts(data: Array, offsets: Array, out: Array) -> None:
    for i in range(len(out)):
        out[i] = _hash(data, offsets[i], offsets[i + 1])


@compiled("int64(uint8[::1], uint64[::1])")
def _hash_lines(data: Array, out: Array) -> int:
    """Hashes of the stripped lines that do not begin with `#`; returns how many."""
    count, start, size = 0, 0, len(data)
    while start < size:
        end = start
        while end < size and data[end] != 10 and data[end] != 13:
            end += 1
        first, last = start, end
        while first < last and data[first] <= 32:
            first += 1
        while last > first and data[last - 1] <= 32:
            last -= 1
        if last > first and data[start] != 35:
            out[count] = _hash(data, first, last)
            count += 1
        start = end + 1
    return count


def hash_strings(strings: Sequence[str]) -> Array:
    """The hash of each string's UTF-8 bytes, uint64."""
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in encoded])]).astype(np.int64)
    out = np.zeros(len(encoded), np.uint64)
    _hash_parts(np.frombuffer(bytearray(b"".join(encoded)), np.uint8), offsets, out)
    return out


def hash_lines(data: bytes) -> Array:
    """Sorted hashes of the lines of a list; blank lines and lines that begin with `#` are left out."""
    out = np.zeros(data.count(b"\n") + data.count(b"\r") + 1, np.uint64)
    count = _hash_lines(np.frombuffer(bytearray(data), np.uint8), out)
    hashes = np.sort(out[:count])  # np.unique takes a hundred times as long
    return hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])] if count else hashes
