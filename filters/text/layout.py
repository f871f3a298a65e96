"""Where the parts of a batch's texts lie: code points in one array, and chunks, lines and paragraphs as spans of it.

Every filter that counts characters, words or lines works on these arrays in compiled loops, so a part is found once a
batch and a page costs nanoseconds a character. Cost: linear in characters, some 2 ns each for every kind of part.

`Parts` are half-open spans `codes[starts[i]:ends[i]]`; text `t` owns the parts `offsets[t]:offsets[t + 1]`, in order.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]

# Traits of a code point, as bits.
SPACE = 1  # str.isspace
LINE_END = 2  # str.splitlines ends a line at it
LETTER = 4  # str.isalpha
DIGIT = 8  # Unicode category Nd
UPPER = 16  # str.isupper
LOWER = 32  # str.islower
PUNCTUATION = 64  # Unicode category P*
NUMERIC = 128  # str.isnumeric
CONTROL = 256  # categories Cc, Cf, Cs, Co and Cn (unassigned)
SYMBOL = 512  # Unicode category S*
MARK = 1024  # Unicode category M*

_LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
# Code points that may be assigned: planes 0 to 3, tags and variation selectors. Others have the trait CONTROL alone.
_ASSIGNED = ((0, 0x33480), (0xE0000, 0xE01F0))


class Parts(NamedTuple):
    """Spans of a batch's code points, by text."""

    offsets: Array  # int64 [texts + 1]
    starts: Array  # int64 [parts]
    ends: Array  # int64 [parts]

    def counts(self) -> Array:
        """Parts of each text."""
        return np.diff(self.offsets)

    def lengths(self) -> Array:
        """Code points of each part."""
        return self.ends - self.starts


def total(offsets: Array, values: Array) -> Array:
    """The sum over each text of a value per part: `values` is aligned with the parts, booleans count as 0 and 1."""
    kind = np.float64 if values.dtype.kind == "f" else np.int64
    sums = np.concatenate([np.zeros(1, kind), np.cumsum(values, dtype=kind)])
    return sums[offsets[1:]] - sums[offsets[:-1]]


def code_points(texts: Sequence[str]) -> tuple[Array, Array]:
    """All texts as uint32 code points, one after the other, and their bounds, int64 [texts + 1]."""
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=bounds[1:])
    joined = bytearray("".join(texts).encode("utf-32-le", "surrogatepass"))
    return np.frombuffer(joined, np.uint32), bounds


@functools.cache
def traits() -> Array:
    """For every code point its traits, uint16 [0x110000]; built once a process in some 0.2 s."""
    table = np.full(0x110000, CONTROL, np.uint16)
    by_category = {"P": PUNCTUATION, "S": SYMBOL, "M": MARK, "C": CONTROL}
    for first, last in _ASSIGNED:
        characters = list(map(chr, range(first, last)))
        found = np.zeros(len(characters), np.uint16)
        methods = ((SPACE, str.isspace), (LETTER, str.isalpha), (NUMERIC, str.isnumeric))
        for bit, method in (*methods, (UPPER, str.isupper), (LOWER, str.islower)):
            found |= np.fromiter(map(method, characters), np.bool_, len(characters)).astype(np.uint16) * bit
        categories = list(map(unicodedata.category, characters))
        bits = {
            name: by_category.get(name[0], 0) | (DIGIT if name == "Nd" else 0) for name in set(categories)
        }
        table[first:last] = found | np.fromiter(map(bits.__getitem__, categories), np.uint16, len(categories))
    for mark in _LINE_ENDS:
        table[ord(mark)] |= LINE_END
    return table


@compiled("int64(uint32[::1], int64[::1], uint16[::1], int64[::1], int64[::1], int64[::1])")
def _chunks(codes: Array, bounds: Array, table: Array, offsets: Array, starts: Array, ends: Array) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        inside = False
        for i in range(bounds[text], bounds[text + 1]):
            if table[codes[i]] & SPACE:
                if inside:
                    ends[count] = i
                    count += 1
                    inside = False
            elif not inside:
                starts[count] = i
                inside = True
        if inside:
            ends[count] = bounds[text + 1]
            count += 1
        offsets[text + 1] = count
    return count


@compiled("int64(uint32[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def _lines(codes: Array, bounds: Array, offsets: Array, starts: Array, ends: Array) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        starts[count] = bounds[text]
        for i in range(bounds[text], bounds[text + 1]):
            if codes[i] == 10:
                ends[count] = i
                count += 1
                starts[count] = i + 1
        ends[count] = bounds[text + 1]
        count += 1
        offsets[text + 1] = count
    return count


@compiled("int64(uint32[::1], int64[::1], uint16[::1], int64[::1], int64[::1], int64[::1])")
def _split_lines(
    codes: Array, bounds: Array, table: Array, offsets: Array, starts: Array, ends: Array
) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        start, i = bounds[text], bounds[text]
        while i < bounds[text + 1]:
            if table[codes[i]] & LINE_END:
                starts[count], ends[count] = start, i
                count += 1
                if codes[i] == 13 and i + 1 < bounds[text + 1] and codes[i + 1] == 10:
                    i += 1
                start = i + 1
            i += 1
        if start < bounds[text + 1]:
            starts[count], ends[count] = start, bounds[text + 1]
            count += 1
        offsets[text + 1] = count
    return count


def _found(codes: Array, bounds: Array, most: int, find: Any, *more: Array) -> Parts:
    offsets = np.zeros(len(bounds), np.int64)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    count = find(codes, bounds, *more, offsets, starts, ends)
    return Parts(offsets, starts[:count].copy(), ends[:count].copy())


def chunks(codes: Array, bounds: Array) -> Parts:
    """The parts between white space, as `str.split` finds them."""
    return _found(codes, bounds, len(codes) // 2 + len(bounds), _chunks, traits())


def lines(codes: Array, bounds: Array) -> Parts:
    """The parts between newlines, as `text.split("\\n")` finds them: one more than newlines, empty ones included."""
    return _found(codes, bounds, int(np.count_nonzero(codes == 10)) + len(bounds), _lines)


def split_lines(codes: Array, bounds: Array) -> Parts:
    """The lines as `str.splitlines` finds them: other line ends too, none after the last line end."""
    return _found(codes, bounds, len(codes) + 1, _split_lines, traits())


@compiled("void(uint32[::1], uint16[::1], int64[::1], int64[::1])")
def _strip(codes: Array, table: Array, starts: Array, ends: Array) -> None:
    for part in range(len(starts)):
        while starts[part] < ends[part] and table[codes[starts[part]]] & SPACE:
            starts[part] += 1
        while ends[part] > starts[part] and table[codes[ends[part] - 1]] & SPACE:
            ends[part] -= 1


def stripped(codes: Array, parts: Parts) -> Parts:
    """The same parts without white space at their ends, as `str.strip` leaves them."""
    starts, ends = parts.starts.copy(), parts.ends.copy()
    _strip(codes, traits(), starts, ends)
    return Parts(parts.offsets, starts, ends)


@compiled("int64(uint32[::1], int64[::1], int64[::1], int32[::1], int64[::1])")
def _number(codes: Array, starts: Array, ends: Array, ids: Array, first: Array) -> int:
    bits = 4
    while (1 << bits) < 2 * len(starts):
        bits += 1
    mask = (1 << bits) - 1
    slots = np.full(1 << bits, -1, np.int32)
    hashes = np.zeros(len(starts), np.uint64)
    count = 0
    for part in range(len(starts)):
        start, size = starts[part], ends[part] - starts[part]
        key = np.uint64(14695981039346656037)
        for i in range(start, start + size):
            key = (key ^ np.uint64(codes[i])) * np.uint64(1099511628211)
            key ^= key >> np.uint64(29)
        slot = np.int64(key & np.uint64(mask))
        while True:
            known = slots[slot]
            if known < 0:
                slots[slot] = count
                hashes[count] = key
                first[count] = part
                ids[part] = count
                count += 1
                break
            other = first[known]
            same = hashes[known] == key and ends[other] - starts[other] == size
            for i in range(size):
                if not same:
                    break
                same = codes[starts[other] + i] == codes[start + i]
            if same:
                ids[part] = known
                break
            slot = (slot + 1) & mask
    return count


def numbered(codes: Array, parts: Parts) -> tuple[Array, Array]:
    """Ids of parts, equal exactly where their characters are, and for each id the first part that has it.

    int32 [parts] and int64 [distinct]; ids are 0, 1, ... in order of first use, over all texts of the batch.
    """
    ids, first = np.zeros(len(parts.starts), np.int32), np.zeros(len(parts.starts), np.int64)
    count = _number(codes, parts.starts, parts.ends, ids, first)
    return ids, first[:count].copy()
