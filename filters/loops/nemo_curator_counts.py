"""Compiled counts behind NeMo Curator's heuristics: characters, chunks between white space, lines, repeated n-grams."""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import DIGIT, LETTER, Parts
from filters.text.word_sets import among, folded, hash_codes

Array = np.ndarray[Any, Any]

# Columns of `character_counts`.
ALPHANUMERIC, DIGITS, WHITE, PARENTHESES, URLS = range(5)
# Columns of `chunk_counts`.
SYMBOLS, WITH_LETTER, CHARACTERS, LONGEST, COMMON = range(5)
# Columns of `line_counts`.
LINES, BULLET, NO_END, ELLIPSIS = range(4)

BULLETS = np.array([ord(mark) for mark in "•‣⁃⁌⁍∙○●◘◦⦾⦿"], np.uint32)


@compiled("boolean(uint32)")
def _alphanumeric(code: int) -> bool:
    return 97 <= code <= 122 or 65 <= code <= 90 or 48 <= code <= 57


@compiled("boolean(uint32)")
def _in_url(code: int) -> bool:
    """Letters, digits and `$-_@.&+!*(),`: what follows `://`, up to the first slash."""
    if _alphanumeric(code) or 40 <= code <= 46:
        return True
    return code == 36 or code == 95 or code == 64 or code == 38 or code == 33


@compiled("boolean(uint32)")
def _hexadecimal(code: int) -> bool:
    return 48 <= code <= 57 or 65 <= code <= 70 or 97 <= code <= 102


@compiled("int64(uint32[::1], int64, int64)")
def _url_end(codes: Array, start: int, end: int) -> int:
    """Where the URL that begins at `start` ends, or `start` where none does."""
    at = start + 4
    if at >= end or codes[start + 1] != 116 or codes[start + 2] != 116 or codes[start + 3] != 112:
        return start
    if codes[at] == 115:
        at += 1
    if at + 3 >= end or codes[at] != 58 or codes[at + 1] != 47 or codes[at + 2] != 47:
        return start
    first = at + 3
    at = first
    while at < end:
        if _in_url(codes[at]):
            at += 1
        elif codes[at] == 37 and at + 2 < end and _hexadecimal(codes[at + 1]) and _hexadecimal(codes[at + 2]):
            at += 3
        else:
            break
    return at if at > first else start


@compiled("void(uint32[::1], int64[::1], uint16[::1], int64[:, ::1])")
def character_counts(codes: Array, bounds: Array, table: Array, out: Array) -> None:
    """Characters of each text by kind, int64 [texts, 5]; those of a URL are also counted by their own kinds."""
    for text in range(len(bounds) - 1):
        row, url = out[text], bounds[text]
        for i in range(bounds[text], bounds[text + 1]):
            code = codes[i]
            row[ALPHANUMERIC] += (
                _alphanumeric(code) or code == 10 or code == 63 or code == 33 or code == 44 or code == 46
            )
            row[DIGITS] += (table[code] & DIGIT) != 0
            row[WHITE] += code == 32 or 8 <= code <= 10 or code == 13
            row[PARENTHESES] += (
                code == 40
                or code == 41
                or code == 91
                or code == 93
                or code == 123
                or code == 125
                or code == 0x27E8
                or code == 0x27E9
            )
            if code == 104 and i >= url:
                url = _url_end(codes, i, bounds[text + 1])
                row[URLS] += max(url - i, 0)


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], int64[::1], uint16[::1], uint64[::1], uint64[::1], int64[:, ::1])"
)
def chunk_counts(
    codes: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    table: Array,
    marks: Array,
    common: Array,
    out: Array,
) -> None:
    """Counts over each text's chunks between white space, int64 [texts, 5].

    A chunk is a symbol where it is one of `marks`, or where its runs of `#` are more than half its characters.
    """
    for text in range(len(offsets) - 1):
        row = out[text]
        for chunk in range(offsets[text], offsets[text + 1]):
            start, end = starts[chunk], ends[chunk]
            hashes, letter, key = 0, False, hash_codes(codes, start, end)
            for i in range(start, end):
                if codes[i] == 35 and (i == start or codes[i - 1] != 35):
                    hashes += 1
                if table[codes[i]] & LETTER:
                    letter = True
            row[SYMBOLS] += 2 * hashes > end - start or among(marks, key)
            row[WITH_LETTER] += letter
            row[CHARACTERS] += end - start
            row[LONGEST] = max(row[LONGEST], end - start)
            row[COMMON] += among(common, key)


@compiled(
    "void(uint32[::1], int64[::1], int64[::1], int64[::1], uint32[::1], uint32[::1], int64[::1], int64[:, ::1])"
)
def line_counts(
    codes: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    bullets: Array,
    marks: Array,
    bounds: Array,
    out: Array,
) -> None:
    """Counts over each text's stripped lines that are not blank, int64 [texts, 4]; `marks` are ellipses."""
    for text in range(len(offsets) - 1):
        row = out[text]
        for line in range(offsets[text], offsets[text + 1]):
            start, end = starts[line], ends[line]
            if start == end:
                continue
            row[LINES] += 1
            for bullet in bullets:
                if codes[start] == bullet:
                    row[BULLET] += 1
                    break
            last = codes[end - 1]
            row[NO_END] += not (last == 46 or last == 63 or last == 33 or last == 34 or last == 39)
            for mark in range(len(bounds) - 1):
                size = bounds[mark + 1] - bounds[mark]
                same, k = size <= end - start, 1
                while same and k <= size:
                    same = folded(codes[end - k]) == marks[bounds[mark + 1] - k]
                    k += 1
                if same:
                    row[ELLIPSIS] += 1
                    break


@compiled("void(int64[::1], int32[::1], int64, int64[::1], int64[::1], int64[::1])")
def unique_parts(
    offsets: Array, ids: Array, distinct: int, lengths: Array, count: Array, characters: Array
) -> None:
    """How many different parts each text has, and their characters."""
    seen = np.full(distinct + 1, -1, np.int64)
    for text in range(len(offsets) - 1):
        for i in range(offsets[text], offsets[text + 1]):
            if seen[ids[i]] != text:
                seen[ids[i]] = text
                count[text] += 1
                characters[text] += lengths[i]


@compiled("void(int64[::1], int32[::1], int64[::1], int64, int64[::1])")
def duplicated(offsets: Array, grams: Array, lengths: Array, n: int, out: Array) -> None:
    """Characters of n-grams met before, without those that the n-gram counted last had, and spaces between words."""
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    seen = np.full(longest, -1, np.int64)
    for text in range(len(offsets) - 1):
        overlap = 0
        for i in range(offsets[text], offsets[text + 1] - n + 1):
            if grams[i] >= 0:
                if seen[grams[i]] == text:
                    for k in range(i + overlap, i + n):
                        out[text] += lengths[k]
                    out[text] += min(n - overlap, n - 1)
                    overlap = n
                seen[grams[i]] = text
            overlap = max(overlap - 1, 0)


@compiled("int64(uint32[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def _paragraphs(codes: Array, bounds: Array, offsets: Array, starts: Array, ends: Array) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        starts[count], i = bounds[text], bounds[text]
        while i + 1 < bounds[text + 1]:
            if codes[i] == 10 and codes[i + 1] == 10:
                ends[count] = i
                count += 1
                starts[count] = i + 2
                i += 1
            i += 1
        ends[count] = bounds[text + 1]
        count += 1
        offsets[text + 1] = count
    return count


def paragraphs(codes: Array, bounds: Array, newlines: int) -> Parts:
    """The parts between two newlines, as `text.split("\\n\\n")` finds them, empty ones included."""
    most = newlines // 2 + len(bounds)
    offsets = np.zeros(len(bounds), np.int64)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    count = _paragraphs(codes, bounds, offsets, starts, ends)
    return Parts(offsets, starts[:count].copy(), ends[:count].copy())
