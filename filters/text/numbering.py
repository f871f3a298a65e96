"""Numbers for the spans of a batch, equal exactly where their characters are.

Spans of at most eight ASCII characters, nine words in ten, are compared as one 64-bit number that holds their
characters; longer ones by a hash and then by their characters. The table grows with the different spans, so that it
stays in the processor's cache. Cost: some 40 ns a word, linear.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]

_PACKED = 8
_LONG = np.uint64(1 << 63)
_GOLDEN = np.uint64(11400714819323198485)


@compiled("uint64(uint32[::1], int64, int64)", bare=True)
def _key(codes: Array, start: int, end: int) -> Any:
    """The characters themselves where they fit, with their number; else a hash with the highest bit."""
    size = end - start
    if size <= _PACKED:
        key, all_bits = np.uint64(size), np.uint32(0)
        for i in range(start, end):
            key = (key << np.uint64(7)) | np.uint64(codes[i])
            all_bits |= codes[i]
        if all_bits < 128:
            return key
    key = np.uint64(14695981039346656037)
    for i in range(start, end):
        key = (key ^ np.uint64(codes[i])) * np.uint64(1099511628211)
        key ^= key >> np.uint64(29)
    return key | _LONG


@compiled("void(uint64[::1], int64, uint64[::1], int32[::1])", bare=True)
def _refill(keys: Array, count: int, table: Array, numbers: Array) -> None:
    mask = len(table) - 1
    numbers[:] = -1
    for number in range(count):
        slot = np.int64((keys[number] * _GOLDEN) >> np.uint64(32)) & mask
        while numbers[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot], numbers[slot] = keys[number], number


@compiled(
    "int64(uint32[::1], int64[::1], int64[::1], int64, int64, int32[::1], int64[::1], uint64[::1], uint64[::1],"
    " int32[::1])",
    bare=True,
)
def _number(
    codes: Array,
    starts: Array,
    ends: Array,
    begin: int,
    count: int,
    ids: Array,
    first: Array,
    keys: Array,
    table: Array,
    numbers: Array,
) -> int:
    """Numbers spans from `begin` on until the table is half full or all are done; the next span."""
    mask = len(table) - 1
    for span in range(begin, len(starts)):
        if 2 * count > mask:
            return span
        start, end = starts[span], ends[span]
        key = _key(codes, start, end)
        slot = np.int64((key * _GOLDEN) >> np.uint64(32)) & mask
        while True:
            known = numbers[slot]
            if known < 0:
                table[slot], numbers[slot] = key, count
                keys[count], first[count], ids[span] = key, span, count
                count += 1
                break
            if table[slot] == key:
                same = True
                if key & _LONG:
                    other = starts[first[known]]
                    same = ends[first[known]] - other == end - start
                    for i in range(end - start):
                        if not same:
                            break
                        same = codes[other + i] == codes[start + i]
                if same:
                    ids[span] = known
                    break
            slot = (slot + 1) & mask
    return len(starts)


def numbered(codes: Array, starts: Array, ends: Array) -> tuple[Array, Array]:
    """Ids of spans in order of first use, int32 [spans], and for each id the first span that has it, int64."""
    spans = len(starts)
    ids, first, keys = np.empty(spans, np.int32), np.empty(spans, np.int64), np.empty(spans, np.uint64)
    done, count, size = 0, 0, 1024
    while done < spans:
        size *= 4
        table, numbers = np.empty(size, np.uint64), np.empty(size, np.int32)
        _refill(keys, count, table, numbers)
        done = _number(codes, starts, ends, done, count, ids, first, keys, table, numbers)
        count = int(ids[:done].max(initial=-1)) + 1
    return ids, first[:count].copy()
