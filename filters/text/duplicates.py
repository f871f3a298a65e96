"""Lines and paragraphs that are copies of an earlier one of the same text, in compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import SPACE, Parts, traits

Array = np.ndarray[Any, Any]

_PRIME = np.uint64(1099511628211)
_HALF = np.uint64(32)


@compiled("uint64(uint32[::1], int64, int64)", bare=True)
def _key(codes: Array, start: int, end: int) -> Any:
    """A hash of a span, two characters at a time."""
    key, i = np.uint64(14695981039346656037) ^ np.uint64(end - start), start
    while i + 1 < end:
        key = (key ^ (np.uint64(codes[i]) | np.uint64(codes[i + 1]) << _HALF)) * _PRIME
        key ^= key >> _HALF
        i += 2
    if i < end:
        key = (key ^ np.uint64(codes[i])) * _PRIME
        key ^= key >> _HALF
    return key


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], int64[::1], int64, int64, uint64[::1], int64[::1], int64[::1],"
    " int64[:, ::1])",
    bare=True,
)
def _copies(
    codes: Array,
    wanted: Array,
    starts: Array,
    ends: Array,
    text: int,
    mask: int,
    keys: Array,
    firsts: Array,
    stamps: Array,
    out: Array,
) -> None:
    """Adds the copies among the parts `wanted` of one text, and their characters, to `out[:, text]`."""
    for part in wanted:
        size = ends[part] - starts[part]
        key = _key(codes, starts[part], ends[part])
        slot = np.int64(key & np.uint64(mask))
        copy = False
        while stamps[slot] == text + 1 and not copy:
            other = firsts[slot]
            copy = keys[slot] == key and ends[other] - starts[other] == size
            for i in range(size):
                if not copy:
                    break
                copy = codes[starts[other] + i] == codes[starts[part] + i]
            if not copy:
                slot = (slot + 1) & mask
        if copy:
            out[0, text] += 1
            out[1, text] += size
        else:
            stamps[slot], keys[slot], firsts[slot] = text + 1, key, part


@compiled("void(uint32[::1], int64[::1], int64[::1], int64[::1], boolean[::1], int64[:, ::1])")
def _count(codes: Array, offsets: Array, starts: Array, ends: Array, counted: Array, out: Array) -> None:
    most = np.int64(1)
    for text in range(len(offsets) - 1):
        most = max(most, offsets[text + 1] - offsets[text])
    room = np.int64(16)
    while room < 2 * most:
        room *= 2
    keys, firsts, stamps = np.empty(room, np.uint64), np.empty(room, np.int64), np.zeros(room, np.int64)
    wanted = np.empty(most, np.int64)
    for text in range(len(offsets) - 1):
        count = 0
        for part in range(offsets[text], offsets[text + 1]):
            if counted[part]:
                wanted[count] = part
                count += 1
        mask = 15
        while mask + 1 < 2 * count:
            mask = 2 * mask + 1
        if count > 1:
            _copies(codes, wanted[:count], starts, ends, text, mask, keys, firsts, stamps, out)


def copies(codes: Array, parts: Parts, counted: Array) -> tuple[Array, Array]:
    """Parts of each text that are copies of an earlier one, and their characters, of those that are `counted`."""
    out = np.zeros((2, len(parts.offsets) - 1), np.int64)
    _count(codes, parts.offsets, parts.starts, parts.ends, counted, out)
    return out[0], out[1]


@compiled("int64(uint32[::1], int64[::1], uint16[::1], int64[::1], int64[::1], int64[::1])", bare=True)
def _paragraphs(codes: Array, bounds: Array, table: Array, offsets: Array, starts: Array, ends: Array) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        start, end = bounds[text], bounds[text + 1]
        while start < end and table[codes[start]] & SPACE:
            start += 1
        while end > start and table[codes[end - 1]] & SPACE:
            end -= 1
        i = start
        while i < end:
            if codes[i] == 10 and codes[i + 1] == 10:
                starts[count], ends[count] = start, i
                count += 1
                while codes[i] == 10:
                    i += 1
                start = i
            else:
                i += 1
        if start < end:
            starts[count], ends[count] = start, end
            count += 1
        offsets[text + 1] = count
    return count


def paragraphs(codes: Array, bounds: Array) -> Parts:
    """The parts of each text, white space at its ends apart, between runs of two or more newlines."""
    most = int(np.count_nonzero(codes == 10)) // 2 + len(bounds)
    offsets = np.zeros(len(bounds), np.int64)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    count = _paragraphs(codes, bounds, traits(), offsets, starts, ends)
    return Parts(offsets, starts[:count].copy(), ends[:count].copy())
