"""Compiled search for junk in texts: wrongly decoded bytes, control characters, markup and escapes that were left in.

Mojibake is UTF-8 read as Windows-1252 or Latin-1 (`Ã©`, `â€™`): a letter that stands for the first byte of a sequence,
then as many characters that stand for continuation bytes. Capital letters before a quotation mark, a dash or a space
look the same (`MANHÃ”`), so where all the continuation is such marks the sequence counts only if the text has plain
cases too; Greek, Cyrillic, Hebrew and Arabic letters count where two of them adjoin. UTF-8 read as Windows-1251
(`РџСЂРё`) counts from three letters on, and six letters of Latin-1 above ASCII in a row, three of them different
(`Ïðèâåò`), are another code page read as it. Double mojibake consists of such sequences.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import DIGIT, LETTER, MARK, NUMERIC, SPACE
from filters.text.word_sets import among, hash_codes

Array = np.ndarray[Any, Any]

# Columns of `character_counts`.
(
    REPLACEMENT,
    CONTROL_CHARACTERS,
    PRIVATE,
    INVISIBLE,
    MOJIBAKE,
    UNSURE,
    SYMBOL_RUNS,
    ENTITIES,
    TAGS,
    PERCENT,
) = range(10)
# Columns of `chunk_counts`.
MIXED, LONGEST = range(2)

_LAST = 0x2123  # code points of Windows code pages lie below
_CONTINUES, _BYTES = 64, 255  # bits of a page's table: a continuation byte; a byte at all is not 0
_RUN = 5  # symbols in a row
_FOREIGN = 6  # letters of Latin-1 above ASCII in a row: no language has so many
_ESCAPES = 3  # in a row
_TAG_MOST = 300  # characters of a tag
# Marks that follow a capital letter in ordinary text: dots, quotation marks, dashes, signs, a no-break space.
_ORDINARY = frozenset("…‚„‘’“”•–—›»™®\xa0")


@functools.cache
def pages() -> tuple[Array, Array]:
    """Bytes of Windows-1252 (with Latin-1) and of Windows-1251 by code point, uint8 [0x2123]; 0: none from 0x80 on.

    In the first table the marks that are ordinary after a capital letter are told by `ordinary`.
    """
    tables = []
    for name in ("cp1252", "cp1251"):
        table = np.zeros(_LAST, np.uint8)
        if name == "cp1252":
            table[0x80:0x100] = np.arange(0x80, 0x100)
        for byte in range(0x80, 0x100):
            try:
                table[ord(bytes([byte]).decode(name))] = byte
            except UnicodeDecodeError:
                continue
        tables.append(table)
    return tables[0], tables[1]


@functools.cache
def ordinary() -> Array:
    """Whether a code point is an ordinary mark after a capital letter, bool [0x2123]."""
    table = np.zeros(_LAST, np.bool_)
    table[[ord(mark) for mark in _ORDINARY]] = True
    return table


@compiled("int64(uint32[::1], int64, int64, uint8[::1])")
def _byte(codes: Array, i: int, end: int, page: Array) -> Any:
    """The byte that the character at `i` stands for, 0 for none."""
    return np.int64(page[codes[i]]) if i < end and codes[i] < _LAST else np.int64(0)


@compiled("int64(uint32[::1], int64, int64, uint8[::1])")
def _sequence(codes: Array, i: int, end: int, page: Array) -> int:
    """Characters of the UTF-8 sequence that stands at `i`, 0 for none."""
    if codes[i] > 0xF4 or codes[i] < 0xC2:  # the first byte is a letter of Latin-1
        return 0
    lead, second = codes[i], _byte(codes, i + 1, end, page)
    if second < 0x80 or second > 0xBF:
        return 0
    if lead < 0xE0:
        return 2
    if (lead == 0xE0 and second < 0xA0) or (lead == 0xED and second > 0x9F):
        return 0
    third = _byte(codes, i + 2, end, page)
    if third < 0x80 or third > 0xBF:
        return 0
    if lead < 0xF0:
        return 3
    if (lead == 0xF0 and second < 0x90) or (lead == 0xF4 and second > 0x8F):
        return 0
    fourth = _byte(codes, i + 3, end, page)
    return 4 if 0x80 <= fourth <= 0xBF else 0


@compiled("boolean(uint32)")
def _adjoins(lead: int) -> bool:
    """Whether a first byte belongs to a script whose letters are counted in pairs."""
    return 0xCE <= lead <= 0xD1 or 0xD7 <= lead <= 0xDB


@compiled("boolean(uint32)")
def _foreign(code: int) -> bool:
    """A letter of Latin-1 above ASCII."""
    return 0xC0 <= code <= 0xFF and code != 0xD7 and code != 0xF7


@compiled("int64(uint32[::1], int64, int64)")
def _foreign_end(codes: Array, i: int, end: int) -> int:
    """Where a run of letters of Latin-1 above ASCII ends that is no word of any language; `i` for none."""
    at, other = i, codes[i]
    third = False
    while at < end and _foreign(codes[at]):
        if other == codes[i]:
            other = codes[at]
        third = third or (codes[at] != codes[i] and codes[at] != other)
        at += 1
    return at if at - i >= _FOREIGN and third else i


@compiled("int64(uint32[::1], int64, int64, int64, uint8[::1], boolean[::1], int64[::1])")
def _mojibake(codes: Array, start: int, i: int, end: int, page: Array, marks: Array, row: Array) -> int:
    """Count the sequences that begin at `i`; returns where the search goes on."""
    foreign = _foreign_end(codes, i, end) if i == start or not _foreign(codes[i - 1]) else i
    if foreign > i:
        row[MOJIBAKE] += foreign - i
        return foreign
    size = _sequence(codes, i, end, page)
    if size == 0:
        if codes[i] == 0xE2 and i + 1 < end and codes[i + 1] == 0x20AC:  # `â€` whose last byte was lost
            row[MOJIBAKE] += 2
            return i + 2
        return i + 1
    lead = codes[i]
    if _adjoins(lead):
        at, many = i, 0
        while at < end and _adjoins(codes[at]) and _sequence(codes, at, end, page) == 2:
            at += 2
            many += 1
        if many > 1:
            row[MOJIBAKE] += at - i
        return at
    if lead > 0xC5 and lead < 0xE0:  # scripts that hardly any page uses
        return i + 1
    plain = False
    for k in range(i + 1, i + size):
        plain = plain or not marks[codes[k]]
    row[MOJIBAKE if plain else UNSURE] += size
    return i + size


@compiled("int64(uint32[::1], int64, int64, uint8[::1], int64[::1])")
def _cyrillic_mojibake(codes: Array, i: int, end: int, page: Array, row: Array) -> int:
    """Count a run of UTF-8 read as Windows-1251 that begins at `i`; returns where the search goes on."""
    at = i
    while at + 1 < end and (codes[at] == 0x420 or codes[at] == 0x421):
        after = _byte(codes, at + 1, end, page)
        if after < 0x80 or after > 0xBF:
            break
        at += 2
    if at - i >= 6:
        row[MOJIBAKE] += at - i
    return max(at, i + 1)


@compiled("boolean(uint32)")
def _hexadecimal(code: int) -> bool:
    return 48 <= code <= 57 or 65 <= code <= 70 or 97 <= code <= 102


@compiled("boolean(uint32)")
def _latin(code: int) -> bool:
    return 65 <= code <= 90 or 97 <= code <= 122


@compiled("int64(uint32[::1], int64, int64)")
def _entity_end(codes: Array, i: int, end: int) -> int:
    """Where the entity that begins with the ampersand at `i` ends, `i` for none."""
    at = i + 1
    if at < end and codes[at] == 35:
        at += 1
        first = at
        while at < end and at < first + 8 and (_hexadecimal(codes[at]) or codes[at] == 120):
            at += 1
        least = 1
    else:
        first = at
        while at < end and at < first + 10 and (_latin(codes[at]) or (at > first and 49 <= codes[at] <= 52)):
            at += 1
        least = 2
    return at + 1 if at - first >= least and at < end and codes[at] == 59 else i


@compiled("int64(uint32[::1], int64, int64, uint64[::1])")
def _tag_end(codes: Array, i: int, end: int, names: Array) -> int:
    """Where the HTML tag that begins at `i` ends, closed or not; `i` for none."""
    first = i + 2 if i + 1 < end and codes[i + 1] == 47 else i + 1
    at = first
    key = np.zeros(11, np.uint32)
    while at < end and at < first + 11 and (_latin(codes[at]) or (at > first and 48 <= codes[at] <= 57)):
        key[at - first] = codes[at] | np.uint32(32) if _latin(codes[at]) else codes[at]
        at += 1
    if at == first or not among(names, hash_codes(key, 0, at - first)):
        return i
    if at < end and codes[at] != 32 and codes[at] != 62 and codes[at] != 47:
        return i
    name = at
    while at < end and at < i + _TAG_MOST and codes[at] != 62 and codes[at] != 60:
        at += 1
    return at + 1 if at < end and codes[at] == 62 else name


@compiled("int64(uint32[::1], int64, int64)")
def _escapes_end(codes: Array, i: int, end: int) -> int:
    """Where a run of percent-encoded bytes ends."""
    at = i
    while at + 2 < end and codes[at] == 37 and _hexadecimal(codes[at + 1]) and _hexadecimal(codes[at + 2]):
        at += 3
    return at


@compiled("void(uint32, int64[::1])")
def _kinds(code: int, row: Array) -> None:
    """Count a character that should not be in a text."""
    if code == 0xFFFD:
        row[REPLACEMENT] += 1
    elif code < 32 or 127 <= code <= 159:
        row[CONTROL_CHARACTERS] += code != 9 and code != 10 and code != 12 and code != 13
    elif 0xD800 <= code <= 0xDFFF or 0xFDD0 <= code <= 0xFDEF or (code & 0xFFFE) == 0xFFFE:
        row[CONTROL_CHARACTERS] += 1
    elif 0xE000 <= code <= 0xF8FF or code >= 0xF0000:
        row[PRIVATE] += 1
    else:
        ranged = 0x202A <= code <= 0x202E or 0x2060 <= code <= 0x206F or 0xFFF9 <= code <= 0xFFFB
        row[INVISIBLE] += ranged or code == 0xAD or code == 0x200B or code == 0x180E or code == 0xFEFF


@compiled(
    "void(uint32[::1], int64[::1], uint16[::1], uint8[::1], uint8[::1], boolean[::1], uint64[::1], int64[:, ::1])"
)
def character_counts(
    codes: Array,
    bounds: Array,
    table: Array,
    western: Array,
    cyrillic: Array,
    marks: Array,
    tags: Array,
    out: Array,
) -> None:
    """Characters of junk in each text by kind, int64 [texts, 10]."""
    for text in range(len(bounds) - 1):
        row, end = out[text], bounds[text + 1]
        decoded, markup, symbols = bounds[text], bounds[text], 0
        for i in range(bounds[text], end):
            code = codes[i]
            if code < 32 or 127 <= code <= 173 or code >= 0x180E:
                _kinds(code, row)
            if i >= decoded and 0xC0 <= code <= 0xFF:
                decoded = _mojibake(codes, bounds[text], i, end, western, marks, row)
            elif i >= decoded and (code == 0x420 or code == 0x421):
                decoded = _cyrillic_mojibake(codes, i, end, cyrillic, row)
            if i >= markup:
                if code == 38:
                    markup = _entity_end(codes, i, end)
                    row[ENTITIES] += markup - i
                elif code == 60:
                    markup = _tag_end(codes, i, end, tags)
                    row[TAGS] += markup - i
                elif code == 37:
                    markup = _escapes_end(codes, i, end)
                    if markup - i >= 3 * _ESCAPES:
                        row[PERCENT] += markup - i
            if table[code] & (LETTER | NUMERIC | MARK | SPACE):
                if symbols >= _RUN:
                    row[SYMBOL_RUNS] += symbols
                symbols = 0
            else:
                symbols += 1
        if symbols >= _RUN:
            row[SYMBOL_RUNS] += symbols
        if row[MOJIBAKE]:
            row[MOJIBAKE] += row[UNSURE]


@compiled("void(uint32[::1], int64[::1], int64[::1], int64[::1], uint16[::1], int64[:, ::1])")
def chunk_counts(codes: Array, offsets: Array, starts: Array, ends: Array, table: Array, out: Array) -> None:
    """Chunks between white space with letters and digits mixed, and the longest one, int64 [texts, 2]."""
    for text in range(len(offsets) - 1):
        row = out[text]
        for chunk in range(offsets[text], offsets[text + 1]):
            seen = 0
            for i in range(starts[chunk], ends[chunk]):
                seen |= table[codes[i]] & (LETTER | DIGIT)
            row[MIXED] += seen == (LETTER | DIGIT)
            row[LONGEST] = max(row[LONGEST], ends[chunk] - starts[chunk])
