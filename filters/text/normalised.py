"""Words of texts in lower case, without ASCII punctuation and canonically decomposed, as code points.

The form in which RedPajama-v2 counts words and n-grams: the 32 ASCII punctuation marks are deleted, `str.lower`,
white space separates words, NFD. The result is exactly that of these four steps one after the other; it is made in one
compiled pass over a batch with a table of 0x110000 entries (built once a process in some 0.1 s). Linear on any text.
"""

from __future__ import annotations

import functools
import string
import unicodedata
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled
from filters.text.layout import SPACE, Parts, traits

Array = np.ndarray[Any, Any]

_LIMIT = 0x110000  # entries from here on point into the list of longer replacements
_SEPARATES = 0xFFFFFFFE
_DELETED = 0xFFFFFFFF
_SIGMA = 0x3A3
_MARKS_FROM = 0x300  # no code point below has a combining class
_ASSIGNED = ((0, 0x33480), (0xE0000, 0xE01F0))
_CLASSES = 256  # a combining class is less


class Mapping(NamedTuple):
    """What each code point becomes: itself, a separator, nothing, or several code points."""

    table: Array  # uint32 [0x110000]
    longer: Array  # uint32: a length, then so many code points
    classes: Array  # uint8 [0x110000], combining classes


class Normalised(NamedTuple):
    """Normalised words: their code points without anything between, and where each begins and ends."""

    codes: Array  # uint32
    lines: Parts  # offsets by line of the batch
    texts: Parts  # the same words, offsets by text


@functools.cache
def mapping() -> Mapping:
    """The table, built once a process."""
    table = np.arange(_LIMIT, dtype=np.uint32)
    classes = np.zeros(_LIMIT, np.uint8)
    longer: list[int] = []
    for first, last in _ASSIGNED:
        for code in range(first, last):
            lower = chr(code).lower()
            if code >= _MARKS_FROM:
                classes[code] = unicodedata.combining(chr(code))
            if ord(lower[0]) == code and unicodedata.is_normalized("NFD", lower):
                continue
            found = unicodedata.normalize("NFD", lower)
            table[code] = ord(found) if len(found) == 1 else _LIMIT + len(longer)
            if len(found) > 1:
                longer += [len(found), *map(ord, found)]
    table[(traits() & SPACE) != 0] = _SEPARATES
    table[[ord(mark) for mark in string.punctuation]] = _DELETED
    return Mapping(table, np.array(longer, np.uint32), classes)


@compiled("int64(uint32[::1], uint32[::1], uint32[::1])")
def _size(codes: Array, table: Array, longer: Array) -> int:
    """Code points of the mapped text; one more than all if a capital sigma is in it is told by the sign."""
    size, sigma = 0, False
    for i in range(len(codes)):
        mapped = table[codes[i]]
        if mapped < _LIMIT:
            size += 1
            if codes[i] == _SIGMA:
                sigma = True
        elif mapped < _SEPARATES:
            size += longer[mapped - _LIMIT]
    return -size - 1 if sigma else size


@compiled("void(uint32[::1], int64, int64, uint8[::1])")
def _order(out: Array, start: int, end: int, classes: Array) -> None:
    """Sort each run of marks by combining class, stably, as NFD asks; linear in the run."""
    at = start
    while at < end:
        first = at
        while at < end and classes[out[at]] != 0:
            at += 1
        if at - first > 1:
            room = np.zeros(_CLASSES + 1, np.int64)
            marks = out[first:at].copy()
            for i in range(len(marks)):
                room[np.int64(classes[marks[i]]) + 1] += 1
            for i in range(_CLASSES):
                room[i + 1] += room[i]
            for i in range(len(marks)):
                kind = np.int64(classes[marks[i]])
                out[first + room[kind]] = marks[i]
                room[kind] += 1
        if at == first:
            at += 1


@compiled(
    "int64(uint32[::1], int64[::1], int64[::1], uint32[::1], uint32[::1], uint8[::1],"
    " uint32[::1], int64[::1], int64[::1], int64[::1])"
)
def _words(
    codes: Array,
    line_starts: Array,
    line_ends: Array,
    table: Array,
    longer: Array,
    classes: Array,
    out: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
) -> int:
    words, at = 0, 0
    for line in range(len(line_starts)):
        inside, unordered, last = False, False, np.int64(0)
        for i in range(line_starts[line], line_ends[line] + 1):
            mapped = table[codes[i]] if i < line_ends[line] else np.uint32(_SEPARATES)
            if mapped >= _SEPARATES:
                if mapped == _SEPARATES and inside:
                    if unordered:
                        _order(out, starts[words], at, classes)
                    ends[words] = at
                    words += 1
                    inside, unordered, last = False, False, np.int64(0)
                continue
            if not inside:
                starts[words] = at
                inside = True
            if mapped < _MARKS_FROM:
                out[at] = mapped
                at += 1
                last = np.int64(0)
                continue
            many = np.int64(longer[mapped - _LIMIT]) if mapped >= _LIMIT else np.int64(1)
            for k in range(many):
                code = longer[mapped - _LIMIT + k + 1] if mapped >= _LIMIT else mapped
                out[at] = code
                at += 1
                kind = np.int64(classes[code])
                if 0 < kind < last:
                    unordered = True
                last = kind
        offsets[line + 1] = words
    return words


def _with_final_sigmas(codes: Array, bounds: Array) -> Array:
    """The code points with every capital sigma in lower case, in its final form where `str.lower` gives that."""
    codes = codes.copy()
    deleted = str.maketrans("", "", string.punctuation)
    for text in range(len(bounds) - 1):
        part = codes[bounds[text] : bounds[text + 1]]
        at = np.flatnonzero(part == _SIGMA)
        if len(at):
            cased = part.tobytes().decode("utf-32-le", "surrogatepass").translate(deleted).replace("İ", "I")
            lower = cased.lower()
            part[at] = [ord(lower[i]) for i, character in enumerate(cased) if character == "Σ"]
    return codes


def normalised(codes: Array, bounds: Array, lines: Parts) -> Normalised:
    """The normalised words of all texts. `lines` are the batch's parts between newlines."""
    rules = mapping()
    size = _size(codes, rules.table, rules.longer)
    if size < 0:
        codes, size = _with_final_sigmas(codes, bounds), -size - 1
    out = np.empty(size, np.uint32)
    offsets = np.zeros(len(lines.starts) + 1, np.int64)
    most = len(codes) // 2 + len(lines.starts) + 1
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    count = _words(codes, lines.starts, lines.ends, *rules, out, offsets, starts, ends)
    starts, ends = starts[:count].copy(), ends[:count].copy()
    by_line = Parts(offsets, starts, ends)
    return Normalised(out, by_line, Parts(offsets[lines.offsets], starts, ends))
