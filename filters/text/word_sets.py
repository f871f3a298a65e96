"""Sets of words and of strings to find in code points, for compiled loops.

A word set is a hash table of 64-bit hashes: a word that is not in it is taken for one with probability n / 2**64.
`Needles` are strings searched for anywhere in a text, ASCII letters in either case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.text.layout import Parts

Array = np.ndarray[Any, Any]

_FNV, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
_ASCII = 128
MOST_NEEDLES = 64


def codes_of(word: str) -> Array:
    """A string as uint32 code points."""
    return np.frombuffer(bytearray(word.encode("utf-32-le", "surrogatepass")), np.uint32)


@compiled("uint64(uint32[::1], int64, int64)")
def hash_codes(codes: Array, start: int, end: int) -> Any:
    """A hash of `codes[start:end]`, never 0 in practice."""
    key = _FNV
    for i in range(start, end):
        key = (key ^ np.uint64(codes[i])) * _PRIME
        key ^= key >> np.uint64(29)
    return key


@compiled("boolean(uint64[::1], uint64)")
def among(table: Array, key: Any) -> bool:
    """Whether a hash is in a table that `word_set` made."""
    mask = np.uint64(len(table) - 1)
    slot = key & mask
    while table[slot] != 0:
        if table[slot] == key:
            return True
        slot = (slot + np.uint64(1)) & mask
    return False


def word_set(words: Iterable[str]) -> Array:
    """A hash table of words, uint64, a power of two of slots, at most half full, 0 where a slot is free."""
    keys = {int(hash_codes(codes, 0, len(codes))) for codes in map(codes_of, words)}
    size = 16
    while size < 2 * len(keys):
        size *= 2
    table = np.zeros(size, np.uint64)
    for key in sorted(keys):
        slot = key & (size - 1)
        while table[slot]:
            slot = (slot + 1) & (size - 1)
        table[slot] = key
    return table


class Needles(NamedTuple):
    """Strings of at least two ASCII characters, lower case, in one array, sorted by their first two characters."""

    codes: Array  # uint32, one needle after the other
    bounds: Array  # int64 [needles + 1]
    bits: Array  # uint64 [needles]: 1 << its place in the order given
    first: Array  # int32 [128 * 128 + 1]: the needles that begin with two characters


def needles(strings: Sequence[str]) -> Needles:
    """At most 64 needles. ValueError for other than lower-case ASCII of two characters or more."""
    if len(strings) > MOST_NEEDLES or any(
        len(one) < 2 or not one.isascii() or one != one.lower() for one in strings
    ):
        raise ValueError("needles are at most 64 strings of two or more ASCII characters, in lower case")
    order = sorted(range(len(strings)), key=lambda i: (strings[i][:2], i))
    found = [strings[i] for i in order]
    pairs = np.array([ord(one[0]) * _ASCII + ord(one[1]) for one in found], np.int64)
    return Needles(
        codes_of("".join(found)),
        np.cumsum([0, *map(len, found)]).astype(np.int64),
        np.array([1 << i for i in order], np.uint64),
        np.searchsorted(pairs, np.arange(_ASCII * _ASCII + 1)).astype(np.int32),
    )


@compiled("uint32(uint32)")
def folded(code: int) -> Any:
    """The code point in lower case, as far as that is ASCII."""
    if 65 <= code <= 90:
        return np.uint32(code + 32)
    return np.uint32(107) if code == 0x212A else np.uint32(code)  # the Kelvin sign


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], uint32[::1], int64[::1], uint64[::1], int32[::1], uint64[::1])"
)
def _found(
    codes: Array,
    starts: Array,
    ends: Array,
    wanted: Array,
    bounds: Array,
    bits: Array,
    first: Array,
    out: Array,
) -> None:
    for part in range(len(starts)):
        here = np.int64(_ASCII)
        for i in range(starts[part], ends[part] - 1):
            if i == starts[part]:
                here = np.int64(folded(codes[i]))
            after = np.int64(folded(codes[i + 1]))
            if here < _ASCII and after < _ASCII:
                pair = here * _ASCII + after
                for needle in range(first[pair], first[pair + 1]):
                    size = bounds[needle + 1] - bounds[needle]
                    same = i + size <= ends[part]
                    k = 2
                    while same and k < size:
                        same = folded(codes[i + k]) == wanted[bounds[needle] + k]
                        k += 1
                    if same:
                        out[part] |= bits[needle]
            here = after


def found(codes: Array, parts: Parts, wanted: Needles) -> Array:
    """Which needles occur in each part, uint64 [parts]: bit i for needle i.

    Linear in the text for any text; times the needles' length where text repeats their beginnings.
    """
    out = np.zeros(len(parts.starts), np.uint64)
    _found(codes, parts.starts, parts.ends, *wanted, out)
    return out
