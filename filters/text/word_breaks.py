"""Where words begin and end in any script: the default word boundaries of Unicode Standard Annex 29.

A word is a run of letters, digits and connectors with their marks; an apostrophe, full stop or middle dot belongs to
it between two letters, a comma, semicolon or full stop between two digits. Any other visible character is a part of
its own, with its marks; emoji joined by ZERO WIDTH JOINER and pairs of regional indicators are one part. White space
is in no part. As ICU has it, Korean syllables join no letters and digits of other scripts. Scripts without spaces come
as whole runs, for a dictionary to split (`filters.text.segment`).

The classes are made of Unicode's general categories where those say the same; `_CLASSES` names the rest.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

import numpy as np

from filters.compiled import compiled
from filters.text.layout import Parts, traits

Array = np.ndarray[Any, Any]

# Classes of code points (Word_Break of the annex, merged where the rules are the same). The last two are runs of
# their own kind.
OTHER, SPACE, LETTER, DIGIT, CONNECTOR, EXTEND = range(6)
MID_LETTER, MID_BOTH, MID_NUMBER, REGIONAL, UNSPACED, HANGUL = range(6, 12)

# What a dictionary splits: Thai, Lao, Burmese, Khmer, kana and Chinese characters, without their digits and stops.
_UNSPACED = """
E01-E3A E40-E4E E81-EBD EC0-ECE EDC-EDF 1000-103F 1050-108F 109A-109D 1780-17D3 17D7 17DC-17DD 3005-3007 3021-3029
3031-3035 303B-303C 3041-3096 3099-309F 30A1-30FA 30FC-30FF 31F0-31FF 3400-4DBF 4E00-9FFF A9E0-A9EF A9FA-A9FE
AA60-AA7F F900-FAD9 FF66-FF9F 1AFF0-1AFFE 1B000-1B167 20000-323AF
"""
_CLASSES = {
    # Letters that are not of category L, and categories that a rule treats otherwise.
    LETTER: "24B6-24E9 1F130-1F149 1F150-1F169 1F170-1F189 2C2-2C5 2D2-2D7 2DE-2DF 2E5-2EB 2ED 2EF-2FF 55A-55C 55E 58A "
    "5F3 70F A708-A716 A720-A721 A789-A78A AB5B",
    EXTEND: "1F3FB-1F3FF",
    OTHER: "200B",  # ZERO WIDTH SPACE
    DIGIT: "66B",
    CONNECTOR: "202F",
    MID_LETTER: "3A B7 387 55F 5F4 2027 FE13 FE55 FF1A",
    MID_BOTH: "27 2E 2018 2019 2024 FE52 FF07 FF0E",
    MID_NUMBER: "2C 3B 37E 589 60C-60D 66C 7F8 2044 FE10 FE14 FE50 FE54 FF0C FF1B",
    REGIONAL: "1F1E6-1F1FF",
    UNSPACED: _UNSPACED,
    HANGUL: "AC00-D7A3",
}
_BY_CATEGORY = {
    "Nd": DIGIT,
    "Nl": LETTER,
    "Pc": CONNECTOR,
    "Mn": EXTEND,
    "Mc": EXTEND,
    "Me": EXTEND,
    "Cf": EXTEND,
}
_ASSIGNED = ((0, 0x33480), (0xE0000, 0xE01F0))  # as in `layout`
_JOINER = 0x200D


@functools.cache
def classes() -> Array:
    """For every code point its class, uint8 [0x110000]; built once a process in some 0.1 s."""
    table = np.zeros(0x110000, np.uint8)
    for first, last in _ASSIGNED:
        found = [_BY_CATEGORY.get(unicodedata.category(chr(code)), OTHER) for code in range(first, last)]
        table[first:last] = found
    known = traits()
    table[(known & 4 != 0) & (table == OTHER)] = LETTER
    for kind, ranges in _CLASSES.items():
        for part in ranges.split():
            begin, _, end = part.partition("-")
            table[int(begin, 16) : int(end or begin, 16) + 1] = kind
    table[known & 1 != 0] = np.where(table[known & 1 != 0] == CONNECTOR, CONNECTOR, SPACE)
    return table


@compiled("int64(uint32[::1], uint8[::1], int64, int64)")
def _past_marks(codes: Array, table: Array, at: Any, end: Any) -> Any:
    while at < end and table[codes[at]] == EXTEND:
        at += 1
    return at


@compiled("int64(uint32[::1], uint8[::1], int64, int64)")
def _word_end(codes: Array, table: Array, at: Any, end: Any) -> Any:
    """Where the word of letters, digits and connectors that begins at `at` ends."""
    last = table[codes[at]]
    at = _past_marks(codes, table, at + 1, end)
    while at < end:
        kind = table[codes[at]]
        if LETTER <= kind <= CONNECTOR:
            last = kind
            at = _past_marks(codes, table, at + 1, end)
            continue
        between_letters = last == LETTER and (kind == MID_LETTER or kind == MID_BOTH)
        between_digits = last == DIGIT and (kind == MID_NUMBER or kind == MID_BOTH)
        if not (between_letters or between_digits):
            return at
        after = _past_marks(codes, table, at + 1, end)
        if after == end or table[codes[after]] != last:
            return at
        at = _past_marks(codes, table, after + 1, end)
    return at


@compiled("int64(uint32[::1], uint8[::1], int64, int64)")
def _other_end(codes: Array, table: Array, at: Any, end: Any) -> Any:
    """Where the part ends that begins at `at` with a character that is no letter, digit or connector."""
    if table[codes[at]] == REGIONAL:
        at = _past_marks(codes, table, at + 1, end)
        if at < end and table[codes[at]] == REGIONAL:
            at = _past_marks(codes, table, at + 1, end)
        return at
    while True:
        at = _past_marks(codes, table, at + 1, end)
        joined = codes[at - 1] == _JOINER and at < end and table[codes[at]] == OTHER and codes[at] > 0xA8
        if not joined:
            return at


@compiled("int64(uint32[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1], boolean[::1])")
def _words(
    codes: Array, bounds: Array, table: Array, offsets: Array, starts: Array, ends: Array, unspaced: Array
) -> int:
    count = 0
    for text in range(len(bounds) - 1):
        at, end = bounds[text], bounds[text + 1]
        while at < end:
            kind = table[codes[at]]
            if kind == SPACE:
                at += 1
                continue
            starts[count] = at
            unspaced[count] = kind == UNSPACED
            if kind >= UNSPACED:
                at += 1
                while at < end and (table[codes[at]] == kind or table[codes[at]] == EXTEND):
                    at += 1
            elif LETTER <= kind <= CONNECTOR:
                at = _word_end(codes, table, at, end)
            else:
                at = _other_end(codes, table, at, end)
            ends[count] = at
            count += 1
        offsets[text + 1] = count
    return count


def word_runs(codes: Array, bounds: Array) -> tuple[Parts, Array]:
    """Words, and for each whether it is a run of a script without spaces that is still to be split (bool)."""
    offsets = np.zeros(len(bounds), np.int64)
    starts, ends = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    unspaced = np.empty(len(codes), np.bool_)
    count = _words(codes, bounds, classes(), offsets, starts, ends, unspaced)
    return Parts(offsets, starts[:count].copy(), ends[:count].copy()), unspaced[:count].copy()
