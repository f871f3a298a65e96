"""Windows of words or tokens that are looked for, and where they stand in documents: exact, by 64-bit keys.

Every window begins with a head of as many words as the shortest one has. A document's heads roll: each is one
multiplication away from the last, and one look into a small bitmap tells nearly always that no window begins with it.
So a document costs some 10 ns a word however many items there are, until something is found.

With n windows in the index a window that is not in it is taken for one with probability n / 2**64: below 1e-6 for a
trillion words against ten million windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.contamination.streams import Stream

Array = np.ndarray[Any, Any]

LONGEST = 64  # words of a window
_BASE = 0x9E3779B97F4A7C15
_BITS = 16  # of the bitmap, a head, which sets two of them in one word


@compiled("uint64(uint64[::1], int64, int64)")
def _polynomial(hashes: Array, start: int, length: int) -> Any:
    value = np.uint64(0)
    for i in range(start, start + length):
        value = value * np.uint64(_BASE) + hashes[i]
    return value


@compiled("uint64(uint64, int64)")
def _key(polynomial: Any, length: int) -> Any:
    """The hashes of words are mixed already, and so is a sum of multiples of them."""
    return polynomial + np.uint64(length)


@compiled("void(uint64[::1], int64[::1], int64[::1], int64, uint64[::1], uint64[::1])")
def _keys(hashes: Array, starts: Array, lengths: Array, head: int, keys: Array, heads: Array) -> None:
    for i in range(len(starts)):
        keys[i] = _key(_polynomial(hashes, starts[i], lengths[i]), lengths[i])
        heads[i] = _key(_polynomial(hashes, starts[i], head), head)


@compiled("void(uint64[::1], uint64[::1], int64[::1])")
def _fill(keys: Array, slot_keys: Array, slots: Array) -> None:
    mask = len(slots) - 1
    for i in range(len(keys)):
        slot = np.int64(keys[i] >> np.uint64(16)) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slot_keys[slot], slots[slot] = keys[i], i


@compiled("int64(uint64, uint64[::1], int64[::1])")
def _look_up(key: Any, slot_keys: Array, slots: Array) -> Any:
    mask = len(slots) - 1
    slot = np.int64(key >> np.uint64(16)) & mask
    while slots[slot] >= 0:
        if slot_keys[slot] == key:
            return np.int64(slots[slot])
        slot = (slot + 1) & mask
    return -1


@compiled("uint64(uint64)", bare=True)
def _two_bits(key: Any) -> Any:
    """Two of 64 bits."""
    one = np.uint64(1) << ((key >> np.uint64(58)) & np.uint64(63))
    return one | (np.uint64(1) << ((key >> np.uint64(52)) & np.uint64(63)))


@compiled("boolean(uint64[::1], uint64)", bare=True)
def _may_be(bitmap: Array, key: Any) -> bool:
    """False for nearly all heads that no window has."""
    bits = _two_bits(key)
    return bitmap[np.int64(key >> np.uint64(16)) & (len(bitmap) - 1)] & bits == bits


@compiled("void(uint64[::1], uint64[::1])")
def _mark(heads: Array, bitmap: Array) -> None:
    for i in range(len(heads)):
        bitmap[np.int64(heads[i] >> np.uint64(16)) & (len(bitmap) - 1)] |= _two_bits(heads[i])


@compiled(
    "int64(uint64[::1], int64[::1], int64[::1], uint64[::1], uint64[::1], int64[::1], uint64[::1], uint64[::1],"
    " int64[::1], int64[:, ::1])"
)
def _find(
    hashes: Array,
    offsets: Array,
    lengths: Array,
    bitmap: Array,
    head_keys: Array,
    head_slots: Array,
    head_lengths: Array,
    slot_keys: Array,
    slots: Array,
    out: Array,
) -> int:
    """Rows `document, first word, window` of what is found, as far as there is room; returns how many there are."""
    head, count = lengths[0], 0
    leaves = np.uint64(1)
    for _ in range(head):
        leaves *= np.uint64(_BASE)
    for document in range(len(offsets) - 1):
        first, end = offsets[document], offsets[document + 1]
        if end - first < head:
            continue
        rolling = _polynomial(hashes, first, head)
        for i in range(first, end - head + 1):
            if i > first:
                rolling = rolling * np.uint64(_BASE) + (hashes[i + head - 1] - hashes[i - 1] * leaves)
            key = _key(rolling, head)
            if not _may_be(bitmap, key):
                continue
            at = _look_up(key, head_keys, head_slots)
            if at < 0:
                continue
            for k in range(len(lengths)):
                if not head_lengths[at] >> np.uint64(k) & np.uint64(1) or i + lengths[k] > end:
                    continue
                window = _look_up(_key(_polynomial(hashes, i, lengths[k]), lengths[k]), slot_keys, slots)
                if window >= 0:
                    if count < len(out):
                        out[count, 0], out[count, 1], out[count, 2] = document, i, window
                    count += 1
    return count


class Hits(NamedTuple):
    """Windows found, one row for each place of each text that has it; sorted by document, then place."""

    document: Array  # int64
    at: Array  # int64, the first word in the documents' stream
    length: Array  # int64, words
    text: Array  # int64, of the index
    within: Array  # int64, the first word in that text

    def chosen(self, rows: Array) -> Hits:
        """Some of the rows."""
        return Hits(*(column[rows] for column in self))


@dataclass(frozen=True)
class Grams:
    """An index of windows; window `w` stands at `text[k]`, `within[k]` for k in `offsets[w]:offsets[w + 1]`."""

    lengths: Array  # int64, ascending, distinct
    bitmap: Array  # uint64
    heads: tuple[Array, Array, Array]  # keys and slots of a hash table, lengths of a head's windows as bits
    table: tuple[Array, Array]  # keys and slots of a hash table
    window_lengths: Array  # int64
    offsets: Array  # int64
    text: Array  # int64
    within: Array  # int64
    per_text: Array  # int64: windows that each text has in the index

    def find(self, stream: Stream) -> Hits:
        """Where windows stand in the texts of a stream."""
        empty = np.zeros(0, np.int64)
        if not len(self.window_lengths) or not len(stream.hashes):
            return Hits(empty, empty, empty, empty, empty)
        room = len(stream.hashes) // 8 + 64
        while True:
            out = np.empty((room, 3), np.int64)
            count = _find(
                stream.hashes,
                stream.offsets,
                self.lengths,
                self.bitmap,
                *self.heads,
                *self.table,
                out,
            )
            if count <= room:
                break
            room = count
        document, at, window = out[:count].T
        many = self.offsets[window + 1] - self.offsets[window]
        ends = np.cumsum(many)
        places = np.arange(ends[-1] if count else 0) + np.repeat(self.offsets[window] - ends + many, many)
        length = self.window_lengths[window]
        return Hits(
            np.repeat(document, many),
            np.repeat(at, many),
            np.repeat(length, many),
            self.text[places],
            self.within[places],
        )


def _table(keys: Array) -> tuple[Array, Array]:
    room = 16
    while room < 2 * len(keys):
        room *= 2
    slot_keys, slots = np.zeros(room, np.uint64), np.full(room, -1, np.int64)
    _fill(keys, slot_keys, slots)
    return slot_keys, slots


class Windows(NamedTuple):
    """Windows of a stream: the text, the first word in the stream, the words."""

    text: Array  # int64
    start: Array  # int64
    length: Array  # int64


def windows(stream: Stream, texts: range, n: int, least: int) -> Windows:
    """The windows of n words of some texts; of a text of `least` to n - 1 words, the whole.

    Windows of which less than half are words are left out.
    """
    numbers = np.arange(texts.start, texts.stop)
    sizes = np.diff(stream.offsets)[texts.start : texts.stop]
    many = np.where(sizes >= n, sizes - n + 1, (sizes >= least).astype(np.int64))
    ends = np.cumsum(many)
    text = np.repeat(numbers, many)
    start = stream.offsets[text] + np.arange(len(text)) - np.repeat(ends - many, many)
    length = np.repeat(np.minimum(sizes, n), many)
    sums = np.concatenate([[0], np.cumsum(stream.wordlike)])
    good = 2 * (sums[start + length] - sums[start]) >= length
    return Windows(text[good], start[good], length[good])


def build(stream: Stream, some: Sequence[Windows], most: int | None, texts: Sequence[str]) -> Grams:
    """The index of windows of a stream, which is that of `texts`.

    Windows in more than `most` different texts are left out: they are the benchmarks' own phrases.
    """
    text, start, length = (np.concatenate(parts) for parts in zip(*some, strict=True))
    lengths = np.unique(length) if len(length) else np.array([LONGEST], np.int64)
    keys, heads = np.empty(len(text), np.uint64), np.empty(len(text), np.uint64)
    _keys(stream.hashes, start, length, int(lengths[0]), keys, heads)
    order = np.argsort(keys, kind="stable")
    text, start, length, keys, heads = (one[order] for one in (text, start, length, keys, heads))
    if most is not None and len(keys):
        good = _rare(keys, text, most, texts)
        text, start, length, keys, heads = (one[good] for one in (text, start, length, keys, heads))
    firsts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else order[:0]
    head_keys, number = np.unique(heads[firsts], return_inverse=True)
    bits = np.zeros(len(head_keys), np.uint64)
    at = np.searchsorted(lengths, length[firsts]).astype(np.uint64)
    np.bitwise_or.at(bits, number, np.uint64(1) << at)
    return Grams(
        lengths=lengths,
        bitmap=_bitmap(head_keys),
        heads=(*_table(head_keys), bits),
        table=_table(keys[firsts]),
        window_lengths=length[firsts],
        offsets=np.append(firsts, len(keys)).astype(np.int64),
        text=text,
        within=start - stream.offsets[text],
        per_text=np.bincount(text, minlength=len(stream.offsets) - 1),
    )


def _rare(keys: Array, text: Array, most: int, texts: Sequence[str]) -> Array:
    """Whether at most so many different texts have a window, by window; equal keys stand together."""
    numbers = {one: number for number, one in enumerate(dict.fromkeys(texts))}
    same = np.array([numbers[one] for one in texts], np.int64)[text]
    group = np.cumsum(np.concatenate([[0], keys[1:] != keys[:-1]]))
    order = np.lexsort((same, group))
    first = np.ones(len(keys), np.bool_)
    first[1:] = (group[order][1:] != group[order][:-1]) | (same[order][1:] != same[order][:-1])
    return np.bincount(group[order][first], minlength=group[-1] + 1)[group] <= most


def _bitmap(heads: Array) -> Array:
    room = 64
    while room < _BITS * len(heads):
        room *= 2
    bitmap = np.zeros(room // 64, np.uint64)
    _mark(heads, bitmap)
    return bitmap
