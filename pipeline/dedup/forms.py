"""Normal forms, their 128-bit hashes and their shingles, in one compiled pass over a column's UTF-8 bytes.

The form is that of `normal_form` (tested for every code point), made with a table of what each code point becomes. A
word is hashed while it is written; a shingle's hash is a polynomial in the hashes of its words (or of its code
points), so that the next one costs two multiplications whatever the n-gram's size and no n-gram string is ever built.
Canonical decomposition puts marks in order; where two marks that it might swap are kept (hardly ever), the text's
form is made by `normal_form` and read again.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.compiled import compiled
from pipeline.dedup.hashes import mix64, murmur128
from pipeline.dedup.normal import ALONE, DELETED, NUMBER, SEPARATING, decomposed, normal_form

Array = np.ndarray[Any, Any]

# What a code point is, in the table's highest byte; below it stands what is written for it.
_SEPARATES, _LETTER, _ALONE, _NUMBER, _POINT, _DELETED, _MANY = range(7)
_ORDERED = 8  # a bit: a mark that canonical decomposition may swap with another one
_CODE = 0xFFFFFF
_LIMIT = 0x110000
# Code points that may be assigned and are no surrogates; all others separate.
_ASSIGNED = ((0, 0xD800), (0xE000, 0x33480), (0xE0000, 0xE01F0))

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_POLYNOMIAL = np.uint64(0x9E3779B97F4A7C15)


class Mapping(NamedTuple):
    """What each code point becomes."""

    ascii: Array  # uint8 [256]: what is written for a byte that is an ASCII letter, else 0
    table: Array  # uint32 [0x110000]
    longer: Array  # uint32: how many entries, then so many; where the table says so
    growth: int  # bytes of the form for a byte of text, at most


class Column(NamedTuple):
    """The bytes of a column of texts: text `i` has `data[offsets[i]:offsets[i + 1]]`."""

    data: Array  # uint8
    offsets: Array  # int64 [texts + 1]


class Forms(NamedTuple):
    """What is known of the normal forms of some texts: of text `i` the shingles `hashes[offsets[i]:offsets[i + 1]]`."""

    text_hashes: (
        Array  # uint64 [texts, 2]: MurmurHash3_x64_128 of the form, of the text where the form is empty
    )
    hashes: Array  # uint32, as they follow one another
    offsets: Array  # int64 [texts + 1]


@functools.cache
def mapping() -> Mapping:
    """The tables, built once a process in some 0.3 s."""
    codes = np.concatenate([np.arange(*bounds, dtype=np.uint32) for bounds in _ASSIGNED])
    texts = decomposed(pa.array(_characters_of(codes), pa.large_string()))
    counts = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    parts = np.frombuffer("".join(texts.to_pylist()).encode("utf-32-le"), np.uint32)
    entries = _entries(parts)
    one, many = counts == 1, counts > 1
    table = np.zeros(_LIMIT, np.uint32)
    table[codes[counts == 0]] = _DELETED << 24
    table[codes[one]] = entries[np.repeat(one, counts)]
    ends = np.cumsum(counts[many] + 1)
    heads = ends - counts[many] - 1
    table[codes[many]] = _MANY << 24 | heads.astype(np.uint32)
    longer = np.zeros(ends[-1], np.uint32)
    longer[heads] = counts[many]
    longer[np.delete(np.arange(len(longer)), heads)] = entries[np.repeat(many, counts)]
    # A word of its own needs a space on both sides; a space elsewhere stands for something that was there.
    kinds = entries >> 24
    room = np.where(kinds == _DELETED, 0, _sizes(parts) + 2 * (kinds & 7 == _ALONE))
    needed = np.diff(np.concatenate([[0], np.cumsum(room)])[np.concatenate([[0], np.cumsum(counts)])])
    ascii_ = np.zeros(256, np.uint8)
    ascii_[:128] = np.where(table[:128] >> 24 == _LETTER, table[:128], 0)
    return Mapping(ascii_, table, longer, int(np.max(-(-needed // _sizes(codes)))))


def _characters_of(codes: Array) -> list[str]:
    return list(codes.astype("<u4").tobytes().decode("utf-32-le"))


def _sizes(codes: Array) -> Array:
    """Bytes of each code point in UTF-8."""
    return np.asarray(1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000), np.int64)


def _entries(parts: Array) -> Array:
    """The table's entry for each of some decomposed code points."""
    codes = np.flatnonzero(np.bincount(parts))
    characters = _characters_of(codes)
    column = pa.array(characters, pa.large_string())
    deleted, number, separating, alone = (
        pc.match_substring_regex(column, pattern=pattern).to_numpy(zero_copy_only=False)
        for pattern in (DELETED, NUMBER, SEPARATING, ALONE)
    )
    # Behind the mark of the highest class but its own a character stays where it is, unless it has a class.
    behind = pa.array(["\u0345" + character for character in characters], pa.large_string())
    moved = pc.invert(pc.starts_with(pc.utf8_normalize(behind, form="NFD"), "\u0345"))
    ordered = np.where(moved.to_numpy(zero_copy_only=False), _ORDERED, 0)
    points = np.isin(codes, [ord("."), ord(",")])
    kinds = np.select(
        [deleted, number, points, separating],
        [_DELETED, _NUMBER, _POINT, _SEPARATES],
        np.where(alone, _ALONE, _LETTER) | ordered,
    )
    found = np.zeros(_LIMIT, np.uint32)
    found[codes] = kinds << 24 | codes
    return found[parts]


@compiled("int64(uint8[::1], int64, int64)", bare=True)
def put(form: Array, at: int, code: int) -> int:
    """Write a code point as UTF-8; returns where the next one goes."""
    if code < 0x80:
        form[at] = code
        return at + 1
    if code < 0x800:
        form[at] = 0xC0 | code >> 6
    else:
        if code < 0x10000:
            form[at] = 0xE0 | code >> 12
        else:
            form[at] = 0xF0 | code >> 18
            at += 1
            form[at] = 0x80 | code >> 12 & 0x3F
        at += 1
        form[at] = 0x80 | code >> 6 & 0x3F
    form[at + 1] = 0x80 | code & 0x3F
    return at + 2


@compiled("UniTuple(int64, 2)(uint8[::1], int64, int64)", bare=True)
def get(data: Array, at: int, end: int) -> Any:
    """The code point whose first byte stands at `at`, and where the next one begins; 0 for what is no UTF-8."""
    first = np.int64(data[at])
    size = 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if at + size > end:
        return 0, end
    if size == 1:
        return first, at + 1
    code = first & 0xFF >> (size + 1)
    for step in range(1, size):
        code = code << 6 | (np.int64(data[at + step]) & 0x3F)
    return code if code < _LIMIT else 0, at + size


@compiled("int64(uint64[::1], int64, uint64)", bare=True)
def _push(words: Array, count: int, value: Any) -> int:
    """Write a word's hash if there is room; returns how many there are."""
    if count < len(words):
        words[count] = mix64(value)
        count += 1
    return count


@compiled(
    "Tuple((int64, int64, boolean))"
    "(uint8[::1], int64, int64, uint8[::1], uint32[::1], uint32[::1], uint8[::1], uint64[::1])",
    bare=True,
)
def _form(
    data: Array, start: int, end: int, ascii_: Array, table: Array, longer: Array, form: Array, words: Array
) -> tuple[int, int, bool]:
    """Write a form; returns its bytes, how many of its words are hashed into `words`, and if marks may be swapped."""
    at, count, position, value = 0, 0, start, _FNV_OFFSET
    gap: Any = False
    marked: Any = False
    unordered: Any = False
    number = 0  # 1 in a number, 2 behind a point that belongs to it if a number follows
    left: Any = 0  # entries that still come of a code point
    index: Any = 0  # where the last one is
    while position < end or left:
        if left:
            left -= 1
            index += 1
            entry = np.int64(longer[index])
        else:
            letter = ascii_[data[position]]
            if letter and number < 2 and not (gap and at):
                while letter:  # most of most texts
                    value = (value ^ np.uint64(letter)) * _FNV_PRIME
                    form[at] = letter
                    at += 1
                    position += 1
                    letter = ascii_[data[position]] if position < end else np.uint8(0)
                gap, marked, number = False, False, 0
                continue
            code, position = get(data, position, end)
            entry = np.int64(table[code])
            if entry >> 24 == _MANY:
                index = entry & _CODE
                left = np.int64(longer[index])
                continue
        kind, code = entry >> 24, entry & _CODE
        if kind == _DELETED:
            continue
        if kind == _POINT and number == 1:
            number = 2
            continue
        if kind == _SEPARATES or kind == _POINT:
            gap, number, marked = True, 0, False
            continue
        if kind == _NUMBER:
            code, number, before = 48, 1, number
            if before:
                continue
        else:
            gap |= number == 2 or kind & 7 == _ALONE
            number = 0
        if gap and at:
            count = _push(words, count, value)
            form[at] = 32
            at += 1
            value = _FNV_OFFSET
        value = (value ^ np.uint64(code)) * _FNV_PRIME
        at = put(form, at, code)
        gap = kind & 7 == _ALONE
        unordered |= marked and kind >= _ORDERED
        marked = kind >= _ORDERED
    return at, _push(words, count, value) if at else 0, unordered


@compiled("int64(uint8[::1], int64, uint64[::1])", bare=True)
def _characters(form: Array, size: int, out: Array) -> int:
    """Hashes of the first code points of a form, as many as there is room for; returns how many."""
    count, at = 0, 0
    while at < size and count < len(out):
        code, at = get(form, at, size)
        out[count] = mix64(np.uint64(code) + _POLYNOMIAL)
        count += 1
    return count


@compiled("int64(uint64[::1], int64, int64, int64, uint32[::1], int64)", bare=True)
def _shingles(units: Array, count: int, ngram: int, longest: int, out: Array, at: int) -> int:
    """Hashes of the first `longest` n-grams of units, from `out[at]` on; returns where they end.

    A text shorter than one n-gram is one n-gram itself.
    """
    if not count:
        return at
    width = min(ngram, count)
    power, value = np.uint64(1), np.uint64(0)
    for step in range(width):
        value = value * _POLYNOMIAL + units[step]
        power *= _POLYNOMIAL
    begin = power * np.uint64(width)
    out[at] = np.uint32(mix64(value + begin) >> np.uint64(32))
    total = min(count - width + 1, longest)
    for first in range(1, total):
        value = value * _POLYNOMIAL + units[first + width - 1] - units[first - 1] * power
        out[at + first] = np.uint32(mix64(value + begin) >> np.uint64(32))
    return at + total


@compiled(
    "int64(uint8[::1], int64[::1], uint8[::1], uint32[::1], uint32[::1], boolean, int64, int64,"
    " uint8[::1], uint64[::1], uint64[::1], uint64[:, ::1], uint32[::1], int64[::1], boolean[::1])"
)
def _all_forms(
    data: Array,
    offsets: Array,
    ascii_: Array,
    table: Array,
    longer: Array,
    characters: bool,
    ngram: int,
    longest: int,
    form: Array,
    blocks: Array,
    units: Array,
    text_hashes: Array,
    hashes: Array,
    bounds: Array,
    unordered: Array,
) -> int:
    """Everything, text by text; `blocks` are the bytes of `form`. Returns how many shingles there are."""
    at = 0
    words = units[: 0 if characters else len(units)]
    for text in range(len(offsets) - 1):
        start, end = offsets[text], offsets[text + 1]
        size, count, swapped = _form(data, start, end, ascii_, table, longer, form, words)
        unordered[text] = swapped
        if characters:
            count = _characters(form, size, units)
        at = _shingles(units, count, ngram, longest, hashes, at)
        bounds[text + 1] = at
        if not size:
            size = end - start
            form[:size] = data[start:end]
        form[size : size + 16] = 0
        murmur128(blocks, size, np.uint64(0), text_hashes[text])
    return at


def column(texts: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, Column]:
    """The texts as large_string without nulls (which become empty), and their bytes."""
    array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    array = array.cast(pa.large_string())
    if array.null_count:
        array = pc.fill_null(array, "")
    if not len(array):
        return array, Column(np.zeros(0, np.uint8), np.zeros(1, np.int64))
    _, bounds, data = array.buffers()
    # Of a slice the bytes may begin at another offset than the slice; only its own are copied.
    offsets = np.frombuffer(bounds, np.int64)[array.offset : array.offset + len(array) + 1]
    whole = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return array, Column(whole[offsets[0] : offsets[-1]].copy(), offsets - offsets[0])


def forms(texts: pa.Array | pa.ChunkedArray, unit: str, ngram: int, longest: int) -> Forms:
    """Hashes and shingles (at most `longest` of a text; none if that is 0) of texts, of units `words` or `characters`.

    Texts may be string or large_string, a slice, hold nulls. Linear in their bytes.
    """
    array, bytes_ = column(texts)
    found, unordered = _forms(bytes_, unit, ngram, longest)
    if unordered.any():
        mask = pa.array(unordered)
        array = pc.replace_with_mask(array, mask, normal_form(array.filter(mask)))
        found, _ = _forms(column(array)[1], unit, ngram, longest)  # the form of a form is itself
    return found


def _forms(texts: Column, unit: str, ngram: int, longest: int) -> tuple[Forms, Array]:
    ascii_, table, longer, growth = mapping()
    count = len(texts.offsets) - 1
    sizes = np.diff(texts.offsets) * growth
    room = int(sizes.max(initial=0))
    # Memory that is not written is not taken.
    blocks = np.empty(room // 8 + 4, np.uint64)
    units = np.empty(min(room, longest + ngram - 1) if longest else 0, np.uint64)
    hashes = np.empty(int(np.minimum(sizes, longest).sum()), np.uint32)
    text_hashes = np.empty((count, 2), np.uint64)
    bounds, unordered = np.zeros(count + 1, np.int64), np.zeros(count, np.bool_)
    total = _all_forms(
        *texts, ascii_, table, longer, unit == "characters", ngram, longest, blocks.view(np.uint8), blocks, units,
        text_hashes, hashes, bounds, unordered,
    )  # fmt: skip
    return Forms(text_hashes, hashes[:total], bounds), unordered


def form_bytes(texts: pa.Array) -> list[bytes]:
    """The normal forms themselves, for display and tests."""
    array, (data, offsets) = column(texts)
    ascii_, table, longer, growth = mapping()
    units = np.empty(0, np.uint64)
    found = []
    for text in range(len(array)):
        start, end = int(offsets[text]), int(offsets[text + 1])
        form = np.empty((end - start) * growth, np.uint8)
        size, _, unordered = _form(data, start, end, ascii_, table, longer, form, units)
        if unordered:
            found.append(normal_form(array.slice(text, 1))[0].as_py().encode())
        else:
            found.append(form[:size].tobytes())
    return found
