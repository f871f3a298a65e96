"""Fixed sets of strings in one array, in which compiled loops look spans of code points up.

Several sets and other tables lie in one int64 array, so that a compiled call passes one array for all of them. A set is
named by its place in the array, where six numbers stand: the length of its longest string, the mask of its hash
table, and the places of its sieve (a bit for the two end characters and the length of every string), slots (the
number of a string, or -1), bounds and characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]

HEADER = 6
LONGEST, MASK, SIEVE, SLOTS, BOUNDS, CHARACTERS = range(HEADER)
_SIEVE_WORDS = 256
_SIEVE_MASK = np.int64(_SIEVE_WORDS * 64 - 1)


@compiled("boolean(uint32[::1], int64, int64, int64[::1], int64)", bare=True)
def maybe(codes: Array, start: int, end: int, tables: Array, at: int) -> bool:
    """Whether the set may have `codes[start:end]`: a quick look, never wrong where it says no."""
    size = end - start
    if size <= 0 or size > tables[at + LONGEST]:
        return False
    bit = (np.int64(codes[start]) * 37 + np.int64(codes[end - 1]) * 1013 + size * 4099) & _SIEVE_MASK
    return (tables[tables[at + SIEVE] + (bit >> 6)] >> (bit & 63)) & 1 != 0


@compiled("int64(uint32[::1], int64, int64)", bare=True)
def _key(codes: Array, start: int, end: int) -> Any:
    key = np.uint64(14695981039346656037)
    for i in range(start, end):
        key = (key ^ np.uint64(codes[i])) * np.uint64(1099511628211)
        key ^= key >> np.uint64(29)
    return np.int64(key >> np.uint64(1))


@compiled("int64(uint32[::1], int64, int64, int64[::1], int64)", bare=True)
def find(codes: Array, start: int, end: int, tables: Array, at: int) -> int:
    """The number of the string that `codes[start:end]` is in the set at `at`, or -1."""
    if not maybe(codes, start, end, tables, at):
        return -1
    size, mask, slots, bounds = end - start, tables[at + MASK], tables[at + SLOTS], tables[at + BOUNDS]
    slot = _key(codes, start, end) & mask
    while tables[slots + slot] >= 0:
        number = tables[slots + slot]
        if tables[bounds + number + 1] - tables[bounds + number] == size:
            first = tables[at + CHARACTERS] + tables[bounds + number]
            same = True
            for i in range(size):
                if tables[first + i] != codes[start + i]:
                    same = False
                    break
            if same:
                return number
        slot = (slot + 1) & mask
    return -1


@compiled("void(uint32[::1], int64[::1], int64[::1], int64[::1])")
def _fill(characters: Array, bounds: Array, sieve: Array, slots: Array) -> None:
    mask = len(slots) - 1
    for number in range(len(bounds) - 1):
        start, end = bounds[number], bounds[number + 1]
        bit = np.int64(characters[start]) * 37 + np.int64(characters[end - 1]) * 1013 + (end - start) * 4099
        bit &= _SIEVE_MASK
        sieve[bit >> 6] |= np.int64(1) << (bit & 63)
        slot = _key(characters, start, end) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = number


def packed(values: Sequence[str], at: int) -> Array:
    """The set of some different strings, none empty, as it stands from the place `at` of an array, int64."""
    bounds = np.zeros(len(values) + 1, np.int64)
    bounds[1:] = np.cumsum([len(value) for value in values])
    characters = np.frombuffer(bytearray("".join(values).encode("utf-32-le")), np.uint32)
    slots = np.full(1 << max(4, (4 * len(values)).bit_length()), -1, np.int64)
    sieve = np.zeros(_SIEVE_WORDS, np.int64)
    _fill(characters, bounds, sieve, slots)
    parts = [sieve, slots, bounds, characters.astype(np.int64)]
    places = at + HEADER + np.concatenate([[0], np.cumsum([len(part) for part in parts[:-1]])])
    header = [max(map(len, values), default=0), len(slots) - 1, *places]
    return np.concatenate([np.array(header, np.int64), *parts])
