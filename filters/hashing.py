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


START = 14695981039346656037  # FNV-1a's: the state before the first byte


@compiled("uint64(uint64, uint64)")
def add(state: Any, byte: Any) -> Any:
    """The state after one more byte; `mixed` makes a hash of a state."""
    return (state ^ byte) * np.uint64(1099511628211)


@compiled("uint64(uint64)")
def mixed(value: Any) -> Any:
    """SplitMix64's finalising mix."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@compiled("uint64(uint8[::1], int64, int64)")
def hash_bytes(data: Array, start: int, end: int) -> Any:
    """The hash of `data[start:end]`."""
    value = np.uint64(START)
    for i in range(start, end):
        value = add(value, np.uint64(data[i]))
    return mixed(value)


@compiled("boolean(uint64[::1], uint64)")
def is_listed(hashes: Array, value: Any) -> bool:
    """Whether a sorted list of hashes holds one."""
    low, high = 0, len(hashes)
    while low < high:
        middle = (low + high) // 2
        if hashes[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low < len(hashes) and hashes[low] == value


@compiled("void(uint8[::1], int64[::1], uint64[::1])")
def _hash_parts(data: Array, offsets: Array, out: Array) -> None:
    for i in range(len(out)):
        out[i] = hash_bytes(data, offsets[i], offsets[i + 1])


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
            out[count] = hash_bytes(data, first, last)
            count += 1
        start = end + 1
    return count


def joined(strings: Sequence[str]) -> tuple[Array, Array]:
    """The UTF-8 bytes of all strings, one after the other, and their bounds, int64 [strings + 1]."""
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in encoded])]).astype(np.int64)
    return np.frombuffer(bytearray(b"".join(encoded)), np.uint8), offsets


def hash_strings(strings: Sequence[str]) -> Array:
    """The hash of each string's UTF-8 bytes, uint64."""
    data, offsets = joined(strings)
    out = np.zeros(len(strings), np.uint64)
    _hash_parts(data, offsets, out)
    return out


def draws(ids: Sequence[str], purpose: str) -> Array:
    """A number in [0, 1) for each id, float64, the same whenever it is drawn for the same purpose."""
    return (hash_strings([f"{purpose}\0{id_}" for id_ in ids]) >> np.uint64(11)) * 2.0**-53


def hash_lines(data: bytes) -> Array:
    """Sorted hashes of the lines of a list; blank lines and lines that begin with `#` are left out."""
    out = np.zeros(data.count(b"\n") + data.count(b"\r") + 1, np.uint64)
    count = _hash_lines(np.frombuffer(bytearray(data), np.uint8), out)
    hashes = np.sort(out[:count])  # np.unique takes a hundred times as long
    return hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])] if count else hashes
